//! How a network is trained, said in the same words by `train` and `study`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::args::{Common, Reading};
use super::terminal::Terminal;
use crate::data::{Augment, Dataset, Fractions, Grouping, Normalisation};
use crate::simulate::{SurveyConfig, survey};
use crate::train::{ClassWeight, Residence, Settings};
use crate::{Error, Result};

/// The settings of a training. What is not given is the network's published value.
#[derive(Debug, Args)]
pub struct Training {
    /// Epochs at most
    #[arg(long)]
    pub epochs: Option<usize>,
    /// Candidates per step
    #[arg(long, value_name = "COUNT")]
    pub batch_size: Option<usize>,
    /// Adam's learning rate
    #[arg(long)]
    pub learning_rate: Option<f64>,
    /// Halve the learning rate every N epochs; 0 never halves it
    #[arg(long, value_name = "EPOCHS")]
    pub halve_every: Option<usize>,
    /// Early stopping: stop after N epochs without a lower validation loss; 0 never stops
    #[arg(long, value_name = "EPOCHS")]
    pub patience: Option<usize>,
    /// Rate of every dropout layer [default: as the network describes them]
    #[arg(long, value_name = "RATE")]
    pub dropout: Option<f64>,
    /// Adam's decay of the mean [default: 0.9]
    #[arg(long, help_heading = "Optimiser")]
    pub beta1: Option<f64>,
    /// Adam's decay of the square [default: 0.999]
    #[arg(long, help_heading = "Optimiser")]
    pub beta2: Option<f64>,
    /// Adam's epsilon [default: 1e-7]
    #[arg(long, help_heading = "Optimiser")]
    pub epsilon: Option<f64>,
    /// Training/validation/test in per cent, such as 70/10/20
    #[arg(long)]
    pub split: Option<Fractions>,
    /// Keep each group in one part of the split: object (detections of one object), id (equal
    /// ids or equal pixels; included in object), none; auto: object if the input has objects,
    /// else id
    #[arg(long, default_value = "auto", value_name = "BY")]
    pub group: Grouping,
    /// Pixel normalisation: none, standard, mad, l2, l2-rows, asinh, minmax
    #[arg(long, value_name = "NAME")]
    pub normalise: Option<Normalisation>,
    /// Augmentation of training cutouts: none, or d4 (flips and quarter turns)
    #[arg(long, value_name = "NAME")]
    pub augment: Option<Augment>,
    /// Class weights in the training loss: none, balanced (n / 2n_c, as in Keras and
    /// scikit-learn), or the weight of a real candidate relative to a bogus one
    #[arg(long, default_value_t, value_name = "NAME|WEIGHT")]
    pub class_weight: ClassWeight,
    /// Oversample the smaller class: every epoch draws as many real as bogus candidates
    #[arg(long)]
    pub balance: bool,
    /// Keep the pixels on the GPU, or in memory on a CPU: auto (up to 4 GiB, or 2 GiB on a
    /// CPU), yes, or no (read them for every batch)
    #[arg(long, default_value = "auto", value_name = "WHETHER")]
    pub resident: Residence,
    /// Scale of the loss in the first step of --precision f16 [default: 65536]
    #[arg(long, value_name = "SCALE", help_heading = "Optimiser")]
    pub loss_scale: Option<f64>,
    /// Random seed for split, initialisation, shuffling, dropout and simulation
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Size of the simulated survey, used without INPUT
    #[arg(long, default_value_t = 6000, value_name = "COUNT")]
    pub simulated: usize,
}

impl Training {
    /// As the library takes them.
    pub fn settings(&self, common: &Common) -> Settings {
        Settings {
            epochs: self.epochs,
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            halve_every: self.halve_every,
            patience: self.patience,
            dropout: self.dropout,
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
            split: self.split,
            group: self.group,
            normalisation: self.normalise,
            augment: self.augment.unwrap_or_default(),
            small_set: false,
            class_weight: self.class_weight,
            balance: self.balance,
            precision: common.precision,
            loss_scale: self.loss_scale,
            seed: self.seed,
        }
    }

    /// Opens `inputs`, or without one simulates a survey of cutouts of `size` (H, W, C).
    pub fn read(
        &self,
        inputs: &[PathBuf],
        reading: &Reading,
        size: Option<[usize; 3]>,
        terminal: &Terminal,
    ) -> Result<Dataset> {
        if !inputs.is_empty() {
            return reading.open(inputs, true, terminal);
        }
        let base = match size {
            Some([.., 3]) => SurveyConfig::triplets(),
            _ => SurveyConfig::default(),
        };
        let config = SurveyConfig {
            count: self.simulated,
            size: size.map_or(base.size, |[height, ..]| height),
            seed: self.seed,
            ..base
        };
        terminal.notice(&format!(
            "no INPUT: simulating a survey of {}",
            self.simulated
        ));
        Ok(survey(&config)?.dataset)
    }
}

/// `--checkpoint-every`, in minutes.
pub fn checkpoint_interval(minutes: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(minutes * 60.0).map_err(|_| {
        let found = minutes.to_string();
        Error::config("--checkpoint-every", found, "minutes, 0 or more")
    })
}
