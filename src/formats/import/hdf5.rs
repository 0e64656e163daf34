//! HDF5 files, read with a reader that does not trust them: whatever it finds is an
//! error that names the place, and nothing is allocated that the file could not fill.

use std::path::Path;

use half::f16;
use hdf5_reader::group::Group;
use hdf5_reader::{Datatype, Hdf5File, OpenOptions};

use super::guarded;
use crate::{Error, Result};

/// Weights hardly compress; a file that promises more than this many times its own
/// size lies.
const LARGEST_RATIO: usize = 64;
/// What small files may promise all the same.
const SMALL: usize = 16 << 20;

/// An open file.
pub struct H5<'a> {
    path: &'a Path,
    file: Hdf5File,
    most_bytes: usize,
}

impl<'a> H5<'a> {
    /// Opens the file that is in `bytes`; `path` is named in errors.
    pub fn open(path: &'a Path, bytes: Vec<u8>) -> Result<H5<'a>> {
        let most_bytes = bytes.len().saturating_mul(LARGEST_RATIO).max(SMALL);
        let options = OpenOptions::default()
            .with_max_read_bytes(most_bytes)
            .with_max_chunk_bytes(most_bytes)
            .with_chunk_cache_bytes(0);
        let expected = "a whole HDF5 file; it may be truncated";
        let file = guarded(path, "HDF5 file", expected, || {
            Hdf5File::from_vec_with_options(bytes, options)
        })?;
        Ok(H5 {
            path,
            file,
            most_bytes,
        })
    }

    /// The file.
    pub fn path(&self) -> &'a Path {
        self.path
    }

    /// Whether a tensor of `values` f32 may be in it.
    pub fn may_hold(&self, values: usize) -> bool {
        values.saturating_mul(size_of::<f32>()) <= self.most_bytes
    }

    fn group(&self, place: &str) -> Result<Option<Group>> {
        guarded(self.path, place, "a readable group", || {
            match self.file.group(place) {
                Ok(group) => Ok(Some(group)),
                Err(hdf5_reader::error::Error::GroupNotFound(_)) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    /// Whether there is a group `place`.
    pub fn has_group(&self, place: &str) -> Result<bool> {
        Ok(self.group(place)?.is_some())
    }

    /// The names of the data sets in group `place`; none where there is no such group.
    pub fn datasets(&self, place: &str) -> Result<Vec<String>> {
        let Some(group) = self.group(place)? else {
            return Ok(Vec::new());
        };
        let names = guarded(self.path, place, "a readable group", || {
            group.member_names()
        })?;
        Ok(names.1)
    }

    /// The names of the groups in group `place`; none where there is no such group.
    pub fn groups(&self, place: &str) -> Result<Vec<String>> {
        let Some(group) = self.group(place)? else {
            return Ok(Vec::new());
        };
        let names = guarded(self.path, place, "a readable group", || {
            group.member_names()
        })?;
        Ok(names.0)
    }

    /// The strings of an attribute of group `place`, in whichever of HDF5's two kinds.
    pub fn strings(&self, place: &str, attribute: &str) -> Result<Option<Vec<String>>> {
        let Some(group) = self.group(place)? else {
            return Ok(None);
        };
        let what = format!("{place} @{attribute}");
        guarded(self.path, &what, "strings", || {
            let all = group.attributes()?;
            match all.into_iter().find(|a| a.name == attribute) {
                // An empty list of names has the type of numbers.
                Some(found) if matches!(found.num_elements(), Ok(0)) => Ok(Some(Vec::new())),
                Some(found) => found.read_strings().map(Some),
                None => Ok(None),
            }
        })
    }

    /// The same where Keras has cut a long list into `attribute0`, `attribute1`, …
    pub fn long_strings(&self, place: &str, attribute: &str) -> Result<Option<Vec<String>>> {
        if let Some(whole) = self.strings(place, attribute)? {
            return Ok(Some(whole));
        }
        let mut all = None;
        for part in 0.. {
            match self.strings(place, &format!("{attribute}{part}"))? {
                Some(more) => all.get_or_insert_with(Vec::new).extend(more),
                None => break,
            }
        }
        Ok(all)
    }

    /// The one string of an attribute.
    pub fn string(&self, place: &str, attribute: &str) -> Result<Option<String>> {
        let found = self.strings(place, attribute)?;
        Ok(found.and_then(|all| all.into_iter().next()))
    }

    /// The values of a data set that must be of shape `expected`.
    pub fn values(&self, place: &str, expected: &[usize]) -> Result<Vec<f32>> {
        let wanted = format!("floating point numbers of shape {expected:?}");
        let set = guarded(self.path, place, &wanted, || self.file.dataset(place))?;
        let shape = set.shape();
        let same = |(a, b): (&u64, &usize)| usize::try_from(*a) == Ok(*b);
        if shape.len() != expected.len() || !shape.iter().zip(expected).all(same) {
            let found = format!("shape {shape:?}");
            return Err(Error::input(self.path, place, found, wanted));
        }
        let read = || -> std::result::Result<Vec<f32>, hdf5_reader::error::Error> {
            match set.dtype() {
                Datatype::FloatingPoint { size: 8, .. } => {
                    let values = set.read_array::<f64>()?;
                    Ok(values.iter().map(|v| *v as f32).collect())
                }
                Datatype::FloatingPoint { size: 2, .. } => {
                    let bytes = set.read_native_bytes()?;
                    let (pairs, _) = bytes.as_chunks::<2>();
                    let values = pairs.iter().map(|pair| f16::from_ne_bytes(*pair).to_f32());
                    Ok(values.collect())
                }
                _ => Ok(set.read_array::<f32>()?.iter().copied().collect()),
            }
        };
        guarded(self.path, place, &wanted, read)
    }
}
