//! The same trees as scikit-learn's, and the same whatever the number of threads.

use rbgpu::forest::{Forest, Settings};
use serde_json::Value;

use super::{fixture, quietly, table};

fn expected() -> Value {
    let text = std::fs::read_to_string(fixture("expected.json")).expect("a fixture");
    serde_json::from_str(&text).expect("JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    let all = value.as_array().expect("a list").iter();
    all.map(|v| v.as_f64().expect("a number")).collect()
}

fn settings(expected: &Value) -> Settings {
    let whole = |name: &str| expected[name].as_u64().expect("a whole number") as usize;
    Settings {
        trees: whole("trees"),
        features_per_split: whole("features_per_split"),
        min_samples_split: whole("min_samples_split"),
        seed: whole("seed") as u64,
        ..Settings::default()
    }
}

fn trained() -> (Forest, Value) {
    let expected = expected();
    let table = table();
    let (rows, labels) = table.labelled().expect("labels");
    let train = expected["train"].as_u64().expect("a number") as usize;
    let forest = Forest::train(
        &table,
        &rows[..train],
        &labels[..train],
        &settings(&expected),
        &quietly,
    );
    (forest.expect("a forest"), expected)
}

#[test]
fn scores_and_importances_are_scikit_learn_s() {
    let (forest, expected) = trained();
    let table = table();
    let scores = forest.score(&table).expect("scores").scores;
    let theirs = numbers(&expected["p_real"]);
    let train = scores.len() - theirs.len();
    for (row, (ours, theirs)) in scores[train..].iter().zip(theirs).enumerate() {
        let off = (ours - theirs).abs();
        assert!(
            off <= 1e-12,
            "row {row}: {ours}, and scikit-learn's {theirs}"
        );
    }
    let sum: f64 = forest.importances().iter().sum();
    assert!((sum - 1.0).abs() <= 1e-12, "importances sum to {sum}");
    let theirs = numbers(&expected["importances"]);
    for ((ours, theirs), name) in forest.importances().iter().zip(theirs).zip(forest.names()) {
        let off = (ours - theirs).abs();
        assert!(off <= 1e-12, "{name}: {ours}, and scikit-learn's {theirs}");
    }
    // The feature that never changes does nothing.
    assert_eq!(forest.importances()[3], 0.0);
}

#[test]
fn threads_change_nothing() {
    let (all, _) = trained();
    let one = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .expect("a pool");
    assert!(
        one.install(trained).0 == all,
        "one thread grows another forest"
    );
}

#[test]
fn out_of_bag_scores_are_not_those_of_the_trees_that_saw_a_row() {
    let table = table();
    let (rows, labels) = table.labelled().expect("labels");
    let trained = Forest::grow(&table, &rows, &labels, &Settings::default(), &quietly);
    let trained = trained.expect("a forest");
    let seen = trained.forest.score(&table).expect("scores").scores;
    let right = |scores: &[f64]| {
        let right = scores
            .iter()
            .zip(&labels)
            .filter(|(p, l)| (**p >= 0.5) == (**l == 1));
        right.count()
    };
    let (seen, unseen) = (right(&seen), right(&trained.out_of_bag));
    assert!(seen > 290, "{seen} of 300 that the trees saw");
    assert!((180..280).contains(&unseen), "{unseen} of 300 out of bag");
    let measured = trained.forest.provenance().out_of_bag.expect("measured");
    assert!((measured.accuracy - unseen as f64 / 300.0).abs() < 1e-12);
}
