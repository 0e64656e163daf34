//! What one training of a study gave: a line of its journal, a row of its table.

use serde::{Deserialize, Serialize};

use super::Run;
use crate::data::Part;
use crate::judge::{Cut, EpochRecord, Scored};
use crate::train::Outcome;
use crate::train::finished::HeldOut;

/// The missed detection rate at which false positive rates are compared (DES Sect. 4.5).
pub const AT_MDR: f64 = 0.05;

/// A training that is over. Numbers that do not exist are `None`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The run's name, which is its key.
    pub run: String,
    /// Parameters that training moves.
    pub parameters: Option<usize>,
    /// Adam's η in the first epoch.
    pub learning_rate: f64,
    /// Epochs that were trained.
    pub epochs: usize,
    /// The one whose weights were kept, from 1.
    pub best_epoch: Option<usize>,
    /// Whether the validation loss stopped it.
    pub stopped_early: bool,
    /// (real, bogus) candidates that weights were fitted to.
    pub trained_on: [usize; 2],
    /// Of the kept epoch: accuracy of its training batches, as they were seen.
    pub accuracy_train: Option<f64>,
    /// Of the kept epoch.
    pub accuracy_validation: Option<f64>,
    /// ΔAcc of the kept epoch: training batches less validation (O'TRAIN Sect. 6.3).
    pub delta_accuracy: Option<f64>,
    /// ΔAcc of the last epoch.
    pub delta_accuracy_last: Option<f64>,
    /// On the validation part, which chose epoch and threshold.
    pub validation: Option<Measures>,
    /// On the test part; `None` if there is none.
    pub test: Option<Measures>,
    /// Why there is nothing, or no more.
    pub note: Option<String>,
    /// Measured, of whole epochs with their validation; not part of what a study compares.
    pub seconds_per_epoch: Option<f64>,
}

/// How well the kept weights do on one part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measures {
    /// Candidates.
    pub candidates: usize,
    /// Of 0, 0.01, … 1 that with the largest F1 + MCC on the validation part.
    pub threshold: f64,
    /// At the threshold.
    pub accuracy: f64,
    /// At the threshold.
    pub f1: f64,
    /// At the threshold.
    pub mcc: f64,
    /// At 0.5.
    pub accuracy_at_half: f64,
    /// At 0.5.
    pub f1_at_half: f64,
    /// At 0.5.
    pub mcc_at_half: f64,
    /// Area under the ROC; `None` with one class only.
    pub auc: Option<f64>,
    /// False positive rate at a missed detection rate of [`AT_MDR`], on the straight line
    /// between the points of the ROC.
    pub fpr_at_mdr: Option<f64>,
}

impl Measures {
    /// Of a part, at a threshold that was chosen elsewhere.
    pub fn of(scored: &Scored, threshold: f64) -> Measures {
        let at = scored.confusion(threshold, Cut::AtLeast);
        let half = scored.confusion(0.5, Cut::AtLeast);
        Measures {
            candidates: scored.len(),
            threshold,
            accuracy: at.accuracy(),
            f1: at.f1(),
            mcc: at.mcc(),
            accuracy_at_half: half.accuracy(),
            f1_at_half: half.f1(),
            mcc_at_half: half.mcc(),
            auc: scored.auc(),
            fpr_at_mdr: scored.fpr_at_mdr(AT_MDR).map(|at| at.linear),
        }
    }
}

impl Record {
    /// Of a run that gave no model, and why.
    pub fn without_model(run: &Run, trained_on: [usize; 2], why: String) -> Record {
        Record {
            run: run.name.clone(),
            parameters: None,
            learning_rate: run.config.learning_rate,
            epochs: 0,
            best_epoch: None,
            stopped_early: false,
            trained_on,
            accuracy_train: None,
            accuracy_validation: None,
            delta_accuracy: None,
            delta_accuracy_last: None,
            validation: None,
            test: None,
            note: Some(why),
            seconds_per_epoch: None,
        }
    }

    /// Of a run with its outcome.
    pub fn of(
        run: &Run,
        trained_on: [usize; 2],
        outcome: &Outcome,
        held_out: &HeldOut,
        seconds_per_epoch: Option<f64>,
    ) -> Record {
        let kept = outcome.history.get(outcome.best_epoch.wrapping_sub(1));
        let delta = |r: &EpochRecord| known(r.accuracy - r.val_accuracy);
        let threshold = held_out.threshold();
        let parameters = outcome.model.plan().trainable();
        Record {
            parameters: Some(parameters),
            epochs: outcome.history.len(),
            best_epoch: Some(outcome.best_epoch),
            stopped_early: outcome.stopped_early && outcome.diverged.is_none(),
            accuracy_train: kept.and_then(|r| known(r.accuracy)),
            accuracy_validation: kept.and_then(|r| known(r.val_accuracy)),
            delta_accuracy: kept.and_then(delta),
            delta_accuracy_last: outcome.history.last().and_then(delta),
            validation: Some(Measures::of(&held_out.validation, threshold)),
            test: held_out.test.as_ref().map(|t| Measures::of(t, threshold)),
            note: outcome.diverged.as_ref().map(ToString::to_string),
            seconds_per_epoch,
            ..Record::without_model(run, trained_on, String::new())
        }
    }

    /// What is reported: the test part, or without one the validation part.
    pub fn reported(&self) -> Option<&Measures> {
        self.test.as_ref().or(self.validation.as_ref())
    }

    /// Which part [`reported`](Self::reported) is of.
    pub fn reported_on(&self) -> Option<Part> {
        match (&self.test, &self.validation) {
            (Some(_), _) => Some(Part::Test),
            (None, Some(_)) => Some(Part::Validation),
            (None, None) => None,
        }
    }
}

fn known(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
