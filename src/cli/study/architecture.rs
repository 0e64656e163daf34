//! `rbgpu study architecture`: DES Sect. 4.1, with a leaderboard as its Table 1.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::super::Done;
use super::super::terminal::Terminal;
use super::shared::{Found, Opened, Shared};
use crate::data::atomic::atomic_write;
use crate::formats::model::beside;
use crate::nn::Architecture;
use crate::report::{self, study_architecture};
use crate::study::architecture::{self, Placed, Trial};
use crate::study::conduct::MODEL;
use crate::study::halving::{Rung, rungs};
use crate::study::space::DEFAULT;
use crate::study::table::Cell;
use crate::study::{AT_MDR, Search, Space, Table};
use crate::{Error, Result};

/// Arguments of `rbgpu study architecture`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to draw networks from; --print-space shows the default
    #[arg(long, value_name = "FILE")]
    space: Option<PathBuf>,
    /// Print the search space and do nothing
    #[arg(long)]
    print_space: bool,
    /// Networks to draw; the first n are the same ones, however many there are
    #[arg(long, default_value_t = 27, value_name = "COUNT")]
    trials: usize,
    /// random: each for all epochs; halving: all for a few epochs, then the best 1/eta for eta
    /// times as many, and so on up to all epochs
    #[arg(long, default_value = "halving", value_name = "HOW")]
    search: Search,
    /// See --search halving
    #[arg(long, default_value_t = 3, value_name = "NUMBER")]
    eta: usize,
    /// Train these for all epochs too, such as des1,des2: with their own learning rates, and all
    /// else as the space says
    #[arg(long, value_delimiter = ',', value_name = "NAME|FILE,…")]
    with: Vec<String>,
    #[command(flatten)]
    shared: Shared,
}

/// Draws, trains and writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let space = Space::read(arguments.space.as_deref())?;
    if arguments.print_space {
        let text = match &arguments.space {
            None => DEFAULT.to_string(),
            Some(path) => std::fs::read_to_string(path).map_err(Error::io("read", path))?,
        };
        Terminal::new(false, false).result(text.trim_end())?;
        return Ok(Done::Whole);
    }
    check(arguments)?;
    // Trials bring layers of their own; this has what they share.
    let base = Architecture {
        name: "architecture search".into(),
        input: None,
        training: space.training.clone(),
        layers: Vec::new(),
    };
    let opened = arguments.shared.open("architecture", base, Ok)?;
    let trials = trials(arguments, &space, &opened)?;
    let epochs = opened.config.epochs;
    let rungs = rungs(arguments.search, arguments.trials, epochs, arguments.eta);
    say(&opened, &trials, &rungs);
    // With their layers: a file of the same name may come to hold another network.
    let with: serde_json::Map<_, _> = trials
        .iter()
        .filter(|trial| trial.published)
        .map(|trial| (trial.config.architecture.name.clone(), json!(trial.config)))
        .collect();
    let varied = json!({
        "space": space,
        "trials": arguments.trials,
        "search": arguments.search,
        "eta": arguments.eta,
        "with": with,
    });
    let of = architecture::count(&trials, &rungs);
    let (placed, models) = opened.conduct(varied, of, |study| {
        let mut folders = Vec::new();
        for trial in &trials {
            let folder = study.folder().run(&trial.config.architecture.name)?;
            architecture::write_network(trial, &folder.join("network.toml"))?;
            folders.push(folder);
        }
        let (split, shape) = (&opened.split, opened.data.shape);
        let placed = architecture::search(study, &trials, &rungs, split, shape)?;
        Ok((placed, folders))
    })?;
    finish(&opened, &trials, &placed, &models)
}

fn check(arguments: &Arguments) -> Result<()> {
    if arguments.trials == 0 || arguments.trials > 100_000 {
        let found = arguments.trials.to_string();
        return Err(Error::config("--trials", found, "from 1 to 100000"));
    }
    if arguments.eta < 2 {
        let found = arguments.eta.to_string();
        return Err(Error::config("--eta", found, "at least 2"));
    }
    Ok(())
}

/// Those drawn, then those named.
fn trials(arguments: &Arguments, space: &Space, opened: &Opened) -> Result<Vec<Trial>> {
    let shape = opened.data.shape;
    let input = [shape.height, shape.width, shape.channels];
    let settings = arguments.shared.training.settings(&arguments.shared.common);
    let precision = opened.config.precision;
    let mut trials = Vec::new();
    for index in 1..=arguments.trials {
        let drawn = space.draw(opened.config.seed, index, input)?;
        trials.push(Trial {
            config: settings.check(drawn.architecture)?,
            published: false,
            redrawn: drawn.redrawn,
        });
    }
    for name in &arguments.with {
        let trial = architecture::published(name, &space.training, &settings)?;
        let called = &trial.config.architecture.name;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let taken = |other: &Trial| other.config.architecture.name == *called;
        if called.is_empty() || !called.chars().all(plain) || trials.iter().any(taken) {
            let found = format!("a network called '{called}'");
            let expected = "names of letters, digits, - and _, each once";
            return Err(Error::config("--with", found, expected));
        }
        trials.push(trial);
    }
    for trial in &mut trials {
        trial.config.precision = precision;
    }
    Ok(trials)
}

/// What will be done.
fn say(opened: &Opened, trials: &[Trial], rungs: &[Rung]) {
    let drawn = trials.iter().filter(|trial| !trial.published).count();
    let redrawn: usize = trials.iter().map(|trial| trial.redrawn).sum();
    let steps = rungs
        .iter()
        .map(|rung| format!("{} for {} epochs", rung.trials, rung.epochs));
    opened.terminal.notice(&format!(
        "{drawn} networks drawn ({redrawn} draws that did not fit); {}",
        steps.collect::<Vec<_>>().join(", then ")
    ));
}

/// The leaderboard, the figure, the best model.
fn finish(
    opened: &Opened,
    trials: &[Trial],
    placed: &[Placed],
    folders: &[PathBuf],
) -> Result<Done> {
    let epochs = opened.config.epochs;
    let name = |placed: &Placed| trials[placed.trial].config.architecture.name.clone();
    let best = placed
        .first()
        .filter(|best| best.record.reported().is_some());
    let mut words = opened.words(&placed.iter().map(|p| &p.record).collect::<Vec<_>>());
    words.insert(
        0,
        "ranked by the epochs trained, then by AUC on the validation part".into(),
    );
    if let Some(best) = best {
        let out = opened.out.as_path();
        let model = folders[best.trial].join(MODEL);
        let copied = out.join("best.safetensors");
        for end in ["history.jsonl", "split.csv"] {
            copy(&beside(&model, end), &beside(&copied, end))?;
        }
        copy(&model, &copied)?;
        let (name, out) = (name(best), out.display());
        words.push(format!(
            "{out}/best.safetensors is {name}; {out}/runs/NAME/network.toml is what rbgpu train \
             --network takes"
        ));
    }
    let drawn = placed.iter().map(|p| {
        let of = p.record.reported();
        report::Found {
            name: name(p),
            parameters: p.record.parameters.unwrap_or(0),
            fpr: of.and_then(|m| m.fpr_at_mdr).unwrap_or(f64::NAN),
            published: trials[p.trial].published,
            to_the_end: p.record.run.ends_with(&format!("-e{epochs}")),
        }
    });
    let drawn: Vec<report::Found> = drawn.collect();
    let rows = placed.iter().enumerate().map(|(i, p)| {
        let trial = &trials[p.trial];
        let kind = if trial.published { "named" } else { "drawn" };
        let cells: Vec<Cell> = vec![
            (i + 1).into(),
            name(p).into(),
            kind.into(),
            trial.redrawn.into(),
        ];
        (cells, &p.record)
    });
    let part = opened.part();
    let y = format!("FPR at MDR {AT_MDR}, {part} part");
    let some = drawn.iter().any(|found| found.fpr.is_finite());
    opened.finish(Found {
        table: Table::new(&["rank", "name", "kind", "redrawn"], rows.collect()),
        printed: vec![
            ("rank", "rank"),
            ("name", "name"),
            ("parameters", "parameters"),
            ("epochs", "epochs"),
            ("validation_auc", "AUC (val.)"),
            ("auc", "AUC"),
            ("fpr_at_mdr_0.05", "FPR at MDR 0.05"),
            ("f1", "F1"),
            ("mcc", "MCC"),
            ("learning_rate", "learning rate"),
            ("seconds_per_epoch", "s/epoch"),
        ],
        drawing: match some {
            true => Some(study_architecture(
                &drawn,
                best.map(|_| 0),
                &y,
                &opened.title(),
            )?),
            false => None,
        },
        caption: "Every network of the search: false positive rate against parameters (DES Sect. \
                  4.1, Table 1). Those given up early were trained for fewer epochs.",
        more: json!({
            "best": best.map(name),
            "redrawn": trials.iter().map(|trial| trial.redrawn).sum::<usize>(),
        }),
        words,
    })
}

/// Whole or not at all.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let bytes = std::fs::read(from).map_err(Error::io("read", from))?;
    atomic_write(to, |out| std::io::Write::write_all(out, &bytes))
}
