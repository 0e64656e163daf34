//! One training, and what a network says of every candidate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::progress::{Heard, Span};
use super::run::Request;
use crate::data::{Dataset, Loader, LoaderOptions, Split};
use crate::formats::ModelFile;
use crate::judge::{Cut, EpochRecord};
use crate::reproduce::Watcher;
use crate::reproduce::watch::{begin, proceed};
use crate::reproduce::words::{slug, three};
use crate::train::finished::{HeldOut, finished_with};
use crate::train::session::score;
use crate::train::{Config, Session};
use crate::{Error, Result};

/// A network that was trained.
#[derive(Debug)]
pub struct Trained {
    /// "CNN 1".
    pub name: String,
    /// The network as it is described.
    pub network: String,
    /// Parameters that training moves.
    pub parameters: usize,
    /// Of wall-clock time, validation included; `None` where a stopped run was gone on with.
    pub seconds_per_epoch: Option<f64>,
    /// One record for each epoch.
    pub history: Vec<EpochRecord>,
    /// The epoch whose weights were kept.
    pub best_epoch: usize,
    /// The network with its threshold.
    pub model: ModelFile,
}

/// What a training works on.
pub struct Work<'a> {
    /// Stamps with the labels that are to be learned.
    pub data: &'a Arc<Dataset>,
    /// Which of them.
    pub split: &'a Split,
    /// Where the network begins, if not anew.
    pub from: Option<&'a ModelFile>,
    /// What of the whole it is.
    pub span: Span,
}

/// Time between checkpoints within an epoch.
const INTERVAL: Duration = Duration::from_secs(300);

/// Trains `config`. The checkpoint stays in the request's folder: a run that was stopped, here or
/// later, goes on with it.
pub fn train(
    request: &Request,
    name: &str,
    config: Config,
    work: Work,
    watcher: &mut dyn Watcher,
) -> Result<Trained> {
    let Work {
        data,
        split,
        from,
        span,
    } = work;
    begin(watcher, &format!("training {name}"), span.at(0.0))?;
    let network = config.architecture.name.clone();
    let folder = request.work;
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let slug = slug(name);
    let checkpoint = folder.join(format!("{slug}-{}.safetensors", split.train.len()));
    let mut session = Session::new(config, request.device, data.clone(), split.clone())
        .checkpoint(&checkpoint, INTERVAL);
    if let Some(parent) = from {
        session = session.from(parent, "the network of Sect. 4.5")?;
    }
    let resumed = checkpoint.exists();
    let started = Instant::now();
    let mut heard = Heard {
        watcher,
        what: name.into(),
        whole: span,
        span,
    };
    let outcome = session.run(resumed, &mut heard)?;
    let seconds = started.elapsed().as_secs_f64();
    let held_out = HeldOut::of(&session, &outcome, &mut heard)?;
    let model = finished_with(&session, &outcome, &held_out);
    let at = held_out.validation.confusion(model.threshold, Cut::AtLeast);
    heard.watcher.finished(&format!(
        "{name}: {} epochs, the best {}; validation accuracy {}, MCC {}",
        outcome.history.len(),
        outcome.best_epoch,
        three(at.accuracy()),
        three(at.mcc())
    ));
    Ok(Trained {
        name: name.into(),
        network,
        parameters: model.model.plan().trainable(),
        seconds_per_epoch: (!resumed).then(|| seconds / outcome.history.len().max(1) as f64),
        history: outcome.history,
        best_epoch: outcome.best_epoch,
        model,
    })
}

/// P(real) of every candidate of `data`.
pub fn scores(
    model: &ModelFile,
    data: &Arc<Dataset>,
    watcher: &mut dyn Watcher,
) -> Result<Vec<f64>> {
    let options = LoaderOptions {
        preprocess: model.preprocess,
        cache_bytes: 0,
        ..LoaderOptions::default()
    };
    let loader = Loader::new(data.clone(), (0..data.len()).collect(), options)?;
    score(&model.model, &loader, |_| proceed(watcher, "scoring"))
}
