//! `rbgpu votes`: journals and tables of votes as a label file.

use super::Desk;

const HEADER: &str = r#"{"rbgpu":"journal","version":1,"data":"set.npz","suspects":null}"#;

/// A journal's line, as `rbgpu relabel --vote` writes it.
fn line(who: &str, id: &str, answer: &str, mode: &str) -> String {
    format!(
        r#"{{"at":"2026-11-22T14:03:05.123Z","who":"{who}","id":"{id}","answer":"{answer}","was":null,"mode":"{mode}","tab":"t","number":1}}"#
    )
}

fn journal(lines: &[(&str, &str, &str)]) -> String {
    let lines = lines
        .iter()
        .map(|(who, id, said)| line(who, id, said, "vote"));
    let all: Vec<String> = [HEADER.to_string()].into_iter().chain(lines).collect();
    all.join("\n") + "\n"
}

#[test]
fn a_journal_and_a_table_become_labels() {
    let desk = Desk::new();
    let mut text = journal(&[
        ("ana", "a", "real"),
        ("ana", "b", "real"),
        ("ana", "c", "bogus"),
        ("ana", "d", "real"),
        // The last counts, and one is taken back.
        ("ana", "b", "bogus"),
        ("ana", "d", "withdrawn"),
    ]);
    // Seen with label and score: no vote. And a kill in the middle of a line.
    text += &(line("ana", "e", "real", "repair") + "\n");
    text += r#"{"at":"2026-11-22T14:03:06Z","who":"an"#;
    desk.write("ana.jsonl", text);
    desk.write(
        "others.csv",
        "id,voter,vote\na,ben,real\na,eva,1\nb,ben,bogus\nb,eva,0\nc,ben,real\nc,eva,bogus\n\
         d,ben,real\nd,eva,unsure\n",
    );
    let ran = desk.run("votes ana.jsonl others.csv -o labels.csv").done();
    ran.says(&[
        "line 9 has no end",
        "1 decisions were made with label and score in sight",
        "2 votes were given again or taken back",
    ]);
    ran.prints(&[
        "11 votes of 3 people on 4 candidates; 1 real, 1 bogus, 2 undecided",
        "Fleiss' κ",
        "ana and ben",
        "labels   labels.csv",
    ]);
    assert_eq!(
        desk.text("labels.csv"),
        "id,label,was,decision,by,pixels\na,1,,voted,ana+ben+eva,\nb,0,,voted,ana+ben+eva,\n\
         c,-1,,voted,ana+ben+eva,\nd,-1,,voted,ben+eva,\n"
    );
    assert_eq!(
        desk.text("labels.votes.csv").lines().nth(3).unwrap(),
        "c,1,2,0,false,-1"
    );
    let json: serde_json::Value = serde_json::from_slice(&desk.read("labels.json")).unwrap();
    assert_eq!(json["agreement"]["enough"]["of"], 3);
    assert_eq!(json["agreement"]["enough"]["unanimous"], 2);
    assert_eq!(json["percent_unanimous"]["majority_real"], 100.0);
    assert_eq!(json["agreement"]["people"][1]["who"], "ben");
    assert!(json["scores"].is_null());

    let ran = desk.run("votes ana.jsonl others.csv --at-least 1 --rule unanimous --json --force");
    let json = ran.done().json();
    // d: one vote for real and one for neither.
    assert_eq!(
        (&json["labelled_real"], &json["undecided"]),
        (&1.into(), &2.into())
    );
}

#[test]
fn votes_on_data_are_checked_and_trained_on() {
    let desk = Desk::with_model();
    // Marks of the pixels, as suspects.csv has them.
    desk.run("score model.safetensors set.npz --device cpu -o scores.csv")
        .done();
    desk.run("suspect set.npz --model scores.csv --top 60 --gallery 0")
        .done();
    let text = desk.text("suspects.csv");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .skip(1)
        .map(|l| l.split(',').collect())
        .collect();
    let votes = |rows: &[Vec<&str>], pixels: &dyn Fn(usize) -> String| {
        let mut votes = String::from("id,who,answer,pixels\n");
        for (i, row) in rows.iter().enumerate() {
            for who in ["ana", "ben", "eva"] {
                // One in three is disputed: two to one, which is no majority by two.
                let turned = who == "eva" && i % 3 == 0;
                let real = (row[2] == "1") != turned;
                let said = if real { "real" } else { "bogus" };
                votes += &format!("{},{who},{said},{}\n", row[1], pixels(i));
            }
        }
        votes
    };
    let marks = |i: usize| rows[i][7].to_string();
    desk.write("votes.csv", votes(&rows[..45], &marks));
    let ran = desk
        .run("votes votes.csv --data set.npz --voted-only --scores scores.csv --json")
        .done();
    let json = ran.json();
    assert_eq!(json["candidates"], 45);
    assert_eq!(json["undecided"], 15);
    assert_eq!(json["scores"][1]["majority"], 1);
    assert!(json["scores"][1]["consensus"]["mean"].as_f64().unwrap() <= 1.0);
    assert_eq!(json["scores"][1]["disputed"]["count"], 0);
    assert!(desk.path("labels.disputed.png").exists());
    let labels = desk.text("labels.csv");
    assert_eq!(labels.lines().count(), 61);
    assert_eq!(labels.lines().filter(|l| l.contains(",-1,")).count(), 30);
    assert!(labels.lines().nth(1).unwrap().ends_with(rows[0][7]));
    // 30 are left to train on.
    let train = "train set.npz --labels labels.csv --network tiny.toml --device cpu --json";
    desk.run(train).done();
    assert_eq!(desk.text("tiny.split.csv").lines().count(), 31);
    // A model scores what was voted on.
    let ran = desk
        .run("votes votes.csv --data set.npz --scores model.safetensors --device cpu -o m.csv --json")
        .done();
    let model = ran.json();
    let mean = |json: &serde_json::Value, of: usize| {
        json["scores"][of]["consensus"]["mean"].as_f64().unwrap()
    };
    // The table has fewer digits.
    assert!((0..2).all(|of| (mean(&model, of) - mean(&json, of)).abs() < 1e-6));
    assert_eq!(desk.text("m.csv").lines().count(), 46);

    let other = |i: usize| if i == 7 { "0badc0de".into() } else { marks(i) };
    desk.write("other.csv", votes(&rows, &other));
    let refused = ["other.csv", "pixels 0badc0de", "the data that people saw"];
    desk.refuses("votes other.csv --data set.npz -o o.csv", 1, &refused);
    desk.write("foreign.csv", "id,who,answer\nx1,ana,real\n");
    let refused = ["foreign.csv", "'x1'", "ids such as"];
    desk.refuses("votes foreign.csv --data set.npz -o o.csv", 1, &refused);
    let refused = ["model.safetensors", "--data DATA"];
    desk.refuses(
        "votes votes.csv --scores model.safetensors --device cpu -o o.csv",
        1,
        &refused,
    );
}

#[test]
fn bad_votes_are_refused_with_their_place() {
    let desk = Desk::new();
    let refuses = |name: &str, text: &str, parts: &[&str]| {
        desk.write(name, text);
        desk.refuses(&format!("votes {name}"), 1, &[&[name], parts].concat());
    };
    refuses(
        "a.csv",
        "id,who,answer\n1,ana,maybe\n",
        &["row 1", "'maybe'", "real or 1"],
    );
    refuses(
        "b.csv",
        "id,answer\n1,real\n",
        &["line of names", "who, person, voter"],
    );
    refuses(
        "c.csv",
        "id,who,answer\n1,ana,real\n2,,real\n",
        &["row 2", "no who"],
    );
    refuses(
        "d.csv",
        "id,who,answer,pixels\n1,ana,real,12\n",
        &["row 1", "8 hexadecimal digits"],
    );
    refuses(
        "e.csv",
        "id,who,answer,pixels\n1,ana,real,00000001\n1,ben,real,00000002\n",
        &["row 2", "00000002", "00000001"],
    );
    refuses("f.csv", "id,who,answer\n", &["no vote"]);
    refuses("g.csv", "", &["line of names"]);
    let broken = format!(
        "{HEADER}\n{{\"who\":\"ana\"\n{}\n",
        line("ana", "1", "real", "vote")
    );
    refuses("h.jsonl", &broken, &["line 2", "a decision as JSON"]);
    let said = format!("{HEADER}\n{}\n", line("ana", "1", "perhaps", "vote"));
    refuses("i.jsonl", &said, &["line 2", "'perhaps'"]);
    let newer = HEADER.replace(":1,", ":2,") + "\n";
    refuses("j.jsonl", &newer, &["line 1", "version 2"]);
    refuses("k.jsonl", &format!("{HEADER}\n"), &["no vote"]);
    desk.write("ok.csv", "id,who,answer\n1,ana,real\n");
    desk.refuses("votes ok.csv --rule some", 2, &["'some'", "unanimous"]);
    desk.refuses("votes ok.csv --at-least 0", 2, &["--at-least"]);
    desk.refuses("votes ok.csv -o ok.csv", 2, &["another file"]);
    desk.refuses("votes nothing.csv", 1, &["nothing.csv"]);
}
