//! The training loop: epochs, validation, early stopping, the best weights kept.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::checkpoint::{self, State};
use super::defaults::SMALL_SET;
use super::observer::{Observer, Progress, proceed};
use super::resident::notice_of_streaming;
use super::scoring::{Feed, evaluate_feed, notice_of_parts, smaller};
use super::state::Start;
use super::trainer::parts;
use super::{Config, Precision, Residence, Resident};
use crate::backend::Device;
use crate::data::{Augment, Dataset, Loader, LoaderOptions, Part, Split};
use crate::judge::EpochRecord;
use crate::nn::Model;
use crate::{Error, Result};

pub use super::scoring::{evaluate, score};

/// What a run leaves.
#[derive(Debug)]
pub struct Outcome {
    /// The network with the weights of the best epoch.
    pub model: Model,
    /// One record per epoch.
    pub history: Vec<EpochRecord>,
    /// The epoch whose weights were kept, from 1; 0 for those that a run began with
    /// ([`Session::from`]).
    pub best_epoch: usize,
    /// Whether it stopped before the last epoch.
    pub stopped_early: bool,
    /// The loss that was not a number, if that is why it stopped.
    pub diverged: Option<Error>,
}

/// A run over one data set.
#[derive(Debug)]
pub struct Session {
    pub(super) config: Config,
    /// What it begins with, if not with a fresh network.
    pub(super) start: Option<Start>,
    device: Device,
    data: Arc<Dataset>,
    split: Split,
    checkpoint: Option<PathBuf>,
    /// Time between checkpoints within an epoch; they do not change the bits.
    interval: Duration,
    residence: Residence,
    goes_on: bool,
    /// Whether a user chose the batch.
    pub(super) chose_batch: bool,
    /// Whether it is trained as a small set, and nobody asked for that.
    pub(super) small_set: bool,
    /// The pixels on the device, once someone needed them.
    resident: OnceLock<Option<Resident>>,
}

impl Session {
    /// A run of `config` on `data`, split as `split` says. A batch that nobody chose is now
    /// that of the training part ([`Config::for_candidates`]).
    pub fn new(config: Config, device: &Device, data: Arc<Dataset>, split: Split) -> Session {
        Session {
            chose_batch: !config.batch_is_default,
            small_set: config.small_set.is_some() && split.train.len() < SMALL_SET,
            config: config.for_candidates(split.train.len()),
            start: None,
            device: device.clone(),
            data,
            split,
            checkpoint: None,
            interval: Duration::from_secs(300),
            residence: Residence::Auto,
            goes_on: false,
            resident: OnceLock::new(),
        }
    }

    /// Whether the pixels stay on the device, or on a cpu in memory.
    pub fn resident(mut self, residence: Residence) -> Session {
        self.residence = residence;
        self
    }

    /// Writes a checkpoint to `path` after every epoch, and within an epoch
    /// whenever `interval` has passed.
    pub fn checkpoint(mut self, path: impl AsRef<Path>, interval: Duration) -> Session {
        self.checkpoint = Some(path.as_ref().to_path_buf());
        self.interval = interval;
        self
    }

    /// Whether a checkpoint of a run of fewer epochs, and else of this one, is gone on from:
    /// its epochs are then the first of these, bit for bit.
    pub fn going_on(mut self, goes_on: bool) -> Session {
        self.goes_on = goes_on;
        self
    }

    pub(super) fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// Batches of one part: in training shuffled and turned, else in order as they are.
    pub fn loader(&self, part: Part, training: bool) -> Result<Loader> {
        let options = LoaderOptions {
            batch_size: self.config.batch_size,
            preprocess: self.config.preprocess,
            augment: if training {
                self.config.augment
            } else {
                Augment::None
            },
            shuffle: training,
            balance: training && self.config.balance,
            seed: self.config.seed,
            cache_bytes: match self.residence {
                Residence::Auto => LoaderOptions::default().cache_bytes,
                Residence::Yes => u64::MAX,
                Residence::No => 0,
            },
        };
        Loader::new(self.data.clone(), self.split.part(part).to_vec(), options)
    }

    /// The pixels on the device, uploaded the first time; `None` where every batch
    /// is.
    pub fn on_device(&self) -> Result<Option<&Resident>> {
        if let Some(resident) = self.resident.get() {
            return Ok(resident.as_ref());
        }
        let half = self.config.precision == Precision::F16;
        let (preprocess, mut residence) = (self.config.preprocess, self.residence);
        if self.turns_first() {
            if residence == Residence::Yes && matches!(self.device, Device::Gpu(_)) {
                let found = format!("yes with preprocessing '{preprocess}' and turned cutouts");
                let expected = "auto or no: they are turned before they are made ready";
                return Err(Error::config("--resident", found, expected));
            }
            residence = Residence::No;
        }
        let resident = Resident::load(&self.data, preprocess, &self.device, half, residence)?;
        Ok(self.resident.get_or_init(|| resident).as_ref())
    }

    /// The same in a word: u8, f16 or f32, or "streamed".
    pub(super) fn pixels(&self) -> Result<String> {
        let resident = self.on_device()?;
        Ok(resident.map_or("streamed".into(), Resident::to_string))
    }

    /// What to say where the device might have kept the pixels, and has no room.
    fn notice_of_streaming(&self) -> Result<Option<String>> {
        let resident = self.on_device()?.is_some();
        let asked = self.residence != Residence::Auto || self.data.is_empty() || self.turns_first();
        match &self.device {
            Device::Gpu(gpu) if !resident && !asked => {
                let half = self.config.precision == Precision::F16;
                notice_of_streaming(&self.data, self.config.preprocess, gpu, half).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Runs from the start, or from the checkpoint if `resume` is set, to the end; or until
    /// `observer` asks to end: the state is then in the checkpoint, if the run has one, and the
    /// error is [`Error::Interrupted`].
    pub fn run(&self, resume: bool, observer: &mut dyn Observer) -> Result<Outcome> {
        let (training, validation) = (
            self.loader(Part::Train, true)?,
            self.loader(Part::Validation, false)?,
        );
        let mut state = match (&self.checkpoint, resume) {
            (Some(path), true) => {
                let (state, own) = checkpoint::read(path, self)?;
                if own {
                    observer.notice(&self.resumed(path, &state, training.batches()));
                }
                state
            }
            _ => State::start(self)?,
        };
        let resident = self.on_device()?;
        if let Some(notice) = self.notice_of_streaming()? {
            observer.notice(&notice);
        }
        let feed = |loader| Feed { loader, resident };
        let (training, validation) = (feed(&training), feed(&validation));
        let begins = state.history.is_empty() && state.batches == 0;
        if self.start.is_some() && begins && state.best_loss.is_infinite() {
            let (loss, accuracy) = state.judge_start(validation, observer)?;
            observer.notice(&format!(
                "before training: validation loss {loss:.4}, accuracy {accuracy:.4}"
            ));
        }
        let mut diverged = None;
        while !state.finished(&self.config) {
            let epoch = match self.epoch(&mut state, training, validation, observer) {
                Err(Error::Interrupted { .. }) => Err(self.leave(&state, training.loader)),
                other => other,
            };
            match epoch {
                Ok(()) => self.save(&state)?,
                // Hours of work are not thrown away for a last bad epoch.
                Err(error @ Error::Diverged { .. })
                    if state.best_epoch > 0 || self.start.is_some() =>
                {
                    diverged = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let stopped_early = state.history.len() < self.config.epochs;
        let best_epoch = state.best_epoch;
        let mut model = state.trainer.model().clone().thawed();
        for (i, parameter) in state.best.iter().enumerate() {
            model.set_parameter(i, parameter.tensor.clone())?;
        }
        Ok(Outcome {
            model,
            history: state.history,
            best_epoch,
            stopped_early,
            diverged,
        })
    }

    /// Trains for one epoch, validates, and takes the record.
    fn epoch(
        &self,
        state: &mut State,
        training: Feed,
        validation: Feed,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let epoch = state.history.len() + 1;
        self.train_epoch(epoch, state, training, observer)?;
        let mut at_once = state.at_once;
        let (val_loss, val_accuracy) =
            evaluate_feed(state.trainer.model(), validation, &mut at_once, observer)?;
        let (loss, accuracy) = state.totals.means()?;
        check_loss(epoch, training.loader.batches(), loss)?;
        check_loss(epoch, training.loader.batches(), val_loss)?;
        let record = EpochRecord {
            epoch,
            learning_rate: self.config.learning_rate_in(epoch),
            loss,
            accuracy,
            val_loss,
            val_accuracy,
            samples: state.totals.count(),
        };
        let best = state.finish_epoch(record, &self.device)?;
        observer.epoch(&record, best);
        Ok(())
    }

    fn train_epoch(
        &self,
        epoch: usize,
        state: &mut State,
        feed: Feed,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let rate = self.config.learning_rate_in(epoch);
        let (loader, seed) = (feed.loader, self.config.seed);
        let mut saved = Instant::now();
        let mut batches = feed.epoch(epoch as u64);
        let here = || format!("in epoch {epoch}");
        // Those of a resumed epoch that were seen before.
        for _ in 0..state.batches {
            proceed(observer, here)?;
            batches.next().transpose()?;
        }
        while state.batches < loader.batches() {
            proceed(observer, here)?;
            let Some(batch) = batches.next().transpose()? else {
                break;
            };
            let step = loop {
                let mut input = |model: &Model, part: Range<usize>| {
                    // Uploaded before anything is recorded that memory could be free
                    // from: an upload behind a dispatch is a submission more.
                    let targets = model.targets(&batch.labels[part.clone()])?;
                    Ok((feed.input(model, &batch, part)?, targets))
                };
                let all = parts(batch.len(), state.at_once);
                match state.trainer.step_in_parts(&all, &mut input, rate, seed) {
                    Ok(step) => break step,
                    Err(error) => {
                        state.at_once = smaller(error, batch.len().min(state.at_once))?;
                        observer.notice(&format!(
                            "{}, and their gradients added up; batch normalisation sees as many",
                            notice_of_parts(batch.len(), state.at_once)
                        ));
                    }
                }
            };
            state.totals.add(&step.loss, &step.right, batch.len())?;
            state.batches += 1;
            observer.step(&Progress {
                epoch,
                epochs: self.config.epochs,
                done: state.totals.count(),
                of: loader.len(),
                totals: &state.totals,
                waited: batches.waited(),
            })?;
            if saved.elapsed() >= self.interval && state.batches < loader.batches() {
                let (loss, _) = state.totals.means()?;
                check_loss(epoch, state.batches, loss)?;
                self.save(state)?;
                saved = Instant::now();
            }
        }
        Ok(())
    }

    /// Writes the checkpoint of a run that is asked to end, and gives the error that it ends with.
    fn leave(&self, state: &State, training: &Loader) -> Error {
        let (epoch, batches) = (state.history.len() + 1, training.batches());
        let saved = || -> Result<()> {
            if state.batches > 0 {
                // As for a checkpoint in time: nothing goes on from a loss that is no number.
                check_loss(epoch, state.batches, state.totals.means()?.0)?;
            }
            self.save(state)
        };
        match saved() {
            Ok(()) => Error::Interrupted {
                at: format!("in epoch {epoch}, step {} of {batches}", state.batches),
                checkpoint: self.checkpoint.clone(),
            },
            Err(error) => error,
        }
    }

    /// What to say of a run that goes on from `path`.
    fn resumed(&self, path: &Path, state: &State, batches: usize) -> String {
        let (path, epochs) = (path.display(), state.history.len());
        match state.finished(&self.config) {
            true => format!("resumed from {path}: training is complete ({epochs} epochs)"),
            false => format!(
                "resumed from {path}: epoch {}, step {} of {batches}",
                epochs + 1,
                state.batches
            ),
        }
    }

    /// The checkpoint, if it is there.
    pub(super) fn saved(&self) -> Option<PathBuf> {
        self.checkpoint.clone().filter(|path| path.exists())
    }

    fn save(&self, state: &State) -> Result<()> {
        match &self.checkpoint {
            Some(path) => checkpoint::write(path, self, state),
            None => Ok(()),
        }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The data.
    pub fn data(&self) -> &Arc<Dataset> {
        &self.data
    }

    /// Which candidate is in which part.
    pub fn split(&self) -> &Split {
        &self.split
    }
}

fn check_loss(epoch: usize, step: usize, loss: f64) -> Result<()> {
    if loss.is_finite() {
        Ok(())
    } else {
        Err(Error::Diverged { epoch, step, loss })
    }
}
