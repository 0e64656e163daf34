//! Confident learning: how many labels are wrong in which direction, and which (Northcutt,
//! Jiang & Chuang 2021, JAIR 70, 1373), for two classes.
//!
//! Scores should be out-of-sample: a network that was fitted to a wrong label is sure of it.

use rayon::prelude::*;
use serde::Serialize;

use super::bootstrap::{draw, percentile, streams};
use crate::{Error, Result};

/// Probabilities closer than this count as equal.
const CLOSE: f64 = 1e-6;

/// What confident learning counts. The first index is the label, the second the class that a
/// candidate is confidently of; 0 bogus, 1 real.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Confident {
    /// A candidate is confidently of a class from this probability of it on: the mean
    /// probability of the class among those labelled so ("self-confidence").
    pub thresholds: [f64; 2],
    /// The confident joint: candidates that are confidently of a class (Eq. 1 there). Those
    /// confident of neither are not counted; the diagonal is at least 1.
    pub joint: [[u64; 2]; 2],
    /// The same, calibrated: each row scaled to as many as have the label (Eq. 3 there), and
    /// rounded.
    pub calibrated: [[u64; 2]; 2],
}

/// Refuses what no rule can look at: other lengths, labels other than 0 and 1, scores that
/// are no probabilities, a class without candidates.
pub(super) fn check(labels: &[u8], scores: &[f64]) -> Result<()> {
    let wrong = |found: String, expected: &str| Err(Error::config("suspects", found, expected));
    if labels.len() != scores.len() {
        let found = format!("{} labels and {} scores", labels.len(), scores.len());
        return wrong(found, "one score for each label");
    }
    if let Some(row) = labels.iter().position(|&label| label > 1) {
        return wrong(format!("label {} in row {row}", labels[row]), "0 or 1");
    }
    let outside = |score: &f64| !(0.0..=1.0).contains(score);
    if let Some(row) = scores.iter().position(outside) {
        let found = format!("score {} in row {row}", scores[row]);
        return wrong(found, "P(real), from 0 to 1");
    }
    let real = labels.iter().filter(|&&label| label == 1).count();
    if real == 0 || real == labels.len() {
        let found = format!("{real} real and {} bogus", labels.len() - real);
        return wrong(found, "candidates of both classes");
    }
    Ok(())
}

/// P(class) of a candidate with this P(real).
fn probability(class: usize, score: f64) -> f64 {
    match class {
        1 => score,
        _ => 1.0 - score,
    }
}

/// Counts `labels` (1 real, 0 bogus) with `scores`, P(real); both classes occur.
pub fn confident(labels: &[u8], scores: &[f64]) -> Result<Confident> {
    check(labels, scores)?;
    Ok(counted(labels, scores, |_| 1))
}

/// As [`confident`], with each candidate `times` as often. A class that is not there has
/// threshold 2, which nothing reaches.
fn counted(labels: &[u8], scores: &[f64], times: impl Fn(usize) -> u32) -> Confident {
    let (mut sums, mut counts) = ([0.0; 2], [0u64; 2]);
    for (i, (&label, &score)) in labels.iter().zip(scores).enumerate() {
        let class = usize::from(label);
        sums[class] += f64::from(times(i)) * probability(class, score);
        counts[class] += u64::from(times(i));
    }
    let thresholds = [0, 1].map(|class| match counts[class] {
        0 => 2.0,
        // Nothing would be no probability to be confident at.
        count => (sums[class] / count as f64).max(2.0 * CLOSE),
    });
    let mut joint = [[0; 2]; 2];
    for (i, (&label, &score)) in labels.iter().zip(scores).enumerate() {
        if let Some(class) = class_of(&thresholds, label, score) {
            joint[usize::from(label)][class] += u64::from(times(i));
        }
    }
    for class in [0, 1] {
        joint[class][class] = joint[class][class].max(1);
    }
    let calibrated = [0, 1].map(|label| {
        let row: [u64; 2] = joint[label];
        let off = counts[label] as f64 * (row[1 - label] as f64 / (row[0] + row[1]) as f64);
        let off = off.round_ties_even() as u64;
        let mut row = [off; 2];
        row[label] = counts[label] - off;
        row
    });
    Confident {
        thresholds,
        joint,
        calibrated,
    }
}

/// The class that a candidate is confidently of; of both, the likelier, and its label where
/// they are equally likely.
fn class_of(thresholds: &[f64; 2], label: u8, score: f64) -> Option<usize> {
    let sure = [0, 1].map(|class| probability(class, score) >= thresholds[class] - CLOSE);
    match sure {
        [true, true] if score == 0.5 => Some(usize::from(label)),
        [true, true] => Some(usize::from(score > 0.5)),
        [true, false] => Some(0),
        [false, true] => Some(1),
        [false, false] => None,
    }
}

/// How likely a label is to be wrong by itself: one less its self-confidence. For two classes
/// the normalised margin says the same.
pub fn doubt(label: u8, score: f64) -> f64 {
    1.0 - probability(usize::from(label), score)
}

/// Whether the other class than the label is the likelier one.
fn is_more_likely(doubt: f64) -> bool {
    doubt > 1.0 - doubt + CLOSE
}

/// Rows by falling `suspicion`; among equals the first comes first.
pub(super) fn by_falling(suspicion: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..suspicion.len()).collect();
    order.sort_by(|&a, &b| suspicion[b].total_cmp(&suspicion[a]));
    order
}

impl Confident {
    /// Candidates whose label is likely wrong, the likeliest first: of each label as many as the
    /// calibrated joint counts in the other class ("prune by noise rate"), but for those whose
    /// label is the likelier class, and at least one stays of each label.
    pub fn issues(&self, labels: &[u8], scores: &[f64]) -> Vec<usize> {
        let doubts: Vec<f64> = labels
            .iter()
            .zip(scores)
            .map(|(&l, &s)| doubt(l, s))
            .collect();
        let counts = [0, 1].map(|label| self.calibrated[label].iter().sum::<u64>());
        let mut left = [0, 1].map(|label: usize| {
            let wrong = self.calibrated[label][1 - label];
            wrong.min(counts[label].saturating_sub(1))
        });
        let mut issues = by_falling(&doubts);
        issues.retain(|&row| {
            let left = &mut left[usize::from(labels[row])];
            let taken = *left > 0;
            *left = left.saturating_sub(1);
            taken && is_more_likely(doubts[row])
        });
        issues
    }

    /// Candidates that are confidently of the other class than their label and likelier so, in
    /// their order: those that the confident joint has off its diagonal.
    pub fn contradicted(&self, labels: &[u8], scores: &[f64]) -> Vec<usize> {
        let contradicts = |&row: &usize| {
            let (label, score) = (labels[row], scores[row]);
            let doubt = doubt(label, score);
            class_of(&self.thresholds, label, score) == Some(usize::from(1 - label))
                && is_more_likely(doubt)
        };
        (0..labels.len()).filter(contradicts).collect()
    }

    /// Of the calibrated joint: labels expected to be wrong, of [labelled bogus, labelled real].
    pub fn wrong(&self) -> [u64; 2] {
        [self.calibrated[0][1], self.calibrated[1][0]]
    }
}

/// A number with an interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// How many labels are expected to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Expected {
    /// All of them.
    pub wrong: Estimate,
    /// Labelled bogus though real.
    pub labelled_bogus: Estimate,
    /// Labelled real though bogus.
    pub labelled_real: Estimate,
    /// Of the intervals: 0.95.
    pub level: f64,
    /// Of the bootstrap that they are from.
    pub resamples: usize,
}

/// The off-diagonals of the calibrated confident joint, with percentile intervals of a
/// bootstrap over candidates. The intervals hold what another sample of candidates would
/// change, not what another network would: mistakes that a network makes surely are counted as
/// wrong labels.
pub fn expected(labels: &[u8], scores: &[f64], resamples: usize, seed: u64) -> Result<Expected> {
    let level = 0.95;
    let here = confident(labels, scores)?;
    let drawn = streams(seed, resamples).into_par_iter().map_init(
        || vec![0; labels.len()],
        |counts, mut random| {
            draw(&mut random, counts);
            counted(labels, scores, |i| counts[i]).wrong()
        },
    );
    let drawn: Vec<[u64; 2]> = drawn.collect();
    let estimate = |of: &dyn Fn(&[u64; 2]) -> u64| {
        let mut values: Vec<f64> = drawn.iter().map(|wrong| of(wrong) as f64).collect();
        values.sort_unstable_by(f64::total_cmp);
        let tail = 0.5 * (1.0 - level);
        let end = |part| percentile(&values, part).unwrap_or(f64::NAN);
        Estimate {
            value: of(&here.wrong()) as f64,
            low: end(tail),
            high: end(1.0 - tail),
        }
    };
    Ok(Expected {
        wrong: estimate(&|wrong| wrong[0] + wrong[1]),
        labelled_bogus: estimate(&|wrong| wrong[0]),
        labelled_real: estimate(&|wrong| wrong[1]),
        level,
        resamples,
    })
}
