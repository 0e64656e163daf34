//! What an older rbgpu wrote is read, and written again the same. The files of
//! `tests/fixtures/written` are from its script, `make_written.sh`.
//!
//! Where a file holds no result of the network its bytes are compared. Other processors round
//! sums of f32 otherwise, so that scores are compared as numbers, and words exactly.

use std::path::{Path, PathBuf};

use rbgpu::backend::Device;
use rbgpu::formats::ModelFile;
use rbgpu::train::checkpoint::arithmetic;

use super::Desk;

/// What two processors may differ by in a score, or in a number calculated from scores.
const ROUNDING: f64 = 1e-4;

fn written() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/written")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|e| (e.path(), e.file_name())).unwrap();
        match path.is_dir() {
            true => copy(&path, &to.join(name)),
            false => drop(std::fs::copy(&path, to.join(name)).unwrap()),
        }
    }
}

/// A desk with a copy of all of them.
fn desk() -> Desk {
    let desk = Desk::new();
    copy(&written(), desk.folder.path());
    desk
}

fn old(name: &str) -> Vec<u8> {
    std::fs::read(written().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Asserts that the desk's `new` has the bytes of the fixture `name`.
#[track_caller]
fn same_bytes(desk: &Desk, new: &str, name: &str) {
    assert!(desk.read(new) == old(name), "{new} is not as {name}");
}

/// Asserts that two texts have the same words, and numbers that differ by rounding.
#[track_caller]
fn same_text(new: &str, old: &str, what: &str) {
    let split = |text: &str| -> Vec<String> {
        let ends = |c: char| c.is_whitespace() || ",\"<>:[]{}".contains(c);
        let mut words = Vec::new();
        for part in text.split_inclusive(ends) {
            let word = part.trim_end_matches(ends);
            words.push(word.to_string());
            words.push(part[word.len()..].to_string());
        }
        words
    };
    let (new, old) = (split(new), split(old));
    for (new, old) in new.iter().zip(&old) {
        let close = match (new.parse::<f64>(), old.parse::<f64>()) {
            (Ok(a), Ok(b)) => a == b || (a - b).abs() <= ROUNDING || (a.is_nan() && b.is_nan()),
            _ => new == old,
        };
        assert!(close, "{what}: '{new}' instead of '{old}'");
    }
    assert_eq!(new.len(), old.len(), "{what}");
}

#[test]
fn cubes_and_triples_keep_their_bytes() {
    let desk = desk();
    desk.run("pack set.npz -o again.npz").done();
    same_bytes(&desk, "again.npz", "cube.npz");
    // A cube of a triple lacks the names of its images, so that it is compared as a triple.
    desk.run("pack triple -o of_triple.npz").done();
    for (input, out) in [("cube.npz", "again"), ("of_triple.npz", "round")] {
        desk.run(&format!("pack {input} -o {out}_x.npy")).done();
        for part in ["x", "y", "idx"] {
            let name = format!("triple_{part}.npy");
            same_bytes(&desk, &format!("{out}_{part}.npy"), &name);
        }
    }
}

#[test]
fn models_of_both_formats_keep_their_bytes() {
    let desk = desk();
    for (name, format) in [("model", 1), ("calibrated", 2)] {
        let file = format!("{name}.safetensors");
        let text = String::from_utf8_lossy(&old(&file)).into_owned();
        assert!(text.contains(&format!(r#"\"format\":{format}"#)), "{name}");
        let model = ModelFile::read(&desk.path(&file), &Device::cpu()).unwrap();
        model.write(&desk.path("again.safetensors")).unwrap();
        same_bytes(&desk, "again.safetensors", &file);
    }
}

#[test]
fn a_split_is_drawn_and_read_as_before() {
    let desk = desk();
    desk.run("train set.npz --network tiny.toml --device cpu -o again.safetensors")
        .done();
    same_bytes(&desk, "again.split.csv", "model.split.csv");
    same_text(
        &desk.text("again.history.jsonl"),
        &String::from_utf8(old("model.history.jsonl")).unwrap(),
        "history",
    );
    let ran = desk.run("evaluate model.safetensors set.npz -o ev --split model.split.csv");
    ran.done().says(&["9 candidates", "the test part"]);
    desk.run(
        "forest train features.csv --trees 3 --split forest.split.csv -o again.safetensors --force",
    )
    .done();
    same_bytes(&desk, "again.split.csv", "forest.split.csv");
}

#[test]
fn a_checkpoint_goes_on() {
    let desk = desk();
    let ran = desk.run(
        "train set.npz --network tiny.toml --device cpu --epochs 400 --patience 0 -o \
         run.safetensors --resume",
    );
    let settings: serde_json::Value = serde_json::from_slice(&old("study/settings.json")).unwrap();
    let device = settings["settings"]["device"].as_str().unwrap();
    if arithmetic(&Device::cpu()) == device {
        ran.done().says(&["epoch 370"]);
        assert_eq!(desk.text("run.history.jsonl").lines().count(), 400);
    } else {
        // Another processor would end with other bits.
        assert_eq!(ran.code, 1, "{}", ran.err);
        ran.says(&[device]);
    }
}

#[test]
fn scores_are_written_as_before_in_every_format() {
    let desk = desk();
    for ending in ["csv", "jsonl", "ecsv", "vot", "fits", "parquet", "dat"] {
        let name = format!("scores.{ending}");
        let line = "score calibrated.safetensors set.npz --device cpu";
        desk.run(&format!("{line} -o again.{ending}")).done();
        let (new, old) = (desk.read(&format!("again.{ending}")), old(&name));
        match (
            String::from_utf8(new.clone()),
            String::from_utf8(old.clone()),
        ) {
            (Ok(new), Ok(old)) => same_text(&new, &old, &name),
            // What is not text has its sizes and names at least; what stands in it is read
            // back by other tests.
            _ if ending == "fits" => assert!(new[..11520] == old[..11520], "{name}: header"),
            _ => assert!(new[new.len() - 1200..].ends_with(b"PAR1") && old.ends_with(b"PAR1")),
        }
    }
}

#[test]
fn scores_of_every_format_are_read_alike() {
    let desk = desk();
    let mut first: Option<String> = None;
    for ending in ["csv", "jsonl", "ecsv", "vot", "fits", "parquet", "dat"] {
        // A .dat has no decisions, which tell the threshold.
        let line = format!("evaluate scores.{ending} set.npz --all --threshold 0.5 -o ev_{ending}");
        desk.run(&line).done();
        let metrics = desk.text(&format!("ev_{ending}/metrics.csv"));
        same_text(&metrics, first.get_or_insert(metrics.clone()), ending);
    }
}

#[test]
fn journals_and_votes_give_the_label_files_of_before() {
    let desk = desk();
    let apply = "relabel --apply set.npz --journal repair.jsonl";
    desk.run(&format!("{apply} -o again.csv")).done();
    same_bytes(&desk, "again.csv", "repaired.csv");
    desk.run(&format!("{apply} --unsure drop -o drop.csv"))
        .done();
    same_bytes(&desk, "drop.csv", "repaired_drop.csv");
    desk.run("votes votes.jsonl -o votes.csv").done();
    same_bytes(&desk, "votes.csv", "voted.csv");
    same_bytes(&desk, "votes.votes.csv", "voted.votes.csv");
    same_bytes(&desk, "votes.json", "voted.json");
    for (labels, says) in [
        ("repaired.csv", "25 real and 23 bogus cutouts"),
        ("repaired_drop.csv", "23 real, 23 bogus and 2 undecided"),
        ("voted.csv", "23 real, 23 bogus and 2 undecided"),
    ] {
        let ran = desk.run(&format!("pack set.npz --labels {labels} -o {labels}.npz"));
        ran.done().says(&[says]);
    }
}

#[test]
fn suspects_and_studies_go_on_where_they_were() {
    let desk = desk();
    let folds = "suspect set.npz --network tiny.toml --folds 2 --device cpu";
    let ran = desk.run(&format!("{folds} -o again.csv --folder suspects.folds"));
    ran.done().says(&["done before"]);
    same_text(
        &desk.text("again.csv"),
        &desk.text("suspects.csv"),
        "suspects",
    );
    // A study of another processor is another study.
    let settings = desk.text("study/settings.json");
    let here = format!("\"device\": \"{}\"", arithmetic(&Device::cpu()));
    let lines = settings
        .lines()
        .map(|line| match line.trim_start().starts_with("\"device\"") {
            true => format!("    {here},"),
            false => line.into(),
        });
    desk.write("study/settings.json", lines.collect::<Vec<_>>().join("\n"));
    let study = "study size set.npz --network tiny.toml --sizes 16,28 --epochs 1 --device cpu";
    let ran = desk.run(&format!("{study} -o study")).done();
    ran.says(&["run 1/2 n16-r1", "run 2/2 n28-r1", "(done before)"]);
    for table in ["study.csv", "study.json", "study.jsonl"] {
        same_bytes(&desk, &format!("study/{table}"), &format!("study/{table}"));
    }
}

#[test]
fn features_and_the_forest_are_as_before() {
    let desk = desk();
    desk.run("features set.npz -o again.csv").done();
    same_text(
        &desk.text("again.csv"),
        &desk.text("features.csv"),
        "features",
    );
    desk.run("forest score forest.safetensors features.csv -o f.csv")
        .done();
    same_text(
        &desk.text("f.csv"),
        &desk.text("forest_scores.csv"),
        "forest",
    );
}
