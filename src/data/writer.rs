//! Cubes as O'TRAIN writes them: a stored .npz that `numpy.load` reads.

use std::io::{Seek, Write};
use std::path::Path;

use npyz::WriterBuilder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::atomic::atomic_try;
use super::{Candidate, Dataset};
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
/// candids. Unknown numbers become -99, as in O'TRAIN. Pixels are read and
/// written one candidate at a time; the file appears whole or not at all.
pub fn write_cube_rows(
    path: impl AsRef<Path>,
    set: &Dataset,
    rows: &[usize],
    kind: CubeKind,
) -> Result<()> {
    let path = path.as_ref();
    let n = rows.len() as u64;
    let shape = set.shape;
    let pick = |value: fn(&Candidate) -> f64| -> Vec<f64> {
        let one = |&row: &usize| value(&set.candidates[row]);
        rows.iter()
            .map(one)
            .map(|v| if v.is_nan() { UNKNOWN } else { v })
            .collect()
    };
    let texts = |value: fn(&Candidate) -> &str| -> Vec<&str> {
        rows.iter()
            .map(|&row| value(&set.candidates[row]))
            .collect()
    };
    atomic_try(path, |file| {
        let mut cube = Cube {
            zip: ZipWriter::new(file),
            path,
        };
        let dims = [
            n,
            shape.height as u64,
            shape.width as u64,
            shape.channels as u64,
        ];
        cube.begin("cube", "<f4", &dims, 4)?;
        let mut values = vec![0.0_f32; shape.len()];
        let mut bytes = Vec::with_capacity(shape.len() * 4);
        for &row in rows {
            set.pixels.read(row, &mut values)?;
            bytes.clear();
            bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
            cube.write(&bytes)?;
        }
        if let Some(labels) = &set.labels {
            if kind == CubeKind::Validation {
                cube.begin("labels", "<f8", &[n, 2], 8)?;
                for &row in rows {
                    let real = f64::from(labels[row]);
                    cube.write(&(1.0 - real).to_le_bytes())?;
                    cube.write(&real.to_le_bytes())?;
                }
            } else {
                cube.begin("labels", "<i8", &[n], 8)?;
                for &row in rows {
                    cube.write(&i64::from(labels[row]).to_le_bytes())?;
                }
            }
        }
        cube.floats("mags", &pick(|c| c.mag))?;
        cube.floats("errmags", &pick(|c| c.mag_err))?;
        if kind == CubeKind::Training {
            cube.strings("filters", &texts(|c| &c.filter))?;
            cube.floats("fwhms", &pick(|c| c.fwhm))?;
        }
        cube.strings("candids", &texts(|c| &c.id))?;
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
        let dtype = dtype
            .parse()
            .map_err(|e| failed(std::io::Error::other(e)))?;
        npyz::WriteOptions::new_header_only()
            .dtype(npyz::DType::Plain(dtype))
            .shape(shape)
            .writer(&mut self.zip)
            .write_header_only()
            .map_err(failed)
            .map(|_| ())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.zip
            .write_all(bytes)
            .map_err(Error::io("write", self.path))
    }

    fn floats(&mut self, key: &str, values: &[f64]) -> Result<()> {
        self.begin(key, "<f8", &[values.len() as u64], 8)?;
        values
            .iter()
            .try_for_each(|value| self.write(&value.to_le_bytes()))
    }

    /// Fixed-width UTF-32, numpy's `<U`.
    fn strings(&mut self, key: &str, values: &[&str]) -> Result<()> {
        let width = values
            .iter()
            .map(|text| text.chars().count())
            .max()
            .unwrap_or(0)
            .max(1);
        self.begin(
            key,
            &format!("<U{width}"),
            &[values.len() as u64],
            4 * width as u64,
        )?;
        let mut bytes = Vec::with_capacity(4 * width);
        for text in values {
            bytes.clear();
            bytes.extend(text.chars().flat_map(|c| u32::from(c).to_le_bytes()));
            bytes.resize(4 * width, 0);
            self.write(&bytes)?;
        }
        Ok(())
    }
}
