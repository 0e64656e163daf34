//! One training, and what a network says of every candidate.

use std::sync::Arc;
use std::time::Instant;

use super::progress::{Heard, Span};
use crate::Result;
use crate::backend::Device;
use crate::data::{Dataset, Loader, LoaderOptions, Split};
use crate::formats::ModelFile;
use crate::judge::EpochRecord;
use crate::reproduce::Watcher;
use crate::train::finished::{HeldOut, finished_with};
use crate::train::session::score;
use crate::train::{Config, Session};

/// A network that was trained.
#[derive(Debug)]
pub struct Trained {
    /// "CNN 1".
    pub name: String,
    /// The network as it is described.
    pub network: String,
    /// Parameters that training moves.
    pub parameters: usize,
    /// Of wall-clock time, validation included.
    pub seconds_per_epoch: f64,
    /// One record for each epoch.
    pub history: Vec<EpochRecord>,
    /// The epoch whose weights were kept.
    pub best_epoch: usize,
    /// The network with its threshold.
    pub model: ModelFile,
}

/// Trains `config` on `data`, split as `split` says; from the weights of `from` if there is one.
pub fn train(
    name: &str,
    config: Config,
    from: Option<&ModelFile>,
    (data, split): (&Arc<Dataset>, &Split),
    device: &Device,
    span: Span,
    watcher: &mut dyn Watcher,
) -> Result<Trained> {
    watcher.step(&format!("training {name}"), span.at(0.0), None)?;
    let network = config.architecture.name.clone();
    let mut session = Session::new(config, device, data.clone(), split.clone());
    if let Some(parent) = from {
        session = session.from(parent, "the network of Sect. 4.5")?;
    }
    let started = Instant::now();
    let outcome = session.run(
        false,
        &mut Heard {
            watcher,
            what: name.into(),
            whole: span,
            span,
        },
    )?;
    let seconds = started.elapsed().as_secs_f64();
    let held_out = HeldOut::of(&session, &outcome)?;
    let model = finished_with(&session, &outcome, &held_out);
    Ok(Trained {
        name: name.into(),
        network,
        parameters: model.model.plan().trainable(),
        seconds_per_epoch: seconds / outcome.history.len().max(1) as f64,
        history: outcome.history,
        best_epoch: outcome.best_epoch,
        model,
    })
}

/// P(real) of every candidate of `data`.
pub fn scores(model: &ModelFile, data: &Arc<Dataset>) -> Result<Vec<f64>> {
    let rows = (0..data.len()).collect();
    scores_of(model, data, rows)
}

/// P(real) of the candidates `rows` of `data`.
pub fn scores_of(model: &ModelFile, data: &Arc<Dataset>, rows: Vec<usize>) -> Result<Vec<f64>> {
    let options = LoaderOptions {
        preprocess: model.preprocess,
        cache_bytes: 0,
        ..LoaderOptions::default()
    };
    let loader = Loader::new(data.clone(), rows, options)?;
    score(&model.model, &loader, |_| Ok(()))
}
