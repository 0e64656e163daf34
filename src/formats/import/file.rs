//! What a file is, and what may be done with bytes that nobody vouches for.

use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::data::caught::caught;
use crate::data::options::{LFS, lfs_error};
use crate::{Error, Result};

/// What a file is, by its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HDF5, Keras' if it is one that is known.
    Hdf5,
    /// JSON, an architecture.
    Json,
    /// A zip with config.json.
    Keras,
    /// PyTorch's zip, pickle or tar.
    Pickle,
    /// A safetensors file.
    Safetensors,
}

/// Looks at the beginning of a file.
pub fn recognise(path: &Path) -> Result<Kind> {
    let expected = "a Keras model (.h5, .keras, or .json with weights) or PyTorch weights (.pth, .safetensors)";
    let wrong = |found: &str| Error::input(path, "beginning", found, expected);
    if path.is_dir() {
        return Err(wrong("a folder; TensorFlow's can be saved again as .keras"));
    }
    let mut head = Vec::new();
    let file = File::open(path).map_err(Error::io("open", path))?;
    let read = file.take(512).read_to_end(&mut head);
    read.map_err(Error::io("read", path))?;
    let text = || head.iter().find(|byte| !byte.is_ascii_whitespace());
    match &head[..] {
        [] => Err(wrong("an empty file")),
        _ if head.starts_with(LFS) => Err(lfs_error(path)),
        [0x89, b'H', b'D', b'F', ..] => Ok(Kind::Hdf5),
        [b'P', b'K', 3, 4, ..] => {
            let file = File::open(path).map_err(Error::io("open", path))?;
            let names = guarded(path, "zip", "a whole zip; it may be truncated", || {
                zip::ZipArchive::new(std::io::BufReader::new(file))
            })?;
            let is_keras = names.index_for_name("config.json").is_some();
            Ok(if is_keras { Kind::Keras } else { Kind::Pickle })
        }
        // Eight bytes of length, then JSON.
        [_, _, _, _, _, _, 0, 0, b'{', ..] => Ok(Kind::Safetensors),
        // A pickle of protocol 2 or later, or the tar of the first PyTorch.
        [0x80, 2..=5, ..] => Ok(Kind::Pickle),
        _ if head.get(257..262) == Some(b"ustar") => Ok(Kind::Pickle),
        _ if text() == Some(&b'{') => Ok(Kind::Json),
        _ => Err(wrong("something else")),
    }
}

/// The most bytes of a file that is read as a whole.
const LARGEST_FILE: u64 = 4 << 30;

/// All of a file's bytes.
pub fn read_whole(path: &Path) -> Result<Vec<u8>> {
    let size = std::fs::metadata(path)
        .map_err(Error::io("read", path))?
        .len();
    if size > LARGEST_FILE {
        let expected = format!("{LARGEST_FILE} bytes at most");
        return Err(Error::input(
            path,
            "size",
            format!("{size} bytes"),
            expected,
        ));
    }
    std::fs::read(path).map_err(Error::io("read", path))
}

/// Runs a foreign parser on foreign bytes: its errors name the place, and so does a
/// panic.
pub fn guarded<T, E: Display>(
    path: &Path,
    place: &str,
    expected: &str,
    parse: impl FnOnce() -> std::result::Result<T, E>,
) -> Result<T> {
    match caught(parse) {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(Error::input(path, place, error.to_string(), expected)),
        None => {
            let found = "something its reader cannot make sense of";
            Err(Error::input(path, place, found, expected))
        }
    }
}
