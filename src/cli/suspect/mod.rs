//! `rbgpu suspect`: which labels are likely wrong, and how many.

mod files;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use self::files::{Files, print, write};
use self::watch::Watch;
use super::Done;
use super::args::{Common, Reading};
use super::bars::Bars;
use super::outputs::{Outputs, check_csv};
use super::signals;
use super::terminal::Terminal;
use super::training::{Training, checkpoint_interval};
use crate::backend::Device;
use crate::data::{Dataset, Groups};
use crate::evaluate::{self, Source, What, score_file};
use crate::judge::suspicion::Rule;
use crate::nn::{Architecture, Plan};
use crate::suspect::folds::{FOLDER, Folds};
use crate::suspect::{Evidence, Options, Shown, check_rule, models, suspects};
use crate::train::{Classifier, Config};
use crate::{Error, Result};

/// Arguments of `rbgpu suspect`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct Arguments {
    /// Labelled candidates: a cube, a folder with true/ and false/ FITS files, a DES triple's
    /// prefix, …
    #[arg(required = true, value_name = "DATA")]
    inputs: Vec<PathBuf>,
    /// A model, or a table of scores (NAME=FILE names it), whose opinion counts; may be repeated.
    /// The first is the one of rule category
    #[arg(long = "model", value_name = "MODEL|NAME=SCORES")]
    models: Vec<PathBuf>,
    /// Parts for cross-validation: each is scored by networks trained on the others [default: 5
    /// without --model]
    #[arg(long, value_name = "N")]
    folds: Option<usize>,
    /// Networks for the cross-validation: des1, des2, des3, des4, otrain, or a .toml file; may
    /// be repeated [default: des1 if it fits the cutouts, else otrain]
    #[arg(long = "network", value_name = "NAME|FILE")]
    networks: Vec<String>,
    /// Which rule orders the file: category (DES' categories 1 and 6 of the first model), folds
    /// (the same by cross-validation), agreement (of several networks), confident (confident
    /// learning); the others are columns
    #[arg(long, default_value = "confident", value_name = "NAME")]
    rule: Rule,
    /// Write the first N by rank instead of those the rule selects
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// The table to write; a summary (.json) and pictures go beside it. A table that exists is
    /// replaced
    #[arg(long, short, default_value = "suspects.csv", value_name = "FILE")]
    out: PathBuf,
    /// Folder for the networks of the cross-validation; a stopped run resumes there [default:
    /// beside the table, suspects.folds]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Delete what an earlier run left in the folder and start over
    #[arg(long)]
    fresh: bool,
    /// Candidates in the picture; 0 for none
    #[arg(long, default_value_t = 24, value_name = "N")]
    gallery: usize,
    /// Bootstrap resamples for the uncertainty of the number of wrong labels
    #[arg(long, default_value_t = 200, value_name = "N")]
    resamples: usize,
    /// Score column of tables [default: rb_score, score, …]
    #[arg(long, value_name = "NAME")]
    score_name: Option<String>,
    /// Id column of tables [default: id, candid, …]
    #[arg(long, value_name = "NAME")]
    id_name: Option<String>,
    /// The scores of tables are P(artifact)
    #[arg(long)]
    artifact_scores: bool,
    /// Crop larger cutouts to N x N pixels about their centre for given models
    #[arg(long, value_name = "N")]
    cutout_size: Option<usize>,
    #[command(flatten)]
    training: Training,
    /// Minutes between checkpoints within an epoch; there is one after every epoch
    #[arg(long, default_value_t = 5.0, value_name = "MINUTES")]
    checkpoint_every: f64,
    #[command(flatten)]
    reading: Reading,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

/// Scores, ranks and writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let terminal = arguments.common.terminal();
    signals::catch(terminal)?;
    let sources = sources(arguments)?;
    let folds = folds_asked(arguments);
    let networks = match folds {
        None => 0,
        Some(_) => arguments.networks.len().max(1),
    };
    check_rule(arguments.rule, sources.len(), networks)?;
    let interval = checkpoint_interval(arguments.checkpoint_every)?;
    let given = configs(arguments, &arguments.networks)?;
    let files = Files::new(&arguments.out);
    let taken: Vec<PathBuf> = sources.iter().map(|source| source.path.clone()).collect();
    let taken = [&taken[..], &arguments.inputs[..]].concat();
    check_csv(&files.table)?;
    let mut outputs = Outputs::going_on(arguments.fresh, &taken, &terminal);
    outputs.replace(&[&files.table, &files.json, &files.scores, &files.gallery])?;
    let folder = arguments.folder.clone().unwrap_or(files.folds.clone());
    if folds.is_some() {
        outputs.folder(&folder, &FOLDER)?;
    }
    let runs = folds.is_some() || sources.iter().any(|source| source.what == What::Model);
    let device = match runs {
        true => Some(arguments.common.open(&terminal)?),
        false => None,
    };
    let data = arguments.reading.open(&arguments.inputs, true, &terminal)?;
    let data = Arc::new(data);

    let scored = match (&sources[..], &device) {
        ([], _) => None,
        (_, device) => Some(of_models(
            arguments,
            &data,
            &sources,
            device.as_ref(),
            &terminal,
        )?),
    };
    let mut by_folds = Vec::new();
    if let (Some(count), Some(device)) = (folds, &device) {
        let configs = match given.is_empty() {
            true => configs(arguments, &[usual_network(&data)])?,
            false => given,
        };
        let groups = Groups::of(&data, arguments.training.group)?;
        let labels = data.labels.as_deref().expect("labels were required");
        let told = groups.notices(labels);
        told.iter().for_each(|text| terminal.notice(text));
        let work = Folds {
            data: data.clone(),
            groups,
            count,
            device: device.clone(),
            residence: arguments.training.resident,
            folder,
            interval,
            fresh: arguments.fresh,
        };
        let (real, bogus) = data.class_counts();
        terminal.notice(&format!(
            "{real} real and {bogus} bogus cutouts of {} in {count} folds, on {}",
            data.shape,
            device.name()
        ));
        for mut config in configs {
            config.precision = arguments.common.precision_on(device);
            let mut watch = Watch::new(&terminal);
            by_folds.push(work.network(&config, &mut watch)?);
        }
    }
    let failed = scored.as_ref().map_or(0, |scored| scored.failed);
    let (by_models, places) = match scored {
        Some(scored) => (scored.networks, Some(scored.places)),
        None => (Vec::new(), None),
    };
    if let Some(places) = &places {
        for network in &mut by_folds {
            network.scores = places.iter().map(|&row| network.scores[row]).collect();
        }
    }
    let all = data.labels.as_deref().expect("labels were required");
    let labels: Vec<u8> = match &places {
        Some(places) => places.iter().map(|&row| all[row]).collect(),
        None => all.to_vec(),
    };
    let evidence = Evidence {
        labels: &labels,
        models: &by_models,
        folds: &by_folds,
    };
    let found = suspects(&evidence, &options(arguments))?;
    signals::finishing();
    write(
        arguments,
        &files,
        (&data, places.as_deref()),
        &evidence,
        &found,
    )?;
    print(arguments, &files, &data, &evidence, &found, &terminal)?;
    Ok(match failed {
        0 => Done::reading(&data),
        _ => Done::Partly,
    })
}

fn options(arguments: &Arguments) -> Options {
    Options {
        resamples: arguments.resamples,
        seed: arguments.training.seed,
    }
}

fn shown(arguments: &Arguments) -> Shown {
    Shown {
        rule: arguments.rule,
        top: arguments.top,
    }
}

/// The given models and tables of scores.
fn sources(arguments: &Arguments) -> Result<Vec<Source>> {
    if arguments.models.is_empty() {
        return Ok(Vec::new());
    }
    let (sources, others) = evaluate::source::sort(&arguments.models)?;
    match others.first() {
        None => Ok(sources),
        Some(other) => {
            let found = other.display().to_string();
            let expected = "a model (.safetensors), or a table of scores";
            Err(Error::config("--model", found, expected))
        }
    }
}

/// Into how many parts, if there is cross-validation at all.
fn folds_asked(arguments: &Arguments) -> Option<usize> {
    let wanted = arguments.models.is_empty() || !arguments.networks.is_empty();
    arguments.folds.or(wanted.then_some(5))
}

fn configs(arguments: &Arguments, networks: &[String]) -> Result<Vec<Config>> {
    let settings = arguments.training.settings(&arguments.common);
    let mut configs: Vec<Config> = Vec::with_capacity(networks.len());
    for name in networks {
        let config = settings.check(Architecture::named(name)?)?;
        let own = &config.architecture.name;
        if configs.iter().any(|c| c.architecture.name == *own) {
            let found = format!("two called '{own}'");
            return Err(Error::config("--network", found, "each once"));
        }
        configs.push(config);
    }
    Ok(configs)
}

/// DES' first network for its kind of cutouts.
fn usual_network(data: &Dataset) -> String {
    let shape = data.shape;
    let input = [shape.height, shape.width, shape.channels];
    let fits = || Architecture::named("des1").and_then(|des1| Plan::new(&des1, input));
    match shape.channels == 3 && fits().is_ok() {
        true => "des1".into(),
        false => "otrain".into(),
    }
}

fn of_models(
    arguments: &Arguments,
    data: &Arc<Dataset>,
    sources: &[Source],
    device: Option<&Device>,
    terminal: &Terminal,
) -> Result<models::Scored> {
    let of_model = sources.iter().filter(|source| source.what == What::Model);
    let opened = of_model.map(|source| {
        let device = device.expect("opened for models");
        (arguments.reading).classifier(&source.path, device, terminal)
    });
    let opened: Vec<Classifier> = opened.collect::<Result<_>>()?;
    let reading = score_file::Reading {
        score_name: arguments.score_name.clone(),
        id_name: arguments.id_name.clone(),
        artifact: arguments.artifact_scores,
        polarity: arguments.reading.label_polarity,
        by: Vec::new(),
    };
    let mut bars = Bars::new(terminal);
    let crop = arguments.cutout_size;
    let scored = models::scores(data, sources, &opened, reading, crop, &mut bars)?;
    bars.end();
    scored.notices.iter().for_each(|text| terminal.notice(text));
    Ok(scored)
}
