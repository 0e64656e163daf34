//! The settings of a run: given, or published with the network, then checked
//! once.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{ClassWeight, Origin};
use crate::data::{Augment, Fractions, Grouping, Normalisation, Preprocess};
use crate::nn::{Architecture, Training};
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

/// Steps that an epoch has at least where nobody chooses a batch.
const LEAST_STEPS: usize = 16;
/// The smallest batch that is taken to get there.
const LEAST_BATCH: usize = 16;

/// Candidates per step where nobody chooses, for so many training candidates: the largest power
/// of two that leaves at least 16 steps an epoch, at least 16, and never more than `published`,
/// the network's own.
///
/// A network published with batches of 1,024 would make one step an epoch on 560 cutouts, and
/// early stopping would end the training before it has begun.
pub fn default_batch(published: usize, candidates: usize) -> usize {
    let mut batch = LEAST_BATCH;
    while candidates.div_ceil(2 * batch) >= LEAST_STEPS {
        batch *= 2;
    }
    batch.min(published)
}

/// The largest learning rate that is taken in place of a published one: Adam's own, and Keras'.
const LARGEST_RATE: f64 = 1e-3;

/// Adam's η where nobody chooses, for epochs of `steps` steps: the `published` one, or k times that
/// where the published epochs have k times more steps, but at most 1e-3.
///
/// DES' 2e-5 is for 9,800 steps an epoch. On 2,000 cutouts an epoch has 32, and all of them together
/// hardly move a network from its random start.
pub fn default_rate(published: &Training, steps: usize) -> f64 {
    let Some(candidates) = published.candidates else {
        return published.learning_rate;
    };
    let more = candidates.div_ceil(published.batch_size) as f64 / steps.max(1) as f64;
    let most = published.learning_rate.max(LARGEST_RATE);
    (published.learning_rate * more.max(1.0)).min(most)
}

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
    /// The settings of a run with so many training candidates: with its batch and its learning
    /// rate.
    pub fn for_candidates(mut self, candidates: usize) -> Config {
        if std::mem::take(&mut self.batch_is_default) {
            self.batch_size = default_batch(self.batch_size, candidates);
        }
        if std::mem::take(&mut self.rate_is_default) {
            let steps = candidates.div_ceil(self.batch_size);
            self.learning_rate = default_rate(&self.architecture.training, steps);
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
    fn the_default_batch_leaves_sixteen_steps_an_epoch() {
        // The folder of 560 cutouts that O'TRAIN's batch of 1,024 ruined.
        assert_eq!(default_batch(1024, 560), 32);
        assert_eq!(default_batch(1024, 5100), 256);
        assert_eq!(default_batch(1024, 17_000), 1024);
        assert_eq!(default_batch(64, 1_000_000), 64);
        assert_eq!(default_batch(1024, 10), 16);
        assert_eq!(default_batch(1024, 0), 16);
        assert_eq!(default_batch(8, 10_000), 8);
        for candidates in 0..40_000 {
            let batch = default_batch(1024, candidates);
            let steps = |batch: usize| candidates.div_ceil(batch);
            assert!(batch.is_power_of_two() && (16..=1024).contains(&batch));
            assert!(batch == 16 || steps(batch) >= 16, "{candidates}");
            assert!(batch == 1024 || steps(2 * batch) < 16, "{candidates}");
        }
    }

    #[test]
    fn a_learning_rate_for_a_large_survey_grows_where_there_are_fewer_steps() {
        let of = |name: &str| Architecture::named(name).unwrap().training;
        let des = of("des1");
        assert_eq!(default_rate(&des, 9833), 2e-5);
        assert_eq!(default_rate(&des, 20_000), 2e-5);
        assert_eq!(default_rate(&des, 983), 2e-5 * (9833.0 / 983.0));
        assert_eq!(default_rate(&des, 29), 1e-3);
        assert_eq!(default_rate(&des, 0), 1e-3);
        assert_eq!(default_rate(&of("otrain"), 1), 1e-3);
        let fast = Training {
            learning_rate: 0.1,
            ..des
        };
        assert_eq!(default_rate(&fast, 29), 0.1);

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
}
