//! What must hold for every evaluation.

use proptest::prelude::*;
use rbgpu::judge::{Labelled, Options, evaluate};

use super::TOLERANCE;
use super::evaluate::{magnitudes, silent, subject};
use super::properties::labelled;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn numbers_fit_each_other((labels, scores) in labelled(), formulae in any::<bool>(), seed in any::<u64>()) {
        let n = labels.len() as u64;
        let options = Options {
            seed,
            resamples: 20,
            bootstrap_up_to: if formulae { 0 } else { 1000 },
            ..Options::default()
        };
        // Some magnitudes are not known.
        let magnitude = scores.iter().map(|s| if *s > 0.9 { 99.0 } else { 16.0 + 9.0 * s });
        let data = Labelled {
            labels: &labels,
            columns: vec![magnitudes(magnitude.collect())],
        };
        let all = evaluate(&data, &[subject("a", &scores)], &options, &silent).unwrap();
        let a = &all.classifiers[0];
        for m in &a.metrics {
            if m.value.is_nan() {
                prop_assert!(m.low.is_nan() && m.high.is_nan(), "{:?}", m);
                continue;
            }
            let bounds = match m.name {
                "mcc" => [-1.0, 1.0],
                "loss" => [0.0, 40.0],
                _ => [0.0, 1.0],
            };
            prop_assert!(bounds[0] <= m.value && m.value <= bounds[1], "{:?}", m);
            if !m.low.is_nan() {
                prop_assert!(bounds[0] <= m.low && m.low <= m.value, "{:?}", m);
                prop_assert!(m.value <= m.high && m.high <= bounds[1], "{:?}", m);
            }
        }
        let value = |name: &str| a.metrics.iter().find(|m| m.name == name).unwrap().value;
        if all.real > 0 {
            prop_assert!((value("tpr") + value("mdr") - 1.0).abs() <= TOLERANCE);
            prop_assert_eq!(value("tpr"), value("recall"));
        }
        prop_assert_eq!(value("ece"), a.reliability.ece);
        prop_assert_eq!(a.categories.iter().sum::<u64>(), n);
        prop_assert_eq!(a.categories[..3].iter().sum::<u64>(), all.bogus);
        prop_assert_eq!(a.confusion.total(), n);
        prop_assert!(a.curve.iter().chain(&a.scan).all(|p| p.confusion.total() == n));
        let histogram = &a.histogram;
        prop_assert_eq!(histogram.real.iter().sum::<u64>(), all.real);
        prop_assert_eq!(histogram.bogus.iter().sum::<u64>(), all.bogus);
        prop_assert_eq!(a.reliability.bins.iter().map(|b| b.candidates).sum::<u64>(), n);
        prop_assert_eq!(a.reliability.bins.iter().map(|b| b.real).sum::<u64>(), all.real);
        for breakdown in &a.breakdowns {
            let counted: u64 = breakdown.bins.iter().map(|b| b.confusion.total()).sum();
            prop_assert_eq!(counted + breakdown.unknown, n);
        }
        for spread in &all.distributions {
            let counted: u64 = spread.histogram.real.iter().chain(&spread.histogram.bogus).sum();
            prop_assert_eq!(counted + spread.unknown, n);
        }
        for chosen in &a.thresholds {
            prop_assert_eq!(chosen.confusion.total(), n);
        }
    }
}
