//! Cubes in .npz files: O'TRAIN's keys, or any others that are named.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::array::{self, Array};
use super::columns::{Column, Columns, Cutouts, Meaning};
use super::npy::Header;
use super::options::ReadOptions;
use super::{Bytes, CutoutShape, Dataset, InMemory, Pixels};
use crate::{Error, Result};

/// An open .npz.
struct Npz<'a> {
    path: &'a Path,
    archive: ZipArchive<BufReader<File>>,
    keys: Vec<String>,
    /// Bytes of the whole file.
    size: u64,
}

/// Deflate shrinks nothing further than this.
const LARGEST_RATIO: u64 = 1032;

/// Reads the .npz at `path`.
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Dataset> {
    let mut npz = Npz::open(path)?;
    let key = |name: &str| {
        options
            .keys
            .get(name)
            .map_or(name, String::as_str)
            .to_string()
    };

    let cube = key("cube");
    if !npz.has(&cube) {
        return Err(npz.missing(&cube, "cube"));
    }
    let labels = key("labels");
    if options.labels_required && !npz.has(&labels) {
        return Err(npz.missing(&labels, "labels"));
    }
    let mut column = |name: &str| -> Result<Option<Column>> {
        let place = key(name);
        if npz.has(&place) {
            Ok(Some(Column {
                array: npz.array(&place)?,
                place,
            }))
        } else if options.keys.contains_key(name) {
            Err(npz.missing(&place, name))
        } else {
            Ok(None)
        }
    };
    let mut columns = Columns {
        labels: column("labels")?,
        mags: column("mags")?,
        mag_errs: column("errmags")?,
        filters: column("filters")?,
        fwhms: column("fwhms")?,
        ids: column("candids")?,
        parts: None,
    };
    if let Some(place) = &options.split_key {
        if !npz.has(place) {
            return Err(npz.missing(place, "the split"));
        }
        columns.parts = Some(Column {
            array: npz.array(place)?,
            place: place.clone(),
        });
    }
    let cutouts = npz.cutouts(&cube)?;
    // O'TRAIN's own keys say what 1 means; a key of another name does not.
    let meaning = Meaning {
        real_is_one: true,
        guessed: labels != "labels",
    };
    columns.join(path, cutouts, meaning, options)
}

impl<'a> Npz<'a> {
    fn open(path: &'a Path) -> Result<Npz<'a>> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let size = file.metadata().map_err(Error::io("read", path))?.len();
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|e| match e {
            ZipError::Io(e) => Error::io("read", path)(e),
            e => Error::input(
                path,
                "the list of arrays at its end",
                e.to_string(),
                "a whole .npz (zip) file; it may be truncated",
            ),
        })?;
        let names = archive.file_names().filter_map(Result::ok);
        let mut keys: Vec<String> = names
            .filter_map(|name| name.strip_suffix(".npy").map(str::to_string))
            .collect();
        keys.sort();
        Ok(Npz {
            path,
            archive,
            keys,
            size,
        })
    }

    fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|k| k == key)
    }

    fn missing(&self, key: &str, name: &str) -> Error {
        let found = match &self.keys[..] {
            [] => "no arrays at all".to_string(),
            keys => format!("the keys {}", keys.join(", ")),
        };
        let expected = match name {
            "the split" => format!("a key {key} for the split"),
            name => format!("a key {key}; --key {name}=KEY names another"),
        };
        Error::input(self.path, "keys", found, expected)
    }

    /// Opens a member for reading from its start, with its size in bytes.
    fn with_member<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut dyn std::io::Read, u64) -> Result<T>,
    ) -> Result<T> {
        let mut member = self.archive.by_name(&format!("{key}.npy")).map_err(|e| {
            Error::input(
                self.path,
                key,
                e.to_string(),
                "an array, stored or deflated",
            )
        })?;
        let size = member.size();
        read(&mut member, size)
    }

    fn array(&mut self, key: &str) -> Result<Array> {
        let path = self.path;
        self.with_member(key, |mut reader, size| {
            Array::read(&mut reader, Some(size), path, key)
        })
    }

    /// The cube: bytes stay bytes, all else becomes f32, one piece at a time.
    fn cutouts(&mut self, key: &str) -> Result<Cutouts> {
        let path = self.path;
        let file_size = self.size;
        self.with_member(key, |mut reader, size| {
            let header = Header::read(&mut reader, path, key)?;
            let (count, shape) = cube_shape(&header, path, key)?;
            let total = count * shape.len();
            let stride = shape.len();
            // The sizes that a damaged file states may be lies.
            let plausible = file_size.saturating_mul(LARGEST_RATIO);
            if header
                .byte_len()
                .is_none_or(|bytes| bytes as u64 > plausible)
            {
                let found = format!("a file of {file_size} bytes");
                let expected = format!("{shape} x {count} values; the file may be truncated");
                return Err(Error::input(path, key, found, expected));
            }
            let mut blank = Vec::new();
            let pixels: Box<dyn Pixels> = if header.is_byte() {
                let mut values = reserve(total, path, key)?;
                let take = |chunk: &[u8]| values.extend_from_slice(chunk);
                array::stream(&mut reader, &header, Some(size), path, key, take)?;
                if header.fortran {
                    values = array::to_c_order(&values, &header.shape);
                }
                Box::new(Bytes { values, stride })
            } else {
                let mut values: Vec<f32> = reserve(total, path, key)?;
                let take = |chunk: &[u8]| {
                    let from = values.len();
                    values.resize(from + chunk.len() / header.item_bytes(), 0.0);
                    header.decode_f32(chunk, &mut values[from..]);
                };
                array::stream(&mut reader, &header, Some(size), path, key, take)?;
                if header.fortran {
                    values = array::to_c_order(&values, &header.shape);
                }
                if header.is_float() {
                    let rows = values.chunks_exact(stride).enumerate();
                    let none = |row: &[f32]| !row.iter().any(|v| v.is_finite());
                    blank = rows.filter(|(_, row)| none(row)).map(|(i, _)| i).collect();
                }
                Box::new(InMemory { values, stride })
            };
            Ok(Cutouts {
                shape,
                count,
                pixels,
                blank,
            })
        })
    }
}

/// Room for `count` values, or an error instead of an abort.
fn reserve<T>(count: usize, path: &Path, key: &str) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|e| {
        let expected = "a cube that fits in memory; as PREFIX_x.npy it does not have to";
        Error::input(path, key, format!("{count} values ({e})"), expected)
    })?;
    Ok(values)
}

/// (N, H, W, C), or (N, H, W) for one image per candidate.
pub(super) fn cube_shape(
    header: &Header,
    path: &Path,
    place: &str,
) -> Result<(usize, CutoutShape)> {
    let wrong = |found: String| {
        let expected =
            "cutouts as (N, H, W, C) or (N, H, W) numbers, with N, H, W and C at least 1";
        Error::input(path, place, found, expected)
    };
    if !header.is_number() {
        return Err(wrong(format!("strings ({})", header.descr)));
    }
    let (count, height, width, channels) = match header.shape[..] {
        [n, h, w, c] => (n, h, w, c),
        [n, h, w] => (n, h, w, 1),
        _ => return Err(wrong(format!("shape {:?}", header.shape))),
    };
    let shape = CutoutShape {
        height,
        width,
        channels,
    };
    // A product of lengths with a 0 among them may still overflow in part.
    let whole = [count, height, width, channels]
        .iter()
        .try_fold(1_usize, |p, &n| p.checked_mul(n));
    match whole {
        None => Err(wrong(format!(
            "shape {:?}, beyond this machine",
            header.shape
        ))),
        Some(0) => Err(wrong(format!("shape {:?}", header.shape))),
        Some(_) => Ok((count, shape)),
    }
}
