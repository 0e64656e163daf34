//! A simulated survey: cutouts of transients and of everything that is taken
//! for one, with labels that are true by construction.
//!
//! What each stage stands for:
//!
//! | file | what it models |
//! |---|---|
//! | `config.rs` | the telescope, the sky and the shares of everything |
//! | `kind.rs` | what a candidate is in truth |
//! | `psf.rs`, `canvas.rs`, `galaxy.rs` | light on a grid of pixels |
//! | `frame.rs` | two exposures of one field, their noise, their subtraction |
//! | `field.rs` | what else stands in the cutout: neighbours, hosts, clutter |
//! | `bogus/` | one file per group of artefacts (O'TRAIN Sect. 2.4) |
//! | `candidate.rs` | detection, centring and cropping: one candidate |
//! | `mislabel.rs` | labels that are wrong on purpose |
//! | [`matched_filter`] | the baseline: a cut on signal-to-noise alone |
//! | [`gallery`] | a contact sheet, to look at |
//! | [`inject`] | sources put into a user's own science images |
//!
//! Real sources and artefacts pass through the same detection: what is not
//! found in the difference image above the threshold is drawn again, and the
//! cutout is centred on what was found, not on the truth. A network therefore
//! cannot learn the class from where or whether something was painted.
//!
//! Each candidate has a generator of its own, seeded by (seed, index), so the
//! survey has the same bits for any number of threads, and the first hundred
//! candidates of a long survey are those of a short one.

mod bogus;
mod candidate;
mod canvas;
mod config;
mod field;
mod frame;
mod galaxy;
pub mod gallery;
pub mod inject;
mod kind;
pub mod matched_filter;
mod mislabel;
mod psf;
mod random;

use std::path::PathBuf;

use rayon::prelude::*;

use crate::data::{Candidate, CutoutShape, Dataset, InMemory};
use crate::{Error, Result};

pub use config::{Channels, SurveyConfig};
pub use kind::Kind;
pub use mislabel::{Mistake, Planted, write_truth};
pub use psf::{Profile, Psf};

/// A simulated data set, and what each of its candidates is in truth.
#[derive(Debug)]
pub struct Survey {
    /// Cutouts (N, H, W, C) in ADU: template, search, difference, or the
    /// difference alone; labels; metadata.
    pub dataset: Dataset,
    /// One per candidate.
    pub kinds: Vec<Kind>,
    /// What an expert would call each: 1 real, 0 bogus. The labels of `dataset`, but for those
    /// that were planted wrong.
    pub truth: Vec<u8>,
    /// The labels that are wrong on purpose, by candidate.
    pub planted: Vec<Planted>,
}

/// Simulates `config.count` candidates, of which `config.wrong_labels` have a label that is
/// wrong.
///
/// For a real source `Candidate::mag` is the true magnitude; for an artefact it
/// is the magnitude that a pipeline would measure in the difference image.
/// `mag_err` is 1.0857 / (S/N of the detection), `fwhm` that of the difference
/// image's PSF, in pixels.
pub fn survey(config: &SurveyConfig) -> Result<Survey> {
    config.check()?;
    make(config, None)
}

/// Simulates `config.count` candidates that are all of one kind: for galleries
/// and for tests of what a network makes of each artefact.
pub fn survey_of(config: &SurveyConfig, kind: Kind) -> Result<Survey> {
    config.check()?;
    make(config, Some(kind))
}

/// Puts `config.count` sources of `config.magnitudes` each into a field of its own, and says of each
/// its true magnitude and whether the detection finds it at its place: what a survey of real
/// sources is drawn from (O'TRAIN Sect. 4.2, Fig. 4).
pub fn recovery(config: &SurveyConfig) -> Result<Vec<(f64, bool)>> {
    config.check()?;
    let all = (0..config.count).into_par_iter();
    Ok(all.map(|index| candidate::inject(config, index)).collect())
}

fn make(config: &SurveyConfig, only: Option<Kind>) -> Result<Survey> {
    let shape = CutoutShape {
        height: config.size,
        width: config.size,
        channels: config.channels.count(),
    };
    let stride = shape.len();
    let mut values: Vec<f32> = Vec::new();
    let wanted = config.count.saturating_mul(stride);
    values.try_reserve_exact(wanted).map_err(|_| {
        let expected = format!("as many candidates of {stride} values as fit into memory");
        Error::config("count", config.count.to_string(), expected)
    })?;
    values.resize(wanted, 0.0);
    let made: Vec<(Kind, Candidate)> = values
        .par_chunks_mut(stride)
        .enumerate()
        .map(|(index, out)| candidate::simulate(config, index, only, out))
        .collect();
    let (mut kinds, mut candidates): (Vec<_>, Vec<_>) = made.into_iter().unzip();
    let label = |kind: &Kind| u8::from(kind.is_real());
    let labels: Vec<u8> = kinds.iter().map(label).collect();
    let planted = match only {
        None => mislabel::choose(config, &labels)?,
        Some(_) => Vec::new(),
    };
    for planted in &planted {
        let row = planted.row;
        let out = &mut values[row * stride..(row + 1) * stride];
        (kinds[row], candidates[row]) = mislabel::plant(config, planted, out);
    }
    let truth = kinds.iter().map(label).collect();
    let dataset = Dataset {
        source: PathBuf::from(format!("simulated survey, seed {}", config.seed)),
        shape,
        channels: Some(config.channels.names().into()),
        pixels: Box::new(InMemory { values, stride }),
        labels: Some(labels),
        candidates,
        parts: None,
        relabelled: None,
        skipped: Vec::new(),
        notices: Vec::new(),
    };
    Ok(Survey {
        dataset,
        kinds,
        truth,
        planted,
    })
}
