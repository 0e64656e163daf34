//! How a run begins, and what its epochs change.

use super::checkpoint::State;
use super::observer::Observer;
use super::origin::brought;
use super::scoring::{Feed, evaluate_feed};
use super::{Config, Origin, Precision, Session, Totals, Trainer};
use crate::backend::Device;
use crate::data::channels::{Takes, described};
use crate::data::{Augment, Preprocess};
use crate::formats::ModelFile;
use crate::judge::EpochRecord;
use crate::nn::{Architecture, Model, Parameter};
use crate::ops::loss_scale;
use crate::{Error, Result};

/// What a run begins with.
#[derive(Debug)]
pub(super) struct Start {
    /// What of it is frozen stays.
    pub model: Model,
    /// The images that it takes.
    pub takes: Takes,
}

impl Session {
    /// Begins with the weights of `file`, which is called `name`, instead of fresh ones. The
    /// start counts as epoch 0: where no epoch has a lower validation loss, its weights are
    /// what the run keeps. The settings are those of
    /// [`Settings::check_from`](super::Settings::check_from); a network that does not take the
    /// data, as the settings make them ready, is an error.
    pub fn from(mut self, file: &ModelFile, name: &str) -> Result<Session> {
        let (model, config) = (&file.model, &self.config);
        let plain = |of: &Architecture| of.clone().with_dropout(0.0).layers;
        if plain(&config.architecture) != plain(model.architecture()) {
            let found = format!("'{}'", config.architecture.name);
            let expected = format!("'{}', the network of {name}", model.architecture().name);
            return Err(Error::config("--network", found, expected));
        }
        if config.preprocess != file.preprocess {
            let found = config.preprocess.to_string();
            let expected = format!("{}, as {name} has it", file.preprocess);
            return Err(Error::config("--normalise", found, expected));
        }
        let (made, [h, w, c]) = (self.input(), model.plan().input);
        if !made.as_ref().is_ok_and(|made| *made == [h, w, c]) {
            let what = match c == self.data().shape.channels {
                true => "rbgpu pack --cutout-size crops",
                false => "--planes declares images, --channels chooses among them",
            };
            let found = self.data().shape.to_string();
            let expected = format!(
                "what becomes {h}x{w}x{c} with '{}' ({what})",
                file.preprocess
            );
            return Err(Error::input(
                &self.data().source,
                "cutouts",
                found,
                expected,
            ));
        }
        // A single image has no order; several must be those that the weights were fitted to.
        let (have, takes) = (self.data().channels.as_deref(), file.takes());
        let places = takes
            .places(have, self.data().shape.channels)
            .map_err(|mismatch| mismatch.at(&self.data().source))?;
        if places.is_some() {
            let found = described(have, self.data().shape.channels);
            let expected = format!(
                "{}, as {name} takes",
                described(takes.names.as_deref(), takes.count)
            );
            return Err(Error::input(&self.data().source, "images", found, expected));
        }
        self.config.from = Some(Origin::of(name, model)?);
        self.start = Some(Start {
            model: model.clone().thawed(),
            takes: file.takes(),
        });
        Ok(self)
    }

    /// Leaves layers as they are, see [`Model::freeze`]; after [`from`](Self::from), since only
    /// what has learnt something is worth keeping.
    pub fn freezing(mut self, names: &[String]) -> Result<Session> {
        if names.is_empty() {
            return Ok(self);
        }
        let Some(start) = &mut self.start else {
            let expected = "--from MODEL, whose layers they are";
            return Err(Error::config("--freeze", names.join(","), expected));
        };
        self.config.frozen = start.model.freeze(names)?;
        Ok(self)
    }

    /// What the network takes: (H, W, C).
    pub(super) fn input(&self) -> Result<[usize; 3]> {
        let shape = self.config.preprocess.output_shape(self.data().shape)?;
        Ok([shape.height, shape.width, shape.channels])
    }

    /// Whether cutouts are turned before they are made ready, so that every batch is made anew.
    pub(super) fn turns_first(&self) -> bool {
        let plain = matches!(self.config.preprocess, Preprocess::Plain(_));
        !plain && self.config.augment != Augment::None
    }

    pub(super) fn fresh_trainer(&self) -> Result<Trainer> {
        let c = &self.config;
        let architecture = c.architecture.clone();
        let mut model = match &self.start {
            None => Model::new(architecture, self.input()?, c.seed, self.device())?,
            Some(start) => brought(&start.model, architecture, self.device())?,
        };
        if !c.frozen.is_empty() {
            model.freeze(&c.frozen)?;
        }
        let trainer = self.trainer(model)?;
        match c.precision {
            Precision::F32 => Ok(trainer),
            Precision::F16 => trainer.with_loss_scale(&loss_scale::start(c.loss_scale)),
        }
    }

    /// A trainer of `model` with the run's settings, at its first step.
    pub(super) fn trainer(&self, model: Model) -> Result<Trainer> {
        let c = &self.config;
        let [real, bogus] = self.classes();
        let weights = c.class_weight.weights(real, bogus)?;
        Ok(Trainer::new(model, c.beta1, c.beta2, c.epsilon)?.with_class_weights(weights))
    }
}

impl State {
    pub(super) fn start(session: &Session) -> Result<State> {
        let trainer = session.fresh_trainer()?;
        let best: Vec<Parameter> = trainer.model().parameters().to_vec();
        Ok(State {
            trainer,
            best,
            best_epoch: 0,
            best_loss: f64::INFINITY,
            history: Vec::new(),
            batches: 0,
            totals: Totals::zero(session.device())?,
            at_once: session.config.batch_size,
        })
    }

    /// What the weights that a run begins with are worth: (validation loss, accuracy). They are
    /// the best until an epoch has a lower loss.
    pub(super) fn judge_start(
        &mut self,
        validation: Feed,
        observer: &mut dyn Observer,
    ) -> Result<(f64, f64)> {
        let mut at_once = self.at_once;
        let (loss, accuracy) =
            evaluate_feed(self.trainer.model(), validation, &mut at_once, observer)?;
        if loss.is_finite() {
            self.best_loss = loss;
        }
        Ok((loss, accuracy))
    }

    pub(super) fn finished(&self, config: &Config) -> bool {
        let waited = self.history.len() - self.best_epoch;
        self.history.len() >= config.epochs || (config.patience > 0 && waited >= config.patience)
    }

    /// Takes an epoch's record; whether it is the best so far.
    pub(super) fn finish_epoch(&mut self, record: EpochRecord, device: &Device) -> Result<bool> {
        let best = record.val_loss < self.best_loss;
        if best {
            self.best_loss = record.val_loss;
            self.best_epoch = record.epoch;
            self.best = self.trainer.model().parameters().to_vec();
        }
        self.history.push(record);
        self.batches = 0;
        self.totals = Totals::zero(device)?;
        Ok(best)
    }
}
