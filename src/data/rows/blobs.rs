//! Candidates of files, or of parts of them, that are decoded in parallel.

use std::path::PathBuf;

use rayon::prelude::*;

use super::{Row, Rows};
use crate::Result;

/// A file, or a part of one, that holds candidates.
pub(in crate::data) struct Blob {
    /// What to call it: its path, or the archive's with the member behind it.
    pub path: PathBuf,
    /// Its bytes; `None` where they are to be read from `path`.
    pub bytes: Option<Vec<u8>>,
    /// The label of its candidates, where its place says so.
    pub label: Option<u8>,
}

/// What turns a blob into its candidates; a broken one becomes a failure.
pub(in crate::data) type Decode = Box<dyn Fn(Blob) -> Vec<Row> + Send + Sync>;

/// Candidates of blobs that are decoded in parallel.
pub(in crate::data) struct OfBlobs {
    blobs: Box<dyn Iterator<Item = Result<Blob>> + Send>,
    decode: Decode,
    expected: Option<usize>,
    notices: Vec<String>,
}

impl OfBlobs {
    pub(in crate::data) fn new(
        blobs: Box<dyn Iterator<Item = Result<Blob>> + Send>,
        decode: Decode,
        expected: Option<usize>,
        notices: Vec<String>,
    ) -> OfBlobs {
        OfBlobs {
            blobs,
            decode,
            expected,
            notices,
        }
    }
}

impl Rows for OfBlobs {
    fn next(&mut self, most: usize) -> Result<Vec<Row>> {
        loop {
            let blobs: Vec<Blob> = self
                .blobs
                .by_ref()
                .take(most.max(1))
                .collect::<Result<_>>()?;
            if blobs.is_empty() {
                return Ok(Vec::new());
            }
            let rows: Vec<Vec<Row>> = blobs.into_par_iter().map(&self.decode).collect();
            let rows: Vec<Row> = rows.into_iter().flatten().collect();
            // Blobs without a candidate are not the end.
            if !rows.is_empty() {
                return Ok(rows);
            }
        }
    }

    fn expected(&self) -> Option<usize> {
        self.expected
    }

    fn notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }
}
