//! `rbgpu study channels`: which images it takes (O'TRAIN Sect. 8.1).

use clap::Args;
use serde_json::json;

use super::super::Done;
use super::shared::{Found, Shared, repeats};
use crate::data::Normalisation;
use crate::nn::Architecture;
use crate::report::{Group, study_channels};
use crate::study::channels::{self, Images};
use crate::study::{Record, Table};
use crate::{Error, Result};

/// Arguments of `rbgpu study channels`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// des1, des2, des3, des4, otrain, or a .toml file that describes one
    #[arg(long, default_value = "otrain", value_name = "NAME|FILE")]
    network: String,
    /// Which images, such as template+difference,search [default: those of
    /// template+search+difference, search+template, difference that the data have]
    #[arg(long, value_delimiter = ',', value_name = "SET,…")]
    sets: Vec<Images>,
    /// Trainings of each set, with other weights and batches
    #[arg(long, default_value = "1", value_parser = repeats)]
    repeats: usize,
    #[command(flatten)]
    shared: Shared,
}

/// Trains and writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let architecture = Architecture::named(&arguments.network)?;
    let opened = arguments
        .shared
        .open("channels", architecture, channels::with_names)?;
    let sets = match arguments.sets.is_empty() {
        true => channels::all(&opened.data),
        false => arguments.sets.clone(),
    };
    if arguments.sets.is_empty() && sets.len() < 2 {
        let found = format!("{} sets in the data", sets.len());
        let expected = "two or more to compare: data with several images (--channels for FITS)";
        return Err(Error::config("--sets", found, expected));
    }
    if opened.config.preprocess == Normalisation::Mad.into() {
        opened.terminal.notice(
            "--normalise mad divides by the noise of the last image of each set, which need not \
             be the difference",
        );
    }
    let repeats = arguments.repeats;
    let runs = channels::runs(&opened.config, &opened.data, &opened.split, &sets, repeats)?;
    let named: Vec<String> = sets.iter().map(Images::to_string).collect();
    let varied = json!({ "sets": named, "repeats": repeats });
    let records = opened.conduct_all(varied, &runs)?;

    let metrics = |record: &Record| {
        let of = record.reported();
        let auc = of.and_then(|m| m.auc).unwrap_or(f64::NAN);
        [
            auc,
            of.map_or(f64::NAN, |m| m.f1),
            of.map_or(f64::NAN, |m| m.mcc),
        ]
    };
    let groups: Vec<Group> = named
        .iter()
        .zip(records.chunks(repeats))
        .map(|(name, records)| Group {
            name: name.replace('+', " + "),
            trained: records.iter().map(metrics).collect(),
        })
        .collect();
    let rows = records.iter().enumerate().map(|(i, record)| {
        let (set, repeat) = (&named[i / repeats], i % repeats + 1);
        (vec![set.as_str().into(), repeat.into()], record)
    });
    let some = records.iter().any(|record| record.reported().is_some());
    opened.finish(Found {
        table: Table::new(&["images", "repeat"], rows.collect()),
        printed: vec![
            ("images", "images"),
            ("repeat", "repeat"),
            ("parameters", "parameters"),
            ("epochs", "epochs"),
            ("accuracy", "accuracy"),
            ("f1", "F1"),
            ("mcc", "MCC"),
            ("auc", "AUC"),
            ("fpr_at_mdr_0.05", "FPR at MDR 0.05"),
            ("seconds_per_epoch", "s/epoch"),
        ],
        drawing: match some {
            true => Some(study_channels(&groups, opened.part(), &opened.title())?),
            false => None,
        },
        caption: "AUC, F1 and MCC of trainings on some images of each cutout; a bar is the mean \
                  of the repeats (O'TRAIN Sect. 8.1).",
        more: json!({}),
        words: opened.words(&records.iter().collect::<Vec<_>>()),
    })
}
