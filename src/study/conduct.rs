//! Does the runs of a study one after the other, those that are over excepted, and says how
//! long the rest will take.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Folder, Record, Run};
use crate::backend::Device;
use crate::data::Dataset;
use crate::data::atomic::{atomic_try, sweep};
use crate::data::results::Family;
use crate::formats::model::beside;
use crate::judge::{EpochRecord, history};
use crate::train::finished::{HeldOut, finished_with, judged};
use crate::train::{Observer, Progress, Residence, Session};
use crate::{Error, Result};

/// Where a study stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The run's name.
    pub run: String,
    /// Which one it is, from 1.
    pub number: usize,
    /// How many there are in all.
    pub of: usize,
    /// Part of the whole study's work that is done, from 0 to 1.
    pub done: f64,
    /// How long the rest takes at most (runs may stop early); `None` before anything is measured.
    pub left: Option<Duration>,
}

/// Who watches a study.
pub trait Watcher {
    /// After every step of a run.
    fn step(&mut self, _standing: &Standing, _progress: &Progress) -> Result<()> {
        Ok(())
    }
    /// After every epoch of a run.
    fn epoch(&mut self, _standing: &Standing, _record: &EpochRecord, _best: bool) {}
    /// A run is over; `again` if it was so before this process began.
    fn finished(&mut self, _standing: &Standing, _record: &Record, _again: bool) {}
    /// Something that a user should know.
    fn notice(&mut self, _text: &str) {}
    /// Whether to end now, as [`Observer::interrupted`]; also asked before every run.
    fn interrupted(&mut self) -> bool {
        false
    }
}

/// Watches nothing.
impl Watcher for () {}

/// A study at work.
pub struct Study<'a> {
    data: Arc<Dataset>,
    device: Device,
    residence: Residence,
    interval: Duration,
    checkpoints: bool,
    folder: Folder,
    watcher: &'a mut dyn Watcher,
    clock: Clock,
    number: usize,
    of: usize,
}

impl<'a> Study<'a> {
    /// `of` runs on `data`, whose records go to `folder`. A run writes a checkpoint after every
    /// epoch, and within an epoch whenever `interval` has passed.
    pub fn new(
        folder: Folder,
        data: Arc<Dataset>,
        device: &Device,
        (residence, interval): (Residence, Duration),
        of: usize,
        watcher: &'a mut dyn Watcher,
    ) -> Study<'a> {
        Study {
            data,
            device: device.clone(),
            residence,
            interval,
            checkpoints: true,
            folder,
            watcher,
            clock: Clock::default(),
            number: 0,
            of,
        }
    }

    /// Without checkpoints: a run that is stopped begins anew. For runs so short that writing one
    /// takes as long as an epoch, and not for those that go on from one another.
    pub fn unsaved(mut self) -> Study<'a> {
        self.checkpoints = false;
        self
    }

    /// The folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Does `runs` in their order and gives a record for each; `later` is what the runs that
    /// will follow cost, as [`Run::cost`] has it. A run whose network does not fit, whose loss
    /// is no number, or for which the device has no room has a record that says so; any other
    /// error, and a watcher that asks to end, ends the study, which can be gone on with.
    pub fn conduct(&mut self, runs: &[Run], later: f64) -> Result<Vec<Record>> {
        let shape = self.data.shape;
        let costs: Vec<f64> = runs.iter().map(|run| run.cost(shape)).collect();
        for (run, cost) in runs.iter().zip(&costs) {
            if let Some(record) = self.folder.record(&run.name) {
                self.clock.saw(run, record, *cost);
            }
        }
        let is_over = |run: &Run| self.folder.record(&run.name).is_some();
        let open = runs.iter().zip(&costs).filter(|(run, _)| !is_over(run));
        self.clock.left = later + open.map(|(_, cost)| cost).sum::<f64>();
        let mut records = Vec::with_capacity(runs.len());
        for (run, cost) in runs.iter().zip(costs) {
            self.number += 1;
            let again = self.folder.record(&run.name).cloned();
            let known = again.is_some();
            let record = match again {
                Some(record) => record,
                None if self.watcher.interrupted() => {
                    return Err(Error::interrupted(format!("before run {}", run.name)));
                }
                None => {
                    self.clock.left -= cost;
                    let record = self.one(run, cost)?;
                    self.folder.append(&record)?;
                    record
                }
            };
            if !run.keeps_checkpoint {
                self.forget(run)?;
            }
            let standing = self.clock.standing(&run.name, self.number, self.of);
            self.watcher.finished(&standing, &record, known);
            records.push(record);
        }
        Ok(records)
    }

    /// Removes the checkpoint of a run from which none will go on.
    pub fn forget(&self, run: &Run) -> Result<()> {
        let path = self.folder.run(&run.folder)?.join(CHECKPOINT);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", path)(error))
            }
            _ => Ok(()),
        }
    }

    fn one(&mut self, run: &Run, cost: f64) -> Result<Record> {
        let labels = self.data.labels.as_ref().expect("a split has labels");
        let real = run.split.train.iter().filter(|row| labels[**row] == 1);
        let real = real.count();
        let trained_on = [real, run.split.train.len() - real];
        // What nobody chose is that of this run's training part.
        let run = &Run {
            config: run.config.clone().for_candidates(run.split.train.len()),
            ..run.clone()
        };
        if let Err(error) = run.plan(self.data.shape) {
            let why = run.does_not_fit(self.data.shape, &error);
            return Ok(Record::without_model(run, trained_on, why));
        }
        let folder = self.folder.run(&run.folder)?;
        let checkpoint = folder.join(CHECKPOINT);
        let path = folder.join(MODEL);
        let [past, parts] = ["history.jsonl", "split.csv"].map(|end| beside(&path, end));
        sweep(&folder);
        let data = run.view.of(&self.data)?;
        let split = run.split.as_ref().clone();
        let session = Session::new(run.config.clone(), &self.device, data, split)
            .resident(self.residence)
            .going_on(run.before > 0);
        let session = match self.checkpoints {
            true => session.checkpoint(&checkpoint, self.interval),
            false => session,
        };
        let mut timed = Timed {
            watcher: &mut *self.watcher,
            clock: &mut self.clock,
            run,
            cost,
            number: self.number,
            of: self.of,
            started: Instant::now(),
            first: None,
            epoch: None,
            seconds: 0.0,
            epochs: 0,
        };
        let outcome = match session.run(checkpoint.exists(), &mut timed) {
            Ok(outcome) => outcome,
            Err(error) if matches!(error, Error::Diverged { .. }) || error.is_too_large() => {
                timed.finish();
                return Ok(Record::without_model(run, trained_on, error.to_string()));
            }
            Err(error) => return Err(error),
        };
        let held_out = HeldOut::of(&session, &outcome, &mut timed)?;
        let seconds = timed.finish();
        for warning in judged(&session, &outcome, &held_out)?.1 {
            (self.watcher).notice(&format!("{}: warning: {warning}", run.name));
        }
        let model = finished_with(&session, &outcome, &held_out);
        let mut family = Family::new();
        family.write(&past, |to| {
            atomic_try(to, |out| history::write(&outcome.history, out, to))
        })?;
        family.write(&parts, |to| session.split().write_csv(to, session.data()))?;
        family.write(&path, |to| model.write(to))?;
        family.put()?;
        Ok(Record::of(run, trained_on, &outcome, &held_out, seconds))
    }
}

const CHECKPOINT: &str = "checkpoint.safetensors";

/// The model in a run's folder; its history and split stand beside it.
pub const MODEL: &str = "model.safetensors";

/// How fast it goes, and how much is left.
#[derive(Debug, Default)]
struct Clock {
    /// Of what was measured.
    seconds: f64,
    /// Of what was measured, as [`Run::cost`] has it.
    cost: f64,
    /// Of what has been done, measured or not.
    done: f64,
    /// Of runs that have not begun.
    left: f64,
}

impl Clock {
    /// A run that is over since before.
    fn saw(&mut self, run: &Run, record: &Record, cost: f64) {
        self.done += cost;
        let epochs = run.config.epochs.saturating_sub(run.before).max(1) as f64;
        if let Some(seconds) = record.seconds_per_epoch {
            self.measured(seconds, cost / epochs);
        }
    }

    fn measured(&mut self, seconds: f64, cost: f64) {
        self.seconds += seconds;
        self.cost += cost;
    }

    fn standing(&self, run: &str, number: usize, of: usize) -> Standing {
        self.within(run, number, of, 0.0, 0.0)
    }

    /// With `begun` of the current run's cost done, and `open` still to do.
    fn within(&self, run: &str, number: usize, of: usize, begun: f64, open: f64) -> Standing {
        let left = self.left + open;
        let all = self.done + begun + left;
        let measured = self.cost > 0.0 && self.seconds > 0.0;
        let seconds = left * self.seconds / self.cost;
        Standing {
            run: run.into(),
            number,
            of,
            done: if all > 0.0 {
                (self.done + begun) / all
            } else {
                1.0
            },
            left: match measured {
                true => Duration::try_from_secs_f64(seconds).ok(),
                false => None,
            },
        }
    }
}

/// Times the epochs of a run and passes on what it sees.
struct Timed<'a> {
    watcher: &'a mut dyn Watcher,
    clock: &'a mut Clock,
    run: &'a Run,
    cost: f64,
    number: usize,
    of: usize,
    started: Instant,
    /// When the first step that this process did was over, and which part of the run that was.
    first: Option<(Instant, f64)>,
    /// When the epoch began, if it was seen from its beginning.
    epoch: Option<Instant>,
    seconds: f64,
    epochs: usize,
}

impl Timed<'_> {
    /// Part of the run that is done, of the epochs that no run before it did.
    fn part(&self, epoch: usize, within: f64) -> f64 {
        let (before, all) = (self.run.before as f64, self.run.config.epochs as f64);
        ((epoch as f64 - 1.0 + within - before) / (all - before)).clamp(0.0, 1.0)
    }

    fn standing(&self, part: f64) -> Standing {
        let cost = self.cost;
        let mut clock = Clock { ..*self.clock };
        if let Some((begun, from)) = self.first {
            clock.measured(begun.elapsed().as_secs_f64(), (part - from).max(0.0) * cost);
        }
        let (begun, open) = (part * cost, (1.0 - part) * cost);
        clock.within(&self.run.name, self.number, self.of, begun, open)
    }

    /// Seconds of an epoch that was seen whole; none if the process began within the only one.
    fn finish(self) -> Option<f64> {
        self.clock.done += self.cost;
        let seconds = (self.epochs > 0).then(|| self.seconds / self.epochs as f64)?;
        let epochs = self.run.config.epochs.saturating_sub(self.run.before);
        let cost = self.cost / epochs.max(1) as f64;
        self.clock.measured(self.seconds, cost * self.epochs as f64);
        Some(seconds)
    }
}

impl Observer for Timed<'_> {
    fn step(&mut self, progress: &Progress) -> Result<()> {
        let part = self.part(progress.epoch, progress.done as f64 / progress.of as f64);
        if self.first.is_none() {
            self.first = Some((Instant::now(), part));
            if progress.done <= self.run.config.batch_size {
                self.epoch = Some(self.started);
            }
        }
        let standing = self.standing(part);
        self.watcher.step(&standing, progress)
    }

    fn epoch(&mut self, record: &EpochRecord, best: bool) {
        let now = Instant::now();
        if let Some(begun) = self.epoch.replace(now) {
            self.seconds += (now - begun).as_secs_f64();
            self.epochs += 1;
        }
        let standing = self.standing(self.part(record.epoch, 1.0));
        self.watcher.epoch(&standing, record, best);
    }

    fn notice(&mut self, text: &str) {
        self.watcher.notice(&format!("{}: {text}", self.run.name));
    }

    fn interrupted(&mut self) -> bool {
        self.watcher.interrupted()
    }
}
