//! The state of a run on disk, so that a killed run goes on and ends with the
//! bits of one that was not killed.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Config, Session, Totals, Trainer};
use crate::backend::Device;
use crate::data::kind::CHECKPOINT;
use crate::data::{Dataset, Split};
use crate::engine::{Shape, Tensor};
use crate::formats::tensors::{self, NamedTensor};
use crate::judge::EpochRecord;
use crate::nn::Parameter;
use crate::{Error, Result};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Cutouts whose pixels are looked at to tell one data set from another.
const LOOKED_AT: usize = 64;

/// Everything that changes during a run.
#[derive(Debug)]
pub struct State {
    /// Parameters, moments, steps.
    pub trainer: Trainer,
    /// The parameters of the best epoch.
    pub best: Vec<Parameter>,
    /// Which one that was, from 1; 0 before the first.
    pub best_epoch: usize,
    /// Its validation loss.
    pub best_loss: f64,
    /// One record per finished epoch.
    pub history: Vec<EpochRecord>,
    /// Batches of the current epoch that are done.
    pub batches: usize,
    /// Their sums.
    pub totals: Totals,
    /// Candidates that the device can take at once; no more than a batch.
    pub at_once: usize,
}

#[derive(Serialize, Deserialize)]
struct Header {
    /// Of rbgpu: another one may round otherwise.
    version: String,
    config: Config,
    device: String,
    /// Of the data: a checkpoint goes with it.
    data: String,
    steps: u64,
    best_epoch: usize,
    /// `None` before the first epoch: JSON has no infinity.
    best_loss: Option<f64>,
    history: Vec<EpochRecord>,
    batches: usize,
    sums: [f64; 2],
    count: usize,
    /// How the pixels came to the device: f32 rounds otherwise on the way from u8.
    pixels: String,
    at_once: usize,
    /// The state of the loss's scale, in mixed precision.
    loss_scale: Option<Vec<f64>>,
}

/// The device, and on a cpu its vector instructions: with others sums round otherwise.
pub fn arithmetic(device: &Device) -> String {
    match device {
        Device::Cpu(cpu) => format!("{} with {} instructions", device.name(), cpu.isa().name()),
        _ => device.name(),
    }
}

/// Writes `state` to `path`, by way of a temporary file.
pub fn write(path: &Path, session: &Session, state: &State) -> Result<()> {
    let header = Header {
        version: VERSION.into(),
        config: session.config().clone(),
        device: arithmetic(session.device()),
        data: fingerprint(session.data(), session.split())?,
        steps: state.trainer.steps(),
        best_epoch: state.best_epoch,
        best_loss: state.best_loss.is_finite().then_some(state.best_loss),
        history: state.history.clone(),
        batches: state.batches,
        sums: state.totals.sums()?,
        count: state.totals.count(),
        pixels: session.pixels()?,
        at_once: state.at_once,
        loss_scale: state.trainer.loss_scale()?,
    };
    let mut all = Vec::new();
    let mut add = |kind: &str, name: &str, tensor: &Tensor| -> Result<()> {
        all.push(NamedTensor::read_back(format!("{kind}/{name}"), tensor)?);
        Ok(())
    };
    let parameters = state.trainer.model().parameters();
    for (i, parameter) in parameters.iter().enumerate() {
        add("parameter", &parameter.name, &parameter.tensor)?;
        add("best", &parameter.name, &state.best[i].tensor)?;
        if let Some((m, v)) = &state.trainer.moments()[i] {
            add("m", &parameter.name, m)?;
            add("v", &parameter.name, v)?;
        }
    }
    let header = serde_json::to_string(&header).expect("plain data");
    tensors::write(path, &all, CHECKPOINT, &header)
}

/// Reads the state back; the run must be the same in all that its bits depend on. Also tells
/// whether the run wrote it itself: it may be of one with fewer epochs
/// ([`Session::going_on`]).
pub fn read(path: &Path, session: &Session) -> Result<(State, bool)> {
    let (all, header) = tensors::read(path, CHECKPOINT)?;
    let header: Header = serde_json::from_str(&header).map_err(|e| {
        Error::input(
            path,
            "header",
            e.to_string(),
            "a checkpoint of this version of rbgpu",
        )
    })?;
    let same = |what: &str, found: String, expected: String| {
        if found == expected {
            return Ok(());
        }
        let expected = format!(
            "{expected}, as this run has; start over with --force in place of --resume, or with another --out"
        );
        Err(Error::input(path, what.to_string(), found, expected))
    };
    same("version of rbgpu", header.version.clone(), VERSION.into())?;
    let mut config = header.config.clone();
    let own = config.epochs >= session.config().epochs;
    if session.goes_on() && !own {
        // Nothing but the end of a run depends on their number.
        config.epochs = session.config().epochs;
    }
    let (found, expected) = differences(&config, session.config());
    same("settings", found, expected)?;
    same(
        "device",
        header.device.clone(),
        arithmetic(session.device()),
    )?;
    let data = fingerprint(session.data(), session.split())?;
    same("data", header.data.clone(), data)?;

    same("pixels", header.pixels.clone(), session.pixels()?)?;

    let fresh = session.fresh_trainer()?;
    let load = |kind: &str, name: &str, shape: &Shape| {
        let key = format!("{kind}/{name}");
        let tensor = all
            .iter()
            .find(|t| t.name == key && t.shape == *shape)
            .ok_or_else(|| {
                Error::input(path, key, "no such tensor", format!("one of shape {shape}"))
            })?;
        Tensor::new(session.device(), shape.clone(), &tensor.values)
    };
    let mut model = fresh.model().clone();
    let mut best = model.parameters().to_vec();
    let mut moments = Vec::new();
    for (i, parameter) in fresh.model().parameters().iter().enumerate() {
        let (name, shape) = (&parameter.name, parameter.tensor.shape());
        model.set_parameter(i, load("parameter", name, shape)?)?;
        best[i].tensor = load("best", name, shape)?;
        let pair = || Ok((load("m", name, shape)?, load("v", name, shape)?));
        moments.push(parameter.trainable.then(pair).transpose()?);
    }
    let trainer = session.trainer(model)?;
    let trainer = match &header.loss_scale {
        Some(state) => trainer.with_loss_scale(state)?,
        None => trainer,
    };
    let state = State {
        trainer: trainer.resume(header.steps, moments),
        best,
        best_epoch: header.best_epoch,
        best_loss: header.best_loss.unwrap_or(f64::INFINITY),
        history: header.history,
        batches: header.batches,
        totals: Totals::resume(session.device(), header.sums, header.count)?,
        at_once: header.at_once,
    };
    Ok((state, own))
}

/// The settings in which two runs differ, with the values of each.
fn differences(one: &Config, other: &Config) -> (String, String) {
    let json = |config: &Config| serde_json::to_value(config).expect("plain data");
    let (one, other) = (json(one), json(other));
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let fields = [&one, &other].into_iter().filter_map(Value::as_object);
    let names: BTreeSet<String> = fields.flat_map(|fields| fields.keys().cloned()).collect();
    for name in &names {
        let value = &other[name];
        if one[name] != *value {
            if value.is_object() || one[name].is_object() {
                left.push(format!("another {name}"));
                right.push(format!("the same {name}"));
            } else {
                left.push(format!("{name} {}", one[name]));
                right.push(format!("{name} {value}"));
            }
        }
    }
    (left.join(", "), right.join(", "))
}

/// What tells one data set and its split from another: a hash over the parts, ids, labels
/// and some of the pixels.
pub fn fingerprint(data: &Dataset, split: &Split) -> Result<String> {
    fingerprint_of(data, data.labels.as_deref(), split)
}

/// As [`fingerprint`], with other labels than the set has.
pub fn fingerprint_with(data: &Dataset, labels: &[u8], split: &Split) -> Result<String> {
    fingerprint_of(data, Some(labels), split)
}

fn fingerprint_of(data: &Dataset, labels: Option<&[u8]>, split: &Split) -> Result<String> {
    // Not the standard hasher, which another toolchain may change.
    let mut hasher = crc32fast::Hasher::new();
    for part in [&split.train, &split.validation, &split.test] {
        part.hash(&mut hasher);
    }
    labels.hash(&mut hasher);
    data.candidates
        .iter()
        .for_each(|candidate| candidate.id.hash(&mut hasher));
    let mut pixels = vec![0.0; data.shape.len()];
    for row in (0..data.len()).step_by(data.len().div_ceil(LOOKED_AT).max(1)) {
        data.pixels.read(row, &mut pixels)?;
        pixels.iter().for_each(|v| v.to_bits().hash(&mut hasher));
    }
    Ok(format!(
        "{} cutouts of {}, {:016x}",
        data.len(),
        data.shape,
        Hasher::finish(&hasher)
    ))
}
