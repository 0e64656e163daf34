//! `rbgpu train`: from cutouts to a model.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::Done;
use super::args::{Common, Reading};
use super::outputs::{Files, Force, Outputs, Wanted};
use super::profile::profiled;
use super::signals;
use super::terminal::{Terminal, table};
use super::training::{Training, checkpoint_interval};
use crate::backend::Device;
use crate::data::atomic::atomic_try;
use crate::data::results::Family;
use crate::data::writer::{CubeKind, write_cube_rows};
use crate::data::{Dataset, Part, Split};
use crate::evaluate::again::split_again;
use crate::formats::ModelFile;
use crate::judge::history;
use crate::nn::{Architecture, Plan};
use crate::report::learning_curve;
use crate::train::finished::HeldOut;
use crate::train::origin::same_network;
use crate::train::{Config, Finished, Outcome, Session, Settings};
use crate::{Error, Result};

/// Arguments of `rbgpu train`. What is not given is the network's published value.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct Arguments {
    /// A cube (.npz), a folder with true/ and false/ FITS files, or a DES triple's prefix; without
    /// it, a survey is simulated
    inputs: Vec<PathBuf>,
    /// des1, des2, des3, des4, otrain, or a .toml file that describes one
    #[arg(
        long,
        value_name = "NAME|FILE",
        help = "des1, des2, des3, des4, otrain, or a .toml file that \
        describes one [default: otrain, or the network of --from]"
    )]
    network: Option<String>,
    /// Start from the weights of this model, with its network and preprocessing; if no epoch
    /// improves on the validation part, these weights are kept
    #[arg(long, value_name = "MODEL")]
    from: Option<PathBuf>,
    /// With --from: freeze these layers, named as in `rbgpu summary`; * matches anything
    /// (conv2d*)
    #[arg(long, value_delimiter = ',', value_name = "NAME,…", requires = "from")]
    freeze: Vec<String>,
    /// Model file; history, learning curve and split are written beside it [default:
    /// NETWORK.safetensors, or the first free one of NETWORK-2.safetensors, …]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    training: Training,
    /// Resume from the checkpoint of an interrupted run
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    force: Force,
    /// Minutes between checkpoints within an epoch; there is one after every epoch
    #[arg(long, default_value_t = 5.0, value_name = "MINUTES")]
    checkpoint_every: f64,
    /// Also write the validation part as O'TRAIN's cube_validation.npz
    #[arg(long, value_name = "FILE")]
    validation_cube: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
    /// Print the time spent per op or kernel; a GPU then waits for each one and is slower
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
    signals::catch(terminal)?;
    let network = arguments.network.as_deref();
    let settings = Settings {
        // Published settings were chosen for a large survey. Those of a user's .toml or of --from
        // were chosen for the user's data, and a study trains sets of all sizes alike.
        small_set: arguments.training.augment.is_none()
            && arguments.from.is_none()
            && !network.is_some_and(Architecture::is_file),
        ..arguments.training.settings(&arguments.common)
    };
    let parent = match &arguments.from {
        Some(path) => {
            let parent = ModelFile::read(path, &Device::Reference)?;
            Some((path, arguments.reading.told(parent, &terminal)?))
        }
        None => None,
    };
    let mut config = match &parent {
        None => settings.check(Architecture::named(network.unwrap_or("otrain"))?)?,
        Some((_, parent)) => {
            network.map_or(Ok(()), |network| same_network(network, parent))?;
            settings.check_from(parent)?
        }
    };
    let interval = checkpoint_interval(arguments.checkpoint_every)?;
    let inputs = [&arguments.inputs[..], arguments.from.as_slice()].concat();
    let mut outputs = Outputs::new(arguments.force, &inputs, &terminal);
    let wanted = Wanted {
        out: arguments.out.as_deref(),
        network: &config.architecture.name,
        resume: arguments.resume,
        force: arguments.force,
    };
    let files = Files::claim(wanted, arguments.validation_cube.as_slice(), &mut outputs)?;
    let device = arguments.common.open(&terminal)?;
    config.precision = arguments.common.precision_on(&device);
    let data = Arc::new(read(
        arguments,
        &config,
        parent.as_ref().map(|p| &p.1),
        &terminal,
    )?);
    let shape = data.shape;
    let split = match &parent {
        None => {
            let size = [shape.height, shape.width, shape.channels];
            Plan::new(&config.architecture, size)?;
            let made = Split::grouped(&data, config.split, config.seed, config.group)?;
            made.notices.iter().for_each(|text| terminal.notice(text));
            made.split
        }
        Some((path, parent)) => {
            let fractions = (arguments.training.split, config.split);
            let how = (config.seed, config.group);
            let again = split_again(path, &parent.provenance, &data, fractions, how)?;
            again
                .notices
                .iter()
                .for_each(|notice| terminal.notice(notice));
            again.split
        }
    };
    if data.channels.is_none() && shape.channels > 1 {
        terminal.notice(&format!(
            "the {} images of a cutout have no names, and the model will not know its images \
             (--planes declares them)",
            shape.channels
        ));
    }
    let (real, bogus) = data.class_counts();
    terminal.notice(&format!(
        "{real} real and {bogus} bogus cutouts of {shape}; {} for training, {} for validation, {} for test",
        split.train.len(),
        split.validation.len(),
        split.test.len(),
    ));
    let resume = resume(arguments, &files, &terminal);
    let mut session = Session::new(config, &device, data.clone(), split)
        .resident(arguments.training.resident)
        .checkpoint(&files.checkpoint, interval);
    if let Some((path, parent)) = &parent {
        session = session
            .from(parent, &path.display().to_string())?
            .freezing(&arguments.freeze)?;
        announce(path, parent, &session, &terminal);
    }
    terminal.start(&session);
    let mut bar = terminal.training(session.config().epochs, session.epoch_len());
    let outcome = profiled(arguments.profile, &device, &terminal, || {
        let outcome = session.run(resume, &mut bar);
        drop(bar);
        outcome
    });
    let done = outcome.and_then(|outcome| {
        if let Some(error) = &outcome.diverged {
            let kept = match outcome.best_epoch {
                0 => "the weights that it began with are kept",
                _ => "the best epoch before is kept",
            };
            terminal.notice(&format!("{error}; {kept}"));
        }
        finish(arguments, &session, &outcome, &files, &terminal)
    });
    if matches!(done, Err(Error::Io { .. })) && files.checkpoint.exists() {
        let name = files.checkpoint.display();
        terminal.notice(&format!("{name} is there: --resume goes on from it"));
    }
    done
}

/// Reads the data; for a model that goes on, the images that it takes.
fn read(
    arguments: &Arguments,
    config: &Config,
    parent: Option<&ModelFile>,
    terminal: &Terminal,
) -> Result<Dataset> {
    let (training, reading) = (&arguments.training, &arguments.reading);
    match parent {
        Some(parent) if !arguments.inputs.is_empty() => {
            reading.open_with(&arguments.inputs, true, parent.takes().names, terminal)
        }
        Some(parent) => {
            let size = Some(parent.model.plan().input);
            training.read(&arguments.inputs, reading, size, terminal)
        }
        None => {
            let size = config.architecture.input;
            training.read(&arguments.inputs, reading, size, terminal)
        }
    }
}

/// Says what the run begins with.
fn announce(path: &Path, parent: &ModelFile, session: &Session, terminal: &Terminal) {
    let (config, name) = (session.config(), path.display());
    let frozen = match &config.frozen[..] {
        [] => String::new(),
        layers => format!("; frozen: {}", layers.join(", ")),
    };
    terminal.notice(&format!(
        "going on from {name}, preprocessing '{}'{frozen}",
        config.preprocess
    ));
    if parent.calibration.is_some() {
        terminal.notice(&format!(
            "the calibration of {name} is not that of other weights and is left out: rbgpu calibrate \
             makes a new one"
        ));
    }
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

/// Writes every file, prints the table.
fn finish(
    arguments: &Arguments,
    session: &Session,
    outcome: &Outcome,
    files: &Files,
    terminal: &Terminal,
) -> Result<Done> {
    let (config, data, split) = (session.config(), session.data(), session.split());
    let held_out = HeldOut::of(session, outcome, &mut signals::Asked)?;
    let done = Finished::of(session, outcome, &held_out)?;
    let model = &done.file;
    let mut family = Family::new();
    family.write(&files.history, |path| {
        atomic_try(path, |out| history::write(&outcome.history, out, path))
    })?;
    let title = format!("{} on {}", config.architecture.name, data.source.display());
    let best = Some(outcome.best_epoch).filter(|&best| best > 0);
    match outcome.history.is_empty() {
        false => {
            let curve = learning_curve(&outcome.history, best, &title)?;
            family.write(&files.curve, |path| curve.save(path))?;
        }
        // Nothing to draw; one of a run before would be taken for this one's.
        true => family.without(&files.curve)?,
    }
    family.write(&files.split, |path| split.write_csv(path, data))?;
    if let Some(path) = &arguments.validation_cube {
        let rows = split.part(Part::Validation);
        family.write(path, |path| {
            write_cube_rows(path, data, rows, CubeKind::Validation)
        })?;
    }
    // Last: the key, which never stands beside another run's split.
    family.write(&files.model, |path| model.write(path))?;
    family.put()?;
    // The run is over and its files are there; a checkpoint would only mislead.
    if let Err(error) = std::fs::remove_file(&files.checkpoint) {
        terminal.detail(&format!("{}: {error}", files.checkpoint.display()));
    }
    done.warnings
        .iter()
        .for_each(|warning| terminal.notice(&format!("warning: {warning}")));
    print(arguments, session, outcome, files, terminal, &done)?;
    Ok(Done::reading(data))
}

fn print(
    arguments: &Arguments,
    session: &Session,
    outcome: &Outcome,
    files: &Files,
    terminal: &Terminal,
    done: &Finished,
) -> Result<()> {
    let (metrics, threshold) = (&done.file.provenance.metrics, done.file.threshold);
    let parts = metrics.as_object().expect("made above");
    let curve = (!outcome.history.is_empty()).then_some(&files.curve);
    if arguments.json {
        let all = json!({
            "model": files.model, "history": files.history, "curve": curve,
            "split": files.split, "threshold": threshold, "epochs": outcome.history.len(),
            "best_epoch": outcome.best_epoch, "stopped_early": outcome.stopped_early,
            "from": arguments.from, "improved": outcome.best_epoch > 0,
            "batch_size": session.config().batch_size, "steps_per_epoch": session.steps_per_epoch(),
            "learned": done.learned,
            "warnings": session.warnings().iter().chain(&done.warnings).collect::<Vec<_>>(),
            "metrics": metrics,
        });
        return terminal.result(&serde_json::to_string_pretty(&all).expect("plain data"));
    }
    if arguments.common.quiet {
        return Ok(());
    }
    let epochs = outcome.history.len();
    let ended = match outcome.stopped_early && outcome.diverged.is_none() {
        true => format!("early stop at epoch {epochs}"),
        false => format!("trained for {epochs} epochs"),
    };
    let kept = match outcome.best_epoch {
        0 if epochs == 0 => "no complete epoch; the initial weights are kept".into(),
        0 => format!(
            "no epoch was better on the validation part than {}, whose weights are kept",
            arguments
                .from
                .as_ref()
                .map_or("the start".into(), |path| path.display().to_string())
        ),
        best => format!("best epoch: {best}"),
    };
    let mut text =
        format!("{ended}; {kept}; decision threshold: P(real) \u{2265} {threshold:.2}\n\n");
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
        ("model", Some(&files.model)),
        ("history", Some(&files.history)),
        ("learning curve", curve),
        ("split", Some(&files.split)),
    ];
    text += "\n\n";
    let mut rows: Vec<String> = written
        .into_iter()
        .filter_map(|(what, path)| Some(format!("{what:<15} {}", path?.display())))
        .collect();
    if let Some(path) = &arguments.validation_cube {
        rows.push(format!("{:<15} {}", "validation cube", path.display()));
    }
    text += &rows.join("\n");
    terminal.result(&text)
}
