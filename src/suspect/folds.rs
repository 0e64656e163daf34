//! Scores of networks that were not fitted to the candidate: k-fold cross-validation.
//!
//! Each fold is a [`train::Session`](crate::train::Session) with a folder of its own. The model
//! that it leaves there says that it is over; a process that was killed goes on from the
//! checkpoint, and ends with the scores of one that was not.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use super::Network;
use crate::backend::Device;
use crate::data::atomic::{atomic_try, sweep};
use crate::data::claims;
use crate::data::groups::majority;
use crate::data::results::Family;
use crate::data::split::shuffle;
use crate::data::{Dataset, Groups, Part, Split};
use crate::formats::ModelFile;
use crate::formats::model::beside;
use crate::judge::history;
use crate::nn::Model;
use crate::train::checkpoint::fingerprint;
use crate::train::finished::{Finished, HeldOut};
use crate::train::observer::proceed;
use crate::train::scoring::{Feed, score_feed};
use crate::train::{Config, Observer, Residence, Session};
use crate::{Error, Result};

/// What cross-validation works on.
#[derive(Clone, Debug)]
pub struct Folds {
    /// The candidates, with labels.
    pub data: Arc<Dataset>,
    /// What of them stays in one fold.
    pub groups: Groups,
    /// How many parts they are dealt into, 2 to 20.
    pub count: usize,
    /// Where it runs.
    pub device: Device,
    /// Whether pixels stay on the device.
    pub residence: Residence,
    /// For checkpoints and models.
    pub folder: PathBuf,
    /// Time between checkpoints within an epoch.
    pub interval: Duration,
    /// Whether what an earlier run left in the folder is thrown away.
    pub fresh: bool,
}

/// A fold that begins.
#[derive(Clone, Debug)]
pub struct Fold {
    /// The network's name.
    pub network: String,
    /// Which one it is, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Candidates that an epoch trains on.
    pub candidates: usize,
    /// What its training is about to do, see [`Session::start_line`].
    pub start: String,
    /// What to know before it, see [`Session::warnings`].
    pub warnings: Vec<String>,
    /// Whether it is over since before.
    pub over: bool,
}

/// Who watches: besides what happens in a training, which fold it is.
pub trait Watcher: Observer {
    /// A fold begins.
    fn fold(&mut self, _fold: &Fold) {}
    /// The training of a fold is over.
    fn over(&mut self) {}
}

/// Watches nothing.
impl Watcher for () {}

/// The fold of every candidate, from 0. Each class is dealt out evenly, and the candidates of one
/// of `groups` stay together, since one would tell of the other. Each class needs four
/// candidates, and as many as there are folds; of its groups as many too.
pub fn deal(data: &Dataset, groups: &Groups, count: usize, seed: u64) -> Result<Vec<usize>> {
    let Some(labels) = &data.labels else {
        let expected = "labels, to look for wrong ones";
        return Err(Error::input(&data.source, "labels", "none", expected));
    };
    if !(2..=20).contains(&count) {
        return Err(Error::config("--folds", count.to_string(), "from 2 to 20"));
    }
    let (real, bogus) = data.class_counts();
    let least = count.max(4);
    if real.min(bogus) < least {
        let found = format!("{real} real and {bogus} bogus");
        let expected = format!("at least {least} of each for {count} folds");
        return Err(Error::input(&data.source, "labels", found, expected));
    }
    let mut groups = groups.lists(0..data.len());
    let real = groups.iter().filter(|rows| majority(rows, labels) == 1);
    let (real, all) = (real.count(), groups.len());
    if real.min(all - real) < least {
        let found = format!(
            "{real} real and {} bogus groups that stay together (one object, id or cutout each)",
            all - real
        );
        let expected = format!(
            "at least {least} of each for {count} folds; --group none divides groups, which then \
             tell of each other"
        );
        return Err(Error::input(&data.source, "labels", found, expected));
    }
    shuffle(&mut groups, &mut Xoshiro256PlusPlus::seed_from_u64(seed));
    // The large ones first: what is small evens out what they leave.
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let mut fold = vec![0; data.len()];
    let mut held = vec![[0usize; 2]; count];
    for group in groups {
        let real = group.iter().filter(|&&row| labels[row] == 1).count();
        let class = usize::from(majority(&group, labels));
        let least = (0..count).min_by_key(|&k| (held[k][class], held[k][0] + held[k][1], k));
        let least = least.expect("two folds at least");
        held[least][0] += group.len() - real;
        held[least][1] += real;
        for row in group {
            fold[row] = least;
        }
    }
    Ok(fold)
}

/// The split of fold `number`: it is the test part, and of the others each class is divided
/// between training and validation as `config` divides these two, groups undivided.
fn split(labels: &[u8], fold: &[usize], number: usize, config: &Config, groups: &Groups) -> Split {
    let [train, validation, _] = config.split.shares();
    let share = validation / (train + validation);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(config.seed ^ ((number as u64 + 1) << 32));
    if !groups.is_single() {
        let rest = (0..labels.len()).filter(|&row| fold[row] != number);
        let split = groups.share_out(rest, labels, [1.0 - share, share, 0.0], &mut random);
        let test = (0..labels.len()).filter(|&row| fold[row] == number);
        return Split {
            test: test.collect(),
            ..split
        };
    }
    let mut split = Split::default();
    for class in [1, 0] {
        let of_class = (0..labels.len()).filter(|&row| labels[row] == class);
        let (own, mut rest): (Vec<usize>, Vec<usize>) =
            of_class.partition(|&row| fold[row] == number);
        split.test.extend(own);
        shuffle(&mut rest, &mut random);
        let most = rest.len().saturating_sub(1).max(1);
        let some = ((rest.len() as f64 * share).round() as usize).clamp(1, most);
        split.train.extend(rest.split_off(some.min(rest.len())));
        split.validation.extend(rest);
    }
    for part in [&mut split.train, &mut split.validation, &mut split.test] {
        part.sort_unstable();
    }
    split
}

impl Folds {
    /// P(real) of every candidate by a network that was trained as `config` says on the other
    /// folds. What the folder has of a run with other settings or data is an error that says
    /// so, unless it is to be thrown away.
    pub fn network(&self, config: &Config, watcher: &mut dyn Watcher) -> Result<Network> {
        let fold = deal(&self.data, &self.groups, self.count, config.seed)?;
        let labels = self.data.labels.as_ref().expect("dealt by label");
        let name = &config.architecture.name;
        let mut scores = vec![f64::NAN; self.data.len()];
        for number in 0..self.count {
            let split = split(labels, &fold, number, config, &self.groups);
            let session = Session::new(config.clone(), &self.device, self.data.clone(), split)
                .resident(self.residence);
            let folder = format!("{name}-{}-of-{}", number + 1, self.count);
            let folder = self.folder.join(folder);
            let standing = Fold {
                network: name.clone(),
                number: number + 1,
                of: self.count,
                epochs: config.epochs,
                candidates: session.epoch_len(),
                start: session.start_line(),
                warnings: session.warnings(),
                over: false,
            };
            let model = self.trained(session, &folder, standing, watcher)?;
            let (session, model) = model;
            let of_test = of_test(&session, &model, number, watcher)?;
            for (&row, score) in session.split().test.iter().zip(of_test) {
                scores[row] = score;
            }
        }
        Ok(Network {
            name: format!("{name} in {} folds", self.count),
            scores,
            in_sample: Some(0),
        })
    }

    /// The fold's network, trained now or before.
    fn trained(
        &self,
        session: Session,
        folder: &Path,
        mut standing: Fold,
        watcher: &mut dyn Watcher,
    ) -> Result<(Session, Model)> {
        let (path, checkpoint) = (folder.join(MODEL), folder.join(CHECKPOINT));
        if self.fresh && folder.exists() {
            std::fs::remove_dir_all(folder).map_err(Error::io("remove", folder))?;
        }
        if path.exists() {
            let file = ModelFile::read(&path, &self.device)?;
            same(&path, &file, &session)?;
            standing.over = true;
            watcher.fold(&standing);
            watcher.over();
            return Ok((session, file.model));
        }
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        sweep(folder);
        watcher.fold(&standing);
        let session = session.checkpoint(&checkpoint, self.interval);
        let outcome = session.run(checkpoint.exists(), watcher)?;
        let held_out = HeldOut::of(&session, &outcome, watcher)?;
        watcher.over();
        let past = beside(&path, "history.jsonl");
        let mut family = Family::new();
        family.write(&past, |to| {
            atomic_try(to, |out| history::write(&outcome.history, out, to))
        })?;
        let parts = beside(&path, "split.csv");
        family.write(&parts, |to| session.split().write_csv(to, session.data()))?;
        let finished = Finished::of(&session, &outcome, &held_out)?;
        for warning in &finished.warnings {
            watcher.notice(&format!("warning: {warning}"));
        }
        family.write(&path, |to| finished.file.write(to))?;
        family.put()?;
        // Its network is there now; nothing goes on from this.
        std::fs::remove_file(&checkpoint).map_err(Error::io("remove", &checkpoint))?;
        Ok((session, outcome.model))
    }
}

/// The folder of the folds' networks, which is gone on in.
pub const FOLDER: claims::Folder = claims::Folder {
    what: "an earlier cross-validation",
    ours: |_| true,
    is_whole: |_| false,
    mixed: true,
};

const CHECKPOINT: &str = "checkpoint.safetensors";
const MODEL: &str = "model.safetensors";

/// Refuses the model of another run.
fn same(path: &Path, file: &ModelFile, session: &Session) -> Result<()> {
    let then = &file.provenance;
    let now = serde_json::to_value(session.config()).expect("plain data");
    let mut differ = Vec::new();
    if then.fingerprint != fingerprint(session.data(), session.split())? {
        differ.push("other data or labels");
    }
    if then.settings != now {
        differ.push("other settings");
    }
    if then.device != session.device().name() {
        differ.push("another device");
    }
    if differ.is_empty() {
        return Ok(());
    }
    let found = format!("a network from {}", differ.join(", "));
    let expected = "one of this run; --fresh begins anew, --folder names another folder";
    Err(Error::input(path, "model", found, expected))
}

/// P(real) of the test part of fold `number` (from 0), in its order.
fn of_test(
    session: &Session,
    model: &Model,
    number: usize,
    observer: &mut dyn Observer,
) -> Result<Vec<f64>> {
    let loader = session.loader(Part::Test, false)?;
    let feed = Feed {
        loader: &loader,
        resident: session.on_device()?,
    };
    let mut at_once = session.config().batch_size;
    score_feed(model, feed, &mut at_once, |_| {
        proceed(observer, || format!("while scoring fold {}", number + 1))
    })
}
