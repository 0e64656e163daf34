//! `rbgpu train`: from cutouts to a model.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::Done;
use super::args::{Common, Reading};
use super::outputs::{Files, write_split};
use super::profile::profiled;
use super::terminal::{Terminal, table};
use crate::data::atomic::atomic_try;
use crate::data::writer::{CubeKind, write_cube_rows};
use crate::data::{Augment, Dataset, Fractions, Normalisation, Part, Split};
use crate::formats::ModelFile;
use crate::judge::history;
use crate::nn::{Architecture, Plan};
use crate::report::learning_curve;
use crate::simulate::{SurveyConfig, survey};
use crate::train::{Config, Outcome, Residence, Session, Settings, finished};
use crate::{Error, Result};

/// Arguments of `rbgpu train`. What is not given is the network's published value.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct Arguments {
    /// A cube (.npz), a folder with true/ and false/ FITS files, or a DES triple's prefix; without
    /// it, a survey is simulated
    inputs: Vec<PathBuf>,
    /// des1, des2, des3, des4, otrain, or a .toml file that describes one
    #[arg(long, default_value = "otrain", value_name = "NAME|FILE")]
    network: String,
    /// The model file to write; the history, the curve and the split go beside it [default:
    /// NETWORK.safetensors]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Epochs at most
    #[arg(long)]
    epochs: Option<usize>,
    /// Candidates per step
    #[arg(long)]
    batch_size: Option<usize>,
    /// Adam's learning rate
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Halve the learning rate every so many epochs; 0 keeps it
    #[arg(long, value_name = "EPOCHS")]
    halve_every: Option<usize>,
    /// Stop after so many epochs without a lower validation loss; 0 never stops
    #[arg(long, value_name = "EPOCHS")]
    patience: Option<usize>,
    /// The rate of every dropout layer
    #[arg(long, value_name = "RATE")]
    dropout: Option<f64>,
    /// Adam's decay of the mean
    #[arg(long)]
    beta1: Option<f64>,
    /// Adam's decay of the square
    #[arg(long)]
    beta2: Option<f64>,
    /// Adam's epsilon
    #[arg(long)]
    epsilon: Option<f64>,
    /// Training/validation/test in per cent, such as 70/10/20
    #[arg(long)]
    split: Option<Fractions>,
    /// How pixels are scaled: none, standard, mad, l2, l2-rows, asinh, minmax
    #[arg(long, value_name = "NAME")]
    normalise: Option<Normalisation>,
    /// How training cutouts are turned: none, or d4 (flips and quarter turns)
    #[arg(long, default_value = "none")]
    augment: Augment,
    /// Keep the pixels on the gpu, or on a cpu in memory: auto (if they take no more than 4 GiB
    /// there, 2 GiB here), yes, or no: read them for every batch
    #[arg(long, default_value = "auto", value_name = "WHETHER")]
    resident: Residence,
    /// In f16, what the loss is multiplied with in the first step
    #[arg(long, value_name = "SCALE")]
    loss_scale: Option<f64>,
    /// Of the split, the first weights, the order, dropout, and the simulated survey
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Candidates of the simulated survey, when there is no INPUT
    #[arg(long, default_value_t = 6000, value_name = "COUNT")]
    simulated: usize,
    /// Go on from the checkpoint of a run that was killed
    #[arg(long)]
    resume: bool,
    /// Minutes between checkpoints within an epoch; there is one after every epoch
    #[arg(long, default_value_t = 5.0, value_name = "MINUTES")]
    checkpoint_every: f64,
    /// Also write the validation part as O'TRAIN's cube_validation.npz
    #[arg(long, value_name = "FILE")]
    validation_cube: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
    /// Say where the time went, by op or kernel; a gpu waits for each and is slower
    #[arg(long)]
    profile: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

/// Trains and writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let terminal = arguments.common.terminal();
    let architecture = Architecture::named(&arguments.network)?;
    let settings = Settings {
        epochs: arguments.epochs,
        batch_size: arguments.batch_size,
        learning_rate: arguments.learning_rate,
        halve_every: arguments.halve_every,
        patience: arguments.patience,
        dropout: arguments.dropout,
        beta1: arguments.beta1,
        beta2: arguments.beta2,
        epsilon: arguments.epsilon,
        split: arguments.split,
        normalisation: arguments.normalise,
        augment: arguments.augment,
        precision: arguments.common.precision,
        loss_scale: arguments.loss_scale,
        seed: arguments.seed,
    };
    let mut config = settings.check(architecture)?;
    let minutes = arguments.checkpoint_every;
    let interval = Duration::try_from_secs_f64(minutes * 60.0).map_err(|_| {
        Error::config(
            "--checkpoint-every",
            minutes.to_string(),
            "minutes, 0 or more",
        )
    })?;
    let out = arguments.out.clone();
    let name = format!("{}.safetensors", config.architecture.name);
    let files = Files::new(out.unwrap_or_else(|| PathBuf::from(name)));
    let others = arguments.validation_cube.as_slice();
    files.check(others, &arguments.inputs)?;
    let device = arguments.common.open(&terminal)?;
    config.precision = arguments.common.precision_on(&device);
    let data = Arc::new(read(arguments, &config, &terminal)?);
    let shape = data.shape;
    Plan::new(
        &config.architecture,
        [shape.height, shape.width, shape.channels],
    )?;
    let split = Split::make(&data, config.split, config.seed)?;
    let (real, bogus) = data.class_counts();
    terminal.notice(&format!(
        "{real} real and {bogus} bogus cutouts of {shape}; {} for training, {} for validation, {} for test; {} on {}",
        split.train.len(),
        split.validation.len(),
        split.test.len(),
        config.architecture.name,
        device.name()
    ));
    let resume = resume(arguments, &files, &terminal);
    let session = Session::new(config, &device, data.clone(), split)
        .resident(arguments.resident)
        .checkpoint(&files.checkpoint, interval);
    let mut bar = terminal.training(session.config().epochs, session.split().train.len());
    let outcome = profiled(arguments.profile, &device, &terminal, || {
        let outcome = session.run(resume, &mut bar);
        drop(bar);
        outcome
    });
    let done = outcome.and_then(|outcome| {
        if let Some(error) = &outcome.diverged {
            terminal.notice(&format!("{error}; the best epoch before is kept"));
        }
        finish(arguments, &session, &outcome, &files, &terminal)
    });
    if matches!(done, Err(Error::Io { .. })) && files.checkpoint.exists() {
        let name = files.checkpoint.display();
        terminal.notice(&format!("{name} is there: --resume goes on from it"));
    }
    done
}

fn resume(arguments: &Arguments, files: &Files, terminal: &Terminal) -> bool {
    let there = files.checkpoint.exists();
    let name = files.checkpoint.display();
    if arguments.resume && !there {
        terminal.notice(&format!("no {name}: starting from the beginning"));
    } else if !arguments.resume && there {
        terminal.notice(&format!(
            "{name} of an unfinished run is replaced (--resume goes on from it)"
        ));
    }
    arguments.resume && there
}

fn read(arguments: &Arguments, config: &Config, terminal: &Terminal) -> Result<Dataset> {
    if !arguments.inputs.is_empty() {
        return arguments.reading.open(&arguments.inputs, true, terminal);
    }
    let base = match config.architecture.input {
        Some([.., 3]) => SurveyConfig::triplets(),
        _ => SurveyConfig::default(),
    };
    let size = config
        .architecture
        .input
        .map_or(base.size, |[height, ..]| height);
    let survey_config = SurveyConfig {
        count: arguments.simulated,
        size,
        seed: arguments.seed,
        ..base
    };
    terminal.notice(&format!(
        "no INPUT: simulating a survey of {}",
        arguments.simulated
    ));
    Ok(survey(&survey_config)?.dataset)
}

/// Writes every file, prints the table.
fn finish(
    arguments: &Arguments,
    session: &Session,
    outcome: &Outcome,
    files: &Files,
    terminal: &Terminal,
) -> Result<Done> {
    let (config, data, split) = (session.config(), session.data(), session.split());
    let model = finished(session, outcome)?;
    atomic_try(&files.history, |out| {
        history::write(&outcome.history, out, &files.history)
    })?;
    let title = format!("{} on {}", config.architecture.name, data.source.display());
    learning_curve(&outcome.history, Some(outcome.best_epoch), &title)?.save(&files.curve)?;
    write_split(&files.split, data, split)?;
    if let Some(path) = &arguments.validation_cube {
        write_cube_rows(
            path,
            data,
            split.part(Part::Validation),
            CubeKind::Validation,
        )?;
    }
    model.write(&files.model)?;
    // The run is over and its files are there; a checkpoint would only mislead.
    if let Err(error) = std::fs::remove_file(&files.checkpoint) {
        terminal.detail(&format!("{}: {error}", files.checkpoint.display()));
    }
    print(arguments, outcome, files, terminal, &model)?;
    Ok(Done::reading(data))
}

fn print(
    arguments: &Arguments,
    outcome: &Outcome,
    files: &Files,
    terminal: &Terminal,
    model: &ModelFile,
) -> Result<()> {
    let (metrics, threshold) = (&model.provenance.metrics, model.threshold);
    let parts = metrics.as_object().expect("made above");
    if arguments.json {
        let all = json!({
            "model": files.model, "history": files.history, "curve": files.curve,
            "split": files.split, "threshold": threshold, "epochs": outcome.history.len(),
            "best_epoch": outcome.best_epoch, "stopped_early": outcome.stopped_early,
            "metrics": metrics,
        });
        return terminal.result(&serde_json::to_string_pretty(&all).expect("plain data"));
    }
    if arguments.common.quiet {
        return Ok(());
    }
    let ended = if outcome.stopped_early {
        "stopped after"
    } else {
        "ran"
    };
    let mut text = format!(
        "{ended} {} epochs; the weights of epoch {} are kept; real from P(real) = {threshold:.2} on\n\n",
        outcome.history.len(),
        outcome.best_epoch
    );
    let columns = ["candidates", "accuracy", "f1", "mcc", "auc", "fpr", "mdr"];
    let heads = [
        "",
        "candidates",
        "accuracy",
        "F1",
        "MCC",
        "AUC",
        "FPR",
        "MDR",
    ];
    let mut rows = vec![heads.map(String::from).to_vec()];
    for name in ["validation", "test"] {
        let Some(values) = parts.get(name) else {
            continue;
        };
        let mut row = vec![name.to_string()];
        row.extend(columns.map(|column| match &values[column] {
            Value::Number(n) if n.is_u64() => n.to_string(),
            Value::Number(n) => format!("{:.4}", n.as_f64().unwrap_or(f64::NAN)),
            _ => "-".into(),
        }));
        rows.push(row);
    }
    text += &table(&rows);
    let written = [
        ("model", &files.model),
        ("history", &files.history),
        ("learning curve", &files.curve),
        ("split", &files.split),
    ];
    text += "\n\n";
    let mut rows = written
        .map(|(what, path)| format!("{what:<15} {}", path.display()))
        .to_vec();
    if let Some(path) = &arguments.validation_cube {
        rows.push(format!("{:<15} {}", "validation cube", path.display()));
    }
    text += &rows.join("\n");
    terminal.result(&text)
}
