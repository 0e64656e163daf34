//! Metrics against scikit-learn's numbers, cases counted by hand, and what
//! must hold for any scores.

mod calibration;
mod confident;
mod evaluate;
mod history;
mod intervals;
mod invariants;
mod properties;
mod speed;
mod suspicion;
mod votes;

use std::path::{Path, PathBuf};

use rbgpu::judge::{Confusion, Cut, Scored, metrics};
use serde_json::Value;

const TOLERANCE: f64 = 1e-12;

#[track_caller]
fn close(what: &str, found: f64, expected: f64) {
    assert!(
        found == expected || (found - expected).abs() <= TOLERANCE,
        "{what}: found {found:?}, expected {expected:?}"
    );
}

fn number(v: &Value) -> f64 {
    match v {
        Value::String(s) if s == "inf" => f64::INFINITY,
        v => v.as_f64().unwrap_or_else(|| panic!("not a number: {v}")),
    }
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array()
        .unwrap_or_else(|| panic!("not a list: {v}"))
        .iter()
        .map(number)
        .collect()
}

#[track_caller]
fn all_close(what: &str, found: &[f64], expected: &Value) {
    let expected = numbers(expected);
    assert_eq!(found.len(), expected.len(), "{what}: length");
    for (i, (&f, e)) in found.iter().zip(expected).enumerate() {
        close(&format!("{what}[{i}]"), f, e);
    }
}

/// [[TN, FP], [FN, TP]], as scikit-learn writes it.
fn confusion(v: &Value) -> Confusion {
    let at = |i: usize, j: usize| v[i][j].as_u64().expect("a count");
    Confusion {
        tn: at(0, 0),
        fp: at(0, 1),
        fn_: at(1, 0),
        tp: at(1, 1),
    }
}

fn check_against_sklearn(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let golden: Value = serde_json::from_str(&text).expect("metrics.json is JSON");
    let cases = golden["cases"].as_object().expect("cases");
    assert!(!cases.is_empty(), "{}: no cases", path.display());
    for (name, case) in cases {
        let labels: Vec<u8> = numbers(&case["labels"])
            .into_iter()
            .map(|l| l as u8)
            .collect();
        let set = Scored::new(&labels, &numbers(&case["scores"])).unwrap();
        let here = |what: &str| format!("{name} {what}");
        assert_eq!(set.positives(), case["n_pos"].as_u64().unwrap(), "{name}");
        assert_eq!(set.negatives(), case["n_neg"].as_u64().unwrap(), "{name}");

        let roc = set.roc().unwrap();
        all_close(&here("fpr"), &roc.fpr, &case["roc"]["fpr"]);
        all_close(&here("tpr"), &roc.tpr, &case["roc"]["tpr"]);
        all_close(
            &here("roc thresholds"),
            &roc.thresholds,
            &case["roc"]["thresholds"],
        );
        close(&here("auc"), set.auc().unwrap(), number(&case["auc"]));
        close(
            &here("roc_auc_score"),
            set.auc().unwrap(),
            number(&case["roc_auc_score"]),
        );

        let pr = set.precision_recall().unwrap();
        all_close(&here("precision"), &pr.precision, &case["pr"]["precision"]);
        all_close(&here("recall"), &pr.recall, &case["pr"]["recall"]);
        all_close(
            &here("pr thresholds"),
            &pr.thresholds,
            &case["pr"]["thresholds"],
        );
        let average = number(&case["average_precision"]);
        close(
            &here("average precision"),
            set.average_precision().unwrap(),
            average,
        );

        let by = &case["by_threshold"];
        for (i, &t) in numbers(&by["threshold"]).iter().enumerate() {
            let c = set.confusion(t, Cut::Above);
            assert_eq!(c, confusion(&by["confusion"][i]), "{name} > {t}");
            let at_least = set.confusion(t, Cut::AtLeast);
            assert_eq!(
                at_least,
                confusion(&case["confusion_ge"][i]),
                "{name} >= {t}"
            );
            for (what, found) in [
                ("f1", c.f1()),
                ("mcc", c.mcc()),
                ("precision", c.precision()),
                ("recall", c.tpr()),
                ("accuracy", c.accuracy()),
            ] {
                close(&format!("{name} {what} > {t}"), found, number(&by[what][i]));
            }
        }

        let best = set.best_f1_plus_mcc(Cut::Above).unwrap();
        let expected = &case["best_f1_plus_mcc"];
        close(
            &here("best f1+mcc"),
            best.threshold,
            number(&expected["threshold"]),
        );
        close(
            &here("f1 there"),
            best.confusion.f1(),
            number(&expected["f1"]),
        );
        close(
            &here("mcc there"),
            best.confusion.mcc(),
            number(&expected["mcc"]),
        );
        assert_eq!(best.confusion, confusion(&expected["confusion"]), "{name}");

        for (what, best) in [("gmean", set.best_gmean()), ("f1", set.best_f1())] {
            let expected = &case[format!("best_{what}")];
            let best = best.unwrap();
            close(&here(what), best.value, number(&expected[what]));
            close(
                &here("its threshold"),
                best.threshold,
                number(&expected["threshold"]),
            );
            assert_eq!(
                best.confusion,
                set.confusion(best.threshold, Cut::AtLeast),
                "{name}"
            );
        }

        let found = set.fpr_at_mdr(0.05).unwrap();
        let expected = &case["fpr_at_mdr_0_05"];
        close(
            &here("fpr at mdr, linear"),
            found.linear,
            number(&expected["linear"]),
        );
        close(
            &here("fpr at mdr, step"),
            found.step,
            number(&expected["step"]),
        );
        close(
            &here("its threshold"),
            found.threshold,
            number(&expected["step_threshold"]),
        );
        close(
            &here("its mdr"),
            found.mdr,
            1.0 - number(&expected["tpr_at_step"]),
        );
    }
}

pub fn at_manifest(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn metrics_equal_scikit_learn() {
    check_against_sklearn(&at_manifest("tests/fixtures/golden/metrics.json"));
}

#[test]
fn metrics_equal_scikit_learn_on_the_larger_set() {
    // Beside the checkout, or beside the folder of worktrees it lies in.
    let found = [
        "../shared/golden/metrics.json",
        "../../shared/golden/metrics.json",
    ]
    .map(at_manifest)
    .into_iter()
    .find(|p| p.exists());
    match found {
        Some(path) => check_against_sklearn(&path),
        None => eprintln!("skipped: ../shared/golden/metrics.json is not there"),
    }
}

/// Scores 0.9 R, 0.8 B, 0.8 R, 0.4 R, 0.4 B, 0.1 B, shuffled.
fn by_hand() -> Scored {
    Scored::new(&[1, 0, 0, 1, 1, 0], &[0.4, 0.1, 0.8, 0.9, 0.8, 0.4]).unwrap()
}

#[test]
fn a_small_set_counted_by_hand() {
    let set = by_hand();
    assert_eq!(
        set.confusion(0.8, Cut::AtLeast),
        Confusion {
            tn: 2,
            fp: 1,
            fn_: 1,
            tp: 2
        }
    );
    assert_eq!(
        set.confusion(0.8, Cut::Above),
        Confusion {
            tn: 3,
            fp: 0,
            fn_: 2,
            tp: 1
        }
    );
    let roc = set.roc().unwrap();
    assert_eq!(roc.thresholds, [f64::INFINITY, 0.9, 0.8, 0.4, 0.1]);
    let third = 1.0 / 3.0;
    assert_eq!(roc.fpr, [0.0, 0.0, third, 2.0 * third, 1.0]);
    assert_eq!(roc.tpr, [0.0, third, 2.0 * third, 1.0, 1.0]);
    // Pairs won: 0.9 beats 3, 0.8 beats 2 and ties 1, 0.4 beats 1 and ties 1: 7 of 9.
    close("auc", set.auc().unwrap(), 7.0 / 9.0);
    // 1/3 x 1 + 1/3 x 2/3 + 1/3 x 3/5.
    close(
        "average precision",
        set.average_precision().unwrap(),
        (1.0 + 2.0 / 3.0 + 0.6) / 3.0,
    );
    // MDR 0.5 lies half-way from (0, 1/3) to (1/3, 2/3).
    let at = set.fpr_at_mdr(0.5).unwrap();
    close("linear", at.linear, third / 2.0);
    close("step", at.step, third);
    close("mdr", at.mdr, third);
    assert_eq!(at.threshold, 0.8);
    assert_eq!(set.fpr_at_mdr(0.0).unwrap().step, 2.0 * third);
    assert_eq!(set.fpr_at_mdr(1.0).unwrap().step, 0.0);
    assert_eq!(set.fpr_at_mdr(f64::NAN), None);
}

#[test]
fn ratios_of_a_confusion_matrix() {
    let c = Confusion {
        tn: 50,
        fp: 10,
        fn_: 5,
        tp: 35,
    };
    close("accuracy", c.accuracy(), 0.85);
    close("precision", c.precision(), 35.0 / 45.0);
    close("tpr", c.tpr(), 0.875);
    close("fpr", c.fpr(), 1.0 / 6.0);
    close("mdr", c.mdr(), 0.125);
    close("f1", c.f1(), 70.0 / 85.0);
    close(
        "mcc",
        c.mcc(),
        1700.0 / (45.0f64 * 40.0 * 60.0 * 55.0).sqrt(),
    );
    assert_eq!(
        Confusion {
            tn: 7,
            fp: 0,
            fn_: 0,
            tp: 5
        }
        .mcc(),
        1.0
    );
    assert_eq!(
        Confusion {
            tn: 0,
            fp: 7,
            fn_: 5,
            tp: 0
        }
        .mcc(),
        -1.0
    );
    // Counts of a survey's season do not overflow.
    let many = Confusion {
        tn: 3_000_000_000,
        fp: 1,
        fn_: 1,
        tp: 3_000_000_000,
    };
    assert!((many.mcc() - 1.0).abs() < 1e-9);
}

#[test]
fn what_is_undefined_is_zero_or_none() {
    let none = Confusion::default();
    for x in [
        none.accuracy(),
        none.precision(),
        none.tpr(),
        none.fpr(),
        none.f1(),
        none.mcc(),
    ] {
        assert_eq!(x, 0.0);
    }
    let empty = Scored::new(&[], &[]).unwrap();
    assert!(empty.is_empty() && empty.roc().is_none() && empty.auc().is_none());
    assert!(empty.best_f1_plus_mcc(Cut::AtLeast).is_none());
    for label in [0, 1] {
        let set = Scored::new(&[label; 3], &[0.1, 0.5, 0.9]).unwrap();
        assert!(set.auc().is_none() && set.roc().is_none());
        assert!(set.fpr_at_mdr(0.05).is_none() && set.best_gmean().is_none());
        assert_eq!(set.average_precision(), (label == 1).then_some(1.0));
        assert_eq!(set.best_f1().is_some(), label == 1);
    }
    assert_eq!(metrics::auc(&[1, 0], &[0.5, 0.5]).unwrap(), Some(0.5));
    assert_eq!(metrics::roc(&[1, 1], &[0.5, 0.5]).unwrap(), None);
}

#[test]
fn bad_input_is_an_error_that_says_where() {
    let said = |labels: &[u8], scores: &[f64]| Scored::new(labels, scores).unwrap_err().to_string();
    assert!(said(&[1, 0], &[0.3, f64::NAN]).contains("score of candidate 1: NaN"));
    assert!(said(&[1], &[f64::INFINITY]).contains("inf"));
    assert!(said(&[1, 2], &[0.3, 0.4]).contains("label of candidate 1: 2"));
    assert!(said(&[1], &[0.3, 0.4]).contains("1 labels for 2 scores"));
}
