//! Where results go: claimed before the work, so that nothing is lost by it or after it.
//!
//! A command says what it writes, as one of these: [`keep`](Outputs::keep) (models, splits, labels,
//! data sets: not replaced without --force), [`replace`](Outputs::replace) (tables of scores),
//! [`folder`](Outputs::folder) (reports). The program refuses to write anything else
//! ([`crate::data::claims::require`]).

use std::path::{Path, PathBuf};

use clap::Args;

use super::terminal::Terminal;
use crate::data::claims::{Claims, Folder, Rule, Taken};
use crate::data::scores::Format;
use crate::formats::beside;
use crate::{Error, Result};

/// `--force`, where a command writes what it does not replace by itself.
#[derive(Clone, Copy, Debug, Args)]
pub struct Force {
    /// Replace outputs that exist. Without it the command stops before any work. Journals of
    /// decisions are never replaced
    #[arg(long)]
    pub force: bool,
}

/// Refuses, for a table that is written as CSV, a name that says another format.
pub fn check_csv(path: &Path) -> Result<()> {
    match Format::of(path) {
        Ok(Format::Csv) | Err(_) => Ok(()),
        Ok(_) => {
            let found = path.display().to_string();
            Err(Error::config(
                "--out",
                found,
                "a name that ends in .csv: this table is CSV",
            ))
        }
    }
}

/// Endings of other formats than that of models. Others are part of a name: `run.2`.
const NO_MODEL: [&str; 22] = [
    "h5", "hdf5", "keras", "onnx", "tflite", "pb", "pt", "pth", "pkl", "npz", "npy", "csv", "tsv",
    "json", "jsonl", "parquet", "fits", "xml", "vot", "ecsv", "toml", "html",
];

/// Refuses a name for a model that says another format than rbgpu's own.
pub fn check_model(path: &Path) -> Result<()> {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    if NO_MODEL.contains(&ending.to_ascii_lowercase().as_str()) {
        let found = path.display().to_string();
        let expected = "a name that ends in .safetensors, which is the format of models (rbgpu \
                        export writes others)";
        return Err(Error::config("--out", found, expected));
    }
    Ok(())
}

/// The outputs of a command. No other process writes them while the value lives.
#[derive(Debug)]
pub struct Outputs {
    claims: Claims,
    terminal: Terminal,
}

impl Outputs {
    /// Of a command with --force.
    pub fn new(force: Force, inputs: &[PathBuf], terminal: &Terminal) -> Outputs {
        Outputs::with(force.force, Some("--force"), inputs, terminal)
    }

    /// Of a command that goes on in its folder, or begins anew with --fresh.
    pub fn going_on(fresh: bool, inputs: &[PathBuf], terminal: &Terminal) -> Outputs {
        Outputs::with(fresh, Some("--fresh"), inputs, terminal)
    }

    /// Of a command that writes nothing that it does not replace, or into new folders alone.
    pub fn replacing(inputs: &[PathBuf], terminal: &Terminal) -> Outputs {
        Outputs::with(false, None, inputs, terminal)
    }

    fn with(
        force: bool,
        how: Option<&'static str>,
        inputs: &[PathBuf],
        terminal: &Terminal,
    ) -> Outputs {
        let claims = Claims::new(force, how, inputs);
        let terminal = *terminal;
        Outputs { claims, terminal }
    }

    /// Files that go together and are not replaced without --force.
    pub fn keep(&mut self, paths: &[impl AsRef<Path>]) -> Result<()> {
        let claimed = self.claims.files(paths, Rule::Keep);
        self.said(claimed)
    }

    /// Tables that are quickly made again, and what goes beside them.
    pub fn replace(&mut self, paths: &[impl AsRef<Path>]) -> Result<()> {
        let claimed = self.claims.files(paths, Rule::Replace);
        self.said(claimed)
    }

    /// Files that the command is asked to change or to go on with.
    pub fn change(&mut self, paths: &[impl AsRef<Path>]) -> Result<()> {
        let claimed = self.claims.files(paths, Rule::Change);
        self.said(claimed)
    }

    /// A folder of results.
    pub fn folder(&mut self, dir: &Path, folder: &Folder) -> Result<()> {
        let claimed = self.claims.folder(dir, folder);
        self.said(claimed)
    }

    /// A folder that must be new or empty.
    pub fn new_folder(&mut self, dir: &Path) -> Result<()> {
        let claimed = self.claims.new_folder(dir);
        self.said(claimed)
    }

    /// The first of NAME.safetensors, NAME-2.safetensors, … whose files `family` are all free.
    pub fn keep_free(
        &mut self,
        name: &str,
        family: impl Fn(&Path) -> Vec<PathBuf>,
    ) -> Result<PathBuf> {
        for number in 1.. {
            let model = numbered(name, number);
            if self
                .claims
                .try_files(&family(&model), Rule::Keep)?
                .is_none()
            {
                self.said(Ok(()))?;
                return Ok(model);
            }
        }
        unreachable!("numbers have no end")
    }

    fn said(&mut self, claimed: Result<()>) -> Result<()> {
        let notices = self.claims.notices();
        notices.iter().for_each(|text| self.terminal.notice(text));
        claimed
    }
}

/// NAME.safetensors, NAME-2.safetensors, …, from 1.
fn numbered(name: &str, number: usize) -> PathBuf {
    match number {
        1 => format!("{name}.safetensors").into(),
        n => format!("{name}-{n}.safetensors").into(),
    }
}

/// The files of a training run, named after the model.
#[derive(Debug)]
pub struct Files {
    /// The model.
    pub model: PathBuf,
    /// Loss and accuracy by epoch, as JSON lines.
    pub history: PathBuf,
    /// The same as a picture.
    pub curve: PathBuf,
    /// Which candidate was in which part.
    pub split: PathBuf,
    /// The state of an unfinished run.
    pub checkpoint: PathBuf,
}

/// How a training run is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The model, if it has a name.
    pub out: Option<&'a Path>,
    /// What to call it otherwise.
    pub network: &'a str,
    /// Whether to go on from a checkpoint.
    pub resume: bool,
    /// Whether what exists may be replaced.
    pub force: Force,
}

impl Files {
    /// Those of the model `model`; they stand beside it.
    pub fn new(model: PathBuf) -> Files {
        let beside = |end| beside(&model, end);
        Files {
            history: beside("history.jsonl"),
            curve: beside("curve.png"),
            split: beside("split.csv"),
            checkpoint: beside("checkpoint.safetensors"),
            model,
        }
    }

    fn all(&self) -> Vec<PathBuf> {
        let all = [
            &self.model,
            &self.history,
            &self.curve,
            &self.split,
            &self.checkpoint,
        ];
        all.map(Clone::clone).to_vec()
    }

    /// Those of the run that is `wanted`, claimed with `others`. A run that goes on may replace
    /// what it finds; a run without a name takes a free one.
    pub fn claim(wanted: Wanted, others: &[PathBuf], outputs: &mut Outputs) -> Result<Files> {
        let Wanted { network, force, .. } = wanted;
        let name = match wanted.out {
            Some(out) => Some(out.to_path_buf()),
            None if wanted.resume => unfinished(network)?,
            None if force.force => Some(numbered(network, 1)),
            None => None,
        };
        let Some(model) = name else {
            let family = |model: &Path| Files::new(model.to_path_buf()).all();
            let model = outputs.keep_free(network, family)?;
            if model != numbered(network, 1) {
                let taken = numbered(network, 1);
                outputs.terminal.notice(&format!(
                    "{} or a file beside it exists: the model will be {}",
                    taken.display(),
                    model.display()
                ));
            }
            outputs.keep(others)?;
            return Ok(Files::new(model));
        };
        let files = Files::new(model);
        let goes_on = wanted.resume && files.checkpoint.exists();
        match outputs.claims.try_files(
            &files.all(),
            if goes_on { Rule::Change } else { Rule::Keep },
        )? {
            Some(Taken::There(there)) if there.contains(&files.checkpoint) => {
                let found = format!("{}, of an unfinished run,", files.checkpoint.display());
                let expected = "--resume to continue that run, --force to replace it, or a new \
                                name";
                return Err(Error::config("output", found, expected));
            }
            Some(taken) => return outputs.said(outputs.claims.refuse(taken)).map(|()| files),
            None => outputs.said(Ok(()))?,
        }
        check_model(&files.model)?;
        outputs.keep(others)?;
        Ok(files)
    }
}

/// The model of the only unfinished run of `network` here, if there is one.
fn unfinished(network: &str) -> Result<Option<PathBuf>> {
    let entries = std::fs::read_dir(".").map_err(Error::io("read", "."))?;
    let mut found: Vec<(usize, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let stem = name.strip_suffix(".checkpoint.safetensors")?;
            let number = match stem.strip_prefix(network)? {
                "" => 1,
                end => end.strip_prefix('-')?.parse().ok().filter(|n| *n > 1)?,
            };
            Some((number, numbered(network, number)))
        })
        .collect();
    found.sort();
    match &found[..] {
        [] => Ok(None),
        [(_, one)] => Ok(Some(one.clone())),
        several => {
            let names = several.iter().map(|(_, path)| path.display().to_string());
            let found = format!(
                "unfinished runs of {}",
                names.collect::<Vec<_>>().join(", ")
            );
            Err(Error::config("--resume", found, "--out with one of them"))
        }
    }
}
