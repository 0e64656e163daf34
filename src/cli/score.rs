//! `rbgpu score`: P(real) for every candidate.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::Done;
use super::args::{Common, Reading};
use super::outputs::check_output;
use crate::data::atomic::atomic_try;
use crate::data::{Dataset, Loader, LoaderOptions};
use crate::formats::ModelFile;
use crate::train::scoring::{Feed, notice_of_parts, score_feed};
use crate::{Error, Result};

/// Arguments of `rbgpu score`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct Arguments {
    /// A model that `rbgpu train` wrote
    model: PathBuf,
    /// Cubes, folders, FITS files, .npy triples' prefixes
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// CSV file, or - for standard output
    #[arg(long, short, default_value = "-", value_name = "FILE")]
    out: PathBuf,
    /// A candidate is real from this P(real) on; the model's own threshold unless given
    #[arg(long)]
    threshold: Option<f64>,
    /// What to call the score's column
    #[arg(long, default_value = "rb_score", value_name = "NAME")]
    score_name: String,
    /// Candidates at a time
    #[arg(long, default_value_t = 256)]
    batch_size: usize,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    common: Common,
}

/// Scores and writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let terminal = arguments.common.terminal();
    let to_stdout = arguments.out == Path::new("-");
    if !to_stdout {
        check_output(&arguments.out, &arguments.inputs)?;
        check_output(&arguments.out, std::slice::from_ref(&arguments.model))?;
    }
    let device = arguments.common.open(&terminal)?;
    let file = ModelFile::read(&arguments.model, &device)?;
    let threshold = arguments.threshold.unwrap_or(file.threshold);
    if !(0.0..=1.0).contains(&threshold) {
        return Err(Error::config(
            "--threshold",
            threshold.to_string(),
            "from 0 to 1",
        ));
    }
    let set = Arc::new(
        arguments
            .reading
            .open(&arguments.inputs, false, &terminal)?,
    );
    let [h, w, c] = file.model.plan().input;
    let shape = file.preprocess.output_shape(set.shape)?;
    if [shape.height, shape.width, shape.channels] != [h, w, c] {
        let expected = format!(
            "{h}x{w}x{c}, which {} was trained on",
            arguments.model.display()
        );
        return Err(Error::input(
            &set.source,
            "cutouts",
            format!("{shape}"),
            expected,
        ));
    }
    let options = LoaderOptions {
        batch_size: arguments.batch_size,
        preprocess: file.preprocess,
        cache_bytes: 0,
        ..LoaderOptions::default()
    };
    let loader = Loader::new(set.clone(), (0..set.len()).collect(), options)?;
    let bar = terminal.bar(set.len(), "scoring");
    let feed = Feed {
        loader: &loader,
        resident: None,
    };
    let mut at_once = arguments.batch_size;
    let scores = score_feed(&file.model, feed, &mut at_once, |n| {
        bar.inc(n as u64);
        Ok(())
    })?;
    bar.finish_and_clear();
    if at_once < arguments.batch_size {
        terminal.notice(&notice_of_parts(arguments.batch_size, at_once));
    }
    let name = &arguments.score_name;
    if to_stdout {
        write(
            std::io::stdout().lock(),
            Path::new("standard output"),
            &set,
            &scores,
            threshold,
            name,
        )?;
    } else {
        atomic_try(&arguments.out, |out| {
            write(out, &arguments.out, &set, &scores, threshold, name)
        })?;
        let real = scores.iter().filter(|score| **score >= threshold).count();
        terminal.notice(&format!(
            "{} candidates, {real} real at P(real) >= {threshold}: {}",
            scores.len(),
            arguments.out.display()
        ));
    }
    let unscored = scores.iter().filter(|score| score.is_nan()).count();
    if unscored > 0 {
        let precision = arguments.common.precision_on(&device);
        terminal.notice(&format!(
            "{unscored} have no score: their pixels are beyond what {precision} can hold"
        ));
        return Ok(Done::Partly);
    }
    Ok(Done::reading(&set))
}

/// One row per candidate: id, score, decision, and what came with it.
fn write(
    out: impl Write,
    path: &Path,
    set: &Dataset,
    scores: &[f64],
    threshold: f64,
    name: &str,
) -> Result<()> {
    let failed = |e: csv::Error| {
        // The conversion that csv has forgets what kind of error it was.
        Error::io("write", path)(match e.into_kind() {
            csv::ErrorKind::Io(e) => e,
            other => std::io::Error::other(format!("{other:?}")),
        })
    };
    let mut csv = csv::Writer::from_writer(out);
    let mut header = vec!["id", name, "decision", "mag", "mag_err", "filter", "fwhm"];
    if set.labels.is_some() {
        header.push("label");
    }
    csv.write_record(&header).map_err(failed)?;
    // A number that is not known is empty. What the devices and most files hold is
    // f32, whose shortest digits are fewer.
    let number = |v: f64| match v as f32 {
        _ if v.is_nan() => String::new(),
        short if f64::from(short) == v => short.to_string(),
        _ => v.to_string(),
    };
    for (i, (candidate, score)) in set.candidates.iter().zip(scores).enumerate() {
        let decision = match score {
            s if s.is_nan() => "unscored",
            s if *s >= threshold => "real",
            _ => "bogus",
        };
        let mut row = vec![
            candidate.id.clone(),
            number(*score),
            decision.into(),
            number(candidate.mag),
            number(candidate.mag_err),
            candidate.filter.clone(),
            number(candidate.fwhm),
        ];
        row.extend(set.labels.as_ref().map(|labels| labels[i].to_string()));
        csv.write_record(&row).map_err(failed)?;
    }
    csv.flush().map_err(Error::io("write", path))
}
