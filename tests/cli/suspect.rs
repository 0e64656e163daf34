//! `rbgpu suspect`: from data to suspects.csv, and on from where it was killed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::Desk;

const FOLDS: &str = "suspect set.npz --network tiny.toml --folds 3 --epochs 4 --batch-size 4 \
                     --device cpu --checkpoint-every 0";

/// The columns that every suspects.csv begins with.
const HEADER: &str = "rank,id,label,score,category,rule,suspicion,pixels";

/// Rows of a table by the names of its columns.
struct Rows(Vec<Vec<String>>);

impl Rows {
    fn of(desk: &Desk, name: &str) -> Rows {
        let text = desk.text(name);
        let row = |line: &str| line.split(',').map(String::from).collect();
        Rows(text.lines().map(row).collect())
    }

    fn column(&self, name: &str) -> Vec<&str> {
        let names = &self.0[0];
        let at = names.iter().position(|n| n == name);
        let at = at.unwrap_or_else(|| panic!("no {name} among {names:?}"));
        self.0[1..].iter().map(|row| row[at].as_str()).collect()
    }

    fn numbers(&self, name: &str) -> Vec<f64> {
        let column = self.column(name).into_iter();
        column.map(|cell| cell.parse().unwrap()).collect()
    }
}

/// Ids and labels of set.npz, as `rbgpu score` and the split beside a model have them.
fn labels(desk: &Desk) -> Vec<(String, u8)> {
    let rows = Rows::of(desk, "model.split.csv");
    let both = rows.column("id").into_iter().zip(rows.numbers("label"));
    both.map(|(id, label)| (id.to_string(), label as u8))
        .collect()
}

/// A table of scores that knows the labels, but for `turned`.
fn knowing(desk: &Desk, name: &str, turned: &[usize]) {
    let mut text = String::from("id,rb_score\n");
    for (i, (id, label)) in labels(desk).iter().enumerate() {
        let off = 0.01 + 0.02 * (i % 7) as f64 / 7.0;
        let real = (*label == 1) != turned.contains(&i);
        text += &format!("{id},{}\n", if real { 1.0 - off } else { off });
    }
    desk.write(name, text);
}

#[test]
fn cross_validation_ranks_every_candidate_by_networks_that_did_not_see_it() {
    let desk = Desk::with_set();
    let ran = desk.run(&format!("{FOLDS} --top 1000 --json")).done();
    ran.says(&[
        "31 real and 29 bogus",
        "in 3 folds",
        "tiny, fold 3 of 3: training tiny on ",
    ]);
    let found = ran.json();
    assert_eq!(found["candidates"], 60);
    assert_eq!(found["folds"][0]["in_sample"], 0);
    assert_eq!(found["written"], 60);
    let wrong = &found["expected_wrong"]["wrong"];
    let [low, value, high] = ["low", "value", "high"].map(|end| wrong[end].as_f64().unwrap());
    assert!(low <= value && value <= high, "{wrong}");

    assert!(desk.text("suspects.csv").starts_with(HEADER));
    let rows = Rows::of(&desk, "suspects.csv");
    assert_eq!(
        rows.numbers("rank"),
        (1..=60).map(f64::from).collect::<Vec<_>>()
    );
    let mut ids = rows.column("id");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 60);
    // Each is in the test part of one fold, with the score of that fold's network.
    let mut tested = 0;
    for fold in 1..=3 {
        let parts = Rows::of(
            &desk,
            &format!("suspects.folds/tiny-{fold}-of-3/model.split.csv"),
        );
        tested += parts
            .column("part")
            .iter()
            .filter(|part| **part == "test")
            .count();
    }
    assert_eq!(tested, 60);
    assert!(rows.column("pixels").iter().all(|mark| mark.len() == 8));
    for (label, (score, suspicion)) in rows.numbers("label").iter().zip(
        rows.numbers("score")
            .into_iter()
            .zip(rows.numbers("suspicion_confident")),
    ) {
        assert!((suspicion - (label - score).abs()).abs() < 1e-6);
    }
    for name in [
        "suspects.json",
        "suspects.scores.png",
        "suspects.gallery.png",
    ] {
        assert!(desk.path(name).exists(), "{name}");
    }

    // Another order costs no training, and the folds' ranks were there before.
    let by_folds = format!("{FOLDS} --rule folds --top 5 --out few.csv --folder suspects.folds");
    let ran = desk.run(&by_folds).done();
    ran.says(&[
        "tiny, fold 1 of 3: done before",
        "tiny, fold 3 of 3: done before",
    ]);
    ran.prints(&[
        "labels",
        "are expected to be wrong",
        "5 suspects by rule folds",
    ]);
    let few = Rows::of(&desk, "few.csv");
    assert_eq!(few.column("rule"), ["folds"; 5]);
    assert_eq!(few.numbers("rank_folds"), [1.0, 2.0, 3.0, 4.0, 5.0]);
    let by = |rank: f64| {
        let at = rows.numbers("rank_folds").iter().position(|r| *r == rank);
        rows.column("id")[at.unwrap()].to_string()
    };
    assert_eq!(few.column("id")[0], by(1.0));
    assert_eq!(few.column("id")[4], by(5.0));

    // Other settings are another run.
    desk.run(&format!("{FOLDS} --seed 7")).says(&[
        "suspects.folds/tiny-1-of-3/model.safetensors",
        "other data or labels, other settings",
        "--fresh",
    ]);
    desk.run(&format!("{FOLDS} --seed 7 --fresh")).done();
}

/// Starts it and kills it some time after there is a checkpoint in a fold's folder; whether it
/// was killed before it ended.
fn kill(desk: &Desk, line: &str, fold: &str, after: Duration) -> bool {
    let begun = desk.path(fold);
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("rbgpu"))
        .current_dir(desk.folder.path())
        .args(line.split_whitespace())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !begun.exists() && child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_secs(60), "no {fold}");
        std::thread::sleep(Duration::from_micros(200));
    }
    std::thread::sleep(after);
    // SIGKILL: nothing in the program can notice.
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

#[test]
fn killed_and_begun_again_is_as_never_killed() {
    let desk = Desk::with_set();
    desk.run(&format!("{FOLDS} --top 60 --out whole.csv"))
        .done();
    let line = format!("{FOLDS} --top 60 --out killed.csv");
    let mut kills = 0;
    for (fold, millis) in [("1", 0), ("1", 5), ("2", 0), ("3", 3)] {
        let fold = format!("killed.folds/tiny-{fold}-of-3/checkpoint.safetensors");
        kills += u32::from(kill(&desk, &line, &fold, Duration::from_millis(millis)));
    }
    assert!(kills >= 2, "killed {kills} times before it was over");
    desk.run(&line).done();
    for end in ["csv", "json", "scores.png", "gallery.png"] {
        let both = ["whole", "killed"].map(|name| desk.read(&format!("{name}.{end}")));
        assert!(both[0] == both[1], "{end} differs");
    }
}

#[test]
fn wrong_labels_that_networks_contradict_come_first() {
    let desk = Desk::with_model();
    // The two tables know the truth, of which five labels are turned.
    knowing(&desk, "one.csv", &[]);
    knowing(&desk, "two.csv", &[11]);
    let turned = [3, 11, 20, 31, 44];
    let ours = labels(&desk);
    let rows = turned.map(|i| format!("{},{}\n", ours[i].0, 1 - ours[i].1));
    desk.write("wrong.csv", format!("id,label\n{}", rows.concat()));
    let ran = desk
        .run("suspect set.npz --labels wrong.csv --model one.csv --model two=two.csv --json")
        .done();
    ran.says(&["which of the 60 candidates two was fitted to is not known"]);
    let found = ran.json();
    // The mean of the two is sure of four, and halfway of the fifth.
    assert_eq!(found["expected_wrong"]["wrong"]["value"], 4.0);
    let rules = found["rules"].as_array().unwrap();
    let listed: Vec<_> = rules
        .iter()
        .map(|r| (r["rule"].as_str().unwrap(), r["listed"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        listed,
        [("category", 5), ("agreement", 4), ("confident", 4)]
    );
    let rows = Rows::of(&desk, "suspects.csv");
    let mut expected: Vec<&str> = [3, 20, 31, 44].map(|i| ours[i].0.as_str()).to_vec();
    let mut found = rows.column("id");
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(rows.column("named_by"), ["category+agreement+confident"; 4]);
    assert_eq!(rows.column("networks"), ["2"; 4]);
    assert!(
        rows.numbers("category")
            .iter()
            .all(|c| [1.0, 6.0].contains(c))
    );
    // The paper's rule looks at its first model alone.
    desk.run("suspect set.npz --labels wrong.csv --model one.csv --rule category -o c.csv")
        .done();
    assert_eq!(Rows::of(&desk, "c.csv").0.len(), 6);

    // What a table says of its classifier's training counts as a model's own word.
    let parts = ["train", "validation", "test"];
    let mut lines = desk
        .text("one.csv")
        .lines()
        .map(String::from)
        .collect::<Vec<_>>();
    lines[0] += ",part";
    for (row, line) in lines[1..].iter_mut().enumerate() {
        *line += &format!(",{}", parts[row % 3]);
    }
    desk.write("parts.csv", lines.join("\n"));
    desk.run("suspect set.npz --model parts.csv --gallery 0 -o p.csv")
        .done()
        .says(&["parts was fitted to 20 of the 60 candidates"]);
    desk.refuses(
        "suspect set.npz --model one.csv -o p.parquet",
        2,
        &["p.parquet", ".csv"],
    );
    // What a model was fitted to is said.
    desk.run("suspect set.npz --model model.safetensors --device cpu --gallery 0 -o m.csv")
        .done()
        .says(&["model was fitted to 36 of the 60 candidates"]);
    // The right labels leave nothing to suspect: a table of names alone.
    let ran = desk
        .run("suspect set.npz --model one.csv -o none.csv")
        .done();
    ran.prints(&["0 suspects by rule confident", "of 60 labels 0 (0–0)"]);
    assert_eq!(Rows::of(&desk, "none.csv").0.len(), 1);
    assert!(!desk.path("none.gallery.png").exists());
}

#[test]
fn what_cannot_be_done_is_said_before_the_work() {
    let desk = Desk::with_model();
    knowing(&desk, "one.csv", &[]);
    let refuses = |more: &str, code: i32, parts: &[&str]| {
        desk.refuses(&format!("suspect set.npz {more}"), code, parts);
    };
    refuses(
        "--rule agreement",
        2,
        &["'agreement'", "two networks or more"],
    );
    refuses("--rule category", 2, &["'category'", "--model"]);
    refuses("--rule folds --model one.csv", 2, &["'folds'", "--folds 5"]);
    refuses("--rule other", 2, &["'other'", "confident"]);
    refuses(
        "--folds 1 --network tiny.toml",
        2,
        &["--folds", "from 2 to 20"],
    );
    refuses(
        "--network tiny.toml --network tiny.toml",
        2,
        &["two called 'tiny'"],
    );
    refuses("--model set.npz", 2, &["MODEL", "a model (.safetensors)"]);
    refuses("--model nothing.csv", 2, &["no file nothing.csv"]);
    refuses(
        "--model one.csv --out one.csv",
        2,
        &["one.csv", "another file"],
    );
    desk.run("simulate --count 12 --size 16 --out dozen.npz")
        .done();
    let many = "suspect dozen.npz --folds 20 --network tiny.toml --device cpu";
    desk.refuses(many, 1, &["dozen.npz", "at least 20 of each"]);
    desk.write("few.csv", "rb_score\n0.5\n");
    refuses("--model few.csv", 1, &["few.csv", "1 scores"]);
    desk.write("high.csv", "id,rb_score\n1,1.5\n");
    refuses("--model high.csv", 1, &["high.csv", "row 1", "1.5"]);
}
