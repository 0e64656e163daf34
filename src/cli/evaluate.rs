//! `rbgpu evaluate`: how good models are, as a report.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};

use super::Done;
use super::args::{Common, Reading};
use super::bars::Bars;
use super::outputs::{Force, Outputs};
use super::terminal::{Terminal, table};
use super::typed::again;
use crate::data::Dataset;
use crate::error::escape::one_line;
use crate::evaluate::rule::Set;
use crate::evaluate::{self, Gathered, Request, Rows, Rule, Source, What, folder, score_file};
use crate::judge::{self, Evaluation};
use crate::train::Classifier;
use crate::train::finished::metrics;
use crate::{Error, Result};

/// Arguments of `rbgpu evaluate`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct Arguments {
    /// Models and score tables (.csv, .dat, .jsonl, .parquet; NAME=FILE names one), followed by
    /// the labelled data: a cube, a folder, alerts, a triple's prefix. Without data, labels and
    /// magnitudes come from the first table
    #[arg(required = true, value_name = "MODEL|SCORES|DATA")]
    inputs: Vec<PathBuf>,
    /// The folder for report.html, figures and tables
    #[arg(long, short, value_name = "FOLDER")]
    out: PathBuf,
    /// Rows to evaluate: held-out (the test part, or rows no model was trained on), train,
    /// validation, test, or all
    #[arg(long, default_value = "held-out", value_name = "WHICH")]
    part: Rows,
    /// Use all rows, including the training part
    #[arg(long, conflicts_with = "part")]
    all: bool,
    /// Split table with columns id and part [default: the one written beside the model by
    /// training]
    #[arg(long, value_name = "FILE")]
    split: Option<PathBuf>,
    /// Decision threshold on the score, for all classifiers [default: each model's]
    #[arg(long)]
    threshold: Option<f64>,
    /// Store a decision threshold in the model: a number, the best by f1, f1+mcc or g-mean, or
    /// one with a given rate (fpr=0.01, mdr=0.05)
    #[arg(long, value_name = "RULE")]
    set_threshold: Option<Rule>,
    /// Missed detection rate at which false positive rates are compared
    #[arg(long, default_value_t = 0.05, value_name = "RATE")]
    at_mdr: f64,
    /// Also find the threshold with this false positive rate; may be repeated
    #[arg(long, value_name = "RATE")]
    fpr: Vec<f64>,
    /// Also find the threshold with this missed detection rate; may be repeated
    #[arg(long, value_name = "RATE")]
    mdr: Vec<f64>,
    /// Bogus candidates per real one in a night, for the purity of the stream; may be repeated;
    /// the data's own ratio is always shown
    #[arg(long, value_name = "RATIO", default_values_t = [7.0])]
    bogus_per_real: Vec<f64>,
    /// Also evaluate by this column (filter, fwhm, telescope, …, or any of a score table); may
    /// be repeated
    #[arg(long = "by", value_name = "COLUMN")]
    by: Vec<String>,
    /// Score column of tables [default: rb_score, score, …]
    #[arg(long, value_name = "NAME")]
    score_name: Option<String>,
    /// Id column of tables [default: id, candid, …]
    #[arg(long, value_name = "NAME")]
    id_name: Option<String>,
    /// The scores of tables are P(artifact)
    #[arg(long)]
    artifact_scores: bool,
    /// Candidates per gallery; 0 for no galleries
    #[arg(long, default_value_t = 12, value_name = "N")]
    gallery: usize,
    /// Add Grad-CAM maps to the galleries
    #[arg(long)]
    grad_cam: bool,
    /// Crop larger cutouts to N x N pixels about their centre
    #[arg(long, value_name = "N")]
    cutout_size: Option<usize>,
    /// Bootstrap resamples for confidence intervals
    #[arg(long, default_value_t = 1000, value_name = "N")]
    resamples: usize,
    /// Random seed for the bootstrap and the galleries
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    force: Force,
    #[command(flatten)]
    reading: Reading,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

/// Reads, scores, judges, draws and writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let begun = Instant::now();
    let terminal = arguments.common.terminal();
    let (sources, inputs) = evaluate::source::sort(&arguments.inputs)?;
    let options = options(arguments, &sources)?;
    let taken: Vec<PathBuf> = sources.iter().map(|s| s.path.clone()).collect();
    let taken = [&taken[..], &inputs[..], arguments.split.as_slice()].concat();
    let mut outputs = Outputs::new(arguments.force, &taken, &terminal);
    outputs.folder(&arguments.out, &folder::FOLDER)?;
    let mut changed = Outputs::replacing(&[], &terminal);
    if arguments.set_threshold.is_some() {
        changed.change(&[&sources[0].path])?;
    }
    let models = open(arguments, &sources, &terminal)?;
    let data = read(arguments, &models, &inputs, &terminal)?;
    let skipped = data.as_deref().map_or(Done::Whole, Done::reading);
    let request = Request {
        sources,
        data: data.clone(),
        rows: if arguments.all {
            Rows::All
        } else {
            arguments.part
        },
        split: arguments.split.clone(),
        reading: score_file::Reading {
            score_name: arguments.score_name.clone(),
            id_name: arguments.id_name.clone(),
            artifact: arguments.artifact_scores,
            polarity: arguments.reading.label_polarity,
            by: arguments.by.clone(),
        },
        threshold: arguments.threshold,
        crop: arguments.cutout_size,
    };
    let mut bars = Bars::new(&terminal);
    let mut gathered = evaluate::gather(&request, &models, &mut bars)?;
    bars.end();
    gathered
        .notices
        .iter()
        .for_each(|notice| terminal.notice(notice));
    terminal.notice(&format!(
        "{} candidates of {} ({})",
        gathered.ids.len(),
        gathered.source.display(),
        gathered.which
    ));
    let evaluation = judge(&mut gathered, &options, &terminal)?;
    let contents = folder::Contents {
        evaluation: &evaluation,
        gathered: &gathered,
        data: data.as_ref(),
        models: &models,
        sources: &request.sources,
        gallery: arguments.gallery,
        grad_cam: arguments.grad_cam,
        crop: arguments.cutout_size,
        seed: arguments.seed,
        command: &again(),
    };
    let bar = terminal.bar(1, "drawing");
    folder::write(&arguments.out, &contents, &|done, of| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    })?;
    bar.finish_and_clear();
    let stored = match &arguments.set_threshold {
        Some(rule) => {
            let (source, model) = (&request.sources[0], &models[0]);
            let set = store(rule, source, model, &evaluation, &gathered)?;
            set.notices
                .iter()
                .for_each(|notice| terminal.notice(&format!("warning: {notice}")));
            Some((set, model.threshold()))
        }
        None => None,
    };
    print(arguments, &evaluation, &gathered, stored, &terminal)?;
    terminal.detail(&format!("{:.2} s", begun.elapsed().as_secs_f64()));
    Ok(match gathered.failed {
        0 => skipped,
        _ => Done::Partly,
    })
}

fn options(arguments: &Arguments, sources: &[Source]) -> Result<judge::Options> {
    let mut options = judge::Options {
        seed: arguments.seed,
        resamples: arguments.resamples,
        at_mdr: arguments.at_mdr,
        wanted_fpr: arguments.fpr.clone(),
        wanted_mdr: arguments.mdr.clone(),
        bogus_per_real: arguments.bogus_per_real.clone(),
        by: arguments
            .by
            .iter()
            .map(|name| evaluate::columns::shown(name))
            .collect(),
        ..judge::Options::default()
    };
    if let Some(rule) = &arguments.set_threshold {
        if !matches!(
            sources,
            [Source {
                what: What::Model,
                ..
            }]
        ) {
            let found = format!("{} classifiers", sources.len());
            return Err(Error::config(
                "--set-threshold",
                found,
                "one model, and no other",
            ));
        }
        rule.wanted(&mut options);
    }
    if let Some(threshold) = arguments.threshold
        && !(0.0..=1.0).contains(&threshold)
    {
        return Err(Error::config(
            "--threshold",
            threshold.to_string(),
            "from 0 to 1",
        ));
    }
    options.check()?;
    Ok(options)
}

fn open(arguments: &Arguments, sources: &[Source], terminal: &Terminal) -> Result<Vec<Classifier>> {
    let mut models = sources.iter().filter(|s| s.what == What::Model).peekable();
    if models.peek().is_none() {
        arguments.common.check()?;
        return Ok(Vec::new());
    }
    let device = arguments.common.open(terminal)?;
    models
        .map(|source| (arguments.reading).classifier(&source.path, &device, terminal))
        .collect()
}

/// The data with the images that the models want.
fn read(
    arguments: &Arguments,
    models: &[Classifier],
    inputs: &[PathBuf],
    terminal: &Terminal,
) -> Result<Option<Arc<Dataset>>> {
    if inputs.is_empty() {
        return Ok(None);
    }
    let mut wanted = Vec::new();
    for model in models {
        for channel in model.takes().names.into_iter().flatten() {
            if !wanted.contains(&channel) {
                wanted.push(channel);
            }
        }
    }
    // A model that says nothing takes the images as they come.
    let all_say = models.iter().all(|model| model.takes().names.is_some());
    let channels = (all_say && !wanted.is_empty()).then_some(wanted);
    let data = arguments
        .reading
        .open_with(inputs, true, channels, terminal)?;
    Ok(Some(Arc::new(data)))
}

/// Judges, with a bar.
fn judge(
    gathered: &mut Gathered,
    options: &judge::Options,
    terminal: &Terminal,
) -> Result<Evaluation> {
    let bar = terminal.steps("judging");
    let evaluation = evaluate::judged(gathered, options, &|what, part| {
        bar.set_message(one_line(what).into_owned());
        bar.set_position((1000.0 * part) as u64);
    });
    bar.finish_and_clear();
    evaluation
}

/// Writes the model with its new threshold; that, and what it does on these rows.
fn store(
    rule: &Rule,
    source: &Source,
    model: &Classifier,
    evaluation: &Evaluation,
    gathered: &Gathered,
) -> Result<Set> {
    let scored = judge::Scored::new(&gathered.labels, &gathered.classifiers[0].scores)?;
    let set = rule.set(&evaluation.classifiers[0], &scored)?;
    let threshold = set.threshold;
    let mut file = model.file().clone();
    file.threshold = threshold;
    file.provenance.metrics = metrics(&[(&gathered.which, &scored)], threshold);
    let noted = json!({
        "rule": rule.to_string(),
        "data": gathered.source.display().to_string(),
        // A number from elsewhere was not chosen on any.
        "rows": match rule {
            Rule::Value(_) => None,
            _ => Some(&gathered.which),
        },
    });
    file.provenance.note("threshold", noted);
    file.write(&source.path)?;
    Ok(set)
}

fn print(
    arguments: &Arguments,
    evaluation: &Evaluation,
    gathered: &Gathered,
    stored: Option<(Set, f64)>,
    terminal: &Terminal,
) -> Result<()> {
    let page = arguments.out.join("report.html");
    if arguments.json {
        let classifiers: Vec<Value> = evaluation
            .classifiers
            .iter()
            .map(|c| {
                let metrics = c.metrics.iter().map(|m| (m.name.to_string(), json!(m)));
                json!({
                    "name": c.name, "threshold": c.threshold, "threshold_from": c.threshold_from,
                    "confusion": c.confusion, "thresholds": c.thresholds,
                    "metrics": Value::Object(metrics.collect()),
                })
            })
            .collect();
        let all = json!({
            "report": page, "candidates": evaluation.candidates, "real": evaluation.real,
            "bogus": evaluation.bogus, "rows": gathered.which,
            "stored_threshold": stored.as_ref().map(|(set, _)| set.threshold),
            "set_threshold": stored.as_ref().map(|(set, _)| set),
            "classifiers": classifiers,
        });
        return terminal.result(&serde_json::to_string_pretty(&all).expect("plain data"));
    }
    if arguments.common.quiet {
        return Ok(());
    }
    let at = format!("FPR at MDR {}", evaluation.at_mdr);
    let heads = [
        "",
        "threshold",
        "accuracy",
        "F1",
        "MCC",
        "AUC",
        "FPR",
        "MDR",
        &at,
    ];
    let mut rows = vec![heads.map(String::from).to_vec()];
    for c in &evaluation.classifiers {
        let mut row = vec![c.name.clone(), format!("{:.3}", c.threshold)];
        for name in ["accuracy", "f1", "mcc", "auc", "fpr", "mdr", "fpr_at_mdr"] {
            let metric = c.metrics.iter().find(|m| m.name == name);
            row.push(match metric {
                Some(m) if !m.value.is_nan() => format!("{:.4}", m.value),
                _ => "-".into(),
            });
        }
        rows.push(row);
    }
    let mut text = table(&rows);
    if let (Some((set, before)), Some(rule)) = (stored, &arguments.set_threshold) {
        text += &format!(
            "\n\nthreshold {} is stored in the model (before: {before}, the threshold of the table \
             above and of the report)",
            set.threshold
        );
        if !matches!(rule, Rule::Value(_)) {
            text += &format!(", chosen by {rule} on {}", gathered.which);
        }
        text += &format!(
            "\nof {} real and {} bogus candidates there: FPR {}, MDR {}",
            set.real, set.bogus, set.fpr, set.mdr
        );
    }
    text += &format!("\n\nreport  {}", page.display());
    terminal.result(&text)
}
