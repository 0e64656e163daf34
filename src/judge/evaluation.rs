//! What is found out about classifiers on labelled candidates: plain data, made by
//! `evaluate`, drawn by the report, written as JSON as it stands.
//!
//! JSON has no NaN and no infinity: a number that does not exist is `null`.

use serde::Serialize;

use super::{Confusion, EpochRecord};
use crate::{Error, Result};

/// Everything about one or several classifiers on the same candidates.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// Candidates, each with a label and with a score of every classifier.
    pub candidates: u64,
    /// Of these, labelled real.
    pub real: u64,
    /// Of these, labelled bogus.
    pub bogus: u64,
    /// Bogus candidates for each real one, for which cleanliness is worked out: first as
    /// in these data, then those asked for.
    pub bogus_per_real: Vec<f64>,
    /// The missed detection rate at which false positive rates are compared (DES: 0.05).
    pub at_mdr: f64,
    /// How sure an interval is: 0.95.
    pub level: f64,
    /// Of the candidates' numeric columns, first magnitude (O'TRAIN Fig. 4) where known.
    pub distributions: Vec<Distribution>,
    /// One for each classifier, in the order given.
    pub classifiers: Vec<Judged>,
    /// How the others sort what one puts into categories 1 and 6 (DES Table 3).
    pub agreements: Vec<Agreement>,
}

/// Everything about one classifier.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// What it is called.
    pub name: String,
    /// A candidate is called real from this score on.
    pub threshold: f64,
    /// Where the threshold comes from, in words: "stored in the model", "--threshold", "0.5 by default".
    pub threshold_from: String,
    /// The decisions at it.
    pub confusion: Confusion,
    /// accuracy, precision, recall, f1, mcc, tpr, fpr, mdr, loss, average_precision, auc,
    /// fpr_at_mdr, brier, ece: in this order.
    pub metrics: Vec<Metric>,
    /// Thresholds that rules would choose.
    pub thresholds: Vec<Chosen>,
    /// Decisions by falling threshold, the first at infinity (nothing is called real); at
    /// most some 2,000 points, so chosen that no drawing shows the difference.
    pub curve: Vec<Point>,
    /// Decisions at 0, 0.01, … 1.
    pub scan: Vec<Point>,
    /// Scores by class.
    pub histogram: Histogram,
    /// The same rates within parts of the data: by magnitude, its error, and what was asked for.
    pub breakdowns: Vec<Breakdown>,
    /// Part of the real ones that is called real, against magnitude.
    pub completeness: Option<Completeness>,
    /// What share is real among those of one score.
    pub reliability: Reliability,
    /// DES Table 2: candidates of categories 1 to 6.
    pub categories: [u64; 6],
    /// Of its training, if it is there.
    pub training: Option<Training>,
}

/// A number with its uncertainty.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    /// As in JSON and CSV: "fpr_at_mdr".
    pub name: &'static str,
    /// NaN where it does not exist (one class only).
    pub value: f64,
    /// Lower and upper end of the interval; NaN where there is none.
    pub low: f64,
    /// See `low`.
    pub high: f64,
    /// How the interval was found: "bootstrap, 1000 resamples", "DeLong", "Wilson", ….
    pub method: String,
}

/// A threshold and the rule that chose it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chosen {
    /// "g-mean", "F1", "F1 + MCC", "FPR 0.01", "MDR 0.05".
    pub rule: String,
    /// Real from this score on; infinite where nothing may be called real.
    pub threshold: f64,
    /// What the rule maximised, or the rate that was reached.
    pub value: f64,
    /// The decisions at it.
    pub confusion: Confusion,
}

/// The decisions at one threshold. Every rate is a method of [`Confusion`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Real from this score on.
    pub threshold: f64,
    /// The decisions at it.
    pub confusion: Confusion,
}

/// Counts by class in bins: `edges` has one more than the counts. A value on an inner
/// edge belongs to the bin above; the last bin has its upper end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Histogram {
    /// Rising.
    pub edges: Vec<f64>,
    /// Labelled real.
    pub real: Vec<u64>,
    /// Labelled bogus.
    pub bogus: Vec<u64>,
}

/// How a column's values are spread.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Distribution {
    /// "magnitude", "FWHM".
    pub column: String,
    /// "mag", "pixels"; empty if it has none.
    pub unit: String,
    /// By class.
    pub histogram: Histogram,
    /// Candidates without a value, or with one far outside of the others'.
    pub unknown: u64,
}

/// A classifier within parts of the data.
#[derive(Clone, Debug, Serialize)]
pub struct Breakdown {
    /// "magnitude", "magnitude error", "filter".
    pub column: String,
    /// "mag"; empty if it has none.
    pub unit: String,
    /// Rising, or by name.
    pub bins: Vec<Bin>,
    /// Candidates without a value, or with one outside of the bins.
    pub unknown: u64,
}

/// A classifier on one part of the data.
#[derive(Clone, Debug, Serialize)]
pub struct Bin {
    /// "17.0–18.5", "g".
    pub label: String,
    /// Ends of the bin; NaN for words.
    pub low: f64,
    /// See `low`.
    pub high: f64,
    /// Labelled real.
    pub real: u64,
    /// Labelled bogus.
    pub bogus: u64,
    /// At the classifier's threshold.
    pub confusion: Confusion,
    /// With its interval; NaN with one class only.
    pub auc: Metric,
    /// With its interval; NaN without a real one.
    pub average_precision: Metric,
    /// As [`Judged::curve`]; empty with one class only.
    pub curve: Vec<Point>,
}

/// Part of the real ones that is called real, in bins of magnitude.
#[derive(Clone, Debug, Serialize)]
pub struct Completeness {
    /// Rising.
    pub bins: Vec<CompletenessBin>,
    /// The faint magnitude at which it falls through one half, on the straight line between
    /// bins; NaN where it does not.
    pub half: f64,
}

/// One bin of magnitude.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CompletenessBin {
    /// Ends, in magnitudes.
    pub low: f64,
    /// See `low`.
    pub high: f64,
    /// Labelled real.
    pub real: u64,
    /// Of these, called real.
    pub found: u64,
    /// found / real; NaN in an empty bin.
    pub value: f64,
    /// Wilson's interval of it.
    pub value_low: f64,
    /// See `value_low`.
    pub value_high: f64,
}

/// Whether a score of 0.8 means that four in five are real.
#[derive(Clone, Debug, Serialize)]
pub struct Reliability {
    /// Equal in width, from 0 to 1.
    pub bins: Vec<ReliabilityBin>,
    /// Expected calibration error: mean |share real - mean score| over candidates.
    pub ece: f64,
}

/// Candidates whose scores are alike. A score on an inner edge belongs to the bin below, as in
/// scikit-learn's `calibration_curve`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// Ends, scores.
    pub low: f64,
    /// See `low`.
    pub high: f64,
    /// How many.
    pub candidates: u64,
    /// Of these, labelled real.
    pub real: u64,
    /// Their mean score; NaN in an empty bin.
    pub mean_score: f64,
    /// real / candidates; NaN in an empty bin.
    pub share: f64,
    /// Wilson's interval of it.
    pub share_low: f64,
    /// See `share_low`.
    pub share_high: f64,
}

/// How several classifiers sort what one of them is strangely sure of (DES Table 3).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// Whose category it is.
    pub of: String,
    /// 1 (labelled bogus, P(real) >= 0.9) or 6 (labelled real, P(real) <= 0.1).
    pub category: u8,
    /// How many candidates it holds.
    pub candidates: u64,
    /// For every other classifier, how many of them it puts into categories 1, 2, 3 (or 4, 5, 6).
    pub others: Vec<(String, [u64; 3])>,
}

/// The course of a training and what it says of over- and underfitting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Training {
    /// One record per epoch, at least one.
    pub history: Vec<EpochRecord>,
    /// The epoch whose weights were kept, from 1, where known.
    pub best_epoch: Option<usize>,
    /// Accuracy in training less that in validation, in that epoch (or the last): above 0.02
    /// the network overfits, below -0.02 it underfits (O'TRAIN Sect. 6.3).
    pub delta_accuracy: f64,
}

impl Training {
    /// That of `history`, of which the weights of `best_epoch`, from 1, were kept. An error
    /// where the history has no epoch, or not that one.
    pub fn new(history: Vec<EpochRecord>, best_epoch: Option<usize>) -> Result<Training> {
        let number = best_epoch.unwrap_or(history.len());
        let found = number.checked_sub(1).and_then(|at| history.get(at));
        let Some(record) = found else {
            let found = format!("{} epochs", history.len());
            let expected = format!("a history up to epoch {}", number.max(1));
            return Err(Error::config("history of a training", found, expected));
        };
        Ok(Training {
            delta_accuracy: record.accuracy - record.val_accuracy,
            history,
            best_epoch,
        })
    }
}
