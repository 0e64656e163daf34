//! Standard input: what it is, is seen from its first bytes. A format that is read
//! from its beginning to its end needs no file; the others are put into one first.

use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::columns::Use;
use super::folder;
use super::open::{Kind, by_content};
use super::options::{LFS, ReadOptions, lfs_error};
use super::rows::{Blob, OfBlobs, OfDataset, Row, Rows};
use super::{Dataset, alerts, npz, triple};
use crate::{Error, Result};

/// What it is called in messages and, for a FITS file, in the column `file`.
const NAME: &str = "standard input";

/// Bytes that say what it is, compressed as they may be.
const START: u64 = 2048;

/// The candidates that `input` brings: alerts as a stream, or a .npz, .npy or FITS file
/// (or .fits.gz).
pub(super) fn rows(
    mut input: impl Read + Send + 'static,
    options: &ReadOptions,
) -> Result<Box<dyn Rows>> {
    let mut start = Vec::new();
    let begun = input.by_ref().take(START).read_to_end(&mut start);
    begun.map_err(Error::io("read", NAME))?;
    if start.starts_with(LFS) {
        return Err(lfs_error(Path::new(NAME)));
    }
    let unknown = || by_content(&start, Path::new(NAME)).is_err();
    if alerts::is_start(&start) || (options.schema.is_some() && unknown()) {
        let whole = std::io::Cursor::new(start).chain(input);
        return alerts::rows_of(NAME, Box::new(BufReader::new(whole)), options);
    }
    let kind = by_content(&start, Path::new(NAME))?;
    let whole = std::io::Cursor::new(start).chain(input);
    match kind {
        Kind::Npz => spooled(whole, |path| npz::read(path, options, Use::Rows)),
        Kind::FitsFile => one_fits_file(whole, options),
        _ => spooled(whole, |path| triple::read_bare(path, options, Use::Rows)),
    }
}

/// A file that must be read to its end to be understood.
fn one_fits_file(mut input: impl Read, options: &ReadOptions) -> Result<Box<dyn Rows>> {
    let mut bytes = Vec::new();
    let read = input.read_to_end(&mut bytes);
    read.map_err(Error::io("read", NAME))?;
    let blob = Blob {
        path: PathBuf::from(NAME),
        bytes: Some(bytes),
        label: None,
    };
    let wanted = options.images().map(<[_]>::to_vec);
    let decode = move |blob| vec![folder::cutout(blob, wanted.as_deref(), false)];
    let blobs = std::iter::once(Ok(blob));
    let rows = OfBlobs::new(Box::new(blobs), Box::new(decode), Some(1), Vec::new());
    Ok(Box::new(rows))
}

/// The rows of a data set in a temporary file, which goes away with them.
struct Spooled {
    rows: OfDataset,
    _file: tempfile::TempPath,
}

impl Rows for Spooled {
    fn next(&mut self, most: usize) -> Result<Vec<Row>> {
        self.rows.next(most)
    }

    fn expected(&self) -> Option<usize> {
        self.rows.expected()
    }

    fn notices(&mut self) -> Vec<String> {
        self.rows.notices()
    }
}

fn spooled(
    mut input: impl Read,
    read: impl FnOnce(&Path) -> Result<Dataset>,
) -> Result<Box<dyn Rows>> {
    let folder = std::env::temp_dir();
    let file = tempfile::NamedTempFile::new_in(&folder);
    let mut file = file.map_err(Error::io("create a file in", &folder))?;
    // Reading and writing fail for different reasons.
    let mut piece = vec![0; 1 << 20];
    loop {
        let count = match input.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(Error::io("read", NAME)(e)),
        };
        let written = file.write_all(&piece[..count]);
        written.map_err(Error::io("keep standard input in", &folder))?;
    }
    let path = file.into_temp_path();
    let set = read(&path).map_err(|error| match error {
        Error::Input {
            place,
            found,
            expected,
            ..
        } => Error::input(NAME, place, found, expected),
        other => other,
    })?;
    Ok(Box::new(Spooled {
        rows: OfDataset::new(set),
        _file: path,
    }))
}
