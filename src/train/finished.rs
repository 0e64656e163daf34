//! What a run leaves, as a model that can be used: its threshold chosen, its
//! quality measured.

use serde_json::{Map, Value, json};

use super::checkpoint::fingerprint;
use super::learned::doubt;
use super::scoring::{Feed, score_feed};
use super::{Observer, Outcome, Session};
use crate::data::Part;
use crate::formats::{ModelFile, Provenance};
use crate::judge::{Cut, DecisionThreshold, Scored};
use crate::nn::Model;
use crate::{Error, Result};

/// Labels and scores of what a run did not fit its weights to.
#[derive(Clone, Debug)]
pub struct HeldOut {
    /// It chose the epoch, and chooses the threshold.
    pub validation: Scored,
    /// Nothing looked at it; `None` if there is none.
    pub test: Option<Scored>,
}

impl HeldOut {
    /// By the weights that a run kept, until `observer` asks to end.
    pub fn of(
        session: &Session,
        outcome: &Outcome,
        observer: &mut dyn Observer,
    ) -> Result<HeldOut> {
        let mut of = |part| scored(session, &outcome.model, part, observer);
        Ok(HeldOut {
            validation: of(Part::Validation)?,
            test: match session.split().test.is_empty() {
                true => None,
                false => Some(of(Part::Test)?),
            },
        })
    }

    /// The threshold in steps of 0.01 that has the largest F1 + MCC on the validation part; 0.5
    /// where that calls all of it real, or all bogus.
    pub fn threshold(&self) -> f64 {
        self.decision().value
    }

    pub(super) fn decision(&self) -> DecisionThreshold {
        let best = self.validation.best_f1_plus_mcc(Cut::AtLeast);
        let best = best.map(|best| best.threshold);
        DecisionThreshold::by("F1 + MCC", best, &self.validation)
    }
}

/// What a run leaves.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The model.
    pub file: ModelFile,
    /// Whether it learned anything; `None` where nobody can tell.
    pub learned: Option<bool>,
    /// What a user should know: that nothing was learned and why, that no threshold is any good.
    pub warnings: Vec<String>,
}

impl Finished {
    /// [`finished`], where the parts are scored already.
    pub fn of(session: &Session, outcome: &Outcome, held_out: &HeldOut) -> Result<Finished> {
        let (learned, warnings) = judged(session, outcome, held_out)?;
        Ok(Finished {
            file: finished_with(session, outcome, held_out),
            learned,
            warnings,
        })
    }
}

/// The model of a run, with the threshold that [`HeldOut::threshold`] chooses. Its provenance
/// has accuracy, F1, MCC, … of the validation part and of the test part, if there is one.
pub fn finished(session: &Session, outcome: &Outcome) -> Result<Finished> {
    let held_out = HeldOut::of(session, outcome, &mut ())?;
    Finished::of(session, outcome, &held_out)
}

/// [`Finished::learned`] and [`Finished::warnings`] of a run whose parts are scored already.
pub fn judged(
    session: &Session,
    outcome: &Outcome,
    held_out: &HeldOut,
) -> Result<(Option<bool>, Vec<String>)> {
    let doubt = doubt(session, &outcome.history, held_out)?;
    let learned = doubt.as_ref().map_or(Some(true), |doubt| doubt.learned);
    let warnings = doubt.map(|doubt| doubt.text).into_iter();
    let warnings = warnings.chain(held_out.decision().notice).collect();
    Ok((learned, warnings))
}

/// The model of [`finished`], where the parts are scored already.
pub fn finished_with(session: &Session, outcome: &Outcome, held_out: &HeldOut) -> ModelFile {
    let (config, data, split) = (session.config(), session.data(), session.split());
    let threshold = held_out.threshold();
    let takes = session.start.as_ref().map(|start| &start.takes);
    let own = takes
        .filter(|takes| !takes.guessed)
        .and_then(|takes| takes.names.clone());
    let channels = data.channels.as_deref().map(<[_]>::to_vec);
    let mut parts = vec![("validation", &held_out.validation)];
    parts.extend(held_out.test.as_ref().map(|test| ("test", test)));
    ModelFile {
        model: outcome.model.clone(),
        preprocess: config.preprocess,
        channels: channels.or(own),
        calibration: None,
        threshold,
        provenance: Provenance {
            version: env!("CARGO_PKG_VERSION").into(),
            data: data.source.display().to_string(),
            device: session.device().name(),
            settings: serde_json::to_value(config).expect("plain data"),
            parts: [split.train.len(), split.validation.len(), split.test.len()],
            epoch: [outcome.best_epoch, outcome.history.len()],
            fingerprint: fingerprint(data, split).unwrap_or_default(),
            split: split.fingerprint(data),
            metrics: metrics(&parts, threshold),
        },
    }
}

fn scored(
    session: &Session,
    model: &Model,
    part: Part,
    observer: &mut dyn Observer,
) -> Result<Scored> {
    let loader = session.loader(part, false)?;
    let feed = Feed {
        loader: &loader,
        resident: session.on_device()?,
    };
    let mut at_once = session.config().batch_size;
    let scores = score_feed(model, feed, &mut at_once, |_| {
        match observer.interrupted() {
            // What there is to save was saved after the last epoch.
            true => Err(Error::Interrupted {
                at: format!("while scoring the {} part", part.name()),
                checkpoint: session.saved(),
            }),
            false => Ok(()),
        }
    })?;
    let labels = session.data().labels.as_ref();
    let labels = labels.expect("training data has labels");
    let rows = session.split().part(part);
    let labels: Vec<u8> = rows.iter().map(|i| labels[*i]).collect();
    Scored::new(&labels, &scores)
}

/// What a model's provenance says of each of `parts` at `threshold`.
pub fn metrics(parts: &[(&str, &Scored)], threshold: f64) -> Value {
    let each = parts.iter().map(|(name, scored)| {
        let at = scored.confusion(threshold, Cut::AtLeast);
        let value = json!({
            "candidates": scored.len(),
            "accuracy": at.accuracy(),
            "f1": at.f1(),
            "mcc": at.mcc(),
            "precision": at.precision(),
            "recall": at.tpr(),
            "fpr": at.fpr(),
            "mdr": at.mdr(),
            "auc": scored.auc(),
        });
        ((*name).to_string(), value)
    });
    Value::Object(each.collect::<Map<_, _>>())
}
