//! Confident learning against cleanlab, and counted by hand.

use rbgpu::judge::confident::{Confident, confident, expected};
use rbgpu::judge::suspicion::by_confidence;
use serde_json::Value;

use super::{all_close, at_manifest, numbers};

fn counts(value: &Value) -> [[u64; 2]; 2] {
    let at = |i: usize, j: usize| value[i][j].as_u64().expect("a count");
    [[at(0, 0), at(0, 1)], [at(1, 0), at(1, 1)]]
}

fn rows(value: &Value) -> Vec<usize> {
    numbers(value).into_iter().map(|row| row as usize).collect()
}

#[test]
fn joint_issues_and_ranking_equal_cleanlab() {
    let text = std::fs::read_to_string(at_manifest("tests/fixtures/suspects.json")).unwrap();
    let golden: Value = serde_json::from_str(&text).expect("suspects.json is JSON");
    let cases = golden["cases"].as_object().expect("cases");
    assert!(cases.len() >= 7);
    for (name, case) in cases {
        let labels: Vec<u8> = rows(&case["labels"]).iter().map(|l| *l as u8).collect();
        let scores = numbers(&case["scores"]);
        let found = confident(&labels, &scores).unwrap();
        all_close(name, &found.thresholds, &case["thresholds"]);
        assert_eq!(found.joint, counts(&case["joint"]), "{name}: joint");
        let calibrated = counts(&case["calibrated"]);
        assert_eq!(found.calibrated, calibrated, "{name}: calibrated");
        let issues = found.issues(&labels, &scores);
        assert_eq!(issues, rows(&case["issues"]), "{name}: issues");
        let contradicted = found.contradicted(&labels, &scores).len() as u64;
        let theirs = case["off_diagonal"].as_u64().unwrap();
        assert_eq!(contradicted, theirs, "{name}: number of issues");
        let ranking = by_confidence(&labels, &scores).unwrap();
        assert_eq!(ranking.suspects(), issues, "{name}: what the rule names");
        // Two classes: what is pruned comes first by the margin too, class by class; the whole
        // order is the margin's where nothing is named.
        let mut by_doubt: Vec<usize> = (0..labels.len()).collect();
        by_doubt.sort_by(|&a, &b| ranking.suspicion[b].total_cmp(&ranking.suspicion[a]));
        assert_eq!(by_doubt, rows(&case["by_margin"]), "{name}: by margin");
    }
}

#[test]
fn a_small_set_counted_by_hand() {
    // Means: bogus (0.9 + 0.8 + 0.1) / 3 = 0.6 of P(bogus), real (0.8 + 0.7 + 0.3) / 3 = 0.6.
    let labels = [0, 0, 0, 1, 1, 1];
    let scores = [0.1, 0.2, 0.9, 0.8, 0.7, 0.3];
    let found = confident(&labels, &scores).unwrap();
    let [bogus, real] = found.thresholds;
    assert!((bogus - 0.6).abs() < 1e-12 && (real - 0.6).abs() < 1e-12);
    let expected = Confident {
        thresholds: found.thresholds,
        joint: [[2, 1], [1, 2]],
        calibrated: [[2, 1], [1, 2]],
    };
    assert_eq!(found, expected);
    assert_eq!(found.wrong(), [1, 1]);
    assert_eq!(found.issues(&labels, &scores), [2, 5]);
}

#[test]
fn the_number_of_wrong_labels_has_an_interval_that_holds_it() {
    // 10 of 500 labels in each class are turned, and the scores know the truth well.
    let truth: Vec<u8> = (0..1000).map(|i| u8::from(i >= 500)).collect();
    let labels: Vec<u8> = truth
        .iter()
        .enumerate()
        .map(|(i, &t)| if i % 50 == 7 { 1 - t } else { t })
        .collect();
    let scores: Vec<f64> = truth
        .iter()
        .enumerate()
        .map(|(i, &t)| {
            let off = 0.02 + 0.03 * (i % 17) as f64 / 17.0;
            if t == 1 { 1.0 - off } else { off }
        })
        .collect();
    let found = expected(&labels, &scores, 200, 3).unwrap();
    assert_eq!(found.labelled_bogus.value, 10.0);
    assert_eq!(found.labelled_real.value, 10.0);
    assert_eq!(found.wrong.value, 20.0);
    for (estimate, n) in [
        (found.wrong, 20.0f64),
        (found.labelled_bogus, 10.0),
        (found.labelled_real, 10.0),
    ] {
        assert!(estimate.low <= n && n <= estimate.high, "{estimate:?}");
        // About twice the deviation of a binomial on each side.
        let width = 2.0 * 1.96 * n.sqrt();
        let found = estimate.high - estimate.low;
        assert!(found > 0.6 * width && found < 1.5 * width, "{estimate:?}");
    }
    // The same seed, the same interval; another, another.
    assert_eq!(found, expected(&labels, &scores, 200, 3).unwrap());
    assert_ne!(found, expected(&labels, &scores, 200, 4).unwrap());
}
