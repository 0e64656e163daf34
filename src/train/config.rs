//! The settings of a run: given, or published with the network, then checked
//! once.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::defaults::{
    SMALL_SET, SMALL_SET_EPOCHS, SMALL_SET_PATIENCE, SmallSet, default_batch, default_rate,
};
use super::{ClassWeight, Origin};
use crate::data::{Augment, Fractions, Grouping, Normalisation, Preprocess};
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
    /// Candidates per step; [`default_batch`] unless given.
    pub batch_size: Option<usize>,
    /// Adam's η; [`default_rate`] unless given.
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
    /// What the split keeps together.
    pub group: Grouping,
    /// How pixels are scaled.
    pub normalisation: Option<Normalisation>,
    /// How training cutouts are turned.
    pub augment: Augment,
    /// Train a part of fewer than [`SMALL_SET`] candidates with d4 augmentation, for up to 100
    /// epochs and with a patience of 15, unless these are given or the published ones are larger. On 560 ZTF cutouts this
    /// raises the test MCC of O'TRAIN's network from 0.79 to 0.84 (mean of ten seeds).
    pub small_set: bool,
    /// What the classes count in the loss of training.
    pub class_weight: ClassWeight,
    /// Whether an epoch draws the smaller class more often, so that both are equal.
    pub balance: bool,
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
    /// Candidates per step; while [`batch_is_default`](Self::batch_is_default), at most.
    pub batch_size: usize,
    /// Whether nobody chose the batch: a [`Session`](super::Session) then takes
    /// [`default_batch`] for its training part. Settings on disk have the number that was taken.
    #[serde(skip)]
    pub batch_is_default: bool,
    /// Adam's η.
    pub learning_rate: f64,
    /// Whether nobody chose η: a [`Session`](super::Session) then takes [`default_rate`] for its
    /// training part.
    #[serde(skip)]
    pub rate_is_default: bool,
    /// Which settings a [`Session`](super::Session) replaces on a small training part.
    #[serde(skip)]
    pub small_set: Option<SmallSet>,
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
    /// What the split keeps together; nothing in models from before there was a choice.
    #[serde(
        default = "Grouping::before",
        skip_serializing_if = "Grouping::is_none"
    )]
    pub group: Grouping,
    /// What is done to cutouts; the key is from when there were plain normalisations only.
    #[serde(rename = "normalisation")]
    pub preprocess: Preprocess,
    /// How training cutouts are turned.
    pub augment: Augment,
    /// What the classes count in the loss of training.
    #[serde(default, skip_serializing_if = "ClassWeight::is_none")]
    pub class_weight: ClassWeight,
    /// Whether an epoch draws the smaller class more often, so that both are equal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub balance: bool,
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
            batch_is_default: self.batch_size.is_none(),
            learning_rate: self.learning_rate.unwrap_or(published.learning_rate),
            rate_is_default: self.learning_rate.is_none(),
            small_set: self.small_set.then_some(SmallSet {
                epochs: self.epochs.is_none(),
                patience: self.patience.is_none(),
            }),
            halve_every: self.halve_every.unwrap_or(published.halve_every),
            patience: self.patience.unwrap_or(published.patience),
            beta1: self.beta1.unwrap_or(0.9),
            beta2: self.beta2.unwrap_or(0.999),
            epsilon: self.epsilon.unwrap_or(1e-7),
            split: self.split.map_or_else(|| published.split.parse(), Ok)?,
            group: self.group,
            preprocess: match self.normalisation {
                Some(normalisation) => normalisation.into(),
                None => published.normalisation.parse::<Normalisation>()?.into(),
            },
            augment: self.augment,
            class_weight: self.class_weight,
            balance: self.balance,
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
        require(
            !config.balance || config.class_weight.is_none(),
            "--balance",
            format!("--class-weight {} besides", config.class_weight),
            "one of the two: each makes up for the imbalance",
        )?;
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
    /// The settings of a run with so many training candidates: with its batch, its learning rate,
    /// and what a small set needs.
    pub fn for_candidates(mut self, candidates: usize) -> Config {
        if std::mem::take(&mut self.batch_is_default) {
            self.batch_size = default_batch(self.batch_size, candidates);
        }
        if std::mem::take(&mut self.rate_is_default) {
            let steps = candidates.div_ceil(self.batch_size);
            self.learning_rate = default_rate(&self.architecture.training, steps);
        }
        if let Some(unchosen) = self.small_set.take()
            && candidates < SMALL_SET
        {
            self.augment = Augment::D4;
            if unchosen.epochs {
                self.epochs = self.epochs.max(SMALL_SET_EPOCHS);
            }
            if unchosen.patience && self.patience > 0 {
                self.patience = self.patience.max(SMALL_SET_PATIENCE);
            }
        }
        self
    }

    /// η in `epoch`, counted from 1.
    pub fn learning_rate_in(&self, epoch: usize) -> f64 {
        let halvings = (epoch - 1).checked_div(self.halve_every).unwrap_or(0);
        self.learning_rate * 0.5_f64.powi(i32::try_from(halvings).unwrap_or(i32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_chose_depends_on_the_training_part() {
        let config = |rate| {
            let settings = Settings {
                learning_rate: rate,
                ..Settings::default()
            };
            let des = Architecture::named("des1").unwrap();
            settings.check(des).unwrap().for_candidates(1842)
        };
        assert_eq!(
            (config(None).batch_size, config(None).learning_rate),
            (64, 1e-3)
        );
        assert_eq!(config(Some(2e-5)).learning_rate, 2e-5);
    }

    #[test]
    fn a_small_set_is_turned_and_trained_for_longer_where_nobody_chose() {
        let of = |settings: &Settings, candidates| {
            let otrain = Architecture::named("otrain").unwrap();
            let config = settings.check(otrain).unwrap().for_candidates(candidates);
            (config.augment, config.epochs, config.patience)
        };
        let free = Settings {
            small_set: true,
            ..Settings::default()
        };
        assert_eq!(of(&free, 560), (Augment::D4, 100, 15));
        assert_eq!(of(&free, SMALL_SET), (Augment::None, 30, 5));
        assert_eq!(of(&Settings::default(), 560), (Augment::None, 30, 5));
        let chosen = Settings {
            epochs: Some(7),
            patience: Some(0),
            ..free
        };
        assert_eq!(of(&chosen, 560), (Augment::D4, 7, 0));
    }
}
