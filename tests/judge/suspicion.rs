//! The rules that suspect labels: cases made for them, and what must hold for any scores.

use proptest::prelude::*;
use rbgpu::judge::confident::confident;
use rbgpu::judge::planted::recovered;
use rbgpu::judge::suspicion::{
    Ranking, Rule, agreeing, by_agreement, by_category, by_confidence, mean,
};

#[test]
fn categories_1_and_6_are_named_the_surest_first() {
    let labels = [0, 0, 0, 1, 1, 1, 0];
    let scores = [0.9, 0.89, 0.97, 0.1, 0.11, 0.02, 0.0];
    let ranking = by_category(Rule::Category, &labels, &scores).unwrap();
    // 0.9 and 0.1 themselves are in; 0.98 doubts a label more than 0.97 does.
    assert_eq!(ranking.suspects(), [5, 2, 0, 3]);
    assert_eq!(ranking.order, [5, 2, 0, 3, 1, 4, 6]);
    assert_eq!(ranking.ranks(), [3, 5, 2, 4, 6, 1, 7]);
    assert!((ranking.suspicion[5] - 0.98).abs() < 1e-12);
    assert_eq!(ranking.suspicion[6], 0.0);
}

#[test]
fn agreement_counts_networks_before_it_looks_at_their_mean() {
    let labels = [0, 0, 0, 0, 1];
    let one = [0.95, 0.99, 0.95, 0.2, 0.5];
    let two = [0.91, 0.99, 0.92, 0.3, 0.0];
    let three = [0.91, 0.50, 0.1, 1.0, 0.05];
    let networks: [&[f64]; 3] = [&one, &two, &three];
    assert_eq!(agreeing(&labels, &networks).unwrap(), [3, 2, 2, 1, 2]);
    let ranking = by_agreement(&labels, &networks).unwrap();
    // Row 0 has all three though row 1 has the higher mean; 1, 4 and 2 by their means.
    assert_eq!(ranking.order, [0, 1, 4, 2, 3]);
    assert_eq!(ranking.suspects(), [0, 1, 4, 2]);
    // Two of two have to agree, and two of four are no majority.
    let two_of_two = by_agreement(&labels, &networks[1..]).unwrap();
    assert_eq!(two_of_two.suspects(), [4, 0]);
    let four: [&[f64]; 4] = [&one, &two, &three, &[0.5; 5]];
    assert_eq!(by_agreement(&labels, &four).unwrap().suspects(), [0]);
    assert!(by_agreement(&labels, &networks[..1]).is_err());
    assert_eq!(mean(&[&[0.0, 1.0], &[0.5, 0.5]]), [0.25, 0.75]);
}

#[test]
fn what_was_planted_is_counted() {
    let labels = [0, 0, 1, 1, 1, 0];
    let scores = [0.99, 0.95, 0.04, 0.9, 0.3, 0.1];
    let ranking = by_category(Rule::Folds, &labels, &scores).unwrap();
    let found = recovered(&ranking, &[true, false, false, false, true, false]).unwrap();
    assert_eq!((found.wrong, found.listed, found.found), (2, 3, 1));
    assert!((found.precision - 1.0 / 3.0).abs() < 1e-12);
    assert_eq!(found.recall, 0.5);
    // In the order 0, 2, 1, 4, 3, 5.
    assert_eq!(found.among_first, [1, 1, 1, 2, 2, 2]);
    assert_eq!([0, 1, 4, 99].map(|n| found.among(n)), [0, 1, 2, 2]);
    let none = recovered(&ranking, &[false; 6]).unwrap();
    assert!(none.recall.is_nan() && none.precision == 0.0);
    assert!(recovered(&ranking, &[true; 5]).is_err());
}

#[test]
fn what_cannot_be_ranked_is_an_error_that_says_what() {
    let said = |labels: &[u8], scores: &[f64]| {
        let error = by_confidence(labels, scores).unwrap_err().to_string();
        let other = by_category(Rule::Category, labels, scores).unwrap_err();
        assert_eq!(error, other.to_string());
        error
    };
    assert!(said(&[0, 1], &[0.5]).contains("2 labels and 1 scores"));
    assert!(said(&[0, 2], &[0.5, 0.5]).contains("label 2 in row 1"));
    assert!(said(&[0, 1], &[0.5, 1.5]).contains("score 1.5 in row 1"));
    assert!(said(&[0, 1], &[f64::NAN, 0.5]).contains("score NaN in row 0"));
    assert!(said(&[1, 1], &[0.5, 0.5]).contains("2 real and 0 bogus"));
    assert!(said(&[], &[]).contains("0 real and 0 bogus"));
}

/// Both classes, and scores of three networks in 64ths: one less these is exact.
fn scored() -> impl Strategy<Value = (Vec<u8>, [Vec<f64>; 3])> {
    let row = (0u8..2, [0u32..65, 0u32..65, 0u32..65]);
    prop::collection::vec(row, 2..120).prop_map(|mut rows| {
        (rows[0].0, rows[1].0) = (0, 1);
        let of = |k: usize| rows.iter().map(|r| f64::from(r.1[k]) / 64.0).collect();
        (rows.iter().map(|r| r.0).collect(), [of(0), of(1), of(2)])
    })
}

fn all(labels: &[u8], networks: &[Vec<f64>; 3]) -> Vec<Ranking> {
    let scores: Vec<&[f64]> = networks.iter().map(Vec::as_slice).collect();
    vec![
        by_category(Rule::Category, labels, scores[0]).unwrap(),
        by_agreement(labels, &scores).unwrap(),
        by_confidence(labels, scores[0]).unwrap(),
    ]
}

proptest! {
    #[test]
    fn classes_may_change_places((labels, networks) in scored()) {
        let swapped: Vec<u8> = labels.iter().map(|l| 1 - l).collect();
        let turned = networks.clone().map(|s| s.iter().map(|s| 1.0 - s).collect::<Vec<_>>());
        for (one, other) in all(&labels, &networks).iter().zip(all(&swapped, &turned)) {
            prop_assert_eq!(one.listed, other.listed);
            // The mean of three is rounded, and then equals may change places.
            for (a, b) in one.order.iter().zip(&other.order) {
                prop_assert!((one.suspicion[*a] - one.suspicion[*b]).abs() < 1e-12);
            }
            for (a, b) in one.suspicion.iter().zip(&other.suspicion) {
                prop_assert!((a - b).abs() < 1e-12);
            }
        }
        let one = confident(&labels, &networks[0]).unwrap();
        let other = confident(&swapped, &turned[0]).unwrap();
        for i in [0, 1] {
            for j in [0, 1] {
                prop_assert_eq!(one.joint[i][j], other.joint[1 - i][1 - j]);
                prop_assert_eq!(one.calibrated[i][j], other.calibrated[1 - i][1 - j]);
            }
        }
    }

    #[test]
    fn the_order_of_candidates_says_nothing((labels, networks) in scored(), by in 1usize..100) {
        let count = labels.len();
        let at = |i: usize| (i + by) % count;
        let moved: Vec<u8> = (0..count).map(|i| labels[at(i)]).collect();
        let theirs = networks.clone().map(|s| (0..count).map(|i| s[at(i)]).collect::<Vec<_>>());
        for (one, other) in all(&labels, &networks).iter().zip(all(&moved, &theirs)) {
            prop_assert_eq!(one.listed, other.listed);
            for i in 0..count {
                prop_assert_eq!(one.suspicion[at(i)], other.suspicion[i]);
            }
            // Equals may change places: what stands at a place is as suspicious.
            for (a, b) in one.order.iter().zip(&other.order) {
                prop_assert_eq!(one.suspicion[*a], other.suspicion[*b]);
            }
        }
    }

    #[test]
    fn rankings_hold_every_candidate_once((labels, networks) in scored()) {
        for ranking in all(&labels, &networks) {
            let mut rows = ranking.order.clone();
            rows.sort_unstable();
            prop_assert_eq!(rows, (0..labels.len()).collect::<Vec<_>>());
            prop_assert!(ranking.suspicion.iter().all(|s| (0.0..=1.0).contains(s)));
            prop_assert!(ranking.listed <= labels.len());
        }
        let counted = confident(&labels, &networks[0]).unwrap();
        let own = |label: u8| labels.iter().filter(|l| **l == label).count() as u64;
        prop_assert_eq!(counted.calibrated.map(|row| row[0] + row[1]), [own(0), own(1)]);
    }
}
