//! How to read an input, and what every reader refuses.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::alerts::PacketSchema;
use super::channels::Asked;
use super::gunzip::{GZIP, Gunzip};
use super::{Channel, LabelFile};
use crate::{Error, Result};

/// Names that [`ReadOptions::keys`] may give to keys of a .npz file, as
/// O'TRAIN calls them, and of what rbgpu's cubes have besides.
pub const KEY_NAMES: [&str; 17] = [
    "cube",
    "labels",
    "mags",
    "errmags",
    "filters",
    "fwhms",
    "candids",
    "objects",
    "ras",
    "decs",
    "mjds",
    "xs",
    "ys",
    "parents",
    "telescopes",
    "fwhms_psf",
    "channels",
];

/// So many of [`KEY_NAMES`] are O'TRAIN's own; they stand first.
pub(super) const OTRAINS: usize = 7;

/// What the labels 0 and 1 of a file mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LabelPolarity {
    /// As the format has it: in a DES triple 1 is an artifact, elsewhere 1 is
    /// real. Where that is a convention and not stated by the file, a notice says so.
    #[default]
    Auto,
    /// 1 is real, 0 bogus.
    RealIsOne,
    /// 0 is real, 1 bogus.
    RealIsZero,
}

impl FromStr for LabelPolarity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(LabelPolarity::Auto),
            "real-is-one" => Ok(LabelPolarity::RealIsOne),
            "real-is-zero" => Ok(LabelPolarity::RealIsZero),
            _ => Err(Error::config(
                "--label-polarity",
                format!("'{text}'"),
                "auto, real-is-one or real-is-zero",
            )),
        }
    }
}

/// How to read an input.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// Which key of a .npz holds what: name (see [`KEY_NAMES`]) to key. Names
    /// that are not here stand for themselves.
    pub keys: BTreeMap<String, String>,
    /// The key of a .npz that says train, validation or test for each cutout.
    pub split_key: Option<String>,
    /// What 0 and 1 mean. Folders `true/` and `false/` say it themselves.
    pub label_polarity: LabelPolarity,
    /// Whether an input without labels is an error (training, evaluation) or
    /// not (scoring). Where it is not, undecided rows are kept.
    pub labels_required: bool,
    /// Whether labels that are not understood are an error even where none are required: for
    /// what writes them again.
    pub labels_kept: bool,
    /// Whether a FITS file that cannot be read is an error; otherwise it is
    /// left out and listed in [`Dataset::skipped`](super::Dataset::skipped).
    pub strict: bool,
    /// What the images of each cutout are, in their order, where the input does not name them.
    /// An input that names them otherwise is an error.
    pub planes: Option<Vec<Channel>>,
    /// Which images of each cutout are chosen, by name and in this order. Images without names
    /// are an error.
    pub channels: Option<Vec<Channel>>,
    /// The images that a model takes, if none are chosen: inputs that name their images are read
    /// for these, others are left as they are. Where nothing is said, a format gives what it is
    /// usually read for (of FITS extensions the difference alone).
    pub model_images: Option<Vec<Channel>>,
    /// The schema of alert packets that come without one, as Kafka carries them.
    pub schema: Option<Arc<PacketSchema>>,
    /// A label file (columns id and label, see [`labels`](super::labels)), for any input; or the
    /// table that says which stamps of an autoscan folder are artifacts (columns ID and
    /// OBJECT_TYPE), without which there are the folder's own autoscan_features*.csv.
    pub labels: Option<PathBuf>,
    /// A label file that was read; else the one that `labels` names.
    pub relabelled: Option<Arc<LabelFile>>,
    /// Whether FITS files without the keywords that O'TRAIN demands for training
    /// (CANDID, EDGE) are taken all the same.
    pub lenient: bool,
    /// Who hears how far a set that is read one by one is.
    pub heard: Heard,
}

impl ReadOptions {
    /// The images that a format with several by name is read for.
    pub(super) fn images(&self) -> Option<&[Channel]> {
        self.channels.as_deref().or(self.model_images.as_deref())
    }

    /// What is said of images.
    pub(super) fn asked(&self) -> Asked {
        Asked {
            planes: self.planes.clone(),
            channels: self.channels.clone(),
            model_images: self.model_images.clone(),
        }
    }

    /// How many images a cutout of an array has, where that is said.
    pub(super) fn plane_count(&self) -> Option<usize> {
        self.planes.as_ref().map(Vec::len)
    }

    /// Whether an input without labels of its own is an error: not where a file has them.
    pub(super) fn input_must_have_labels(&self) -> bool {
        self.labels_required && self.relabelled.is_none()
    }
}

/// Hears how many candidates are read, and of how many, where that is known.
#[derive(Clone, Default)]
pub struct Heard(Option<Arc<Hears>>);

type Hears = dyn Fn(usize, Option<usize>) + Send + Sync;

impl Heard {
    /// Calls `hears` now and then.
    pub fn by(hears: impl Fn(usize, Option<usize>) + Send + Sync + 'static) -> Heard {
        Heard(Some(Arc::new(hears)))
    }

    pub(super) fn say(&self, read: usize, of: Option<usize>) {
        if let Some(hears) = &self.0 {
            hears(read, of);
        }
    }
}

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Heard(..)"
        } else {
            "Heard"
        })
    }
}

pub(super) fn first_bytes(path: &Path) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    let file = File::open(path).map_err(Error::io("open", path))?;
    file.take(64)
        .read_to_end(&mut start)
        .map_err(Error::io("read", path))?;
    Ok(start)
}

/// A file as text, unpacked if it is gzip.
pub(super) fn open_unpacked(path: &Path) -> Result<Box<dyn BufRead>> {
    let file = BufReader::new(File::open(path).map_err(Error::io("open", path))?);
    Ok(match first_bytes(path)?.starts_with(GZIP) {
        true => Box::new(BufReader::new(Gunzip::new(file))),
        false => Box::new(file),
    })
}

/// An error if `path` is what Git LFS leaves where it did not fetch the file.
pub(super) fn refuse_lfs_pointer(path: &Path) -> Result<()> {
    if first_bytes(path)?.starts_with(LFS) {
        Err(lfs_error(path))
    } else {
        Ok(())
    }
}

/// How a Git-LFS pointer begins.
pub(crate) const LFS: &[u8] = b"version https://git-lfs.github.com/spec/v1";

/// The error for one.
pub(crate) fn lfs_error(path: &Path) -> Error {
    let expected = "the file itself; run `git lfs pull` in its repository";
    Error::input(path, "start of the file", "a Git-LFS pointer", expected)
}
