//! The arrays of the Dark Energy Survey's autoscan set: `PREFIX_x.npy` holds
//! the cutouts, `PREFIX_y.npy` the labels (1 is an artifact), `PREFIX_idx.npy`
//! the candidates' ids. The cutouts are mapped, not loaded.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::array::Array;
use super::columns::{Column, Columns, Cutouts, Meaning, Use};
use super::mapped::{Mapped, Place};
use super::npy::Header;
use super::npz::cube_shape;
use super::options::ReadOptions;
use super::{Channel, Dataset};
use crate::{Error, Result};

/// `PREFIX` and `suffix` as a file's path; the prefix may be a folder and a name's beginning.
pub fn member(prefix: &Path, suffix: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

/// Reads `PREFIX_x.npy` and what stands beside it.
pub(super) fn read(prefix: &Path, options: &ReadOptions, each: Use) -> Result<Dataset> {
    let y = member(prefix, "_y.npy");
    if options.input_must_have_labels() && !y.exists() {
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
    let x = member(prefix, "_x.npy");
    let mut set = join(prefix, &x, columns, meaning, options, each)?;
    // The survey's own order (Ayyar et al. 2022), which the file does not say.
    if set.shape.channels == Channel::ALL.len() {
        set.channels = Some(Channel::ALL.into());
    }
    Ok(set)
}

/// Reads one .npy with cutouts and nothing else.
pub(super) fn read_bare(path: &Path, options: &ReadOptions, each: Use) -> Result<Dataset> {
    if options.input_must_have_labels() {
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
    join(path, path, Columns::default(), meaning, options, each)
}

fn join(
    source: &Path,
    x: &Path,
    columns: Columns,
    meaning: Meaning,
    options: &ReadOptions,
    each: Use,
) -> Result<Dataset> {
    let cutouts = map(x, each, options.plane_count())?;
    let mut set = columns.join(x, cutouts, meaning, options, each)?;
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

fn map(path: &Path, each: Use, images: Option<usize>) -> Result<Cutouts> {
    super::options::refuse_lfs_pointer(path)?;
    let file = File::open(path).map_err(Error::io("open", path))?;
    let header = Header::read(&mut BufReader::new(&file), path, "cutouts")?;
    let (count, shape, notice) = cube_shape(&header, path, "cutouts", images)?;
    if header.fortran {
        return Err(Error::input(
            path,
            "cutouts",
            "Fortran order",
            "C order, which can be read row by row; save it again in Python with \
             numpy.ascontiguousarray(x)",
        ));
    }
    let size = file.metadata().map_err(Error::io("read", path))?.len();
    let place = Place {
        path,
        name: "cutouts",
        start: 0,
        size,
    };
    let cutouts = Mapped::new(&file, &place, header, shape)?.cutouts(count, shape, each);
    Ok(Cutouts { notice, ..cutouts })
}
