//! The record of a training: one line of JSON per epoch.
//!
//! The file holds nothing that changes from run to run, so two trainings of
//! the same configuration and seed leave the same bytes, and a resumed
//! training reads what was written and goes on.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What is known of one epoch when it ends.
///
/// `loss` and `accuracy` are the means over the training batches as they were
/// seen, each batch before its own step (as in Keras; O'TRAIN Fig. 10 and DES
/// Fig. 10 show these), with dropout and batch statistics. `val_*` are those
/// of the network at the end of the epoch, in inference mode.
///
/// JSON has no NaN: a number that is not finite is written as `null` and read
/// as NaN. That is what a training without a validation part has in `val_*`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochRecord {
    /// From 1.
    pub epoch: usize,
    /// Of the epoch's last step.
    pub learning_rate: f64,
    /// Mean cross-entropy of the training batches.
    #[serde(deserialize_with = "number_or_null")]
    pub loss: f64,
    /// Part of the training candidates on the right side of 0.5.
    #[serde(deserialize_with = "number_or_null")]
    pub accuracy: f64,
    /// Mean cross-entropy of the validation part.
    #[serde(deserialize_with = "number_or_null")]
    pub val_loss: f64,
    /// Part of the validation candidates on the right side of 0.5.
    #[serde(deserialize_with = "number_or_null")]
    pub val_accuracy: f64,
    /// Training candidates seen in this epoch.
    pub samples: usize,
}

fn number_or_null<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
}

/// Appends one epoch and a line feed. `path` is for the message only.
pub fn write_epoch(record: &EpochRecord, mut to: impl Write, path: &Path) -> Result<()> {
    let mut line = serde_json::to_string(record)
        .map_err(|e| Error::io("write", path)(std::io::Error::other(e)))?;
    line.push('\n');
    to.write_all(line.as_bytes())
        .map_err(Error::io("write", path))
}

/// Writes a whole history. `path` is for the message only.
pub fn write(history: &[EpochRecord], mut to: impl Write, path: &Path) -> Result<()> {
    for record in history {
        write_epoch(record, &mut to, path)?;
    }
    Ok(())
}

/// Reads a whole history; empty lines are passed over. Epochs must count up
/// from 1, so that two histories run together are noticed. `path` is for the
/// message only.
pub fn read(from: impl Read, path: &Path) -> Result<Vec<EpochRecord>> {
    let mut history = Vec::new();
    for (number, line) in (1..).zip(BufReader::new(from).lines()) {
        let line = line.map_err(Error::io("read", path))?;
        if line.trim().is_empty() {
            continue;
        }
        let place = format!("line {number}");
        let record: EpochRecord = serde_json::from_str(&line)
            .map_err(|e| Error::input(path, &place, e.to_string(), "one epoch's record as JSON"))?;
        let expected = history.len() + 1;
        if record.epoch != expected {
            let found = format!("epoch {}", record.epoch);
            return Err(Error::input(
                path,
                &place,
                found,
                format!("epoch {expected}"),
            ));
        }
        history.push(record);
    }
    Ok(history)
}
