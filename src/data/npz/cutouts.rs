//! The pixels of a .npz: mapped where they are stored as they are, unpacked where
//! they are deflated or in Fortran order.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use zip::CompressionMethod;

use super::{Npz, cube_shape};
use crate::data::array;
use crate::data::columns::Cutouts;
use crate::data::columns::Use;
use crate::data::mapped::{Mapped, Place};
use crate::data::npy::Header;
use crate::data::{Bytes, CutoutShape, InMemory, Pixels};
use crate::memory::available_memory;
use crate::{Error, Result};

/// Deflate shrinks nothing further than this.
const LARGEST_RATIO: u64 = 1032;

/// Stored cubes up to this many bytes are compared with their checksum, which reads
/// them once; larger ones are read only where they are looked at.
const CHECKED: u64 = 1 << 30;

/// Bytes of a deflated cube beyond which a stream of its rows reads it from disk.
const LARGE: u64 = 64 << 20;

impl Npz<'_> {
    /// The cutouts under `key`, of `named` images each, if the file names them.
    pub fn cutouts(&mut self, key: &str, each: Use, named: Option<usize>) -> Result<Cutouts> {
        let (path, file_size) = (self.path, self.size);
        let file = self.file.try_clone().map_err(Error::io("open", path))?;
        self.with_member(key, |mut member| {
            let size = member.size();
            let stored = member.compression() == CompressionMethod::Stored;
            let start = member.data_start().filter(|_| stored);
            let header = Header::read(&mut member, path, key)?;
            let (count, shape, notice) = cube_shape(&header, path, key, named)?;
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
            let packed = Packed {
                path,
                key,
                size,
                header,
                count,
                shape,
                each,
            };
            let cutouts = match start {
                Some(start) if !packed.header.fortran => {
                    if size <= CHECKED {
                        packed.read(&mut member, |_| Ok(()))?;
                    }
                    packed.map(&file, start)
                }
                // What is taken apart row by row must not be held as a whole.
                _ if packed.each == Use::Rows && packed.size > LARGE && !packed.header.fortran => {
                    packed.into_disk(&mut member)
                }
                _ if packed.is_too_large(available_memory()) => packed.into_disk(&mut member),
                _ => packed.into_memory(&mut member),
            };
            cutouts.map(|cutouts| Cutouts { notice, ..cutouts })
        })
    }
}

/// A member that is being read, its header done.
struct Packed<'a> {
    path: &'a Path,
    key: &'a str,
    /// Bytes that the archive says it has, with its header.
    size: u64,
    header: Header,
    count: usize,
    shape: CutoutShape,
    each: Use,
}

impl Packed<'_> {
    fn read(
        &self,
        reader: &mut impl Read,
        mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<()> {
        let mut done = Ok(());
        array::stream(
            reader,
            &self.header,
            Some(self.size),
            self.path,
            self.key,
            |chunk| {
                if done.is_ok() {
                    done = take(chunk);
                }
            },
        )?;
        done.map_err(Error::io("write", std::env::temp_dir()))
    }

    fn map(self, file: &File, start: u64) -> Result<Cutouts> {
        let place = Place {
            path: self.path,
            name: self.key,
            start,
            size: self.size,
        };
        let mapped = Mapped::new(file, &place, self.header, self.shape)?;
        Ok(mapped.cutouts(self.count, self.shape, self.each))
    }

    /// Whether it would take more than half of the memory that there is. What is in
    /// Fortran order has to be turned in memory.
    fn is_too_large(&self, available: Option<u64>) -> bool {
        let item = if self.header.is_byte() { 1 } else { 4 };
        let bytes = (self.count * self.shape.len()) as u64 * item;
        !self.header.fortran && available.is_some_and(|available| bytes > available / 2)
    }

    /// Unpacks to a file without a name, which is mapped and goes away with the map.
    fn into_disk(mut self, reader: &mut impl Read) -> Result<Cutouts> {
        let folder = std::env::temp_dir();
        let failed = |e| Error::io("write", &folder)(e);
        let mut file = BufWriter::new(tempfile::tempfile().map_err(failed)?);
        self.read(reader, |chunk| file.write_all(chunk))?;
        let file = file.into_inner().map_err(|e| failed(e.into_error()))?;
        // What was written has no header.
        self.header.start = 0;
        self.map(&file, 0)
    }

    /// Bytes stay bytes, all else becomes f32, one piece at a time.
    fn into_memory(self, reader: &mut impl Read) -> Result<Cutouts> {
        let (header, shape) = (&self.header, self.shape);
        let total = self.count * shape.len();
        let stride = shape.len();
        let mut blank = Vec::new();
        let pixels: Box<dyn Pixels> = if header.is_byte() {
            let mut values = self.reserve(total)?;
            self.read(reader, |chunk| {
                values.extend_from_slice(chunk);
                Ok(())
            })?;
            if header.fortran {
                values = array::to_c_order(&values, &header.shape);
            }
            Box::new(Bytes { values, stride })
        } else {
            let mut values: Vec<f32> = self.reserve(total)?;
            self.read(reader, |chunk| {
                let from = values.len();
                values.resize(from + chunk.len() / header.item_bytes(), 0.0);
                header.decode_f32(chunk, &mut values[from..]);
                Ok(())
            })?;
            if header.fortran {
                values = array::to_c_order(&values, &header.shape);
            }
            if header.is_float() && self.each == Use::Set {
                let rows = values.chunks_exact(stride).enumerate();
                let none = |row: &[f32]| !row.iter().any(|v| v.is_finite());
                blank = rows.filter(|(_, row)| none(row)).map(|(i, _)| i).collect();
            }
            Box::new(InMemory { values, stride })
        };
        Ok(Cutouts {
            shape,
            count: self.count,
            pixels,
            blank,
            notice: None,
        })
    }

    /// Room for `count` values, or an error instead of an abort.
    fn reserve<T>(&self, count: usize) -> Result<Vec<T>> {
        let mut values = Vec::new();
        values.try_reserve_exact(count).map_err(|e| {
            let expected = "a cube that fits in memory; stored, not deflated, it does not have to";
            Error::input(
                self.path,
                self.key,
                format!("{count} values ({e})"),
                expected,
            )
        })?;
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacked_to_disk_is_what_is_unpacked_to_memory() {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cubes/compressed.npz");
        let mut npz = Npz::open(&path).unwrap();
        let mut unpack = |to_disk: bool| {
            let read = npz.with_member("cube", |mut member| {
                let size = member.size();
                let header = Header::read(&mut member, &path, "cube")?;
                let (count, shape, _) = cube_shape(&header, &path, "cube", None)?;
                let packed = Packed {
                    path: &path,
                    key: "cube",
                    size,
                    header,
                    count,
                    shape,
                    each: Use::Set,
                };
                assert!(packed.is_too_large(Some(8)) && !packed.is_too_large(None));
                assert!(!packed.is_too_large(Some(2 * 4 * 6 * 40)));
                match to_disk {
                    true => packed.into_disk(&mut member),
                    false => packed.into_memory(&mut member),
                }
            });
            let cutouts = read.unwrap();
            let mut all = vec![0.0; cutouts.count * cutouts.shape.len()];
            for (row, out) in all.chunks_exact_mut(cutouts.shape.len()).enumerate() {
                cutouts.pixels.read(row, out).unwrap();
            }
            all
        };
        let (disk, memory) = (unpack(true), unpack(false));
        assert_eq!(disk.len(), 6 * 40);
        assert_eq!(disk, memory);
    }
}
