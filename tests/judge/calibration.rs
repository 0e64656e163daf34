//! Scores as probabilities: against scikit-learn and SciPy, and what must hold for any map.

use proptest::prelude::*;
use rbgpu::judge::calibration::{
    Calibration, Method, TEMPERATURES, fit, fit_isotonic, fit_temperature,
};
use rbgpu::judge::crossed::{Quality, cross_fitted};
use rbgpu::judge::{Scored, metrics, reliability};
use serde_json::Value;

use super::properties::labelled;
use super::{TOLERANCE, all_close, at_manifest, close, number, numbers};

pub fn fixture() -> Value {
    let path = at_manifest("tests/fixtures/calibration.json");
    let text = std::fs::read_to_string(&path).unwrap();
    serde_json::from_str(&text).expect("calibration.json is JSON")
}

fn case(golden: &Value) -> (Vec<u8>, Vec<f64>) {
    let labels = numbers(&golden["labels"]);
    (
        labels.into_iter().map(|l| l as u8).collect(),
        numbers(&golden["scores"]),
    )
}

#[test]
fn probabilities_equal_scikit_learn() {
    let golden = fixture();
    for (name, golden) in golden["cases"].as_object().unwrap() {
        let (labels, scores) = case(golden);
        let here = |what: &str| format!("{name}: {what}");
        let found = Quality::of(&labels, &scores).unwrap();
        close(&here("loss"), found.loss, number(&golden["log_loss"]));
        close(&here("brier"), found.brier, number(&golden["brier"]));
        close(&here("ece"), found.ece, number(&golden["ece"]));
        let sorted = Scored::new(&labels, &scores).unwrap();
        if let Some(expected) = golden.get("average_precision") {
            let found = sorted.average_precision().unwrap();
            close(&here("average precision"), found, number(expected));
        }
        let bins = reliability::reliability(&sorted, 0.95).bins;
        let counts: Vec<f64> = bins.iter().map(|b| b.candidates as f64).collect();
        all_close(&here("candidates"), &counts, &golden["candidates"]);
        // One class has no calibration_curve; an empty bin is not in it.
        if numbers(&golden["share"]).is_empty() {
            continue;
        }
        let full = || bins.iter().filter(|b| b.candidates > 0);
        let shares: Vec<f64> = full().map(|b| b.share).collect();
        let means: Vec<f64> = full().map(|b| b.mean_score).collect();
        all_close(&here("share"), &shares, &golden["share"]);
        all_close(&here("mean"), &means, &golden["mean"]);
        for bin in bins.iter().filter(|b| b.candidates == 0) {
            assert!(bin.share.is_nan() && bin.mean_score.is_nan() && bin.share_low.is_nan());
        }
    }
}

#[test]
fn fitted_maps_equal_scikit_learn_and_scipy() {
    let golden = fixture();
    for name in ["too_sure", "not_sure", "edges"] {
        let golden = &golden["cases"][name];
        let (labels, scores) = case(golden);
        let isotonic = fit_isotonic(&labels, &scores).unwrap();
        assert_eq!(isotonic.fault(), None);
        let found: Vec<f64> = (0..=200)
            .map(|i| isotonic.apply(f64::from(i) / 200.0))
            .collect();
        all_close(&format!("{name}: isotonic"), &found, &golden["isotonic"]);
        let Calibration::Temperature { temperature } = fit_temperature(&labels, &scores).unwrap()
        else {
            panic!("a temperature")
        };
        let expected = number(&golden["temperature"]);
        // SciPy stops where its f64 cannot tell losses apart.
        assert!(
            (temperature / expected - 1.0).abs() < 1e-6,
            "{name}: {temperature} {expected}"
        );
        let same = Calibration::Temperature {
            temperature: expected,
        };
        // A score of 0 is kept off 0 by more in the fixture; nothing that a test can see.
        let found: Vec<f64> = scores.iter().map(|&s| same.apply(s)).collect();
        if name != "edges" {
            all_close(&format!("{name}: cooled"), &found, &golden["cooled"]);
        }
    }
    let (labels, scores) = case(&golden["cases"]["extremes"]);
    let [_, hottest] = TEMPERATURES;
    let found = fit_temperature(&labels, &scores).unwrap();
    assert_eq!(
        found,
        Calibration::Temperature {
            temperature: hottest
        }
    );
}

#[test]
fn a_cross_fit_calibrates_what_was_too_sure() {
    let golden = fixture();
    let (labels, scores) = case(&golden["cases"]["too_sure"]);
    let before = Quality::of(&labels, &scores).unwrap();
    for method in [Method::Temperature, Method::Isotonic] {
        let crossed = cross_fitted(method, &labels, &scores, 0).unwrap();
        let after = Quality::of(&labels, &crossed).unwrap();
        // 200 candidates are few for an isotonic map.
        let better = after.brier < before.brier && after.loss < before.loss;
        assert_eq!(
            better,
            method == Method::Temperature,
            "{before:?} {after:?}"
        );
        assert_eq!(crossed, cross_fitted(method, &labels, &scores, 0).unwrap());
    }
    let few = cross_fitted(Method::Temperature, &[1, 1, 0, 0], &[0.5; 4], 0).unwrap_err();
    assert!(
        few.to_string().contains("at least 5 real and 5 bogus"),
        "{few}"
    );
}

#[test]
fn maps_as_text() {
    let text = r#"{"method":"temperature","temperature":1.5}"#;
    let map: Calibration = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&map).unwrap(), text);
    assert_eq!(map.apply(0.5), 0.5);
    assert!((map.apply(0.9) - 1.0 / (1.0 + (-(9f64.ln()) / 1.5).exp())).abs() < TOLERANCE);
    assert!(map.apply(f64::NAN).is_nan());
    for bad in [
        r#"{"method":"temperature","temperature":0}"#,
        r#"{"method":"temperature","temperature":-1}"#,
        r#"{"method":"isotonic","x":[],"y":[]}"#,
        r#"{"method":"isotonic","x":[0.1,0.2],"y":[0.1]}"#,
        r#"{"method":"isotonic","x":[0.2,0.2],"y":[0.1,0.2]}"#,
        r#"{"method":"isotonic","x":[0.1,0.2],"y":[0.3,0.2]}"#,
        r#"{"method":"isotonic","x":[0.1,0.2],"y":[0.3,1.2]}"#,
    ] {
        let map: Calibration = serde_json::from_str(bad).unwrap();
        assert!(map.fault().is_some(), "{bad}");
    }
    for bad in [r#"{"method":"platt","a":1}"#, r#"{"method":"temperature"}"#] {
        assert!(serde_json::from_str::<Calibration>(bad).is_err(), "{bad}");
    }
    let one_class = fit_temperature(&[1, 1], &[0.2, 0.3])
        .unwrap_err()
        .to_string();
    assert!(one_class.contains("2 real among 2"), "{one_class}");
    let nan = fit_isotonic(&[1, 0], &[0.2, f64::NAN])
        .unwrap_err()
        .to_string();
    assert!(nan.contains("score of candidate 2: NaN"), "{nan}");
}

#[test]
fn a_threshold_within_a_plateau() {
    let map = Calibration::Isotonic {
        x: vec![0.2, 0.4, 0.6, 0.8],
        y: vec![0.1, 0.1, 0.7, 0.7],
    };
    // No candidate is between: any threshold will do.
    assert_eq!(map.threshold(0.5, &[0.3, 0.6]), (map.apply(0.5), 0));
    // The threshold is on the plateau of 0.3, which is below it.
    assert_eq!(map.threshold(0.35, &[0.3, 0.6]), (0.7, 0));
    // Both sides are on one plateau: 0.65 becomes real.
    assert_eq!(map.threshold(0.7, &[0.3, 0.65, 0.75]), (0.7, 1));
}

proptest! {
    #[test]
    fn maps_keep_order_and_decisions((labels, scores) in labelled(), t in 0u32..=40, isotonic in any::<bool>()) {
        let method = if isotonic { Method::Isotonic } else { Method::Temperature };
        let Ok(map) = fit(method, &labels, &scores) else {
            prop_assert!(labels.iter().all(|l| *l == labels[0]));
            return Ok(());
        };
        prop_assert_eq!(map.fault(), None);
        let mapped: Vec<f64> = scores.iter().map(|&s| map.apply(s)).collect();
        prop_assert!(mapped.iter().all(|p| (0.0..=1.0).contains(p)));
        for (a, x) in scores.iter().zip(&mapped) {
            for (b, y) in scores.iter().zip(&mapped) {
                prop_assert!(a >= b || x <= y);
            }
        }
        let threshold = f64::from(t) / 40.0;
        let (calibrated, changed) = map.threshold(threshold, &scores);
        let mut different = 0;
        for (s, m) in scores.iter().zip(&mapped) {
            // Only from bogus to real.
            prop_assert!(*s < threshold || *m >= calibrated);
            different += usize::from(*s < threshold && *m >= calibrated);
        }
        prop_assert_eq!(different, changed);
        if isotonic {
            // The mean of the map is the mean of the labels.
            let sum: f64 = mapped.iter().sum();
            let real: f64 = labels.iter().map(|l| f64::from(*l)).sum();
            prop_assert!((sum - real).abs() < 1e-9 * labels.len() as f64);
        } else if map != (Calibration::Temperature { temperature: TEMPERATURES[0] }) {
            // The order, and so the ROC, is what it was.
            prop_assert_eq!(metrics::auc(&labels, &scores).unwrap(), metrics::auc(&labels, &mapped).unwrap());
            prop_assert_eq!(changed, 0);
        }
    }
}
