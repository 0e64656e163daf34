//! What the server answers and writes.

use serde_json::Value;

use crate::served::{Desk, PROGRAM, id};

#[test]
fn a_decision_is_in_the_journal_before_it_is_answered() {
    let desk = Desk::new(30);
    let served = desk.serve(&["suspects.csv", "set.npz", "--block", "5"]);
    let keys = served.keys("ana");
    assert_eq!(keys.len(), 5);
    for (n, key) in keys.iter().enumerate() {
        let answer = served.decide("ana", key, "unsure", 0, &format!("t{n}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        // Killed now, it would be there.
        let lines = desk.lines("suspects.journal.jsonl");
        assert_eq!(lines.len(), n + 1);
        let line = &lines[n];
        // The suspects are in the order of their table, which is backwards.
        assert_eq!(line["id"], id(29 - n));
        assert_eq!(
            (&line["who"], &line["answer"]),
            (&"ana".into(), &"unsure".into())
        );
        assert_eq!(
            (&line["mode"], &line["number"]),
            (&"repair".into(), &(n as u64 + 1).into())
        );
        assert!(line["was"].is_u64() && line["pixels"].as_str().unwrap().len() == 8);
    }
    let next = served.get("/api/block?who=ana&tab=ana");
    assert_eq!(next["number"], 1);
    let card = &next["cards"][0]["about"];
    assert_eq!((&card["rank"], &card["score"]), (&6.into(), &0.024.into()));
    let early = served.ask("GET", "/api/block?who=ana&tab=ana&number=2", &[], "");
    assert_eq!(early.status, 409);
    let (well, said) = served.interrupt();
    assert!(
        well && said.contains("5 decisions written to suspects.journal.jsonl"),
        "{said}"
    );
    assert!(
        said.contains("rbgpu relabel --apply suspects.csv set.npz --out labels.csv"),
        "{said}"
    );
}

#[test]
fn a_tab_that_has_not_seen_a_decision_is_told_and_overwrites_nothing() {
    let desk = Desk::new(6);
    let served = desk.serve(&["set.npz"]);
    let key = &served.keys("ana")[0];
    assert_eq!(served.decide("ana", key, "real", 0, "one").status, 200);
    let told = served.decide("ben", key, "bogus", 0, "two");
    assert_eq!(told.status, 409);
    let state = &told.json()["conflicts"][0];
    assert_eq!(
        (&state["seen"], &state["others"][0]["who"]),
        (&1.into(), &"ana".into())
    );
    assert_eq!(desk.lines("set.journal.jsonl").len(), 1);
    // Sent again, as after a crash, the first is still one line.
    assert_eq!(served.decide("ana", key, "real", 0, "one").status, 200);
    assert_eq!(desk.lines("set.journal.jsonl").len(), 1);
    let news = served.get("/api/changes?who=ben&tab=ben&since=0");
    assert_eq!(news["states"][0]["others"][0]["answer"], "real");
    assert_eq!(served.decide("ben", key, "bogus", 1, "three").status, 200);
    assert_eq!(desk.lines("set.journal.jsonl").len(), 2);
}

#[test]
fn after_a_kill_the_same_address_goes_on_and_a_torn_line_is_no_obstacle() {
    let desk = Desk::new(6);
    let first = desk.serve(&["set.npz"]);
    let (url, keys) = (first.url.clone(), first.keys("ana"));
    assert_eq!(first.decide("ana", &keys[0], "real", 0, "one").status, 200);
    // Another one that would write the same journal is sent away.
    let second = desk.run(&["relabel", "set.npz", "--who", "ben"]);
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(
        !second.status.success() && said.contains("another rbgpu relabel"),
        "{said}"
    );
    first.kill();
    let path = desk.path("set.journal.jsonl");
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{whole}{{\"at\":\"2026-1")).unwrap();
    let again = desk.serve(&["set.npz"]);
    assert!(again.said().contains("is removed"), "{}", again.said());
    assert!(
        again.said().contains("going on behind 1 decisions"),
        "{}",
        again.said()
    );
    assert_eq!(
        (again.url.as_str(), again.keys("ana")),
        (url.as_str(), keys.clone())
    );
    assert_eq!(again.decide("ana", &keys[0], "real", 0, "one").status, 200);
    assert_eq!(again.decide("ana", &keys[1], "real", 0, "two").status, 200);
    assert_eq!(desk.lines("set.journal.jsonl").len(), 2);
}

#[test]
fn pictures_are_png_of_all_images_in_either_stretch() {
    let desk = Desk::new(6);
    let served = desk.serve(&["set.npz"]);
    let key = &served.keys("ana")[0];
    let picture = |stretch: &str| {
        let path = format!("/api/picture/{key}?stretch={stretch}");
        served.ask("GET", &path, &[], "")
    };
    let [one, two] = ["zscale", "log"].map(|stretch| {
        let answer = picture(stretch);
        assert!(answer.head.contains("image/png"), "{}", answer.head);
        image::load_from_memory(&answer.body).unwrap()
    });
    assert_eq!((one.width(), one.height()), (48, 16));
    assert_ne!(one.as_bytes(), two.as_bytes());
    assert_eq!(picture("square").status, 400);
}

#[test]
fn votes_are_given_without_knowing_anything() {
    let desk = Desk::new(40);
    let served = desk.serve(&["suspects.csv", "set.npz", "--vote", "--block", "8"]);
    let rated = |who: &str| {
        let keys = served.keys(who);
        for key in &keys {
            let answer = served.decide(who, key, "bogus", 0, &format!("{who}{key}"));
            assert_eq!(answer.status, 200);
            hides_everything(&answer.json());
        }
        let mut sorted = keys.clone();
        sorted.sort();
        (keys, sorted)
    };
    let (ana, ana_sorted) = rated("ana");
    // What ana rated is offered to others until three have voted, in an order of their own.
    let (ben, ben_sorted) = rated("ben");
    let (_, eva_sorted) = rated("eva");
    assert!(ana != ben && ana_sorted == ben_sorted && ana_sorted == eva_sorted);
    assert!(served.keys("kim").iter().all(|key| !ana.contains(key)));
    assert!(served.keys("ana").iter().all(|key| !ana.contains(key)));
    for path in [
        "/api/block?who=kim&tab=kim".to_string(),
        "/api/changes?who=kim&tab=kim&since=0".to_string(),
        format!("/api/block?who=kim&tab=kim&keys={}", ana.join(",")),
        "/api/state?who=kim".to_string(),
    ] {
        hides_everything(&served.get(&path));
    }
    let lines = desk.lines("suspects.journal.jsonl");
    assert_eq!(lines.len(), 24);
    assert!(
        lines
            .iter()
            .all(|line| line["mode"] == "vote" && line["was"].is_null())
    );
    let ids: std::collections::HashSet<&str> = lines
        .iter()
        .map(|line| line["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 8);
}

/// No label, score, rank, id, rule or person in what a voter's page is sent.
fn hides_everything(answer: &Value) {
    let text = answer.to_string();
    let hidden = [
        "label\":",
        "score",
        "rank",
        "category",
        "rule",
        "suspicion",
        "about",
        "others",
    ];
    let people = ["\"ben\"", "\"eva\"", "suspects.csv"];
    for word in hidden.into_iter().chain(people) {
        assert!(
            !text.replace("suspects.journal", "").contains(word),
            "{word}: {text}"
        );
    }
}

#[test]
fn wrong_arguments_are_refused() {
    let desk = Desk::new(6);
    std::fs::write(desk.path("other.csv"), "id\n1000\n").unwrap();
    for (arguments, code, says) in [
        (&["suspects.csv"][..], 2, "a table and the data"),
        (&["other.csv", "set.npz"], 1, "ids of the data, such as"),
        (&["none.csv", "set.npz"], 1, "none.csv"),
        (&["set.npz", "--who", "a+b"], 2, "without +"),
        (&["set.npz", "--block", "0"], 2, "1 to 200"),
        (&["set.npz", "--apply"], 2, "--out"),
        (&["set.npz", "--seed", "3"], 2, "--vote"),
        (&["set.npz", "--journal", "set.npz"], 1, "set.npz"),
        (
            &["set.npz", "--journal", "no/where.jsonl"],
            1,
            "where.jsonl",
        ),
    ] {
        let mut command = desk.command();
        let output = command.arg("relabel").args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{PROGRAM} relabel {arguments:?}: {said}"
        );
        assert!(
            said.contains(says) && output.stdout.is_empty(),
            "{arguments:?}: {said}"
        );
    }
}
