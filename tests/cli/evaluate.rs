//! `rbgpu evaluate`: the right rows, the same numbers from everywhere, and a folder that is
//! whole or not there.

use std::fs;

use serde_json::Value;

use super::Desk;

/// One with a set of 60, and a model `rb` that was trained on it.
fn trained() -> (Desk, Value) {
    let desk = Desk::with_set();
    let run = "train set.npz --network tiny.toml --device cpu --out rb.safetensors --json --quiet";
    let result = desk.run(run).done().json();
    (desk, result)
}

/// The value of a metric of the first classifier.
fn metric(result: &Value, name: &str) -> f64 {
    result["classifiers"][0]["metrics"][name]["value"]
        .as_f64()
        .unwrap_or_else(|| panic!("no {name} in {result}"))
}

#[test]
fn the_test_part_is_looked_at_and_has_the_numbers_of_the_training() {
    let (desk, training) = trained();
    let ran = desk
        .run("evaluate rb.safetensors set.npz --out report --json")
        .done();
    let result = ran.json();
    assert_eq!(
        result["candidates"],
        training["metrics"]["test"]["candidates"]
    );
    for name in [
        "accuracy",
        "f1",
        "mcc",
        "fpr",
        "mdr",
        "auc",
        "precision",
        "recall",
    ] {
        let then = training["metrics"]["test"][name].as_f64().unwrap();
        assert_eq!(metric(&result, name), then, "{name}");
    }
    assert!(ran.err.contains("held out: the test part"), "{}", ran.err);
    let all = desk
        .run("evaluate rb.safetensors set.npz --all --out all --json")
        .done();
    assert_eq!(all.json()["candidates"], 60);
    let part = "evaluate rb.safetensors set.npz --part train --out part --json";
    assert_eq!(desk.run(part).done().json()["candidates"], 36);
}

#[test]
fn the_folder_holds_the_page_the_figures_and_every_number() {
    let (desk, _) = trained();
    desk.run("evaluate rb.safetensors set.npz --all --out report --by filter")
        .done();
    let at = |name: &str| desk.path("report").join(name);
    let page = fs::read_to_string(at("report.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("set.npz"));
    for name in [
        "metrics.csv",
        "thresholds.csv",
        "curves.csv",
        "scan.csv",
        "histograms.csv",
        "bins.csv",
        "distributions.csv",
        "completeness.csv",
        "reliability.csv",
        "categories.csv",
        "scores.csv",
    ] {
        let text = fs::read(at(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut table = csv::Reader::from_reader(text.as_slice());
        let rows: Result<Vec<_>, _> = table.records().collect();
        assert!(!rows.unwrap().is_empty(), "{name} is empty");
    }
    let all: Value = serde_json::from_slice(&fs::read(at("evaluation.json")).unwrap()).unwrap();
    assert_eq!(all["evaluation"]["candidates"], 60);
    assert!(
        all["about"]["Command"]
            .as_str()
            .unwrap()
            .contains("--by filter")
    );
    for figure in ["roc", "confusion"] {
        for end in ["svg", "png"] {
            let found = fs::read_dir(at("figures")).unwrap().flatten().any(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                name.starts_with(figure) && name.ends_with(end)
            });
            assert!(found, "no {figure}.{end}");
        }
    }
    assert!(fs::read_dir(at("galleries")).unwrap().count() >= 4);
}

#[test]
fn scores_of_a_table_are_judged_as_those_of_the_model() {
    let (desk, _) = trained();
    desk.run("score rb.safetensors set.npz --out scores.csv")
        .done();
    desk.run("score rb.safetensors set.npz --out scores.jsonl")
        .done();
    let model = desk
        .run("evaluate rb.safetensors set.npz --all --out a --json")
        .done()
        .json();
    let alone = "evaluate scores.csv --out b --json";
    let joined = "evaluate forest=scores.jsonl set.npz --out c --json";
    for command in [alone, joined] {
        let scores = desk.run(command).done().json();
        for name in ["auc", "average_precision", "loss", "brier", "fpr_at_mdr"] {
            let (here, there) = (metric(&scores, name), metric(&model, name));
            // A table has as many digits as tell f32s apart, which moves sums, not ranks.
            let allowed = match name {
                "loss" | "brier" => 1e-7,
                _ => 0.0,
            };
            assert!(
                (here - there).abs() <= allowed,
                "{name} of {command}: {here} {there}"
            );
        }
        // Its decisions say where the model's threshold was.
        let confusion = |result: &Value| result["classifiers"][0]["confusion"].clone();
        assert_eq!(confusion(&scores), confusion(&model), "{command}");
        assert_eq!(
            scores["classifiers"][0]["threshold_from"],
            "the table's own decisions"
        );
    }
    let both = "evaluate rb.safetensors forest=scores.csv set.npz --out d --json --threshold 0.25";
    let both = desk.run(both).done().json();
    assert_eq!(both["classifiers"][1]["name"], "forest");
    assert_eq!(
        both["classifiers"][0]["confusion"],
        both["classifiers"][1]["confusion"]
    );
    assert!(
        both["candidates"].as_u64().unwrap() < 60,
        "held out, for the table as well"
    );
}

#[test]
fn a_chosen_threshold_is_stored_in_the_model_and_nothing_else_changes() {
    let (desk, training) = trained();
    let before = desk.run("score rb.safetensors set.npz").done().out;
    let run = "evaluate rb.safetensors set.npz --out report --json --force --set-threshold";
    let result = desk.run(&format!("{run} fpr=0.5")).done().json();
    let stored = result["stored_threshold"].as_f64().unwrap();
    assert_ne!(stored, training["threshold"].as_f64().unwrap());
    let again = desk
        .run("evaluate rb.safetensors set.npz --out report --json --force")
        .done()
        .json();
    assert_eq!(
        again["classifiers"][0]["threshold"].as_f64().unwrap(),
        stored
    );
    assert!(
        again["classifiers"][0]["metrics"]["fpr"]["value"]
            .as_f64()
            .unwrap()
            <= 0.5
    );
    let back = training["threshold"].as_f64().unwrap();
    desk.run(&format!("{run} {back}")).done();
    let after = desk.run("score rb.safetensors set.npz").done().out;
    assert_eq!(
        before, after,
        "the model with its old threshold scores as before"
    );
    // What was chosen on the rows that are looked at is said.
    desk.run(&format!("{run} f1")).done();
    let said = desk
        .run("evaluate rb.safetensors set.npz --out report --force")
        .done();
    said.says(&["the threshold of rb was chosen on such rows"]);
    let two = "evaluate rb.safetensors x=rb.safetensors set.npz --out report --set-threshold f1";
    desk.refuses(two, 2, &["one model, and no other"]);
}

#[test]
fn what_cannot_be_evaluated_is_said() {
    let (desk, _) = trained();
    desk.write("bare.csv", "id,score\n0,0.5\n");
    desk.write("strange.csv", "id,score,label\nx,0.5,1\ny,0.1,0\n");
    desk.write("mine/thesis.tex", "x");
    for (command, code, said) in [
        ("evaluate rb.safetensors --out r", 1, "no data to score"),
        ("evaluate set.npz --out r", 2, "none among the inputs"),
        ("evaluate bare.csv --out r", 1, "a column label"),
        (
            "evaluate strange.csv set.npz --out r",
            1,
            "none of the candidates",
        ),
        (
            "evaluate no.safetensors set.npz --out r",
            1,
            "no.safetensors: model: found no such file",
        ),
        (
            "evaluate rb.safetensors set.npz --out mine",
            2,
            "which holds other things",
        ),
        (
            "evaluate rb.safetensors set.npz --out tiny.toml",
            2,
            "tiny.toml, which is a file",
        ),
        (
            "evaluate rb.safetensors set.npz --out r --threshold 2",
            2,
            "from 0 to 1",
        ),
        (
            "evaluate rb.safetensors set.npz --out r --set-threshold best",
            2,
            "f1+mcc",
        ),
        (
            "evaluate rb.safetensors set.npz --out r --by colour",
            2,
            "'colour'",
        ),
        (
            "evaluate rb.safetensors set.npz --out r --at-mdr 1.5",
            2,
            "from 0 to 1",
        ),
        (
            "evaluate bare.csv set.npz --out r --part test",
            2,
            "--split FILE",
        ),
        (
            "evaluate rb.safetensors set.npz --out no/where",
            1,
            "no/where",
        ),
    ] {
        desk.refuses(command, code, &[said]);
    }
    assert_eq!(fs::read_dir(desk.path("mine")).unwrap().count(), 1);
    fs::remove_file(desk.path("rb.split.csv")).unwrap();
    // Training's own split can be made again; of other data it cannot.
    desk.run("evaluate rb.safetensors set.npz --out again")
        .done();
    desk.run("simulate --count 40 --size 16 --seed 9 --out fits")
        .done();
    desk.refuses(
        "evaluate rb.safetensors fits --out r",
        1,
        &["--all to look at every row"],
    );
}

#[test]
fn a_forced_evaluation_replaces_the_first_and_nothing_else() {
    let (desk, _) = trained();
    desk.run("evaluate rb.safetensors set.npz --all --out report")
        .done();
    let at = |name: &str| desk.path("report").join(name);
    fs::write(at("notes.txt"), "mine").unwrap();
    desk.run("evaluate rb.safetensors set.npz --all --gallery 0 --out report --force")
        .done();
    assert!(at("notes.txt").is_file());
    assert!(!at("galleries").exists());
    assert!(at("report.html").is_file());
    let left = fs::read_dir(desk.folder.path()).unwrap().flatten();
    let hidden = left.filter(|e| e.file_name().to_string_lossy().starts_with('.'));
    assert_eq!(hidden.count(), 0);
}
