//! `rbgpu forest train`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::super::Done;
use super::super::outputs::{Force, Outputs, check_model};
use super::super::terminal::{Terminal, table};
use super::Reading;
use crate::data::Grouping;
use crate::data::results::Family;
use crate::forest::run::{Fitted, fit, write_importances};
use crate::forest::{Criterion, Division, Forest, Measured, Settings};
use crate::formats::beside;
use crate::report::importances;
use crate::{Error, Result};

/// Arguments of `rbgpu forest train`. The defaults are those of Goldstein et al. 2015, as Ayyar
/// et al. 2022 used them.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct Arguments {
    /// A table of features with labels: autoScan's autoscan_features*.csv, one that rbgpu
    /// features wrote, or any other
    features: PathBuf,
    /// Forest file; its split and its importances (table and picture) are written beside it
    #[arg(long, short, default_value = "forest.safetensors", value_name = "FILE")]
    out: PathBuf,
    /// Feature columns [default: the 38 of Goldstein et al. if all are present, else all
    /// numeric columns but id and label]
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    columns: Vec<String>,
    /// Number of trees
    #[arg(long, default_value_t = Settings::default().trees)]
    trees: usize,
    /// Split criterion: entropy or gini
    #[arg(long, default_value_t, value_name = "NAME")]
    criterion: Criterion,
    /// Features considered per split
    #[arg(long, default_value_t = Settings::default().features_per_split, value_name = "N")]
    features_per_split: usize,
    /// Minimum number of candidates to split a node
    #[arg(long, default_value_t = Settings::default().min_samples_split, value_name = "N")]
    min_samples_split: usize,
    /// Maximum depth of a tree
    #[arg(long, value_name = "N")]
    max_depth: Option<usize>,
    /// The same seed gives the same forest, and the parts of a network that rbgpu train splits
    /// with it
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Shares of training, validation and test, or a table of id and part, such as the split.csv
    /// beside a network
    #[arg(long, default_value_t, value_name = "SHARES|FILE")]
    split: Division,
    /// Keep each group in one part of a split by shares: object (equal values in a column
    /// object), id (equal ids; included in object), none; auto: object if there is such a
    /// column, else id
    #[arg(long, default_value = "auto", value_name = "BY")]
    group: Grouping,
    #[command(flatten)]
    force: Force,
    #[command(flatten)]
    reading: Reading,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// The files of a forest.
struct Files {
    split: PathBuf,
    importances: PathBuf,
    picture: PathBuf,
}

/// Trains, measures and writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let terminal = arguments.reading.terminal();
    let settings = Settings {
        trees: arguments.trees,
        criterion: arguments.criterion,
        features_per_split: arguments.features_per_split,
        min_samples_split: arguments.min_samples_split,
        max_depth: arguments.max_depth,
        seed: arguments.seed,
        group: arguments.group,
    };
    settings.check()?;
    let files = Files {
        split: beside(&arguments.out, "split.csv"),
        importances: beside(&arguments.out, "importances.csv"),
        picture: beside(&arguments.out, "importances.png"),
    };
    let mut inputs = vec![arguments.features.clone()];
    inputs.extend(arguments.reading.labels.clone());
    if let Division::File(path) = &arguments.split {
        inputs.push(path.clone());
    }
    let mut outputs = Outputs::new(arguments.force, &inputs, &terminal);
    outputs.keep(&[
        &arguments.out,
        &files.split,
        &files.importances,
        &files.picture,
    ])?;
    check_model(&arguments.out)?;
    let columns = Some(arguments.columns.clone()).filter(|columns| !columns.is_empty());
    let features = arguments
        .reading
        .read(&arguments.features, columns, &terminal)?;
    let bar = terminal.bar(settings.trees, "growing");
    let fitted = fit(&features, &arguments.split, &settings, &|_, of| {
        bar.set_length(of as u64);
        bar.inc(1);
    });
    bar.finish_and_clear();
    let fitted = fitted?;
    say(&fitted, features.len(), &terminal);
    let labels = features.labels.as_deref().unwrap_or_default();
    let row = |row: usize| (features.ids[row].as_str(), labels[row].unwrap_or_default());
    let mut family = Family::new();
    family.write(&files.split, |path| fitted.split.write_rows(path, row))?;
    let forest = &fitted.forest;
    family.write(&files.importances, |path| write_importances(path, forest))?;
    let title = format!(
        "what the forest looks at, on {}",
        arguments.features.display()
    );
    let picture = importances(&forest.ranked(), &title)?;
    family.write(&files.picture, |path| picture.save(path))?;
    family.write(&arguments.out, |path| forest.write(path))?;
    family.put()?;
    print(arguments, forest, &files, &terminal)?;
    Ok(Done::Whole)
}

/// What a user should know of the rows.
fn say(fitted: &Fitted, rows: usize, terminal: &Terminal) {
    fitted.notices.iter().for_each(|text| terminal.notice(text));
    let provenance = fitted.forest.provenance();
    let [train, validation, test] = provenance.parts;
    let [real, bogus] = provenance.trained;
    let names = fitted.forest.names().len();
    terminal.notice(&format!(
        "{real} real and {bogus} bogus candidates of {names} features for training, {validation} \
         for validation, {test} for test"
    ));
    if provenance.dropped > 0 {
        terminal.notice(&format!(
            "{} of {train} rows for training have missing values and are dropped",
            provenance.dropped
        ));
    }
    if fitted.filled > 0 {
        terminal.notice(&format!(
            "in {} of {} rows for validation and test missing values became the training medians",
            fitted.filled,
            validation + test
        ));
    }
    let without = rows - train - validation - test;
    if without > 0 {
        terminal.notice(&format!(
            "{without} rows without a label or a part are left out"
        ));
    }
}

fn print(arguments: &Arguments, forest: &Forest, files: &Files, terminal: &Terminal) -> Result<()> {
    let provenance = forest.provenance();
    let (trees, nodes) = forest.size();
    if arguments.json {
        let ranked = forest.ranked();
        let features = ranked
            .iter()
            .map(|(name, value)| json!({"feature": name, "importance": value}));
        let all = json!({
            "model": arguments.out, "split": files.split, "importances": files.importances,
            "picture": files.picture, "threshold": forest.threshold(), "trees": trees,
            "nodes": nodes, "provenance": provenance, "features": features.collect::<Vec<_>>(),
        });
        return terminal.result(
            &serde_json::to_string_pretty(&all)
                .map_err(|e| Error::config("--json", e.to_string(), "plain data"))?,
        );
    }
    if arguments.reading.quiet {
        return Ok(());
    }
    let ranked = forest.ranked().into_iter();
    let mut features = vec![["feature", "importance"].map(String::from).to_vec()];
    features.extend(ranked.map(|(name, value)| vec![name.to_string(), format!("{value:.4}")]));
    let heads = [
        "",
        "candidates",
        "accuracy",
        "F1",
        "MCC",
        "AUC",
        "FPR",
        "MDR",
        "FPR at MDR 0.05",
    ];
    let mut rows = vec![heads.map(String::from).to_vec()];
    rows.extend(
        provenance
            .out_of_bag
            .iter()
            .map(|m| row("out of bag, at 0.5", m)),
    );
    for part in ["validation", "test"] {
        rows.extend(provenance.metrics.get(part).map(|m| row(part, m)));
    }
    let written = [
        ("forest", &arguments.out),
        ("split", &files.split),
        ("importances", &files.importances),
        ("picture", &files.picture),
    ];
    let written = written.map(|(what, path)| format!("{what:<15} {}", path.display()));
    terminal.result(&format!(
        "{trees} trees of {nodes} nodes; real from P(real) = {:.2} on\n\n{}\n\n{}\n\n{}",
        forest.threshold(),
        table(&features),
        table(&rows),
        written.join("\n")
    ))
}

fn row(name: &str, m: &Measured) -> Vec<String> {
    let or = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.4}"));
    let numbers = [m.accuracy, m.f1, m.mcc].map(Some);
    let rates = [m.auc, Some(m.fpr), Some(m.mdr), m.fpr_at_mdr];
    let cells = numbers.into_iter().chain(rates).map(or);
    [name.to_string(), m.candidates.to_string()]
        .into_iter()
        .chain(cells)
        .collect()
}
