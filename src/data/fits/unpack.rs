//! From what a file holds to the FITS file itself, with what every reader refuses.

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

use crate::data::caught::caught;
use crate::data::gunzip::{GZIP, Gunzip};
use crate::data::{npy, options};
use crate::{Error, Result};

/// The FITS file in `bytes`, unzipped where it is gzipped; refuses what is none, and what
/// becomes more than `most` bytes.
pub fn unpacked<'a>(bytes: &'a [u8], most: usize, path: &Path) -> Result<Cow<'a, [u8]>> {
    if bytes.starts_with(options::LFS) {
        return Err(options::lfs_error(path));
    }
    let bytes = match is_gzip(bytes) {
        true => Cow::Owned(unzipped(bytes, most, path)?),
        false => Cow::Borrowed(bytes),
    };
    if !bytes.starts_with(b"SIMPLE") {
        let found = if bytes.is_empty() {
            "an empty file".into()
        } else {
            npy::printable(&bytes)
        };
        return Err(Error::input(
            path,
            "start of the file",
            found,
            "a FITS file (SIMPLE = T)",
        ));
    }
    Ok(bytes)
}

/// Whether a file that begins with `bytes` is gzipped.
pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(GZIP)
}

/// Runs `decode`, whose panics become an error: fitsio-pure returns errors, and what it
/// multiplies and allocates by is checked first, but the bytes come from outside.
/// `expected` is what the file should be.
pub fn guarded<T>(path: &Path, expected: &str, decode: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(decode).unwrap_or_else(|| {
        let found = "data that the FITS reader fails on";
        Err(Error::input(path, "file", found, expected))
    })
}

/// A small file may unzip to a thousand times its size.
fn unzipped(bytes: &[u8], most: usize, path: &Path) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let read = Gunzip::new(bytes)
        .take(most as u64 + 1)
        .read_to_end(&mut out);
    let wrong = |found, expected| Err(Error::input(path, "file", found, expected));
    match read {
        Err(error) => wrong(
            format!(
                "{} bytes of gzip that cannot be read ({error})",
                bytes.len()
            ),
            "a whole FITS file; it may be truncated".to_string(),
        ),
        Ok(count) if count > most => {
            let expected = format!("{} MiB at most", most >> 20);
            wrong("more than that, unzipped".to_string(), expected)
        }
        Ok(_) => Ok(out),
    }
}

/// What fitsio-pure says of a file of `len` bytes, in our words.
pub fn broken(path: &Path, len: usize) -> impl Fn(fitsio_pure::Error) -> Error {
    move |error| {
        let found = format!("{len} bytes that cannot be read ({error})");
        let expected = "a whole FITS file; it may be truncated";
        Error::input(path, "file", found, expected)
    }
}
