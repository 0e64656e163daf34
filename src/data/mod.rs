//! Cutouts with their labels and metadata, whatever file they came from.
//!
//! Inside rbgpu label 1 is real and 0 is bogus, everywhere; readers of files
//! that say otherwise (DES: 1 is an artifact) turn the labels at the door.

use std::path::PathBuf;

use crate::Result;

/// Size of one cutout: (H, W, C), in pixels and images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CutoutShape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Images per candidate: 3 for template, search, difference; 1 for the difference alone.
    pub channels: usize,
}

impl CutoutShape {
    /// Values per candidate.
    pub fn len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Whether there is no pixel.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What is known of one candidate besides its pixels. Numbers that a file does
/// not give are NaN, strings empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candidate {
    /// CANDID, or the file's name, or the row.
    pub id: String,
    /// Magnitude.
    pub mag: f64,
    /// Its error, in magnitudes.
    pub mag_err: f64,
    /// Filter band.
    pub filter: String,
    /// Seeing, full width at half maximum, in pixels.
    pub fwhm: f64,
}

/// Where the pixels are. Row i is candidate i, (H, W, C) row-major.
pub trait Pixels: Send + Sync + std::fmt::Debug {
    /// Fills `out` (H x W x C values) with candidate `index`, as the file has it:
    /// no normalisation, NaN stays NaN.
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()>;
}

/// A candidate that was left out, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Skipped {
    /// File, or row of the file.
    pub what: String,
    /// Why.
    pub why: String,
}

/// Which part of a split a candidate belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Weights are fitted to it.
    Train,
    /// Early stopping and the threshold look at it.
    Validation,
    /// Nothing looks at it during training.
    Test,
}

/// A set of candidates. Pixels may stay on disk; everything else is in memory.
#[derive(Debug)]
pub struct Dataset {
    /// The file, folder or prefix it was read from, or what made it.
    pub source: PathBuf,
    /// Size of every cutout.
    pub shape: CutoutShape,
    /// The cutouts.
    pub pixels: Box<dyn Pixels>,
    /// 1 real, 0 bogus; `None` where the input has no labels.
    pub labels: Option<Vec<u8>>,
    /// One per cutout.
    pub candidates: Vec<Candidate>,
    /// The split that the file itself states, if it does.
    pub parts: Option<Vec<Part>>,
    /// Left out while reading.
    pub skipped: Vec<Skipped>,
    /// What a user should know: a guess that was made, a key that was longer than it should be.
    pub notices: Vec<String>,
}

impl Dataset {
    /// How many candidates.
    pub fn len(&self) -> usize {
        self.candidates.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }
}

/// Pixels that are held in memory as f32.
#[derive(Debug, Clone)]
pub struct InMemory {
    /// (N, H, W, C), row-major.
    pub values: Vec<f32>,
    /// H x W x C.
    pub stride: usize,
}

impl Pixels for InMemory {
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        out.copy_from_slice(&self.values[index * self.stride..(index + 1) * self.stride]);
        Ok(())
    }
}
