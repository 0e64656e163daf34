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

/// Puts values that are all whole numbers from 0 to 255 into `out`; false, with
/// anything in `out`, if one is not.
pub(super) fn as_bytes(values: &[f32], out: &mut Vec<u8>) -> bool {
    // A cast saturates, so that NaN is 0 and not equal; neither is -0.
    let is_byte = |v: &f32| f32::from(*v as u8).to_bits() == v.to_bits();
    // Most floats are found out at once, without looking at the rest.
    if !values.iter().take(64).all(is_byte) {
        return false;
    }
    out.extend(values.iter().map(|v| *v as u8));
    values.iter().fold(true, |all, v| all & is_byte(v))
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

#[cfg(test)]
mod tests {
    use super::as_bytes;

    #[test]
    fn what_is_a_byte() {
        let mut out = Vec::new();
        assert!(as_bytes(&[0.0, 255.0, 17.0], &mut out) && out == [0, 255, 17]);
        for no in [0.5, -1.0, 256.0, f32::NAN, f32::INFINITY, -0.0] {
            let mut values = vec![1.0; 100];
            for place in [0, 99] {
                values[place] = no;
                assert!(!as_bytes(&values, &mut Vec::new()), "{no} at {place}");
                values[place] = 1.0;
            }
        }
    }
}
