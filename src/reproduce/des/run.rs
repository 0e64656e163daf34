//! All experiments in order.

use std::path::Path;

use serde_json::{Value, json};

use super::compare::metric;
use super::first::{First, first};
use super::found::{Found, found};
use super::live::{Live, live};
use super::progress::Span;
use super::repair::{Repair, repair};
use super::sample::Sample;
use super::scale::Scale;
use super::second::{Second, second};
use crate::Result;
use crate::backend::Device;
use crate::judge::Evaluation;
use crate::reproduce::Watcher;
use crate::train::Precision;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// How much.
    pub scale: &'a Scale,
    /// Where networks run.
    pub device: &'a Device,
    /// What a gpu calculates in.
    pub precision: Precision,
    /// Of everything that is random.
    pub seed: u64,
    /// For trainings that are not over, and the cross-validation's.
    pub work: &'a Path,
}

/// Everything that came out.
pub struct Outcome {
    /// How much.
    pub scale: Scale,
    /// The candidates.
    pub sample: Sample,
    /// Sects. 4.2 and 4.3.
    pub first: First,
    /// Which rule finds wrong labels; `None` without cross-validation.
    pub found: Option<Found>,
    /// Sect. 4.4; `None` where nobody has looked at the candidates yet.
    pub repair: Option<Repair>,
    /// Sect. 4.5.
    pub second: Option<Second>,
    /// Sect. 4.6.
    pub live: Option<Live>,
    /// For the page: name and value.
    pub facts: Vec<(String, String)>,
    /// For the page.
    pub notices: Vec<String>,
}

impl Outcome {
    /// Every number, as JSON.
    pub fn numbers(&self) -> Value {
        let evaluation = |one: Option<&Evaluation>| json!(one);
        json!({
            "scale": self.scale,
            "candidates": self.sample.data.len(),
            "first": evaluation(Some(&self.first.evaluation)),
            "repaired": evaluation(self.repair.as_ref().map(|r| &r.evaluation)),
            "second": evaluation(self.second.as_ref().map(|s| &s.evaluation)),
            "second_by_truth": evaluation(self.second.as_ref().and_then(|s| s.by_truth.as_ref())),
            "live": evaluation(self.live.as_ref().map(|l| &l.evaluation)),
            "rules": self.found.as_ref().map(|f| &f.recovered),
            "expected_wrong": self.found.as_ref().map(|f| &f.suspects.expected),
            "votes": self.live.as_ref().map(|l| &l.counted),
            "inspected": self.repair.as_ref().map(|r| r.seen.len()),
            "relabelled": self.repair.as_ref().map(|r| r.changed.len()),
        })
    }
}

/// What of the whole each stage is, by what it costs: the first, the folds, the second, the live
/// survey.
const SHARES: [f64; 4] = [0.72, 0.14, 0.08, 0.06];

/// Runs everything on `sample`.
pub fn run(request: &Request, sample: Sample, watcher: &mut dyn Watcher) -> Result<Outcome> {
    request.scale.check()?;
    let mut from = 0.0;
    let spans = SHARES.map(|share| {
        let span = Span { from, share };
        from += share;
        span
    });
    let first = first(request, &sample, spans[0], watcher)?;
    let found = match request.scale.folds {
        0 => None,
        _ => Some(found(request, &sample, &first, spans[1], watcher)?),
    };
    let repair = match &sample.repaired {
        Some(expert) => Some(repair(request, &sample, &first, expert)?),
        None => None,
    };
    let second = match &repair {
        Some(repair) => Some(second(request, &sample, repair, spans[2], watcher)?),
        None => None,
    };
    let live = match (&second, sample.truth.is_some()) {
        (Some(second), true) => Some(live(request, &second.network.model, spans[3], watcher)?),
        _ => None,
    };
    let scale = request.scale.clone();
    Ok(Outcome {
        facts: facts(request, &sample),
        notices: notices(&scale, &sample, &first),
        scale,
        sample,
        first,
        found,
        repair,
        second,
        live,
    })
}

fn facts(request: &Request, sample: &Sample) -> Vec<(String, String)> {
    let scale = request.scale;
    let narrow = match scale.narrow {
        1 => "the paper's four".to_string(),
        by => format!("the paper's four with a {by}th of the filters"),
    };
    let halved = match scale.halve_every {
        0 => String::new(),
        epochs => format!(", halved every {epochs} epochs"),
    };
    let all = [
        (
            "Paper",
            "Ayyar, Knop, Awbrey, Andersen & Nugent 2022, PASP 134, 094501".into(),
        ),
        (
            "Candidates",
            format!("{}, {}", sample.data.len(), sample.origin),
        ),
        ("Networks", narrow),
        (
            "Training",
            format!(
                "{} epochs at most, learning rate {}{halved}, batches of {}, pixels scaled: {}, \
                 stamps turned: {} (the paper: 2e-5 halved every 10 epochs, stopped after 15 without a lower loss, pixels \
                 of 8 bits as they are)",
                scale.epochs,
                scale.learning_rate,
                scale.batch_size,
                scale.normalisation.name(),
                scale.augment,
            ),
        ),
        (
            "Forest",
            format!(
                "100 trees, entropy, 6 features per split, 3 samples to split; {} features",
                sample.features.names.len()
            ),
        ),
        ("Device", request.device.name()),
        ("Seed", request.seed.to_string()),
        ("rbgpu", env!("CARGO_PKG_VERSION").into()),
    ];
    all.map(|(name, value)| (name.to_string(), value)).to_vec()
}

fn notices(scale: &Scale, sample: &Sample, first: &First) -> Vec<String> {
    let mut all = Vec::new();
    let auc = metric(&first.evaluation.classifiers[0], "auc");
    if auc.value.is_nan() || auc.value < 0.8 {
        all.push(format!(
            "Model 1 has learned next to nothing (AUC {:.2}): nothing below about networks can be \
             judged. It needs more epochs or more candidates.",
            auc.value
        ));
    }
    if sample.truth.is_some() {
        all.push(
            "Simulated candidates: the paper's numbers are of DES images, and where ours differ it \
             may be the sky."
                .into(),
        );
    }
    if scale.narrow > 1 {
        all.push(
            "The quick form: smaller networks on few candidates. What it shows is the pattern, not \
             what the networks can do."
                .into(),
        );
    }
    if sample.repaired.is_none() {
        all.push(
            "Nobody has repaired the labels yet, so this stops at Table 3: look at suspects.csv \
             with `rbgpu relabel`, and give its label file with --repaired."
                .into(),
        );
    }
    all
}
