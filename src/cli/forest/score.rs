//! `rbgpu forest score`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::super::Done;
use super::super::outputs::{Outputs, check_csv};
use super::super::terminal::data_out;
use super::Reading;
use crate::data::atomic::atomic_write;
use crate::forest::Forest;
use crate::forest::parts::of_rows;
use crate::forest::run::write_scores;
use crate::formats::beside;
use crate::{Error, Result};

/// Arguments of `rbgpu forest score`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct Arguments {
    /// A forest that `rbgpu forest train` wrote
    model: PathBuf,
    /// A table with its features
    features: PathBuf,
    /// Where the scores go, as CSV: id, rb_score, decision, label, part; - for standard output. A
    /// table that exists is replaced
    #[arg(long, short, default_value = "-", value_name = "FILE")]
    out: PathBuf,
    /// Decision threshold on P(real) [default: the forest's]
    #[arg(long)]
    threshold: Option<f64>,
    /// Split table of the forest's training, with columns id and part [default: the one beside
    /// the forest]
    #[arg(long, value_name = "FILE")]
    split: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

/// Scores and writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let terminal = arguments.reading.terminal();
    let to_file = arguments.out != Path::new("-");
    let mut inputs = vec![arguments.model.clone(), arguments.features.clone()];
    inputs.extend(arguments.split.clone());
    inputs.extend(arguments.reading.labels.clone());
    let mut outputs = Outputs::replacing(&inputs, &terminal);
    if to_file {
        check_csv(&arguments.out)?;
        outputs.replace(&[&arguments.out])?;
    }
    let mut forest = Forest::read(&arguments.model)?;
    if let Some(threshold) = arguments.threshold {
        forest = forest.with_threshold(threshold)?;
    }
    let threshold = forest.threshold();
    let names = forest.names().to_vec();
    let table = arguments
        .reading
        .read(&arguments.features, Some(names), &terminal)?;
    let scores = forest.score(&table)?;
    let split = match &arguments.split {
        Some(split) => Some(split.clone()),
        None => Some(beside(&arguments.model, "split.csv")).filter(|split| split.is_file()),
    };
    let parts = match split.map(|split| of_rows(&split, &forest, &table)) {
        None => {
            terminal.notice("no split.csv beside the forest: what it was trained on is not known");
            None
        }
        Some(Ok(parts)) => Some(parts),
        Some(Err(error)) if arguments.split.is_some() => return Err(error),
        Some(Err(error)) => {
            terminal.notice(&format!("{error}; the scores say no parts"));
            None
        }
    };
    let parts = parts.as_deref();
    match to_file {
        true => atomic_write(&arguments.out, |out| {
            write_scores(out, &table, &scores, threshold, parts)
        })?,
        false => write_scores(data_out(), &table, &scores, threshold, parts)
            .map_err(Error::io("write", "standard output"))?,
    }
    if scores.filled > 0 {
        terminal.notice(&format!(
            "in {} of {} rows missing values became the training medians",
            scores.filled,
            table.len()
        ));
    }
    let real = scores
        .scores
        .iter()
        .filter(|score| **score >= threshold)
        .count();
    if to_file {
        let (all, out) = (table.len(), arguments.out.display());
        terminal.notice(&format!(
            "{all} candidates, {real} real at P(real) >= {threshold}: {out}"
        ));
    }
    Ok(Done::Whole)
}
