//! Pixels that wait on disk until it is known how many there are: one cutout
//! after the other, as bytes where every pixel is one, else as f32.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::data::pixels::as_bytes;
use crate::data::{CutoutShape, size};
use crate::{Error, Result};

/// Bytes that are written or read at a time.
const BUFFER: usize = 1 << 20;

/// What one cutout is in the file.
#[derive(Clone, Copy, Debug)]
struct Kept {
    at: u64,
    /// Which of the shapes.
    shape: u32,
    bytes: bool,
}

/// The file, being written.
#[derive(Debug)]
pub struct Spool {
    file: BufWriter<File>,
    /// Where it lies, for messages: it has no name.
    folder: PathBuf,
    kept: Vec<Kept>,
    shapes: Vec<CutoutShape>,
    end: u64,
    scratch: Vec<u8>,
}

impl Spool {
    /// An empty one in the folder of `out`, which has to have room for the pixels anyway.
    pub fn beside(out: &Path) -> Result<Spool> {
        let folder = match out.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let file = tempfile::tempfile_in(folder).map_err(Error::io("create a file in", folder))?;
        Ok(Spool {
            file: BufWriter::with_capacity(BUFFER, file),
            folder: folder.to_path_buf(),
            kept: Vec::new(),
            shapes: Vec::new(),
            end: 0,
            scratch: Vec::new(),
        })
    }

    /// Adds a cutout.
    pub fn push(&mut self, shape: CutoutShape, values: &[f32]) -> Result<()> {
        let known = self.shapes.iter().rposition(|other| *other == shape);
        let index = known.unwrap_or_else(|| {
            self.shapes.push(shape);
            self.shapes.len() - 1
        });
        self.scratch.clear();
        let bytes = as_bytes(values, &mut self.scratch);
        if !bytes {
            self.scratch.clear();
            self.scratch
                .extend(values.iter().flat_map(|v| v.to_le_bytes()));
        }
        self.file
            .write_all(&self.scratch)
            .map_err(Error::io("write to", &self.folder))?;
        self.kept.push(Kept {
            at: self.end,
            shape: index as u32,
            bytes,
        });
        self.end += self.scratch.len() as u64;
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// The size of one.
    pub fn shape(&self, row: usize) -> CutoutShape {
        self.shapes[self.kept[row].shape as usize]
    }

    /// Whether every pixel of one is a byte.
    pub fn is_bytes(&self, row: usize) -> bool {
        self.kept[row].bytes
    }

    /// Done writing.
    pub fn finish(self) -> Result<Spooled> {
        let failed = |e| Error::io("write to", &self.folder)(e);
        let file = self.file.into_inner().map_err(|e| failed(e.into_error()))?;
        let mut file = BufReader::with_capacity(BUFFER, file);
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok(Spooled {
            file,
            folder: self.folder,
            kept: self.kept,
            shapes: self.shapes,
            at: 0,
            scratch: self.scratch,
            out: Vec::new(),
        })
    }
}

/// The file, being read.
#[derive(Debug)]
pub struct Spooled {
    file: BufReader<File>,
    folder: PathBuf,
    kept: Vec<Kept>,
    shapes: Vec<CutoutShape>,
    at: u64,
    scratch: Vec<u8>,
    out: Vec<u8>,
}

impl Spooled {
    /// Cutout `row` as one of `shape`, which it fits into, in bytes (then it is one of
    /// bytes and of that shape) or little-endian f32.
    pub fn read(&mut self, row: usize, shape: CutoutShape, bytes: bool) -> Result<&[u8]> {
        let kept = self.kept[row];
        let own = self.shapes[kept.shape as usize];
        let item = if kept.bytes { 1 } else { 4 };
        self.scratch.resize(own.len() * item, 0);
        let step = kept.at as i64 - self.at as i64;
        self.file
            .seek_relative(step)
            .and_then(|()| self.file.read_exact(&mut self.scratch))
            .map_err(Error::io("read from", &self.folder))?;
        self.at = kept.at + self.scratch.len() as u64;
        if own == shape && kept.bytes == bytes {
            return Ok(&self.scratch);
        }
        let values: Vec<f32> = match kept.bytes {
            true => self.scratch.iter().map(|&byte| f32::from(byte)).collect(),
            false => {
                let all = self.scratch.as_chunks::<4>().0.iter();
                all.map(|bytes| f32::from_le_bytes(*bytes)).collect()
            }
        };
        let values = size::pad(values, own, shape).expect("checked before");
        self.out.clear();
        self.out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        Ok(&self.out)
    }
}
