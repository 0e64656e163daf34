//! What a run is about to do, in words, and what a user might want to change before it.

use super::Session;
use super::defaults::SMALL_SET;
use crate::data::Augment;
use crate::data::order::epoch_len;

/// Steps of an epoch below which a batch that a user chose is worth a word.
const FEW_STEPS: usize = 8;
/// The part of the smaller class below which the classes are imbalanced.
const IMBALANCED: f64 = 0.25;

impl Session {
    /// (real, bogus) candidates of the training part.
    pub fn classes(&self) -> [usize; 2] {
        let labels = self.data().labels.as_deref().unwrap_or_default();
        let rows = &self.split().train;
        let real = rows.iter().filter(|&&row| labels.get(row) == Some(&1));
        let real = real.count();
        [real, rows.len() - real]
    }

    /// Candidates that an epoch trains on: more than the training part has where the smaller
    /// class is oversampled.
    pub fn epoch_len(&self) -> usize {
        epoch_len(self.classes(), self.config.balance)
    }

    /// Steps of an epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.epoch_len().div_ceil(self.config.batch_size)
    }

    /// Batch, steps per epoch, learning rate, epochs, patience, classes and device, on one line.
    pub fn start_line(&self) -> String {
        let published = self.config.architecture.training.learning_rate;
        let mut rate = format!("learning rate {}", self.config.learning_rate);
        if published != self.config.learning_rate {
            rate += &format!(" (published: {published})");
        }
        if self.config.halve_every > 0 {
            rate += &format!(", halved every {} epochs", self.config.halve_every);
        }
        self.start_line_with(&rate)
    }

    /// The same with other words on the learning rate.
    pub fn start_line_with(&self, rate: &str) -> String {
        let config = &self.config;
        let published = config.architecture.training.batch_size;
        let published = match published == config.batch_size {
            true => String::new(),
            false => format!("; published batch: {published}"),
        };
        let turned = match config.augment {
            Augment::None => String::new(),
            augment => format!(", augmented by {augment}"),
        };
        let small = match self.small_set {
            true => format!(" (fewer than {SMALL_SET} candidates; --augment none: without this)"),
            false => String::new(),
        };
        let patience = match config.patience {
            0 => "no early stopping".into(),
            epochs => format!("patience {epochs}"),
        };
        let [real, bogus] = self.classes();
        let weights = match config.class_weight.weights(real, bogus) {
            Ok(weights) if !config.class_weight.is_none() => {
                let (real, bogus) = (weights.real, weights.bogus);
                format!("; class weights: real {real:.3}, bogus {bogus:.3}")
            }
            _ => String::new(),
        };
        let balance = match config.balance {
            true => format!("; smaller class oversampled to {}", real.max(bogus)),
            false => String::new(),
        };
        format!(
            "training {} on {}: batch {} ({} per epoch{published}), {rate}, up to {} epochs, \
             {patience}{turned}{small}; {real} real and {bogus} bogus{weights}{balance}; \
             pixels: {}",
            config.architecture.name,
            self.device().name(),
            config.batch_size,
            steps(self.steps_per_epoch()),
            config.epochs,
            config.preprocess,
        )
    }

    /// What a user should know before the run: classes that are imbalanced, a batch that leaves
    /// few steps.
    pub fn warnings(&self) -> Vec<String> {
        self.imbalance()
            .into_iter()
            .chain(self.few_steps())
            .collect()
    }

    fn imbalance(&self) -> Option<String> {
        let [real, bogus] = self.classes();
        let (smaller, larger) = (real.min(bogus), real.max(bogus));
        let part = smaller as f64 / (smaller + larger).max(1) as f64;
        let made_up_for = self.config.balance || !self.config.class_weight.is_none();
        if part >= IMBALANCED || made_up_for || smaller == 0 {
            return None;
        }
        let which = if real < bogus { "real" } else { "bogus" };
        Some(format!(
            "the classes are imbalanced: {:.1} % of the training part is {which}; --class-weight \
             balanced weights the loss, --balance draws the {which} ones more often",
            100.0 * part
        ))
    }

    /// Said of a batch that a user chose and that leaves fewer than 8 steps an epoch.
    pub fn few_steps(&self) -> Option<String> {
        let (batch, count) = (self.config.batch_size, self.steps_per_epoch());
        (self.chose_batch && count < FEW_STEPS).then(|| {
            format!(
                "--batch-size {batch} leaves {} per epoch: early stopping may end the \
                 training before it converges; without --batch-size an epoch has 16 or more \
                 where the data allow",
                steps(count)
            )
        })
    }
}

/// "1 step", "18 steps".
fn steps(count: usize) -> String {
    match count {
        1 => "1 step".into(),
        _ => format!("{count} steps"),
    }
}
