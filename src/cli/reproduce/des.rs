//! `rbgpu reproduce des`.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::super::Done;
use super::super::args::Reading;
use super::super::outputs::Outputs;
use super::super::signals;
use super::super::terminal::{Terminal, table};
use super::super::typed::again;
use super::Shared;
use super::watch::Watch;
use crate::data::Normalisation;
use crate::data::labels::LabelFile;
use crate::reproduce::des::{Request, Sample, Scale, report, run as run_all};
use crate::reproduce::{Watcher, folder};
use crate::{Error, Result};

/// Arguments of `rbgpu reproduce des`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Stamps of your own with labels (DES: the folder of autoscan stamps, or a triple's prefix),
    /// in place of the simulated survey; may be repeated
    #[arg(long = "data", value_name = "INPUT")]
    data: Vec<PathBuf>,
    /// What the forest sees of your stamps, such as autoscan_features.csv; else what the stamps
    /// give is measured
    #[arg(long, value_name = "FILE", requires = "data")]
    features: Option<PathBuf>,
    /// The label file after people have looked (rbgpu relabel --apply); without it the run ends
    /// with the suspects
    #[arg(long, value_name = "FILE", requires = "data")]
    repaired: Option<PathBuf>,
    /// Candidates of the simulated survey
    #[arg(long, value_name = "COUNT", conflicts_with = "data")]
    candidates: Option<usize>,
    /// Part of the simulated labels that are planted wrong
    #[arg(long, value_name = "PART", conflicts_with = "data")]
    wrong_labels: Option<f64>,
    /// Train networks with an N-th of the paper's filters
    #[arg(long, value_name = "N")]
    narrow: Option<usize>,
    /// Epochs at most
    #[arg(long)]
    epochs: Option<usize>,
    /// Adam's learning rate in the first epoch
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Pixel normalisation: none, standard, mad, l2, l2-rows, asinh, minmax
    #[arg(long, value_name = "NAME")]
    normalise: Option<Normalisation>,
    /// Folds of the cross-validation; 0 for none
    #[arg(long)]
    folds: Option<usize>,
    #[command(flatten)]
    shared: Shared,
    #[command(flatten)]
    reading: Reading,
}

impl Arguments {
    fn scale(&self) -> Scale {
        let mut scale = match (self.shared.quick, self.data.is_empty()) {
            (true, _) => Scale::quick(),
            (false, true) => Scale::full(),
            (false, false) => Scale::published(),
        };
        scale.candidates = self.candidates.unwrap_or(scale.candidates);
        scale.wrong_labels = self.wrong_labels.unwrap_or(scale.wrong_labels);
        scale.narrow = self.narrow.unwrap_or(scale.narrow);
        scale.epochs = self.epochs.unwrap_or(scale.epochs);
        scale.learning_rate = self.learning_rate.unwrap_or(scale.learning_rate);
        scale.normalisation = self.normalise.unwrap_or(scale.normalisation);
        scale.folds = self.folds.unwrap_or(scale.folds);
        scale
    }

    fn sample(&self, scale: &Scale, terminal: &Terminal) -> Result<Sample> {
        if self.data.is_empty() {
            let bar = terminal.steps("simulating the survey and measuring its features");
            let sample = Sample::simulated(scale, self.shared.seed);
            bar.finish_and_clear();
            return sample;
        }
        let data = self.reading.open(&self.data, true, terminal)?;
        let repaired = match &self.repaired {
            Some(path) => Some(LabelFile::read(path)?),
            None => None,
        };
        let bar = terminal.bar(data.len(), "measuring");
        let sample = Sample::of(data, self.features.as_deref(), repaired.as_ref(), &|n| {
            bar.inc(n as u64);
        });
        bar.finish_and_clear();
        sample
    }
}

/// Runs everything and writes the report.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let begun = Instant::now();
    let shared = &arguments.shared;
    let terminal = shared.common.terminal();
    signals::catch(terminal)?;
    let scale = arguments.scale();
    scale.check()?;
    let out = shared.out.clone();
    let out = out.unwrap_or_else(|| PathBuf::from("reproduce-des"));
    let mut inputs = arguments.data.clone();
    inputs.extend(arguments.features.clone());
    inputs.extend(arguments.repaired.clone());
    let mut outputs = Outputs::going_on(shared.fresh, &inputs, &terminal);
    outputs.folder(&out, &folder::FOLDER)?;
    let device = shared.common.open(&terminal)?;
    let sample = arguments.sample(&scale, &terminal)?;
    let done = Done::reading(&sample.data);
    let request = Request {
        scale: &scale,
        device: &device,
        precision: shared.common.precision_on(&device),
        seed: shared.seed,
        work: &out.join(folder::RUNS),
    };
    if shared.fresh && request.work.exists() {
        std::fs::remove_dir_all(request.work).map_err(Error::io("remove", request.work))?;
    }
    let mut watch = Watch::new(terminal, "des");
    let outcome = run_all(&request, sample, &mut watch)?;
    if watch.interrupted() {
        return Err(Error::interrupted("before the report"));
    }
    watch.step("drawing", 1.0, None)?;
    let page = report(&outcome, &out, &again())?;
    drop(watch);

    let path = out.join(folder::PAGE);
    if shared.json {
        let all = json!({ "report": path, "claims": page.claims });
        let text = serde_json::to_string_pretty(&all).expect("plain data");
        terminal.result(&text)?;
    } else if !shared.common.quiet {
        let mut rows = vec![vec![
            String::new(),
            "paper".into(),
            "here".into(),
            String::new(),
        ]];
        rows.extend(page.claims.iter().map(|claim| {
            vec![
                claim.place.clone(),
                claim.paper.clone().unwrap_or_default(),
                claim.ours.clone(),
                claim.holds.word().to_string(),
            ]
        }));
        let seconds = begun.elapsed().as_secs();
        let written = format!("report {}, after {seconds} s", path.display());
        terminal.result(&format!("{}\n\n{written}", table(&rows)))?;
    }
    Ok(done)
}
