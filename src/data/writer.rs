//! Cubes as O'TRAIN writes them: a stored .npz that `numpy.load` reads.

use std::io::{Seek, Write};
use std::path::Path;

use npyz::WriterBuilder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::atomic::atomic_try;
use super::beside::{Beside, Texts};
use super::{Channel, CutoutShape, Dataset};
use crate::{Error, Result};

/// What O'TRAIN puts where a header has no value.
pub(super) const UNKNOWN: f64 = -99.0;

/// Which of O'TRAIN's two cubes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CubeKind {
    /// What `otrain-convert` writes: labels int64 (N), filters and fwhms.
    Training,
    /// `cube_validation.npz` of `otrain-train`: labels one-hot float64 (N, 2),
    /// column 1 real; no filters, no fwhms.
    Validation,
}

/// Writes the whole set to `path` as a training cube; see [`write_cube_rows`].
pub fn write_cube(path: impl AsRef<Path>, set: &Dataset) -> Result<()> {
    let rows: Vec<usize> = (0..set.len()).collect();
    write_cube_rows(path, set, &rows, CubeKind::Training)
}

/// Writes the candidates `rows` of `set` to `path`: cube float32 (N, H, W, C)
/// with NaN as it is, labels if the set has them, mags, errmags, filters, fwhms,
/// candids. Unknown numbers become -99, as in O'TRAIN. A training cube has also
/// what O'TRAIN does not know of, where any candidate has it: objects, ras, decs,
/// mjds, xs, ys, parents, fwhms_psf (unknown numbers are NaN), and channels, the
/// names of the images. Pixels are read and written one candidate at a time; the
/// file appears whole or not at all.
pub fn write_cube_rows(
    path: impl AsRef<Path>,
    set: &Dataset,
    rows: &[usize],
    kind: CubeKind,
) -> Result<()> {
    let path = path.as_ref();
    let chosen = rows.iter().map(|&row| &set.candidates[row]);
    let label = |&row: &usize| set.labels.as_ref().map(|labels| labels[row] as i8);
    let labels: Option<Vec<i8>> = rows.iter().map(label).collect();
    let contents = Contents {
        shape: set.shape,
        channels: set.channels.as_deref(),
        bytes: false,
        labels: labels.as_deref(),
        beside: &Beside::of(chosen),
        rows: &(0..rows.len()).collect::<Vec<_>>(),
    };
    let mut values = vec![0.0_f32; set.shape.len()];
    let mut bytes = Vec::with_capacity(set.shape.len() * 4);
    write_contents(path, &contents, kind, |write| {
        for &row in rows {
            set.pixels.read(row, &mut values)?;
            bytes.clear();
            bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
            write(&bytes)?;
        }
        Ok(())
    })
}

/// What a cube or a triple is written from, but for the pixels.
pub(super) struct Contents<'a> {
    pub shape: CutoutShape,
    pub channels: Option<&'a [Channel]>,
    /// Whether the pixels are bytes; else they are f32.
    pub bytes: bool,
    /// Of the rows: 1 real, 0 bogus, -1 undecided.
    pub labels: Option<&'a [i8]>,
    pub beside: &'a Beside,
    /// Which of `beside` are written.
    pub rows: &'a [usize],
}

impl Contents<'_> {
    /// The type of the pixels, as numpy calls it, and its bytes.
    pub fn dtype(&self) -> (&'static str, u64) {
        if self.bytes { ("|u1", 1) } else { ("<f4", 4) }
    }

    /// (N, H, W, C).
    pub fn dims(&self) -> [u64; 4] {
        let (n, shape) = (self.rows.len(), self.shape);
        [n, shape.height, shape.width, shape.channels].map(|length| length as u64)
    }

    fn numbers<'a>(&'a self, values: &'a [f64]) -> impl Iterator<Item = f64> + Clone + 'a {
        self.rows.iter().map(|&row| values[row])
    }

    /// The texts of the rows.
    pub fn texts<'a>(&'a self, texts: &'a Texts) -> impl Iterator<Item = &'a str> + Clone + 'a {
        self.rows.iter().map(|&row| texts.get(row))
    }
}

/// Writes a cube; `pixels` is given what takes their bytes, row after row.
pub(super) fn write_contents(
    path: &Path,
    contents: &Contents,
    kind: CubeKind,
    pixels: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>,
) -> Result<()> {
    let n = contents.rows.len() as u64;
    let (dtype, item) = contents.dtype();
    let beside = contents.beside;
    let known = |v: f64| if v.is_nan() { UNKNOWN } else { v };
    atomic_try(path, |file| {
        let mut cube = Cube {
            zip: ZipWriter::new(file),
            path,
        };
        cube.begin("cube", dtype, &contents.dims(), item)?;
        pixels(&mut |bytes| cube.write(bytes))?;
        if let Some(labels) = contents.labels {
            if kind == CubeKind::Validation {
                cube.begin("labels", "<f8", &[n, 2], 8)?;
                for &label in labels {
                    let real = f64::from(label);
                    cube.write(&(1.0 - real).to_le_bytes())?;
                    cube.write(&real.to_le_bytes())?;
                }
            } else {
                cube.begin("labels", "<i8", &[n], 8)?;
                for &label in labels {
                    cube.write(&i64::from(label).to_le_bytes())?;
                }
            }
        }
        cube.floats("mags", n, contents.numbers(&beside.mags).map(known))?;
        cube.floats("errmags", n, contents.numbers(&beside.mag_errs).map(known))?;
        if kind == CubeKind::Training {
            cube.strings("filters", n, contents.texts(&beside.filters))?;
            cube.floats("fwhms", n, contents.numbers(&beside.fwhms).map(known))?;
        }
        cube.strings("candids", n, contents.texts(&beside.ids))?;
        if kind == CubeKind::Training {
            for (key, texts) in beside.extra_texts() {
                if !texts.is_blank() {
                    cube.strings(key, n, contents.texts(texts))?;
                }
            }
            for (key, values) in beside.extra_numbers() {
                if contents.numbers(values).any(|v| !v.is_nan()) {
                    cube.floats(key, n, contents.numbers(values))?;
                }
            }
            if let Some(channels) = contents.channels {
                let names = channels.iter().map(|channel| channel.name());
                cube.strings("channels", channels.len() as u64, names)?;
            }
        }
        cube.zip
            .finish()
            .map_err(|e| Error::io("write", path)(e.into()))?;
        Ok(())
    })
}

/// An .npz being written.
struct Cube<'a, W: Write + Seek> {
    zip: ZipWriter<W>,
    path: &'a Path,
}

impl<W: Write + Seek> Cube<'_, W> {
    /// Starts the array `key` of `item` bytes each; its items follow.
    fn begin(&mut self, key: &str, dtype: &str, shape: &[u64], item: u64) -> Result<()> {
        let bytes = shape
            .iter()
            .fold(item, |n, &length| n.saturating_mul(length));
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            // Four GiB and more need the longer zip headers.
            .large_file(bytes > u64::from(u32::MAX) - (1 << 16));
        let failed = |e: std::io::Error| Error::io("write", self.path)(e);
        self.zip
            .start_file(format!("{key}.npy"), options)
            .map_err(|e| failed(e.into()))?;
        npy_header(&mut self.zip, dtype, shape).map_err(failed)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.zip
            .write_all(bytes)
            .map_err(Error::io("write", self.path))
    }

    fn floats(&mut self, key: &str, n: u64, mut values: impl Iterator<Item = f64>) -> Result<()> {
        self.begin(key, "<f8", &[n], 8)?;
        values.try_for_each(|value| self.write(&value.to_le_bytes()))
    }

    fn strings<'a>(
        &mut self,
        key: &str,
        n: u64,
        values: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<()> {
        let width = width(values.clone());
        self.begin(key, &format!("<U{width}"), &[n], 4 * width as u64)?;
        let mut bytes = Vec::with_capacity(4 * width);
        for text in values {
            utf32(text, width, &mut bytes);
            self.write(&bytes)?;
        }
        Ok(())
    }
}

/// The header of a .npy file; its items follow.
pub(super) fn npy_header(out: impl Write, dtype: &str, shape: &[u64]) -> std::io::Result<()> {
    npyz::WriteOptions::new_header_only()
        .dtype(npyz::DType::Plain(
            dtype.parse().map_err(std::io::Error::other)?,
        ))
        .shape(shape)
        .writer(out)
        .write_header_only()
        .map(|_| ())
}

/// Characters of the longest text, at least 1: the number in numpy's `<U7`.
pub(super) fn width<'a>(values: impl Iterator<Item = &'a str>) -> usize {
    let lengths = values.map(|text| text.chars().count());
    lengths.max().unwrap_or(0).max(1)
}

/// `text` as an item of numpy's `<U`: UTF-32 of a fixed width.
pub(super) fn utf32(text: &str, width: usize, bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.extend(text.chars().flat_map(|c| u32::from(c).to_le_bytes()));
    bytes.resize(4 * width, 0);
}
