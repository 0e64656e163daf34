//! Intervals against SciPy's numbers and against plain formulae.

use proptest::prelude::*;
use rbgpu::judge::Scored;
use rbgpu::judge::intervals::{auc, average_precision, delong, quantile, wilson};

use super::calibration::fixture;
use super::properties::labelled;
use super::{TOLERANCE, close, number, numbers};

#[test]
fn wilson_and_quantiles_equal_scipy() {
    let golden = fixture();
    for row in golden["wilson"].as_array().unwrap() {
        let [k, n, level, low, high] = numbers(row)[..] else {
            panic!("five numbers: {row}")
        };
        let found = wilson(k, n, quantile(level));
        close(&format!("{k} of {n}, low"), found[0], low);
        close(&format!("{k} of {n}, high"), found[1], high);
    }
    for row in golden["quantiles"].as_array().unwrap() {
        let (level, z) = (number(&row[0]), number(&row[1]));
        let found = quantile(level);
        // Near 1, SciPy's own argument has lost as many digits.
        assert!((found - z).abs() <= 1e-10 * z, "{level}: {found} {z}");
    }
    assert!(wilson(0.0, 0.0, 1.96)[0].is_nan());
}

/// DeLong et al. 1988, as it is written: every pair compared.
fn delong_by_pairs(labels: &[u8], scores: &[f64]) -> f64 {
    let of = |class: u8| -> Vec<f64> {
        let all = labels.iter().zip(scores);
        all.filter(|(l, _)| **l == class).map(|(_, s)| *s).collect()
    };
    let (real, bogus) = (of(1), of(0));
    let wins = |x: f64, y: f64| match x.total_cmp(&y) {
        std::cmp::Ordering::Greater => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Less => 0.0,
    };
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let over_n = |v: &[f64]| {
        let m = mean(v);
        let squares: f64 = v.iter().map(|x| (x - m) * (x - m)).sum();
        squares / (v.len() as f64 - 1.0) / v.len() as f64
    };
    let v10: Vec<f64> = real
        .iter()
        .map(|&x| mean(&bogus.iter().map(|&y| wins(x, y)).collect::<Vec<_>>()))
        .collect();
    let v01: Vec<f64> = bogus
        .iter()
        .map(|&y| mean(&real.iter().map(|&x| wins(x, y)).collect::<Vec<_>>()))
        .collect();
    over_n(&v10) + over_n(&v01)
}

proptest! {
    #[test]
    fn delong_by_runs_is_delong_by_pairs((labels, scores) in labelled()) {
        let set = Scored::new(&labels, &scores).unwrap();
        match delong(&set) {
            Some(found) => prop_assert!((found - delong_by_pairs(&labels, &scores)).abs() <= TOLERANCE),
            None => prop_assert!(set.positives() < 2 || set.negatives() < 2),
        }
    }

    #[test]
    fn areas_lie_in_their_intervals((labels, scores) in labelled(), level in 0.1f64..0.999) {
        let set = Scored::new(&labels, &scores).unwrap();
        for metric in [auc(&set, level), average_precision(&set, level)] {
            if !metric.value.is_nan() {
                let ordered = 0.0 <= metric.low && metric.low <= metric.value
                    && metric.value <= metric.high && metric.high <= 1.0;
                prop_assert!(ordered, "{:?}", metric);
            }
        }
    }
}
