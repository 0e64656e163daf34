//! `rbgpu study cutout`: O'TRAIN's Fig. 12.

use clap::Args;
use serde_json::json;

use super::super::Done;
use super::shared::{Found, Shared, repeats, trained};
use crate::Result;
use crate::nn::Architecture;
use crate::report::study_cutout;
use crate::study::{Table, cutout};

/// Arguments of `rbgpu study cutout`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// des1, des2, des3, des4, otrain, or a .toml file that describes one
    #[arg(long, default_value = "otrain", value_name = "NAME|FILE")]
    network: String,
    /// Pixels across, cut from the middle, such as 15,31,63 [default: 15,21,27,… as far as the
    /// cutouts go]
    #[arg(long, value_delimiter = ',', value_name = "PIXELS,…")]
    sizes: Vec<usize>,
    /// Trainings of each size, with other weights and batches
    #[arg(long, default_value = "1", value_parser = repeats)]
    repeats: usize,
    #[command(flatten)]
    shared: Shared,
}

/// Trains and writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let architecture = Architecture::named(&arguments.network)?;
    let opened = arguments.shared.open("cutout", architecture, Ok)?;
    let shape = opened.data.shape;
    let sizes = match arguments.sizes.is_empty() {
        true => cutout::ladder(shape),
        false => arguments.sizes.clone(),
    };
    let runs = cutout::runs(
        &opened.config,
        shape,
        &opened.split,
        &sizes,
        arguments.repeats,
    )?;
    let varied = json!({ "sizes": sizes, "repeats": arguments.repeats });
    let records = opened.conduct_all(varied, &runs)?;

    let size = |i: usize| sizes[i / arguments.repeats];
    let points = records.iter().enumerate();
    let points: Vec<_> = points.map(|(i, r)| trained(size(i) as f64, r)).collect();
    let rows = records.iter().enumerate().map(|(i, record)| {
        let repeat = i % arguments.repeats + 1;
        (vec![size(i).into(), repeat.into()], record)
    });
    let some = records.iter().any(|record| record.reported().is_some());
    opened.finish(Found {
        table: Table::new(&["pixels", "repeat"], rows.collect()),
        printed: vec![
            ("pixels", "pixels"),
            ("repeat", "repeat"),
            ("parameters", "parameters"),
            ("epochs", "epochs"),
            ("delta_accuracy", "ΔAcc"),
            ("accuracy", "accuracy"),
            ("f1", "F1"),
            ("mcc", "MCC"),
            ("auc", "AUC"),
            ("seconds_per_epoch", "s/epoch"),
        ],
        drawing: match some {
            true => Some(study_cutout(&points, opened.part(), &opened.title())?),
            false => None,
        },
        caption: "Accuracy, F1 and MCC of trainings on the middle of each cutout. Lines go \
                  through the means of the repeats (O'TRAIN Fig. 12).",
        more: json!({}),
        words: opened.words(&records.iter().collect::<Vec<_>>()),
    })
}
