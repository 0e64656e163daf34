//! `rbgpu simulate`: a labelled set of simulated cutouts, as a cube or as FITS
//! folders; with `--into` sources in images of one's own.

use std::path::PathBuf;

use clap::Args;

use super::outputs::{Force, Outputs};
use super::terminal::Terminal;
use super::{Done, inject};
use crate::Result;
use crate::data::results::Family;
use crate::data::{writer, writer_fits};
use crate::formats::beside;
use crate::simulate::{Channels, SurveyConfig, survey, write_truth};

/// Arguments of `rbgpu simulate`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Output: a cube if it ends in .npz, else a folder of FITS files in true/ and false/; with
    /// --into, the folder for the images and their catalogue. A folder must be new or empty
    #[arg(long, short, value_name = "FILE|FOLDER")]
    out: PathBuf,
    /// Number of candidates
    #[arg(long, default_value_t = 10_000)]
    count: usize,
    /// Side of a cutout in pixels [default: 32 for a difference, 51 for a triplet]
    #[arg(long)]
    size: Option<usize>,
    /// difference alone, or triplet: template, search and difference
    #[arg(long, default_value = "difference", value_parser = ["difference", "triplet"])]
    channels: String,
    /// Share of real sources
    #[arg(long, default_value_t = 0.5)]
    real_fraction: f64,
    /// Share of all candidates whose label is wrong; FILE.truth.csv then says what is true
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    wrong_labels: f64,
    /// Of the wrong labels the share that are real sources left among the artefacts; the others
    /// are sources injected on saturated stars and bad columns
    #[arg(
        long,
        default_value_t = 0.5,
        value_name = "SHARE",
        requires = "wrong_labels"
    )]
    wrong_bogus: f64,
    /// Random seed of the survey
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    force: Force,
    /// Print errors only
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    inject: inject::Arguments,
}

/// Simulates and writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let terminal = Terminal::new(arguments.quiet, false);
    if arguments.inject.is_wanted() {
        return inject::run(&arguments.inject, &arguments.out, arguments.seed, &terminal);
    }
    let base = match arguments.channels.as_str() {
        "triplet" => SurveyConfig::triplets(),
        _ => SurveyConfig {
            channels: Channels::Difference,
            ..SurveyConfig::default()
        },
    };
    let config = SurveyConfig {
        count: arguments.count,
        size: arguments.size.unwrap_or(base.size),
        real_fraction: arguments.real_fraction,
        seed: arguments.seed,
        wrong_labels: arguments.wrong_labels,
        wrong_bogus: arguments.wrong_bogus,
        ..base
    };
    let out = &arguments.out;
    let cube = out.extension().is_some_and(|e| e == "npz");
    let mut outputs = Outputs::new(arguments.force, &[], &terminal);
    let truth = (config.wrong_labels > 0.0).then(|| match cube {
        true => out.with_extension("truth.csv"),
        false => beside(out, "truth.csv"),
    });
    let mut files = Vec::from_iter(&truth);
    match cube {
        true => files.push(out),
        false => outputs.new_folder(out)?,
    }
    outputs.keep(&files)?;
    let made = survey(&config)?;
    let set = &made.dataset;
    let mut family = Family::new();
    if let Some(truth) = &truth {
        family.write(truth, |path| write_truth(path, &made))?;
    }
    if cube {
        family.write(out, |path| writer::write_cube(path, set))?;
        family.put()?;
    } else {
        family.put()?;
        writer_fits::write_fits_folder(out, set)?;
    }
    let (real, bogus) = set.class_counts();
    terminal.notice(&format!(
        "{real} real and {bogus} bogus, {}: {}",
        set.shape,
        out.display()
    ));
    if let Some(truth) = &truth {
        terminal.notice(&format!(
            "{} of the labels are wrong; the true ones: {}",
            made.planted.len(),
            truth.display()
        ));
    }
    Ok(Done::Whole)
}
