//! `rbgpu simulate`: a labelled set of simulated cutouts, as a cube or as FITS
//! folders; with `--into` sources in images of one's own.

use std::path::PathBuf;

use clap::Args;

use super::outputs::check_output;
use super::terminal::Terminal;
use super::{Done, inject};
use crate::Result;
use crate::data::{writer, writer_fits};
use crate::simulate::{Channels, SurveyConfig, survey};

/// Arguments of `rbgpu simulate`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to write: a cube if it ends in .npz, else a folder with true/ and false/ FITS files;
    /// with --into the folder for the images and their catalogue
    #[arg(long, short, value_name = "FILE|FOLDER")]
    out: PathBuf,
    /// How many candidates
    #[arg(long, default_value_t = 10_000)]
    count: usize,
    /// Pixels along a cutout's side; 32 for a difference, 51 for a triplet unless said
    #[arg(long)]
    size: Option<usize>,
    /// difference alone, or triplet: template, search and difference
    #[arg(long, default_value = "difference", value_parser = ["difference", "triplet"])]
    channels: String,
    /// Share of real sources
    #[arg(long, default_value_t = 0.5)]
    real_fraction: f64,
    /// The same seed gives the same survey
    #[arg(long, default_value_t = 1)]
    seed: u64,
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
        ..base
    };
    let out = &arguments.out;
    let cube = out.extension().is_some_and(|e| e == "npz");
    match cube {
        true => check_output(out, &[])?,
        false => writer_fits::check_folder(out)?,
    }
    let set = survey(&config)?.dataset;
    if cube {
        writer::write_cube(out, &set)?;
    } else {
        writer_fits::write_fits_folder(out, &set)?;
    }
    let (real, bogus) = set.class_counts();
    terminal.notice(&format!(
        "{real} real and {bogus} bogus, {}: {}",
        set.shape,
        out.display()
    ));
    Ok(Done::Whole)
}
