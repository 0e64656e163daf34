//! Where results go: checked before the work, so that it is not lost after it.

use std::path::{Path, PathBuf};

use crate::data::atomic::{check_writable, remove_leftovers};
use crate::formats::beside;
use crate::{Error, Result};

/// Refuses, before long work, an output that cannot be written or that is one of
/// the inputs.
pub fn check_output(path: &Path, inputs: &[PathBuf]) -> Result<()> {
    let whole = |path: &Path| std::fs::canonicalize(path).ok();
    let own = whole(path);
    if own.is_some() && inputs.iter().any(|input| whole(input) == own) {
        let found = path.display().to_string();
        let expected = "another file than the input, which it would replace";
        return Err(Error::config("output", found, expected));
    }
    check_writable(path)
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
