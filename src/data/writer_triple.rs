//! The arrays of the Dark Energy Survey's autoscan set, see `triple`.

use std::io::Write;
use std::path::Path;

use super::atomic::{atomic_try, atomic_write};
use super::pack::triple_files;
use super::results::Family;
use super::writer::{Contents, npy_header, utf32, width};
use crate::{Error, Result};

/// Writes `PREFIX_x.npy` (cutouts), `PREFIX_y.npy` (int64, 1 an artifact, 0 real, -1
/// undecided; only if there are labels) and `PREFIX_idx.npy` (ids: int64 if all are
/// whole numbers, else text). They replace an old set as a whole, its labels too if there are
/// none now: the cutouts are the family's key, without which no reader takes the others.
/// `pixels` is given what takes the cutouts' bytes, row after row.
pub(super) fn write_triple(
    prefix: &Path,
    contents: &Contents,
    pixels: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>,
) -> Result<()> {
    let [x, y, idx] = triple_files(prefix);
    let n = contents.rows.len() as u64;
    let (dtype, _) = contents.dtype();
    let mut family = Family::new();
    match contents.labels {
        None => family.without(&y)?,
        Some(labels) => family.write(&y, |path| {
            atomic_write(path, |file| {
                npy_header(&mut *file, "<i8", &[n])?;
                labels.iter().try_for_each(|&label| {
                    let artifact = if label < 0 { -1 } else { 1 - i64::from(label) };
                    file.write_all(&artifact.to_le_bytes())
                })
            })
        })?,
    }
    family.write(&idx, |path| {
        atomic_write(path, |file| write_ids(file, contents))
    })?;
    family.write(&x, |path| {
        atomic_try(path, |file| {
            let failed = |e| Error::io("write", path)(e);
            npy_header(&mut *file, dtype, &contents.dims()).map_err(failed)?;
            pixels(&mut |bytes| file.write_all(bytes).map_err(failed))
        })
    })?;
    family.put()
}

fn write_ids(out: &mut impl Write, contents: &Contents) -> std::io::Result<()> {
    let n = contents.rows.len() as u64;
    let ids = contents.texts(&contents.beside.ids);
    // "007" is no number: it would come back as another id.
    let number = |id: &str| id.parse::<i64>().ok().filter(|n| n.to_string() == id);
    let numbers: Option<Vec<i64>> = ids.clone().map(number).collect();
    if let Some(numbers) = numbers {
        npy_header(&mut *out, "<i8", &[n])?;
        return numbers
            .iter()
            .try_for_each(|id| out.write_all(&id.to_le_bytes()));
    }
    let width = width(ids.clone());
    npy_header(&mut *out, &format!("<U{width}"), &[n])?;
    let mut bytes = Vec::new();
    for id in ids {
        utf32(id, width, &mut bytes);
        out.write_all(&bytes)?;
    }
    Ok(())
}
