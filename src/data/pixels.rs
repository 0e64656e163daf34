//! Where pixels are: in memory, a subset of another source, several in a row.
//! (Memory-mapped arrays live in `triple`.)

use crate::Result;

use super::Pixels;

/// Pixels that are held in memory as f32.
#[derive(Debug, Clone)]
pub struct InMemory {
    /// (N, H, W, C), row-major.
    pub values: Vec<f32>,
    /// H x W x C.
    pub stride: usize,
}

impl Pixels for InMemory {
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        out.copy_from_slice(&self.values[index * self.stride..(index + 1) * self.stride]);
        Ok(())
    }
}

/// Pixels that are held in memory as the bytes they were stored as: a quarter
/// of the memory of f32.
#[derive(Debug, Clone)]
pub struct Bytes {
    /// (N, H, W, C), row-major.
    pub values: Vec<u8>,
    /// H x W x C.
    pub stride: usize,
}

impl Pixels for Bytes {
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        let row = &self.values[index * self.stride..(index + 1) * self.stride];
        for (value, &byte) in out.iter_mut().zip(row) {
            *value = f32::from(byte);
        }
        Ok(())
    }

    fn bytes(&self, index: usize) -> Option<&[u8]> {
        Some(&self.values[index * self.stride..(index + 1) * self.stride])
    }
}

/// Some rows of another source, in any order; nothing is copied.
#[derive(Debug)]
pub struct Subset {
    /// The source.
    pub inner: Box<dyn Pixels>,
    /// Row i of the subset is row `indices[i]` of the source.
    pub indices: Vec<usize>,
}

impl Pixels for Subset {
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        self.inner.read(self.indices[index], out)
    }

    fn bytes(&self, index: usize) -> Option<&[u8]> {
        self.inner.bytes(self.indices[index])
    }
}

/// Several sources, one after the other.
#[derive(Debug, Default)]
pub struct Concatenated {
    /// The sources, and the row behind the last of each.
    parts: Vec<(usize, Box<dyn Pixels>)>,
}

impl Concatenated {
    /// Adds `count` rows of `pixels` behind those that are there.
    pub fn push(&mut self, pixels: Box<dyn Pixels>, count: usize) {
        self.parts.push((self.len() + count, pixels));
    }

    /// Rows in all.
    pub fn len(&self) -> usize {
        self.parts.last().map_or(0, |(end, _)| *end)
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Concatenated {
    /// The source that has row `index`, and which of its rows that is.
    fn place(&self, index: usize) -> (&dyn Pixels, usize) {
        let part = self.parts.partition_point(|(end, _)| *end <= index);
        let before = if part == 0 { 0 } else { self.parts[part - 1].0 };
        (self.parts[part].1.as_ref(), index - before)
    }
}

impl Pixels for Concatenated {
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        let (part, row) = self.place(index);
        part.read(row, out)
    }

    fn bytes(&self, index: usize) -> Option<&[u8]> {
        let (part, row) = self.place(index);
        part.bytes(row)
    }
}
