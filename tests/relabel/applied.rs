//! `rbgpu relabel --apply`: label files of what was decided.

use crate::served::{Desk, id};

/// Rows of a label file by column, without the names.
fn rows(desk: &Desk, name: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(desk.path(name)).unwrap();
    let mut lines = text
        .lines()
        .map(|line| line.split(',').map(String::from).collect());
    let names: Vec<String> = lines.next().unwrap();
    assert_eq!(names, ["id", "label", "was", "decision", "by", "pixels"]);
    lines.collect()
}

/// A journal of 30 candidates: the first suspects are flipped, kept, unsure, withdrawn.
fn decided() -> Desk {
    let desk = Desk::new(30);
    let served = desk.serve(&["suspects.csv", "set.npz"]);
    let block = served.get("/api/block?who=ana&tab=ana");
    for (n, answer) in ["flip", "keep", "unsure", "flip", "keep", "flip"]
        .iter()
        .enumerate()
    {
        let card = &block["cards"][n];
        let (key, label) = (card["key"].as_str().unwrap(), &card["about"]["label"]);
        let names = ["bogus", "real"];
        let label = label.as_u64().unwrap() as usize;
        let said = match *answer {
            "flip" => names[1 - label],
            "keep" => names[label],
            other => other,
        };
        let token = |more: &str| format!("t{n}{more}");
        assert_eq!(served.decide("ana", key, said, 0, &token("")).status, 200);
        let seen = |served: &crate::served::Served| {
            served.get("/api/changes?who=ana&tab=ana&since=0")["last"]
                .as_u64()
                .unwrap()
        };
        if n == 3 {
            let last = seen(&served);
            assert_eq!(
                served
                    .decide("ana", key, "withdrawn", last, &token("u"))
                    .status,
                200
            );
        }
        if n == 5 {
            // Somebody else says the contrary.
            let last = seen(&served);
            let other = names[label];
            assert_eq!(
                served.decide("ben", key, other, last, &token("b")).status,
                200
            );
        }
    }
    desk
}

#[test]
fn labels_are_made_and_the_old_ones_stay() {
    let desk = decided();
    let before = std::fs::read(desk.path("set.npz")).unwrap();
    let journal = std::fs::read(desk.path("suspects.journal.jsonl")).unwrap();
    let apply = [
        "relabel",
        "--apply",
        "suspects.csv",
        "set.npz",
        "--out",
        "labels.csv",
    ];
    let ran = desk.run(&apply);
    let (out, err) = (
        String::from_utf8(ran.stdout).unwrap(),
        String::from_utf8(ran.stderr).unwrap(),
    );
    assert!(ran.status.success(), "{err}");
    assert!(
        out.contains("1 flipped") && out.contains("2 kept, 1 unsure; 25 untouched"),
        "{out}"
    );
    assert!(
        err.contains("about 1 candidates as many say real as say bogus"),
        "{err}"
    );
    let rows = rows(&desk, "labels.csv");
    assert_eq!(rows.len(), 30);
    let row = |row: usize| {
        let r = &rows[row];
        assert_eq!(r[0], id(row));
        (r[1] == r[2], r[3].as_str(), r[4].as_str(), r[5].len())
    };
    assert_eq!(row(29), (false, "flipped", "ana", 8));
    assert_eq!(row(28), (true, "kept", "ana", 8));
    assert_eq!(row(27), (true, "unsure", "ana", 8));
    assert_eq!(row(26), (true, "untouched", "", 0));
    assert_eq!(row(24), (true, "unsure", "ana+ben", 8));
    assert_eq!(std::fs::read(desk.path("set.npz")).unwrap(), before);
    assert_eq!(
        std::fs::read(desk.path("suspects.journal.jsonl")).unwrap(),
        journal
    );
    // Its own file it makes again when told to, also dropping what nobody is sure of.
    let dropped = [&apply[..], &["--unsure", "drop", "--quiet"]].concat();
    let refused = desk.run(&dropped);
    let err = String::from_utf8(refused.stderr).unwrap();
    assert!(
        !refused.status.success() && err.contains("--force"),
        "{err}"
    );
    let dropped = desk.run(&[&dropped[..], &["--force"]].concat());
    assert!(dropped.status.success() && dropped.stdout.is_empty());
    let text = std::fs::read_to_string(desk.path("labels.csv")).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains(",-1,")).count(), 2);
}

#[test]
fn nothing_of_the_users_is_replaced() {
    let desk = decided();
    std::fs::write(desk.path("mine.csv"), "name,age\n").unwrap();
    for (out, says) in [
        ("suspects.csv", "another file than the input"),
        ("set.npz", "another file than the input"),
        ("suspects.journal.jsonl", "another file than the input"),
        ("mine.csv", "mine.csv, which exists"),
    ] {
        let before = std::fs::read(desk.path(out)).unwrap();
        let ran = desk.run(&[
            "relabel",
            "--apply",
            "suspects.csv",
            "set.npz",
            "--out",
            out,
        ]);
        let err = String::from_utf8(ran.stderr).unwrap();
        assert!(!ran.status.success() && err.contains(says), "{out}: {err}");
        assert_eq!(std::fs::read(desk.path(out)).unwrap(), before);
    }
    let forced = [
        "relabel",
        "--apply",
        "suspects.csv",
        "set.npz",
        "--out",
        "mine.csv",
        "--force",
    ];
    assert!(desk.run(&forced).status.success());
    assert_eq!(rows(&desk, "mine.csv").len(), 30);
}

#[test]
fn journals_that_do_not_fit_are_refused() {
    let desk = decided();
    let apply = |journal: &str| {
        let out = ["--out", "labels.csv", "--journal", journal];
        let ran = desk.run(&[&["relabel", "--apply", "set.npz"], &out[..]].concat());
        assert!(!ran.status.success() && !desk.path("labels.csv").exists());
        String::from_utf8(ran.stderr).unwrap()
    };
    assert!(apply("none.jsonl").contains("none.jsonl"));
    assert!(apply("suspects.csv").contains("a journal of `rbgpu relabel`"));
    let text = std::fs::read_to_string(desk.path("suspects.journal.jsonl")).unwrap();
    std::fs::write(desk.path("votes.jsonl"), text.replace("repair", "vote")).unwrap();
    assert!(apply("votes.jsonl").contains("`rbgpu votes`"));
    let line = text.lines().nth(1).unwrap();
    let mark = line.split("\"pixels\":\"").nth(1).unwrap()[..8].to_string();
    std::fs::write(desk.path("other.jsonl"), text.replace(&mark, "00000000")).unwrap();
    assert!(
        apply("other.jsonl").contains("pixels 00000000"),
        "{}",
        apply("other.jsonl")
    );
}

#[test]
fn a_second_round_keeps_the_labels_of_the_first() {
    let desk = decided();
    let first = [
        "relabel",
        "--apply",
        "suspects.csv",
        "set.npz",
        "--out",
        "labels.csv",
    ];
    assert!(desk.run(&first).status.success());
    std::fs::copy(desk.path("suspects.csv"), desk.path("again.csv")).unwrap();
    let served = desk.serve(&[
        "again.csv",
        "set.npz",
        "--labels",
        "labels.csv",
        "--label-polarity",
        "real-is-one",
        "--key",
        "labels=labels",
    ]);
    let key = &served.keys("ana")[1];
    assert_eq!(served.decide("ana", key, "unsure", 0, "one").status, 200);
    let (_, said) = served.interrupt();
    let reading = "--key labels=labels --label-polarity real-is-one";
    let next = format!(
        "rbgpu relabel --apply again.csv set.npz {reading} --labels labels.csv --out labels-2.csv"
    );
    assert!(said.contains(&next), "{said}");
    let train = format!("rbgpu train set.npz {reading} --labels labels-2.csv");
    assert!(said.contains(&train), "{said}");
    let words: Vec<&str> = next.split(' ').skip(1).collect();
    let ran = desk.run(&words);
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    // The first suspect was flipped in the first round.
    let (one, two) = (rows(&desk, "labels.csv"), rows(&desk, "labels-2.csv"));
    assert_ne!(one[29][1], one[29][2]);
    assert_eq!((&two[29][1], &two[29][2]), (&one[29][1], &one[29][1]));
}
