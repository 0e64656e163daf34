//! `rbgpu study size`: O'TRAIN's Fig. 11.

use clap::Args;
use serde_json::json;

use super::super::Done;
use super::shared::{Found, Shared, repeats, trained};
use crate::Result;
use crate::nn::{Architecture, Plan};
use crate::report::study_size;
use crate::study::{Record, Run, Table, size};
use crate::train::Config;
use crate::train::defaults::default_batch;

/// Arguments of `rbgpu study size`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// des1, des2, des3, des4, otrain, or a .toml file that describes one
    #[arg(long, default_value = "otrain", value_name = "NAME|FILE")]
    network: String,
    /// Candidates of the training part, such as 500,1000,2000; validation and test are not counted
    /// and stay the same [default: all, half, a quarter, … down to 50]
    #[arg(long, value_delimiter = ',', value_name = "COUNT,…")]
    sizes: Vec<usize>,
    /// Trainings of each size, with other candidates, weights and batches
    #[arg(long, default_value = "1", value_parser = repeats)]
    repeats: usize,
    #[command(flatten)]
    shared: Shared,
}

/// The batches of runs that were given none.
fn batches(config: &Config, runs: &[Run]) -> Option<String> {
    let batch = |run: &Run| default_batch(config.batch_size, run.split.train.len());
    let (least, most) = (runs.iter().map(batch).min()?, runs.iter().map(batch).max()?);
    (config.batch_is_default && least < most).then(|| {
        format!(
            "batches of {least} to {most}, the default of each training set; --batch-size trains all \
             with one"
        )
    })
}

/// Trains and writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let architecture = Architecture::named(&arguments.network)?;
    let opened = arguments.shared.open("size", architecture, Ok)?;
    let (data, split) = (&opened.data, &opened.split);
    let shape = data.shape;
    let input = [shape.height, shape.width, shape.channels];
    Plan::new(&opened.config.architecture, input)?;
    let sizes = match arguments.sizes.is_empty() {
        true => size::ladder(split.train.len()),
        false => arguments.sizes.clone(),
    };
    let labels = data.labels.as_ref().expect("a split has labels");
    let runs = size::runs(&opened.config, labels, split, &sizes, arguments.repeats)?;
    let varied = json!({ "sizes": sizes, "repeats": arguments.repeats });
    let records = opened.conduct_all(varied, &runs)?;

    let sized = |record: &Record| record.trained_on.iter().sum::<usize>();
    let points: Vec<_> = records
        .iter()
        .map(|r| trained(sized(r) as f64, r))
        .collect();
    let rows = records.iter().enumerate().map(|(i, record)| {
        let repeat = i % arguments.repeats + 1;
        (vec![sized(record).into(), repeat.into()], record)
    });
    let some = records.iter().any(|record| record.reported().is_some());
    opened.finish(Found {
        table: Table::new(&["size", "repeat"], rows.collect()),
        printed: vec![
            ("size", "training set"),
            ("repeat", "repeat"),
            ("epochs", "epochs"),
            ("delta_accuracy", "ΔAcc"),
            ("accuracy", "accuracy"),
            ("f1", "F1"),
            ("mcc", "MCC"),
            ("auc", "AUC"),
            ("threshold", "threshold"),
        ],
        drawing: match some {
            true => Some(study_size(&points, opened.part(), &opened.title())?),
            false => None,
        },
        caption: "Above: ΔAcc, the accuracy of the training batches less that of the validation \
                  part in the kept epoch; beyond the dashed lines the network over- or \
                  underfits. Below: accuracy, F1 and MCC. Lines go through the means of the \
                  repeats (O'TRAIN Fig. 11).",
        more: json!({}),
        words: {
            let mut words = opened.words(&records.iter().collect::<Vec<_>>());
            words.extend(batches(&opened.config, &runs));
            words
        },
    })
}
