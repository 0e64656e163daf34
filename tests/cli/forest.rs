//! `rbgpu features`, `rbgpu forest`, and the forest beside a network.

use super::Desk;

/// One with 200 simulated triplets, their features, and a network of theirs.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.run("simulate --channels triplet --size 21 --count 200 --out set.npz")
        .done();
    desk.run("features set.npz --out features.csv").done();
    desk.run("train set.npz --network tiny.toml --device cpu --seed 3 --out rb.safetensors")
        .done();
    desk
}

#[test]
fn a_forest_beside_a_network_on_what_neither_was_fitted_to() {
    let desk = desk();
    let train = "forest train features.csv --trees 20 --split rb.split.csv --out f.safetensors";
    let ran = desk.run(&format!("{train} --json")).done();
    let result = ran.json();
    assert_eq!(
        result["provenance"]["parts"],
        serde_json::json!([120, 40, 40])
    );
    let auc = result["provenance"]["metrics"]["test"]["auc"].as_f64();
    assert!(auc > Some(0.7), "{auc:?}");
    for name in ["f.split.csv", "f.importances.csv", "f.importances.png"] {
        assert!(desk.path(name).is_file(), "no {name}");
    }
    desk.run("forest score f.safetensors features.csv --out s.csv")
        .done();
    let scores = desk.text("s.csv");
    let mut lines = scores.lines();
    assert_eq!(lines.next(), Some("id,rb_score,decision,label,part"));
    assert_eq!(lines.clone().count(), 200);
    assert_eq!(lines.filter(|line| line.ends_with(",test")).count(), 40);

    let both = desk
        .run("evaluate rb.safetensors forest=s.csv set.npz --device cpu --out report --json")
        .done();
    let both = both.json();
    assert_eq!(both["candidates"], 40);
    let names: Vec<_> = both["classifiers"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|c| &c["name"])
        .collect();
    assert_eq!(names, ["rb", "forest"]);
    let forest = both["classifiers"][1]["metrics"]["auc"]["value"].as_f64();
    assert_eq!(forest, auc, "evaluate and the forest's own training agree");
}

#[test]
fn what_a_forest_was_fitted_to_is_not_looked_at_either() {
    let desk = desk();
    // Other parts than the network's: only what is in both test parts is left.
    desk.run("forest train features.csv --trees 5 --seed 8 --split 60/20/20 --out f.safetensors")
        .done();
    desk.run("forest score f.safetensors features.csv --out s.csv")
        .done();
    let alone = desk.run("evaluate s.csv set.npz --out alone --json").done();
    assert_eq!(alone.json()["candidates"], 40);
    let both = desk
        .run("evaluate rb.safetensors s.csv set.npz --device cpu --out both --json")
        .done();
    let count = both.json()["candidates"].as_u64().expect("a number");
    assert!((1..30).contains(&count), "{count} in both test parts of 40");
    // The same seed and shares give the network's own parts.
    desk.run("forest train features.csv --trees 5 --seed 3 --split 60/20/20 --out g.safetensors")
        .done();
    // Its table knows nothing of pixels.
    let first = |name: &str| -> Vec<String> {
        let text = desk.text(name);
        let cells = |line: &str| {
            line.split(',')
                .take(3)
                .map(String::from)
                .collect::<Vec<_>>()
        };
        text.lines().flat_map(cells).collect()
    };
    assert_eq!(first("g.split.csv"), first("rb.split.csv"));
}

#[test]
fn what_is_wrong_is_said() {
    let desk = desk();
    desk.run("forest train features.csv --trees 2 --out f.safetensors --quiet")
        .done();
    let refused = [
        ("forest train set.npz", "set.npz"),
        ("forest train features.csv --trees 0", "--trees"),
        ("forest train features.csv --columns AMP,SEEING", "SEEING"),
        ("forest train features.csv --split nobody.csv", "nobody.csv"),
        (
            "forest train features.csv --out features.csv",
            "another file than the input",
        ),
        ("forest score rb.safetensors features.csv", "rb.safetensors"),
        ("forest score f.safetensors rb.split.csv", "rb.split.csv"),
        (
            "forest score f.safetensors features.csv --threshold 2",
            "--threshold",
        ),
        ("score f.safetensors set.npz --device cpu", "f.safetensors"),
        (
            "features set.npz --channels search,template --force",
            "difference",
        ),
    ];
    for (command, said) in refused {
        let ran = desk.run(command);
        assert!(ran.code == 1 || ran.code == 2, "{command}: {ran:?}");
        assert!(ran.err.contains(said), "{command}: {}", ran.err);
        assert!(!ran.err.contains("panicked"), "{command}: {}", ran.err);
    }
}

#[test]
fn rows_of_one_object_are_in_one_part_of_a_forest() {
    let desk = desk();
    let mut text = String::from("id,label,object,a,b\n");
    for row in 0..90 {
        text += &format!(
            "r{row},{},star {},{},{}\n",
            row / 3 % 2,
            row / 3,
            row * 7 % 13,
            row % 5
        );
    }
    desk.write("objects.csv", &text);
    let ran = desk
        .run("forest train objects.csv --trees 2 --out o.safetensors")
        .done();
    ran.says(&["90 rows of 30 objects are kept together", "of 2 features"]);
    let split = super::scores::rows(&desk.text("o.split.csv"));
    let mut parts = std::collections::HashMap::new();
    for row in &split {
        let object = row["id"][1..].parse::<usize>().unwrap() / 3;
        assert_eq!(
            parts.entry(object).or_insert(&row["part"]),
            &&row["part"],
            "{row:?}"
        );
    }
    // That split read again keeps objects; one that divides them is said to.
    let line = "forest train objects.csv --trees 2 --out p.safetensors --force --split";
    let ran = desk.run(&format!("{line} o.split.csv")).done();
    assert!(!ran.err.contains("objects"), "{}", ran.err);
    let turned = desk.text("o.split.csv").replacen(",train,", ",test,", 1);
    desk.write("torn.csv", turned);
    let ran = desk.run(&format!("{line} torn.csv")).done();
    ran.says(&["the parts that torn.csv states divide 3 rows of 1 object"]);
}
