//! Candidates of any input to a cube or a DES triple, one after the other: pixels
//! go to a temporary file beside the output as they come, and from there, when
//! it is known how many there are, into the arrays. What stays in memory is the
//! metadata, some 150 bytes per candidate.
//!
//! # Sizes
//! With a size given each cutout is cropped to its middle, as O'TRAIN does
//! ([`size::crop`](super::size::crop)); otherwise the size is the one that most have, as in
//! [`open`](super::open()). Smaller cutouts are padded ([`size::pad`](super::size::pad)), larger ones are
//! left out.

mod balance;
mod packer;
mod sort;
mod spool;

use std::path::{Path, PathBuf};

use packer::Packer;
use sort::Sorter;

use super::channels::Names;
use super::rows::Rows;
use super::triple::member;
use super::truth::{Radius, Truth};
use super::{CutoutShape, Skipped};
use crate::{Error, Result};

/// Candidates that are asked for at a time.
const PIECE: usize = 256;

/// What is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// O'TRAIN's .npz, see [`write_cube_rows`](super::writer::write_cube_rows).
    #[default]
    Cube,
    /// `PREFIX_x.npy`, `PREFIX_y.npy` (1 an artifact) and `PREFIX_idx.npy`.
    Triple,
}

/// The type of the pixels in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dtype {
    /// f32 in a cube, as O'TRAIN has it; in a triple bytes if every pixel is one, as DES
    /// has them, else f32.
    #[default]
    Auto,
    /// 32-bit floats.
    F32,
    /// Bytes; a pixel that is none is an error.
    U8,
}

/// How to pack.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PackOptions {
    /// What is written.
    pub format: Format,
    /// The type of its pixels.
    pub dtype: Dtype,
    /// Pixels along a side of the middle that is cut out.
    pub cutout_size: Option<usize>,
    /// The share of real candidates, from 0 to 1. As in O'TRAIN's convert, with n the
    /// number of the rarer class, floor(2 n f) real ones and floor(2 n (1 - f)) bogus ones
    /// are kept, or as many as there are; which, the seed says. (O'TRAIN counts files, also
    /// those that it then leaves out, and takes the first ones of a folder as it lies on
    /// the disk.) All are kept if this is `None`.
    pub frac_true: Option<f64>,
    /// Of the choice.
    pub seed: u64,
    /// Whether a cutout that does not fit the others is an error; otherwise it is left out.
    pub strict: bool,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many more candidates were read.
    Read(usize),
    /// All were read; so many are to be written.
    Writing(usize),
    /// So many more were written.
    Written(usize),
}

/// What was packed, and what was not.
#[derive(Clone, Debug)]
pub struct Packed {
    /// How many cutouts.
    pub count: usize,
    /// Their size.
    pub shape: CutoutShape,
    /// What their images are, where the input says.
    pub channels: Option<Names>,
    /// Whether the pixels were written as bytes.
    pub bytes: bool,
    /// Real, bogus and undecided ones, if any has a label.
    pub labels: Option<[usize; 3]>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
    /// What a user should know.
    pub notices: Vec<String>,
}

/// Reads `rows` to their end and writes them to `out`, which is a file, or for a triple
/// the prefix of three. The file is there whole in the end or not at all.
///
/// With `truth` the labels are not the input's: real is what lies within the radius of
/// one of its positions, bogus all else, and what has no position is left out.
pub fn pack(
    rows: &mut dyn Rows,
    out: &Path,
    options: &PackOptions,
    truth: Option<(&Truth, Radius)>,
    mut step: impl FnMut(Step),
) -> Result<Packed> {
    options.check()?;
    let sorter = truth
        .map(|(truth, radius)| Sorter::new(truth, radius))
        .transpose()?;
    let mut packer = Packer::new(out, *options, sorter)?;
    loop {
        let piece = rows.next(PIECE)?;
        packer.notices.extend(rows.notices());
        if piece.is_empty() {
            break;
        }
        step(Step::Read(piece.len()));
        for row in piece {
            packer.take(row)?;
        }
    }
    packer.finish(out, step)
}

/// `PREFIX_x.npy`, `PREFIX_y.npy` and `PREFIX_idx.npy`.
pub fn triple_files(prefix: &Path) -> [PathBuf; 3] {
    ["_x.npy", "_y.npy", "_idx.npy"].map(|end| member(prefix, end))
}

impl PackOptions {
    /// Whether they make sense; [`pack`] asks too.
    pub fn check(&self) -> Result<()> {
        if let Some(share) = self.frac_true.filter(|f| !(0.0..=1.0).contains(f)) {
            return Err(Error::config(
                "--frac-true",
                share.to_string(),
                "from 0 to 1",
            ));
        }
        match self.cutout_size {
            Some(0) => Err(Error::config("--cutout-size", "0", "at least 1 pixel")),
            _ => Ok(()),
        }
    }
}
