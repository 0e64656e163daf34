//! Cutouts that are mapped into memory and decoded row by row, from a .npy file
//! or from a member of a .npz that is stored as it is: 898,963 x 51 x 51 x 3 do
//! not have to fit.

use std::fs::File;
use std::path::{Path, PathBuf};

#[cfg(unix)]
use memmap2::UncheckedAdvice;
use memmap2::{Mmap, MmapOptions};
use rayon::prelude::*;

use super::columns::{Cutouts, Use};
use super::npy::{Header, shape_text};
use super::{CutoutShape, Pixels};
use crate::{Error, Result};

/// Rows of an array, decoded as they are asked for.
pub(super) struct Mapped {
    map: Mmap,
    header: Header,
    path: PathBuf,
    /// Bytes per candidate.
    stride: usize,
}

impl std::fmt::Debug for Mapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Mapped({}, {})",
            self.path.display(),
            shape_text(&self.header.shape)
        )
    }
}

impl Pixels for Mapped {
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        self.header.decode_f32(self.row(index), out);
        Ok(())
    }

    fn bytes(&self, index: usize) -> Option<&[u8]> {
        self.header.is_byte().then(|| self.row(index))
    }

    #[cfg(unix)]
    fn pass(&self, index: usize) {
        // SAFETY: the map is read-only and of a file: what is let go of is read from
        // there again if it is looked at. A failure changes nothing.
        let _ = unsafe {
            let passed = index * self.stride;
            self.map
                .unchecked_advise_range(UncheckedAdvice::DontNeed, 0, passed)
        };
    }
}

/// Where an array lies.
pub(super) struct Place<'a> {
    /// The file, for messages.
    pub path: &'a Path,
    /// What the array is called in it.
    pub name: &'a str,
    /// Bytes of the file before the array's header.
    pub start: u64,
    /// Bytes that the array has there, its header included.
    pub size: u64,
}

impl Mapped {
    /// Maps the array at `place` of `file`: its header, which must be in C order, says
    /// that it is cutouts of `shape`.
    pub fn new(file: &File, place: &Place, header: Header, shape: CutoutShape) -> Result<Mapped> {
        let wrong = |found: String, needed: String| {
            let expected = format!(
                "{needed} for {} values of type {}; the file may be truncated",
                shape_text(&header.shape),
                header.descr
            );
            Error::input(place.path, place.name, found, expected)
        };
        let whole = file.metadata().map_err(Error::io("read", place.path))?;
        let there = place.size.min(whole.len().saturating_sub(place.start));
        let needed = header
            .byte_len()
            .and_then(|bytes| bytes.checked_add(header.start));
        let needed = match needed {
            Some(needed) if needed as u64 <= there => needed,
            Some(needed) => return Err(wrong(format!("{there} bytes"), needed.to_string())),
            None => return Err(wrong(format!("{there} bytes"), "too many".into())),
        };
        let mut options = MmapOptions::new();
        options
            .offset(place.start + header.start as u64)
            .len(needed - header.start);
        // SAFETY: the map is read-only and private to this value. If another
        // program shortens the file meanwhile, reading raises SIGBUS, as with every
        // mapped file; the length is checked here, once.
        let map = unsafe { options.map(file) }.map_err(Error::io("map", place.path))?;
        Ok(Mapped {
            map,
            stride: shape.len() * header.item_bytes(),
            path: place.path.to_path_buf(),
            header,
        })
    }

    fn row(&self, index: usize) -> &[u8] {
        &self.map[index * self.stride..(index + 1) * self.stride]
    }

    /// The `count` cutouts of `shape` that these are.
    pub fn cutouts(self, count: usize, shape: CutoutShape, each: Use) -> Cutouts {
        // Taken apart into rows, a blank one is found when its turn comes.
        let blank = if each == Use::Set && self.header.is_float() {
            // Stops at the first finite pixel of a row: one page per candidate.
            let is_blank = |row: &usize| !self.header.any_finite(self.row(*row));
            (0..count).into_par_iter().filter(is_blank).collect()
        } else {
            Vec::new()
        };
        Cutouts {
            shape,
            count,
            pixels: Box::new(self),
            blank,
            notice: None,
        }
    }
}
