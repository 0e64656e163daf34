//! Cutouts with their labels and metadata, whatever file they came from.
//!
//! Inside rbgpu label 1 is real and 0 is bogus, everywhere; readers of files
//! that say otherwise (DES: 1 is an artifact) turn the labels at the door.

//!
//! | file | what it reads or does |
//! |---|---|
//! | [`open`](mod@open), [`options`] | recognises an input by what it holds, joins several |
//! | [`kind`] | what any file is, for errors |
//! | [`candidate`], [`channels`], [`size`] | what is known of a candidate; choosing images, padding and cropping |
//! | [`rows`], `gather`, `remarks` | candidates one after the other, and as a set |
//! | `npz`, `npy`, `array`, `columns` | O'TRAIN's cube, any .npz with its keys named |
//! | [`axes`] | which axis of a cube is the channels' |
//! | [`fits`], `folder`, `folder_list` | FITS files, folders of them, labels by the names of subfolders |
//! | `alerts` | ZTF's and Rubin's alert packets, one by one, in containers, in a night's .tar.gz |
//! | `triple`, `autoscan` | DES arrays; folders of DES stamps |
//! | `mapped` | arrays that stay on disk |
//! | `gunzip`, `caught` | gzip with all its members; foreign parsers that panic |
//! | [`exposure`] | a whole science image, and the same with light added |
//! | [`truth`] | a catalogue of true positions, and what lies near one |
//! | [`votes`] | what several people said of candidates |
//! | [`pixels`] | where pixels are: in memory, on disk, a subset, several inputs in a row |
//! | `view` | the same candidates cropped, or with some of their images |
//! | [`groups`] | what belongs together in a split: one object, one id, the same pixels |
//! | [`normalise`], [`preprocess`], [`augment`], [`split`], [`loader`] | from a data set to batches |
//! | `incoming`, `listed` | standard input, lists of files |
//! | [`labels`] | labels in a file of their own; what a label may be |
//! | `ids` | ids as whole numbers or text, never as floats that are not exact |
//! | [`pack`](mod@pack) | candidates of any input, one after the other, to a cube or a DES triple |
//! | [`writer`], `writer_triple`, [`writer_fits`], `beside`, [`scores`], [`atomic`], [`results`] | back to files |
//! | [`claims`], [`lock`] | what a run may replace; one process at a time |
//!
//! # What is left out, and the NaN rule
//! A candidate without a single finite pixel is left out while reading, as are
//! undecided ones (label -1) where labels are needed, FITS files with EDGE
//! "True", and FITS files that cannot be read; each is listed in
//! [`Dataset::skipped`]. NaN pixels of the others stay NaN in
//! [`Pixels::read`] and are replaced when normalising, see [`normalise`].

mod alerts;
mod array;
pub mod atomic;
pub mod augment;
mod autoscan;
pub mod axes;
mod beside;
pub mod candidate;
pub(crate) mod caught;
pub mod channels;
pub mod claims;
mod columns;
pub mod exposure;
pub mod fits;
mod folder;
mod folder_list;
mod gather;
pub mod groups;
mod gunzip;
pub(crate) mod ids;
mod incoming;
pub mod kind;
pub mod labels;
mod listed;
pub mod loader;
pub mod lock;
mod mapped;
pub mod normalise;
mod npy;
mod npz;
pub mod open;
pub mod options;
pub mod order;
pub mod pack;
pub mod pixels;
pub mod preprocess;
mod remarks;
pub mod results;
pub mod rows;
pub mod scores;
pub mod size;
pub mod split;
pub mod table;
mod triple;
pub mod truth;
mod view;
pub mod votes;
pub mod writer;
pub mod writer_fits;
mod writer_triple;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

pub use alerts::PacketSchema;
pub use atomic::atomic_write;
pub use augment::Augment;
pub use candidate::Candidate;
pub use channels::Channel;
pub use groups::{Grouping, Groups};
pub use labels::{LabelFile, Relabelled};
pub use listed::stream_listed;
pub use loader::{Batch, Loader, LoaderOptions};
pub use normalise::Normalisation;
pub use open::{open, stream};
pub use options::{Heard, LabelPolarity, ReadOptions};
pub use pixels::{Bytes, Concatenated, InMemory, Subset};
pub use preprocess::Preprocess;
pub use remarks::Remark;
pub use rows::{Cutout, Failed, OfDataset, Row, Rows, Stream};
pub use scores::{Decision, Scored};
pub use split::{Fractions, Split};
pub use table::Table;

/// Size of one cutout: (H, W, C), in pixels and images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
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

impl fmt::Display for CutoutShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.height, self.width, self.channels)
    }
}

/// Where the pixels are. Row i is candidate i, (H, W, C) row-major.
pub trait Pixels: Send + Sync + std::fmt::Debug {
    /// Fills `out` (H x W x C values) with candidate `index`, as the file has it:
    /// no normalisation, NaN stays NaN.
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()>;

    /// Candidate `index` as bytes, if every pixel of it is one: what then may stay
    /// a quarter of the size.
    fn bytes(&self, _index: usize) -> Option<&[u8]> {
        None
    }

    /// Says that the candidates before `index` will not be read again soon: a mapped
    /// file need not stay in memory.
    fn pass(&self, _index: usize) {}
}

/// A candidate, or several for one reason, that was left out, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Skipped {
    /// File, or row of the file.
    pub what: String,
    /// Why.
    pub why: String,
    /// Whether it could not be read, though it should have been; otherwise a rule
    /// leaves it out (EDGE, no finite pixel, undecided).
    pub unreadable: bool,
    /// How many candidates these are.
    pub count: usize,
}

/// Which part of a split a candidate belongs to; the less is the one that a model is fitted
/// to more.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Weights are fitted to it.
    Train,
    /// Early stopping and the threshold look at it.
    Validation,
    /// Nothing looks at it during training.
    Test,
}

impl Part {
    /// "train", "validation" or "test".
    pub fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Validation => "validation",
            Part::Test => "test",
        }
    }

    /// The part that a table calls `name`, in any case.
    pub fn called(name: &str) -> Option<Part> {
        match name.trim().to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Part::Train),
            "validation" | "val" | "valid" => Some(Part::Validation),
            "test" => Some(Part::Test),
            _ => None,
        }
    }

    /// The parts that a column of the table `path` states, `None` for an empty cell. A column
    /// without the name of any part is about something else, and `None`.
    ///
    /// # Errors
    /// If some cells name parts and others something else.
    pub(crate) fn of_column(path: &Path, words: &[String]) -> Result<Option<Vec<Option<Part>>>> {
        let parts: Vec<Option<Part>> = words.iter().map(|word| Part::called(word)).collect();
        if parts.iter().all(Option::is_none) {
            return Ok(None);
        }
        let other = words
            .iter()
            .zip(&parts)
            .position(|(word, part)| part.is_none() && !word.is_empty());
        match other {
            None => Ok(Some(parts)),
            Some(row) => {
                let place = format!("row {}, column part", row + 1);
                let expected = "train, validation or test, as in other rows, or nothing";
                Err(Error::input(
                    path,
                    place,
                    format!("'{}'", words[row]),
                    expected,
                ))
            }
        }
    }
}

/// A set of candidates. Pixels may stay on disk; everything else is in memory.
#[derive(Debug)]
pub struct Dataset {
    /// The file, folder or prefix it was read from, or what made it.
    pub source: PathBuf,
    /// Size of every cutout.
    pub shape: CutoutShape,
    /// What the images of each are, where the input says.
    pub channels: Option<channels::Names>,
    /// The cutouts.
    pub pixels: Box<dyn Pixels>,
    /// 1 real, 0 bogus; `None` where the input has no labels.
    pub labels: Option<Vec<u8>>,
    /// One per cutout.
    pub candidates: Vec<Candidate>,
    /// The split that the file itself states, if it does.
    pub parts: Option<Vec<Part>>,
    /// What a label file said of the labels, where one was given.
    pub relabelled: Option<labels::Relabelled>,
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

    /// How many are (real, bogus); (0, 0) without labels.
    pub fn class_counts(&self) -> (usize, usize) {
        let labels = self.labels.as_deref().unwrap_or_default();
        let real = labels.iter().filter(|&&label| label == 1).count();
        (real, labels.len() - real)
    }

    /// The rows `keep`, in that order, of this set; pixels are not copied.
    /// `keep` holds indices below [`len`](Self::len).
    pub fn into_subset(self, keep: Vec<usize>) -> Dataset {
        let pick = |index: &usize| self.candidates[*index].clone();
        Dataset {
            candidates: keep.iter().map(pick).collect(),
            labels: self
                .labels
                .map(|all| keep.iter().map(|&i| all[i]).collect()),
            parts: self.parts.map(|all| keep.iter().map(|&i| all[i]).collect()),
            relabelled: self.relabelled.map(|all| Relabelled {
                was: keep.iter().map(|&i| all.was[i]).collect(),
                ..all
            }),
            pixels: Box::new(Subset {
                inner: self.pixels,
                indices: keep,
            }),
            ..self
        }
    }
}
