//! The arrays of the Dark Energy Survey's autoscan set: `PREFIX_x.npy` holds
//! the cutouts, `PREFIX_y.npy` the labels (1 is an artifact), `PREFIX_idx.npy`
//! the candidates' ids. The cutouts are mapped into memory and read row by
//! row: 898,963 x 51 x 51 x 3 do not have to fit.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
#[cfg(unix)]
use memmap2::UncheckedAdvice;
use rayon::prelude::*;

use super::array::Array;
use super::columns::{Column, Columns, Cutouts, Meaning};
use super::npy::{Header, shape_text};
use super::npz::cube_shape;
use super::options::ReadOptions;
use super::{Dataset, Pixels};
use crate::{Error, Result};

/// Rows of a .npy file, decoded as they are asked for.
struct Mapped {
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

impl Mapped {
    fn row(&self, index: usize) -> &[u8] {
        let from = self.header.start + index * self.stride;
        &self.map[from..from + self.stride]
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
        let passed = self.header.start + index * self.stride;
        // SAFETY: the map is read-only and of a file: what is let go of is read from
        // there again if it is looked at. A failure changes nothing.
        let _ = unsafe {
            self.map
                .unchecked_advise_range(UncheckedAdvice::DontNeed, 0, passed)
        };
    }
}

/// `PREFIX` and `suffix` as a file's path; the prefix may be a folder and a name's beginning.
pub(super) fn member(prefix: &Path, suffix: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

/// Reads `PREFIX_x.npy` and what stands beside it.
pub(super) fn read(prefix: &Path, options: &ReadOptions) -> Result<Dataset> {
    let y = member(prefix, "_y.npy");
    if options.labels_required && !y.exists() {
        let expected = "it to hold the labels (1 artifact, 0 real) of the cutouts beside it";
        return Err(Error::input(&y, "labels", "no such file", expected));
    }
    let columns = Columns {
        labels: column(&y)?,
        ids: column(&member(prefix, "_idx.npy"))?,
        ..Columns::default()
    };
    let meaning = Meaning {
        real_is_one: false,
        guessed: true,
    };
    join(prefix, &member(prefix, "_x.npy"), columns, meaning, options)
}

/// Reads one .npy with cutouts and nothing else.
pub(super) fn read_bare(path: &Path, options: &ReadOptions) -> Result<Dataset> {
    if options.labels_required {
        return Err(Error::input(
            path,
            "labels",
            "an array of cutouts alone",
            "labels too: a .npz, or files PREFIX_x.npy and PREFIX_y.npy given as PREFIX",
        ));
    }
    let meaning = Meaning {
        real_is_one: true,
        guessed: false,
    };
    join(path, path, Columns::default(), meaning, options)
}

fn join(
    source: &Path,
    x: &Path,
    columns: Columns,
    meaning: Meaning,
    options: &ReadOptions,
) -> Result<Dataset> {
    let cutouts = map(x, !options.keep_blank)?;
    let mut set = columns.join(x, cutouts, meaning, options)?;
    set.source = source.to_path_buf();
    Ok(set)
}

fn column(path: &Path) -> Result<Option<Column>> {
    if !path.exists() {
        return Ok(None);
    }
    super::options::refuse_lfs_pointer(path)?;
    let file = File::open(path).map_err(Error::io("open", path))?;
    let size = file.metadata().map_err(Error::io("read", path))?.len();
    let array = Array::read(&mut BufReader::new(file), Some(size), path, "array")?;
    let place = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned();
    Ok(Some(Column { place, array }))
}

fn map(path: &Path, find_blank: bool) -> Result<Cutouts> {
    super::options::refuse_lfs_pointer(path)?;
    let file = File::open(path).map_err(Error::io("open", path))?;
    let header = Header::read(&mut BufReader::new(&file), path, "cutouts")?;
    let (count, shape) = cube_shape(&header, path, "cutouts")?;
    if header.fortran {
        return Err(Error::input(
            path,
            "cutouts",
            "Fortran order",
            "C order, which can be read row by row; save it again in Python with \
             numpy.ascontiguousarray(x)",
        ));
    }
    // SAFETY: the map is read-only and private to this value. If another
    // program shortens the file meanwhile, reading raises SIGBUS, as with every
    // mapped file; the length is checked here, once.
    let map = unsafe { Mmap::map(&file) }.map_err(Error::io("map", path))?;
    let needed = header
        .byte_len()
        .and_then(|bytes| bytes.checked_add(header.start));
    if needed.is_none_or(|needed| needed > map.len()) {
        let found = format!("{} bytes", map.len());
        let expected = format!(
            "{} for {} values of type {}; the file may be truncated",
            needed.map_or("too many".into(), |n| n.to_string()),
            shape_text(&header.shape),
            header.descr
        );
        return Err(Error::input(path, "cutouts", found, expected));
    }
    let stride = shape.len() * header.item_bytes();
    let pixels = Mapped {
        map,
        stride,
        path: path.to_path_buf(),
        header,
    };
    let blank = if find_blank && pixels.header.is_float() {
        // Stops at the first finite pixel of a row: one page per candidate.
        let is_blank = |row: &usize| !pixels.header.any_finite(pixels.row(*row));
        (0..count).into_par_iter().filter(is_blank).collect()
    } else {
        Vec::new()
    };
    Ok(Cutouts {
        shape,
        count,
        pixels: Box::new(pixels),
        blank,
    })
}
