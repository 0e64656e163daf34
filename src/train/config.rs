//! The settings of a run: given, or published with the network, then checked
//! once.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Origin;
use crate::data::{Augment, Fractions, Normalisation, Preprocess};
use crate::nn::Architecture;
use crate::{Error, Result};

/// What convolutions and dense layers are calculated in on a gpu.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// f32 throughout.
    #[default]
    F32,
    /// Products of f16, the weights and all else in f32, and a loss that is scaled.
    F16,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Precision::F32 => "f32",
            Precision::F16 => "f16",
        })
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "f32" => Ok(Precision::F32),
            "f16" => Ok(Precision::F16),
            _ => Err(Error::config(
                "--precision",
                format!("'{text}'"),
                "f32 or f16",
            )),
        }
    }
}

/// The scale of the loss before the first step in mixed precision.
pub const LOSS_SCALE: f64 = 65536.0;

/// What a user may set; what is left out comes from the network's description.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Epochs at most.
    pub epochs: Option<usize>,
    /// Candidates per step.
    pub batch_size: Option<usize>,
    /// Adam's η.
    pub learning_rate: Option<f64>,
    /// Halve η every so many epochs; 0 keeps it.
    pub halve_every: Option<usize>,
    /// Epochs without a lower validation loss before training stops; 0 never stops.
    pub patience: Option<usize>,
    /// The rate of every dropout layer.
    pub dropout: Option<f64>,
    /// Adam's β₁.
    pub beta1: Option<f64>,
    /// Adam's β₂.
    pub beta2: Option<f64>,
    /// Adam's ε.
    pub epsilon: Option<f64>,
    /// Training/validation/test.
    pub split: Option<Fractions>,
    /// How pixels are scaled.
    pub normalisation: Option<Normalisation>,
    /// How training cutouts are turned.
    pub augment: Augment,
    /// What a gpu calculates in.
    pub precision: Precision,
    /// The scale of the loss before the first step in f16; [`LOSS_SCALE`] unless given.
    pub loss_scale: Option<f64>,
    /// Of everything that is random.
    pub seed: u64,
}

/// Settings that have been checked. Everything that the bits of a run depend on,
/// besides the data and the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The network, with its dropout rates as they are used.
    pub architecture: Architecture,
    /// Epochs at most.
    pub epochs: usize,
    /// Candidates per step.
    pub batch_size: usize,
    /// Adam's η.
    pub learning_rate: f64,
    /// Halve η every so many epochs; 0 keeps it.
    pub halve_every: usize,
    /// Epochs without a lower validation loss before training stops; 0 never stops.
    pub patience: usize,
    /// Adam's β₁.
    pub beta1: f64,
    /// Adam's β₂.
    pub beta2: f64,
    /// Adam's ε.
    pub epsilon: f64,
    /// Training/validation/test.
    pub split: Fractions,
    /// What is done to cutouts; the key is from when there were plain normalisations only.
    #[serde(rename = "normalisation")]
    pub preprocess: Preprocess,
    /// How training cutouts are turned.
    pub augment: Augment,
    /// What a gpu calculates in.
    pub precision: Precision,
    /// The scale of the loss before the first step in f16.
    pub loss_scale: f64,
    /// Of everything that is random.
    pub seed: u64,
    /// What it began with, if not with a fresh network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Origin>,
    /// Layers that stay as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frozen: Vec<String>,
}

impl Settings {
    /// Fills in what the network's authors published, and checks every value.
    pub fn check(&self, architecture: Architecture) -> Result<Config> {
        let published = architecture.training.clone();
        let config = Config {
            epochs: self.epochs.unwrap_or(published.epochs),
            batch_size: self.batch_size.unwrap_or(published.batch_size),
            learning_rate: self.learning_rate.unwrap_or(published.learning_rate),
            halve_every: self.halve_every.unwrap_or(published.halve_every),
            patience: self.patience.unwrap_or(published.patience),
            beta1: self.beta1.unwrap_or(0.9),
            beta2: self.beta2.unwrap_or(0.999),
            epsilon: self.epsilon.unwrap_or(1e-7),
            split: self.split.map_or_else(|| published.split.parse(), Ok)?,
            preprocess: match self.normalisation {
                Some(normalisation) => normalisation.into(),
                None => published.normalisation.parse::<Normalisation>()?.into(),
            },
            augment: self.augment,
            precision: self.precision,
            loss_scale: self.loss_scale.unwrap_or(LOSS_SCALE),
            seed: self.seed,
            from: None,
            frozen: Vec::new(),
            architecture: match self.dropout {
                Some(rate) => architecture.with_dropout(rate),
                None => architecture,
            },
        };
        let require = |holds: bool, what: &str, found: String, expected: &str| {
            if holds {
                Ok(())
            } else {
                Err(Error::config(what, found, expected))
            }
        };
        let text = |value: f64| value.to_string();
        require(config.epochs > 0, "--epochs", "0".into(), "at least 1")?;
        require(
            config.batch_size > 0,
            "--batch-size",
            "0".into(),
            "at least 1",
        )?;
        require(
            config.learning_rate > 0.0 && config.learning_rate.is_finite(),
            "--learning-rate",
            text(config.learning_rate),
            "a number above 0",
        )?;
        for (what, value) in [("--beta1", config.beta1), ("--beta2", config.beta2)] {
            require(
                (0.0..1.0).contains(&value),
                what,
                text(value),
                "at least 0 and below 1",
            )?;
        }
        require(
            config.epsilon > 0.0,
            "--epsilon",
            text(config.epsilon),
            "a number above 0",
        )?;
        require(
            config.loss_scale > 0.0 && (config.loss_scale as f32).is_finite(),
            "--loss-scale",
            text(config.loss_scale),
            "a number above 0",
        )?;
        if let Some(rate) = self.dropout {
            require(
                (0.0..1.0).contains(&rate),
                "--dropout",
                text(rate),
                "at least 0 and below 1",
            )?;
        }
        let [_, validation, _] = config.split.shares();
        require(
            validation > 0.0,
            "--split",
            config.split.to_string(),
            "a validation part, which picks the best epoch and the threshold",
        )?;
        Ok(config)
    }
}

impl Config {
    /// η in `epoch`, counted from 1.
    pub fn learning_rate_in(&self, epoch: usize) -> f64 {
        let halvings = (epoch - 1).checked_div(self.halve_every).unwrap_or(0);
        self.learning_rate * 0.5_f64.powi(i32::try_from(halvings).unwrap_or(i32::MAX))
    }
}
