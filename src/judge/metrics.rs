//! The numbers that O'TRAIN and DES report, from labels and scores.
//!
//! A label is 1 for real and 0 for bogus; a score is P(real), or anything that
//! grows with it. "Positive" means real throughout. (DES' files call an
//! artifact 1, but its T_p counts non-artifacts too: DES Fig. 3.)
//!
//! Curves and areas are those of scikit-learn to rounding: every distinct
//! score is a threshold, and candidates of equal score move together.
//!
//! Sources: O'TRAIN (Makhlouf et al. 2022) Sect. 6.1 for the metrics and
//! Sect. 6.2 for the thresholds; DES (Ayyar et al. 2022) Sect. 3.2, Eq. 1 for
//! the rates, and Sect. 4.5 for the FPR at MDR 0.05.

use rayon::prelude::*;

use super::confusion::{Confusion, Cut};
use crate::{Error, Result};

/// The receiver operating characteristic. Point i counts as real what scores
/// at least `thresholds[i]`; the first, at infinity, is (0, 0), the last (1, 1).
#[derive(Clone, Debug, PartialEq)]
pub struct Roc {
    /// Not falling.
    pub fpr: Vec<f64>,
    /// Not falling.
    pub tpr: Vec<f64>,
    /// Falling: infinity, then every distinct score.
    pub thresholds: Vec<f64>,
}

/// Precision against recall, by rising threshold. The last point is
/// precision 1 at recall 0 and has no threshold (scikit-learn's convention).
#[derive(Clone, Debug, PartialEq)]
pub struct PrecisionRecall {
    /// One more than thresholds.
    pub precision: Vec<f64>,
    /// Not rising; one more than thresholds.
    pub recall: Vec<f64>,
    /// Every distinct score, rising.
    pub thresholds: Vec<f64>,
}

/// A threshold that was chosen, and the score it was chosen by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    /// The threshold.
    pub threshold: f64,
    /// What was maximised.
    pub value: f64,
    /// The decisions at it.
    pub confusion: Confusion,
}

/// What one pays for missing no more than a given part of the real ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FprAtMdr {
    /// FPR at exactly the wanted MDR, on the straight line between the two
    /// points of the ROC around it. What is read off a drawn curve.
    pub linear: f64,
    /// FPR at the highest threshold whose MDR is not above the wanted one: it
    /// can be had, and is never below `linear`.
    pub step: f64,
    /// That threshold (score >= threshold is real).
    pub threshold: f64,
    /// MDR at that threshold.
    pub mdr: f64,
}

/// Labels and scores that belong together, checked and sorted once.
#[derive(Clone, Debug)]
pub struct Scored {
    /// Score of each candidate, falling.
    scores: Vec<f64>,
    /// `reals[i]` of the first i candidates are real; one longer than `scores`.
    reals: Vec<u64>,
}

impl Scored {
    /// Labels are 0 or 1, scores finite. An empty set is allowed: its curves
    /// do not exist and its ratios are 0.
    pub fn new(labels: &[u8], scores: &[f64]) -> Result<Scored> {
        if labels.len() != scores.len() {
            return Err(Error::config(
                "labels and scores",
                format!("{} labels for {} scores", labels.len(), scores.len()),
                "one label for each score",
            ));
        }
        for (i, (&label, &score)) in labels.iter().zip(scores).enumerate() {
            if label > 1 {
                let expected = "1 for real or 0 for bogus";
                return Err(Error::config(
                    format!("label of candidate {i}"),
                    label.to_string(),
                    expected,
                ));
            }
            if !score.is_finite() {
                return Err(Error::config(
                    format!("score of candidate {i}"),
                    score.to_string(),
                    "a finite number; are there NaN pixels in its cutout?",
                ));
            }
        }
        let mut all: Vec<(f64, u8)> = scores.iter().copied().zip(labels.iter().copied()).collect();
        // Equal scores by label, so that no sum over them depends on the order of the rows.
        all.par_sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        let mut reals = Vec::with_capacity(scores.len() + 1);
        reals.push(0);
        for (i, &(_, label)) in all.iter().enumerate() {
            reals.push(reals[i] + u64::from(label));
        }
        let scores = all.into_iter().map(|(score, _)| score).collect();
        Ok(Scored { scores, reals })
    }

    /// How many candidates.
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    /// How many real candidates.
    pub fn positives(&self) -> u64 {
        self.reals[self.len()]
    }

    /// How many bogus candidates.
    pub fn negatives(&self) -> u64 {
        self.len() as u64 - self.positives()
    }

    /// The lowest and the highest score; `None` if empty.
    pub fn range(&self) -> Option<[f64; 2]> {
        Some([*self.scores.last()?, *self.scores.first()?])
    }

    /// The scores, falling.
    pub(super) fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// Whether the candidate of the i-th highest score is real.
    pub(super) fn is_real(&self, i: usize) -> bool {
        self.reals[i + 1] > self.reals[i]
    }

    /// The first `called` candidates called real, the rest bogus.
    pub(super) fn first(&self, called: usize) -> Confusion {
        let tp = self.reals[called];
        let fp = called as u64 - tp;
        Confusion {
            tn: self.negatives() - fp,
            fp,
            fn_: self.positives() - tp,
            tp,
        }
    }

    /// The decisions at a threshold.
    pub fn confusion(&self, threshold: f64, cut: Cut) -> Confusion {
        self.first(self.scores.partition_point(|&s| cut.is_real(s, threshold)))
    }

    /// Where a run of equal scores ends: every distinct threshold with the
    /// decisions at it (score >= threshold), by falling threshold.
    pub(super) fn thresholds(&self) -> impl DoubleEndedIterator<Item = (f64, Confusion)> + '_ {
        let ends =
            (1..=self.len()).filter(|&n| n == self.len() || self.scores[n] != self.scores[n - 1]);
        ends.map(|n| (self.scores[n - 1], self.first(n)))
    }

    /// The ROC with every distinct score (scikit-learn's `roc_curve` with
    /// `drop_intermediate=False`). `None` unless both classes are there.
    pub fn roc(&self) -> Option<Roc> {
        if self.positives() == 0 || self.negatives() == 0 {
            return None;
        }
        let mut roc = Roc {
            fpr: vec![0.0],
            tpr: vec![0.0],
            thresholds: vec![f64::INFINITY],
        };
        for (threshold, confusion) in self.thresholds() {
            roc.fpr.push(confusion.fpr());
            roc.tpr.push(confusion.tpr());
            roc.thresholds.push(threshold);
        }
        Some(roc)
    }

    /// Area under the ROC: the chance that a real candidate scores above a
    /// bogus one, a tie counting half. `None` unless both classes are there.
    ///
    /// Counted in whole pairs, so no sum of small areas loses digits.
    pub fn auc(&self) -> Option<f64> {
        let pairs = u128::from(self.positives()) * u128::from(self.negatives());
        let mut halves = 0u128;
        let mut before = Confusion::default();
        for (_, now) in self.thresholds() {
            halves += u128::from(now.fp - before.fp) * u128::from(now.tp + before.tp);
            before = now;
        }
        (pairs > 0).then(|| halves as f64 / (2 * pairs) as f64)
    }

    /// Precision against recall. `None` when nothing is real.
    pub fn precision_recall(&self) -> Option<PrecisionRecall> {
        if self.positives() == 0 {
            return None;
        }
        let (thresholds, at): (Vec<_>, Vec<_>) = self.thresholds().rev().unzip();
        let mut precision: Vec<f64> = at.iter().map(Confusion::precision).collect();
        let mut recall: Vec<f64> = at.iter().map(Confusion::tpr).collect();
        precision.push(1.0);
        recall.push(0.0);
        Some(PrecisionRecall {
            precision,
            recall,
            thresholds,
        })
    }

    /// sum (R_n - R_(n-1)) P_n over falling thresholds: the area under the
    /// precision-recall curve in steps. `None` when nothing is real.
    pub fn average_precision(&self) -> Option<f64> {
        let mut area = 0.0;
        let mut before = 0;
        for (_, now) in self.thresholds() {
            area += (now.tp - before) as f64 * now.precision();
            before = now.tp;
        }
        (before > 0).then(|| area / before as f64)
    }

    /// The false positive rate at a missed detection rate. DES compares
    /// networks by it at 0.05 (Sect. 4.5, Fig. 8). `None` unless both classes
    /// are there and `mdr` is from 0 to 1.
    pub fn fpr_at_mdr(&self, mdr: f64) -> Option<FprAtMdr> {
        if !(0.0..=1.0).contains(&mdr) {
            return None;
        }
        let roc = self.roc()?;
        let wanted = 1.0 - mdr;
        // 1 - mdr need not be the double nearest to k/P: leave room for that.
        let enough = |tpr: f64| tpr >= wanted - 1e-12;
        let at = roc.tpr.iter().position(|&tpr| enough(tpr))?;
        let step = roc.fpr[at];
        let linear = if at == 0 || roc.tpr[at] <= wanted {
            step
        } else {
            let part = (wanted - roc.tpr[at - 1]) / (roc.tpr[at] - roc.tpr[at - 1]);
            roc.fpr[at - 1] + part.clamp(0.0, 1.0) * (step - roc.fpr[at - 1])
        };
        let threshold = roc.thresholds[at];
        let mdr = self.confusion(threshold, Cut::AtLeast).mdr();
        Some(FprAtMdr {
            linear,
            step,
            threshold,
            mdr,
        })
    }

    /// The first of the 101 thresholds 0, 0.01, ... 1 at which F1 + MCC is
    /// greatest (O'TRAIN Sect. 6.2: the threshold it recommends). `cut` is
    /// [`Cut::Above`] for what O'TRAIN's own code finds; a threshold to be
    /// used with rbgpu's decision wants [`Cut::AtLeast`]. `None` if empty.
    pub fn best_f1_plus_mcc(&self, cut: Cut) -> Option<Best> {
        let grid = (0..=100).map(|i| {
            let threshold = 0.01 * f64::from(i);
            (threshold, self.confusion(threshold, cut))
        });
        (!self.is_empty()).then(|| first_best(grid, |c| c.f1() + c.mcc()))?
    }

    /// The greatest sqrt(TPR (1 - FPR)) over the ROC (O'TRAIN Eq. 4); the
    /// highest threshold among equals, which is infinite where no threshold
    /// is any good. `None` unless both classes are there.
    pub fn best_gmean(&self) -> Option<Best> {
        if self.positives() == 0 || self.negatives() == 0 {
            return None;
        }
        let all = std::iter::once((f64::INFINITY, self.first(0))).chain(self.thresholds());
        first_best(all, |c| (c.tpr() * (1.0 - c.fpr())).sqrt())
    }

    /// The greatest F1 over the precision-recall curve (O'TRAIN Sect. 6.2);
    /// the lowest threshold among equals. O'TRAIN's code returns a NaN instead
    /// where precision and recall are both 0 at some threshold; here that is
    /// F1 = 0. `None` when nothing is real.
    pub fn best_f1(&self) -> Option<Best> {
        if self.positives() == 0 {
            return None;
        }
        first_best(self.thresholds().rev(), Confusion::f1)
    }
}

/// The first point at which `of` is greatest.
fn first_best(
    points: impl Iterator<Item = (f64, Confusion)>,
    of: impl Fn(&Confusion) -> f64,
) -> Option<Best> {
    points
        .map(|(threshold, confusion)| Best {
            threshold,
            value: of(&confusion),
            confusion,
        })
        .reduce(|best, next| if next.value > best.value { next } else { best })
}

/// [`Scored::roc`] of labels and scores.
pub fn roc(labels: &[u8], scores: &[f64]) -> Result<Option<Roc>> {
    Ok(Scored::new(labels, scores)?.roc())
}

/// [`Scored::auc`] of labels and scores.
pub fn auc(labels: &[u8], scores: &[f64]) -> Result<Option<f64>> {
    Ok(Scored::new(labels, scores)?.auc())
}
