//! What a file is, and what may be done with bytes that nobody vouches for.

use std::fmt::Display;
use std::fs::File;
use std::path::Path;

use crate::data::caught::caught;
use crate::data::kind::{FileKind, ONNX, SAVED_MODEL, TORCH_SCRIPT};
use crate::data::options::lfs_error;
use crate::{Error, Result};

/// What `path` is, if it is a kind that can be imported; otherwise an error that says what
/// it is and what to do.
pub fn recognise(path: &Path) -> Result<FileKind> {
    let kind = FileKind::of(path);
    let expected = match kind {
        FileKind::Hdf5
        | FileKind::Json
        | FileKind::Keras
        | FileKind::PyTorch
        | FileKind::Safetensors => return Ok(kind),
        FileKind::LfsPointer => return Err(lfs_error(path)),
        FileKind::Unreadable => {
            // Opening a pipe would wait.
            if !std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
                File::open(path).map_err(Error::io("open", path))?;
            }
            "a regular file"
        }
        FileKind::SavedModel => SAVED_MODEL,
        FileKind::TorchScript => TORCH_SCRIPT,
        FileKind::Onnx => ONNX,
        // A damaged one names its parser's error.
        FileKind::Zip => return Ok(FileKind::PyTorch),
        _ => {
            "a Keras model (.h5, .keras, or .json with weights) or PyTorch weights (.pth, \
             .safetensors)"
        }
    };
    Err(Error::input(path, "file", kind.words(), expected))
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
