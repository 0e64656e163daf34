//! What must hold for any labels and scores.

use proptest::prelude::*;
use rbgpu::judge::{Confusion, Cut, Scored, metrics};

use super::TOLERANCE;

/// Scores on a coarse grid, so that ties are common.
pub fn labelled() -> impl Strategy<Value = (Vec<u8>, Vec<f64>)> {
    prop::collection::vec((0u8..2, 0u32..40), 2..200).prop_map(|pairs| {
        pairs
            .into_iter()
            .map(|(label, s)| (label, f64::from(s) / 40.0))
            .unzip()
    })
}

proptest! {
    #[test]
    fn auc_does_not_change_under_rising_maps((labels, scores) in labelled()) {
        let mapped: Vec<f64> = scores.iter().map(|s| (3.0 * s).exp() - 7.0).collect();
        prop_assert_eq!(metrics::auc(&labels, &scores).unwrap(), metrics::auc(&labels, &mapped).unwrap());
    }

    #[test]
    fn auc_of_swapped_classes_is_one_less_it((labels, scores) in labelled()) {
        let swapped: Vec<u8> = labels.iter().map(|l| 1 - l).collect();
        let negated: Vec<f64> = scores.iter().map(|s| -s).collect();
        let auc = metrics::auc(&labels, &scores).unwrap();
        match (auc, metrics::auc(&swapped, &scores).unwrap()) {
            (Some(a), Some(b)) => prop_assert!((a + b - 1.0).abs() <= TOLERANCE),
            (a, b) => prop_assert_eq!(a, b),
        }
        prop_assert_eq!(auc, metrics::auc(&swapped, &negated).unwrap());
    }

    #[test]
    fn auc_is_the_area_under_the_roc((labels, scores) in labelled()) {
        if let Some(roc) = metrics::roc(&labels, &scores).unwrap() {
            let area: f64 = (1..roc.fpr.len())
                .map(|i| (roc.fpr[i] - roc.fpr[i - 1]) * (roc.tpr[i] + roc.tpr[i - 1]) / 2.0)
                .sum();
            prop_assert!((area - metrics::auc(&labels, &scores).unwrap().unwrap()).abs() <= TOLERANCE);
        }
    }

    #[test]
    fn rates_rise_as_the_threshold_falls((labels, scores) in labelled()) {
        if let Some(roc) = metrics::roc(&labels, &scores).unwrap() {
            prop_assert!(roc.thresholds.windows(2).all(|w| w[0] > w[1]));
            prop_assert!(roc.tpr.windows(2).all(|w| w[0] <= w[1]));
            prop_assert!(roc.fpr.windows(2).all(|w| w[0] <= w[1]));
            prop_assert_eq!((roc.fpr[0], roc.tpr[0]), (0.0, 0.0));
            prop_assert_eq!((*roc.fpr.last().unwrap(), *roc.tpr.last().unwrap()), (1.0, 1.0));
        }
    }

    #[test]
    fn every_ratio_stays_in_its_range(tn in 0u64..1 << 40, fp in 0u64..1 << 40, fn_ in 0u64..1 << 40, tp in 0u64..1 << 40) {
        let c = Confusion { tn, fp, fn_, tp };
        prop_assert!((-1.0..=1.0).contains(&c.mcc()));
        for x in [c.accuracy(), c.precision(), c.tpr(), c.fpr(), c.mdr(), c.f1()] {
            prop_assert!((0.0..=1.0).contains(&x));
        }
        let swapped = Confusion { tn: fp, fp: tn, fn_: tp, tp: fn_ };
        prop_assert!((c.mcc() + swapped.mcc()).abs() <= TOLERANCE);
    }

    #[test]
    fn counts_match_a_plain_loop((labels, scores) in labelled(), t in 0u32..=100) {
        let t = 0.01 * f64::from(t);
        let set = Scored::new(&labels, &scores).unwrap();
        for cut in [Cut::AtLeast, Cut::Above] {
            let mut c = Confusion::default();
            for (&label, &score) in labels.iter().zip(&scores) {
                match (label, cut.is_real(score, t)) {
                    (0, false) => c.tn += 1,
                    (0, true) => c.fp += 1,
                    (_, false) => c.fn_ += 1,
                    (_, true) => c.tp += 1,
                }
            }
            prop_assert_eq!(set.confusion(t, cut), c);
        }
    }
}
