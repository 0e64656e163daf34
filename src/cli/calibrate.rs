//! `rbgpu calibrate`: scores made into probabilities, by candidates the network was not
//! fitted to.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::Done;
use super::args::{Common, Reading};
use super::bars::Bars;
use super::outputs::{Force, Outputs, check_model};
use super::terminal::{Terminal, table};
use crate::data::atomic::atomic_write;
use crate::data::results::Family;
use crate::data::{Dataset, Grouping, Groups};
use crate::evaluate::gather::{Gathered, Request, gather};
use crate::evaluate::score_file;
use crate::evaluate::source::{Source, What};
use crate::evaluate::{Rows, split_fingerprint};
use crate::formats::{ModelFile, beside};
use crate::judge::calibration::{Method, TEMPERATURES, fit};
use crate::judge::crossed::{FOLDS, Quality, cross_fitted_by};
use crate::judge::{Calibration, DecisionThreshold, Scored};
use crate::train::Classifier;
use crate::{Error, Result};

/// Candidates that an isotonic map wants.
const MANY: usize = 1000;

/// Arguments of `rbgpu calibrate`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A model that rbgpu wrote, without a calibration
    model: PathBuf,
    /// Labelled cubes, folders, FITS files, .npy triples' prefixes
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// The calibrated model
    #[arg(long, short, value_name = "MODEL.safetensors")]
    out: PathBuf,
    /// temperature (one parameter; keeps the ranking) or isotonic (any increasing map; for 1000
    /// candidates or more)
    #[arg(long, default_value_t, value_name = "NAME")]
    method: Method,
    /// Rows to use: train, validation, test, held-out or all [default: validation, or held-out
    /// if the data have no validation part]
    #[arg(long, value_name = "ROWS", conflicts_with = "all")]
    part: Option<Rows>,
    /// Use all rows, including the training part
    #[arg(long)]
    all: bool,
    /// Split table with columns id and part
    #[arg(long, value_name = "FILE")]
    split: Option<PathBuf>,
    /// Keep each group in one fold of the cross-validation: object, id (equal ids or pixels),
    /// none; auto: object if the data have objects, else id
    #[arg(long, default_value = "auto", value_name = "BY")]
    group: Grouping,
    /// Crop larger cutouts to N x N pixels about their centre
    #[arg(long, value_name = "N")]
    cutout_size: Option<usize>,
    #[command(flatten)]
    force: Force,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    common: Common,
}

/// Scores, fits, measures and writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let terminal = arguments.common.terminal();
    let inputs: Vec<PathBuf> = [&arguments.model]
        .into_iter()
        .chain(&arguments.inputs)
        .cloned()
        .collect();
    let out = |end| beside(&arguments.out, end);
    let mut outputs = Outputs::new(arguments.force, &inputs, &terminal);
    outputs.keep(&[&arguments.out, &out("split.csv"), &out("history.jsonl")])?;
    check_model(&arguments.out)?;
    let device = arguments.common.open(&terminal)?;
    let reading = &arguments.reading;
    let classifier = reading.classifier(&arguments.model, &device, &terminal)?;
    if let Some(calibration) = &classifier.file().calibration {
        let expected = "none: calibrate the model that this one was made from";
        let found = calibration.to_string();
        return Err(Error::input(
            &arguments.model,
            "calibration",
            found,
            expected,
        ));
    }
    let channels = classifier.takes().names;
    let data = reading.open_with(&arguments.inputs, true, channels, &terminal)?;
    let mut done = Done::reading(&data);

    let data = Arc::new(data);
    let gathered = scored(arguments, &classifier, data.clone(), &terminal)?;
    gathered
        .notices
        .iter()
        .for_each(|notice| terminal.notice(notice));
    if gathered.failed > 0 {
        done = Done::Partly;
    }
    let groups = groups(arguments, &data, &gathered)?;
    let file = classifier.file();
    let mut file = calibrated(arguments, file, &gathered, &groups, &terminal)?;
    let own = |end| beside(&arguments.model, end);
    let split = match &arguments.split {
        // What the user says of the model stands beside the new one, which then calls it its own.
        Some(named) => {
            file.provenance.split = split_fingerprint(named)?;
            named.clone()
        }
        None => own("split.csv"),
    };
    let mut family = Family::new();
    for (from, end) in [
        (split, "split.csv"),
        (own("history.jsonl"), "history.jsonl"),
    ] {
        bring(&from, &out(end), &mut family)?;
    }
    family.write(&arguments.out, |path| file.write(path))?;
    family.put()?;
    terminal.notice(&format!(
        "{}: the calibrated model",
        arguments.out.display()
    ));
    Ok(done)
}

/// The rows that the map is fitted to, with the network's scores.
fn scored(
    arguments: &Arguments,
    classifier: &Classifier,
    data: Arc<Dataset>,
    terminal: &Terminal,
) -> Result<Gathered> {
    let rows = match (arguments.all, arguments.part) {
        (true, _) => Rows::All,
        (false, Some(rows)) => rows,
        (false, None) => Rows::Spent,
    };
    let source = Source {
        name: "the network".into(),
        path: arguments.model.clone(),
        what: What::Model,
    };
    let request = Request {
        sources: vec![source],
        data: Some(data),
        rows,
        split: arguments.split.clone(),
        reading: score_file::Reading::default(),
        threshold: None,
        crop: arguments.cutout_size,
    };
    let mut bars = Bars::new(terminal);
    let gathered = gather(&request, std::slice::from_ref(classifier), &mut bars);
    bars.end();
    gathered
}

/// What belongs together of the candidates that were gathered: places among them.
fn groups(arguments: &Arguments, data: &Dataset, gathered: &Gathered) -> Result<Vec<Vec<usize>>> {
    let groups = Groups::of(data, arguments.group)?;
    let mut place = vec![0; data.len()];
    let rows = gathered.places.iter().enumerate();
    rows.for_each(|(at, &row)| place[row] = at);
    let mut lists = groups.lists(gathered.places.iter().copied());
    let rows = lists.iter_mut().flatten();
    rows.for_each(|row| *row = place[*row]);
    Ok(lists)
}

/// The model with its map, and what it does to the scores, printed.
fn calibrated(
    arguments: &Arguments,
    file: &ModelFile,
    gathered: &Gathered,
    groups: &[Vec<usize>],
    terminal: &Terminal,
) -> Result<ModelFile> {
    let (method, labels) = (arguments.method, &gathered.labels);
    let scores = &gathered.classifiers[0].scores;
    let before = Quality::of(labels, scores)?;
    let after = Quality::of(labels, &cross_fitted_by(method, labels, scores, groups, 0)?)?;
    let together = groups.iter().filter(|rows| rows.len() > 1);
    let (rows, count) = together.fold((0, 0), |(rows, n), group| (rows + group.len(), n + 1));
    if count > 0 {
        terminal.notice(&format!(
            "the cross-fit keeps {rows} candidates in {count} groups, of one object, id or cutout \
             each, together"
        ));
    }
    let calibration = fit(method, labels, scores)?;
    let (mapped, changed) = calibration.threshold(file.threshold, scores);
    let calibrated: Vec<f64> = scores.iter().map(|&s| calibration.apply(s)).collect();
    let decision = DecisionThreshold::by(
        "calibration",
        Some(mapped),
        &Scored::new(labels, &calibrated)?,
    );
    let threshold = decision.value;
    let row = |what: String, q: &Quality| {
        vec![
            what,
            format!("{:.5}", q.ece),
            format!("{:.5}", q.loss),
            format!("{:.5}", q.brier),
        ]
    };
    let real = labels.iter().filter(|&&label| label == 1).count();
    terminal.result(&format!(
        "{} candidates, {real} real ({}): {calibration}\n\n{}\n",
        labels.len(),
        gathered.which,
        table(&[
            ["", "ECE", "loss", "Brier"].map(String::from).to_vec(),
            row("before".into(), &before),
            row(format!("after, by {FOLDS}-fold cross-fit"), &after),
        ])
    ))?;
    terminal.result(&format!(
        "threshold {} is now {threshold}: {}",
        file.threshold,
        match changed {
            _ if decision.notice.is_some() => "the calibrated one decides nothing".to_string(),
            0 => "the same candidates are real".to_string(),
            n => format!("{n} candidates become equal to real ones and are real too"),
        }
    ))?;
    if let Some(notice) = &decision.notice {
        terminal.notice(&format!("warning: {notice}"));
    }
    if after.loss >= before.loss {
        terminal.notice("on candidates it was not fitted to, the map does not lower the loss");
    }
    if method == Method::Isotonic && labels.len() < MANY {
        let found = labels.len();
        terminal.notice(&format!(
            "{found} candidates are few for an isotonic map: it wants {MANY}"
        ));
    }
    match &calibration {
        Calibration::Temperature { temperature } if TEMPERATURES.contains(temperature) => {
            terminal.notice(&format!(
                "no temperature is best within {} to {}: the scores say too little, or make no mistake",
                TEMPERATURES[0], TEMPERATURES[1]
            ));
        }
        _ => {}
    }
    let mut file = file.clone();
    let noted = json!({
        "method": method.to_string(),
        "data": gathered.source.display().to_string(),
        "rows": gathered.which,
        "candidates": labels.len(),
        "before": quality(&before),
        "after": quality(&after),
    });
    file.provenance.note("calibration", noted);
    file.calibration = Some(calibration);
    file.threshold = threshold;
    Ok(file)
}

fn quality(q: &Quality) -> Value {
    json!({"ece": q.ece, "loss": q.loss, "brier": q.brier})
}

/// What stands beside a model and says what it was fitted to, for the new one as well; what
/// an earlier model there was fitted to goes away.
fn bring(from: &Path, to: &Path, family: &mut Family) -> Result<()> {
    if !from.is_file() {
        return family.without(to);
    }
    let bytes = std::fs::read(from).map_err(Error::io("read", from))?;
    family.write(to, |path| atomic_write(path, |out| out.write_all(&bytes)))
}
