//! Where results go: checked before the work, so that it is not lost after it.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::data::atomic::{check_writable, remove_leftovers};
use crate::data::scores::Format;
use crate::formats::beside;
use crate::{Error, Result};

/// Refuses, before long work, an output that cannot be written, that is one of
/// the inputs, or that is a journal of people's decisions.
pub fn check_output(path: &Path, inputs: &[PathBuf]) -> Result<()> {
    let whole = |path: &Path| std::fs::canonicalize(path).ok();
    let own = whole(path);
    if own.is_some() && inputs.iter().any(|input| whole(input) == own) {
        let found = path.display().to_string();
        let expected = "another file than the input, which it would replace";
        return Err(Error::config("output", found, expected));
    }
    if is_journal(path) {
        let found = format!("{}, which holds people's decisions", path.display());
        let expected = "another file; nothing replaces a journal";
        return Err(Error::config("output", found, expected));
    }
    check_writable(path)
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

/// Whether `path` is a journal of `rbgpu relabel`: hours of work that nobody can do again.
fn is_journal(path: &Path) -> bool {
    const BEGINNING: &[u8] = br#"{"rbgpu":"journal""#;
    let mut start = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(BEGINNING.len() as u64).read_to_end(&mut start))
        .is_ok_and(|_| start == BEGINNING)
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

    /// Whether all can be written, better known now than after an hour; and away
    /// with what a killed run was writing.
    pub fn check(&self, others: &[PathBuf], inputs: &[PathBuf]) -> Result<()> {
        let all = [
            &self.model,
            &self.history,
            &self.curve,
            &self.split,
            &self.checkpoint,
        ];
        for other in others {
            if all.contains(&other) {
                let found = other.display().to_string();
                let expected = "another file than those of the run, which would replace it";
                return Err(Error::config("output", found, expected));
            }
        }
        for path in all.into_iter().chain(others) {
            check_output(path, inputs)?;
            remove_leftovers(path);
        }
        Ok(())
    }
}
