//! The search for a network (DES Sect. 4.1): trials drawn from a space, trained on rungs, ranked
//! by the validation part.

use std::path::Path;
use std::sync::Arc;

use super::halving::Rung;
use super::{Record, Run, Study, View};
use crate::data::atomic::atomic_write;
use crate::data::{CutoutShape, Split};
use crate::nn::{Architecture, Training};
use crate::train::{Config, Settings};
use crate::{Error, Result};

/// A network of the search.
#[derive(Clone, Debug)]
pub struct Trial {
    /// How it is trained; its epochs are those of the last rung.
    pub config: Config,
    /// Whether it is a published network, which is trained for all epochs beside the search.
    pub published: bool,
    /// Draws that did not fit before it.
    pub redrawn: usize,
}

/// A trial with what its longest training gave.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Which trial.
    pub trial: usize,
    /// What it gave.
    pub record: Record,
}

/// A published network as a trial: with its own learning rate and halving of it, and all else
/// as `training`, the space's, has it.
pub fn published(name: &str, training: &Training, settings: &Settings) -> Result<Trial> {
    let mut architecture = Architecture::named(name)?;
    architecture.training = Training {
        learning_rate: architecture.training.learning_rate,
        halve_every: architecture.training.halve_every,
        ..training.clone()
    };
    Ok(Trial {
        config: settings.check(architecture)?,
        published: true,
        redrawn: 0,
    })
}

/// Writes the network of `trial` with its settings, as `rbgpu train --network` takes it.
pub fn write_network(trial: &Trial, path: &Path) -> Result<()> {
    let Config {
        architecture,
        epochs,
        batch_size,
        learning_rate,
        halve_every,
        patience,
        split,
        preprocess,
        ..
    } = &trial.config;
    let described = Architecture {
        training: Training {
            learning_rate: *learning_rate,
            halve_every: *halve_every,
            batch_size: *batch_size,
            epochs: *epochs,
            patience: *patience,
            split: split.to_string(),
            normalisation: preprocess.to_string(),
            candidates: None,
        },
        ..architecture.clone()
    };
    let text = toml::to_string(&described).map_err(|e| {
        let found = e.to_string();
        Error::input(path, "network", found, "one that TOML can hold")
    })?;
    atomic_write(path, |out| std::io::Write::write_all(out, text.as_bytes()))
}

/// How many runs `search` makes of the rungs and the published networks.
pub fn count(trials: &[Trial], rungs: &[Rung]) -> usize {
    let published = trials.iter().filter(|trial| trial.published).count();
    rungs.iter().map(|rung| rung.trials).sum::<usize>() + published
}

/// Trains `trials` rung by rung: after each the best go on from their checkpoints, so that a
/// trial of n epochs is the same whether it had a rung before. Published ones are trained for
/// all epochs. Gives all trials, the best first.
pub fn search(
    study: &mut Study,
    trials: &[Trial],
    rungs: &[Rung],
    split: &Arc<Split>,
    shape: CutoutShape,
) -> Result<Vec<Placed>> {
    let is_drawn = |i: &usize| !trials[*i].published;
    let mut going: Vec<usize> = (0..trials.len()).filter(is_drawn).collect();
    let mut placed: Vec<Placed> = Vec::new();
    let all: Vec<Run> = (0..trials.len())
        .filter(|i| trials[*i].published)
        .map(|i| run(&trials[i], trials[i].config.epochs, 0, false, split))
        .collect();
    let mut before = 0;
    for (i, rung) in rungs.iter().enumerate() {
        let next = rungs.get(i + 1);
        let runs: Vec<Run> = going
            .iter()
            .map(|&at| run(&trials[at], rung.epochs, before, next.is_some(), split))
            .collect();
        let later = later(&runs, &rungs[i..], shape) + cost(&all, shape);
        let records = study.conduct(&runs, later)?;
        let mut rung_of: Vec<Placed> = going
            .iter()
            .zip(records)
            .map(|(&trial, record)| Placed { trial, record })
            .collect();
        rank(&mut rung_of);
        let on = next.map_or(0, |next| next.trials);
        // One whose loss was no number would only be so again.
        let sound = rung_of.iter().take_while(|p| sound(&p.record));
        let on = on.min(sound.count());
        let stay = rung_of.split_off(on);
        going = rung_of.iter().map(|placed| placed.trial).collect();
        going.sort_unstable();
        for placed in &stay {
            let last = &trials[placed.trial];
            study.forget(&run(last, rung.epochs, before, false, split))?;
        }
        placed.extend(stay);
        before = rung.epochs;
    }
    let records = study.conduct(&all, 0.0)?;
    let published = (0..trials.len()).filter(|i| trials[*i].published);
    placed.extend(
        published
            .zip(records)
            .map(|(trial, record)| Placed { trial, record }),
    );
    rank(&mut placed);
    Ok(placed)
}

fn run(trial: &Trial, epochs: usize, before: usize, keeps: bool, split: &Arc<Split>) -> Run {
    let folder = trial.config.architecture.name.clone();
    Run {
        name: format!("{folder}-e{epochs}"),
        folder,
        config: Config {
            epochs,
            ..trial.config.clone()
        },
        view: View::Whole,
        split: split.clone(),
        before,
        keeps_checkpoint: keeps,
    }
}

fn cost(runs: &[Run], shape: CutoutShape) -> f64 {
    runs.iter().map(|run| run.cost(shape)).sum()
}

/// What the rungs behind the first of `rungs` will cost, if those that go on cost what a trial
/// of `runs` costs in the mean.
fn later(runs: &[Run], rungs: &[Rung], shape: CutoutShape) -> f64 {
    let epochs: usize = runs.iter().map(|run| run.config.epochs - run.before).sum();
    let mean = cost(runs, shape) / epochs.max(1) as f64;
    let pairs = rungs.windows(2);
    let trained = pairs.map(|two| two[1].trials * (two[1].epochs - two[0].epochs));
    mean * trained.sum::<usize>() as f64
}

/// Whether its loss stayed a number.
fn sound(record: &Record) -> bool {
    record.note.is_none() && record.validation.is_some()
}

/// The best first: those that were trained longest, of these the largest AUC on the validation
/// part, then the smallest FPR at the missed detection rate, then the fewest parameters, then
/// the order in which they were drawn.
pub fn rank(placed: &mut [Placed]) {
    placed.sort_by(|a, b| {
        let budget = |p: &Placed| {
            let epochs = p.record.run.rsplit_once("-e");
            epochs.and_then(|(_, epochs)| epochs.parse::<usize>().ok())
        };
        let validation = |p: &Placed| p.record.validation.clone();
        let auc = |p: &Placed| validation(p).and_then(|m| m.auc).unwrap_or(-1.0);
        let fpr = |p: &Placed| validation(p).and_then(|m| m.fpr_at_mdr).unwrap_or(2.0);
        sound(&b.record)
            .cmp(&sound(&a.record))
            .then(budget(b).cmp(&budget(a)))
            .then(auc(b).total_cmp(&auc(a)))
            .then(fpr(a).total_cmp(&fpr(b)))
            .then(a.record.parameters.cmp(&b.record.parameters))
            .then(a.trial.cmp(&b.trial))
    });
}
