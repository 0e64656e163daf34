//! How large the experiments are, and how long networks are trained.

use crate::data::{Augment, Normalisation};
use crate::nn::Architecture;
use crate::train::{Config, Precision, Settings};
use crate::{Error, Result};

/// The names of the paper's four networks (Table 4).
pub const NETWORKS: [&str; 4] = ["des1", "des2", "des3", "des4"];

/// How much of everything.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Scale {
    /// Candidates of the simulated survey (the paper: 898,963).
    pub candidates: usize,
    /// Part of all labels that are planted wrong (the paper relabelled 0.8%).
    pub wrong_labels: f64,
    /// Networks have a `narrow`-th of their filters; 1 for the paper's own.
    pub narrow: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Adam's learning rate in the first of them.
    pub learning_rate: f64,
    /// Epochs after which it is halved; 0 for never.
    pub halve_every: usize,
    /// Candidates per step.
    pub batch_size: usize,
    /// Epochs without a lower validation loss before training stops.
    pub patience: usize,
    /// How pixels are scaled.
    pub normalisation: Normalisation,
    /// How training stamps are turned.
    pub augment: Augment,
    /// Folds of the cross-validation that looks for wrong labels; 0 for none.
    pub folds: usize,
    /// Candidates of the simulated live survey (the paper: some 20,700 after its vote).
    pub live: usize,
    /// Resamples for intervals.
    pub resamples: usize,
}

impl Scale {
    /// Five minutes on two cores: small networks on few candidates.
    pub fn quick() -> Scale {
        Scale {
            candidates: 8000,
            wrong_labels: 0.008,
            narrow: 4,
            epochs: 12,
            learning_rate: 3e-3,
            halve_every: 4,
            batch_size: 64,
            patience: 15,
            normalisation: Normalisation::Asinh,
            augment: Augment::D4,
            folds: 3,
            live: 4000,
            resamples: 300,
        }
    }

    /// The paper's own networks on a simulated survey: an hour on a GPU, a night on two cores.
    pub fn full() -> Scale {
        Scale {
            candidates: 60_000,
            narrow: 1,
            epochs: 25,
            halve_every: 5,
            folds: 5,
            live: 20_000,
            resamples: 1000,
            ..Scale::quick()
        }
    }

    /// As published: for the survey's own stamps, of which there are 898,963 in 8 bits.
    pub fn published() -> Scale {
        Scale {
            epochs: 50,
            learning_rate: 2e-5,
            halve_every: 10,
            normalisation: Normalisation::None,
            augment: Augment::None,
            ..Scale::full()
        }
    }

    /// Refuses what cannot be run.
    pub fn check(&self) -> Result<()> {
        let least = |what: &str, found: usize, least: usize| match found >= least {
            true => Ok(()),
            false => {
                let expected = format!("{least} or more");
                Err(Error::config(what, found.to_string(), expected))
            }
        };
        least("--candidates", self.candidates, 400)?;
        least("--live", self.live, 400)?;
        least("--narrow", self.narrow, 1)?;
        least("--epochs", self.epochs, 1)?;
        if self.folds == 1 {
            return Err(Error::config("--folds", "1", "0 for none, or 2 and more"));
        }
        if !(0.0..=0.2).contains(&self.wrong_labels) {
            let found = self.wrong_labels.to_string();
            return Err(Error::config("--wrong-labels", found, "a part up to 0.2"));
        }
        Ok(())
    }

    /// A network of the paper as it is trained here.
    pub fn config(&self, network: &str, precision: Precision, seed: u64) -> Result<Config> {
        let architecture = Architecture::named(network)?.narrowed(self.narrow);
        let settings = Settings {
            epochs: Some(self.epochs),
            batch_size: Some(self.batch_size),
            learning_rate: Some(self.learning_rate),
            halve_every: Some(self.halve_every),
            patience: Some(self.patience),
            normalisation: Some(self.normalisation),
            augment: self.augment,
            precision,
            seed,
            ..Settings::default()
        };
        settings.check(architecture)
    }
}
