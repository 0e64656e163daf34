//! Whole arrays of the .npy format: read in pieces, checked against what the
//! file says, brought into C order.

use std::io::Read;
use std::path::Path;

use super::npy::{Header, shape_text};
use crate::{Error, Result};

/// Bytes per read when an array is streamed.
const CHUNK: usize = 1 << 20;

/// A whole array, as it was stored.
#[derive(Clone, Debug)]
pub(super) struct Array {
    /// What it is.
    pub header: Header,
    /// The items' bytes, as many as the header says.
    bytes: Vec<u8>,
}

impl Array {
    /// Reads the array `place` in `path` to its end. `available` is how many
    /// bytes the file says there are from the start of the header, if it does.
    pub fn read(
        reader: &mut impl Read,
        available: Option<u64>,
        path: &Path,
        place: &str,
    ) -> Result<Array> {
        let header = Header::read(reader, path, place)?;
        let mut bytes = Vec::new();
        stream(reader, &header, available, path, place, |chunk| {
            bytes.extend_from_slice(chunk)
        })?;
        Ok(Array { header, bytes })
    }

    /// Every item as f64, in C order; `None` for strings.
    pub fn numbers(&self) -> Option<Vec<f64>> {
        let one = |b: &[u8]| self.header.number(b);
        self.header.is_number().then(|| self.items(one))
    }

    /// Every item as text, in C order.
    pub fn texts(&self) -> Vec<String> {
        self.items(|b| self.header.text(b))
    }

    fn items<T: Clone>(&self, one: impl Fn(&[u8]) -> T) -> Vec<T> {
        let count = self.header.count().unwrap_or(0);
        let items: Vec<T> = match self.header.item_bytes() {
            // '<U0': an array of empty strings has no bytes.
            0 => (0..count).map(|_| one(&[])).collect(),
            size => self.bytes.chunks_exact(size).map(one).collect(),
        };
        if self.header.fortran {
            to_c_order(&items, &self.header.shape)
        } else {
            items
        }
    }
}

/// Reads the items behind `header`, handing on whole items a piece at a time.
pub(super) fn stream(
    reader: &mut impl Read,
    header: &Header,
    available: Option<u64>,
    path: &Path,
    place: &str,
    mut take: impl FnMut(&[u8]),
) -> Result<()> {
    let expected = || {
        format!(
            "{} values of type {}",
            shape_text(&header.shape),
            header.descr
        )
    };
    let short = |found: String| {
        Error::input(
            path,
            place,
            found,
            format!("{}; the file may be truncated", expected()),
        )
    };
    let total = header
        .byte_len()
        .ok_or_else(|| short("a shape beyond this machine".into()))?;
    // Items without bytes ('<U0') cost nothing in the file, but would here.
    if header.item_bytes() == 0 && header.count().is_none_or(|n| n > 1 << 28) {
        return Err(short("0 bytes".into()));
    }
    let there = available.map(|bytes| bytes.saturating_sub(header.start as u64));
    if let Some(there) = there.filter(|&there| there < total as u64) {
        return Err(short(format!("{there} bytes")));
    }
    let mut buffer = vec![0; (CHUNK / header.item_bytes().max(1)).max(1) * header.item_bytes()];
    let mut done = 0;
    while done < total {
        let piece = buffer.len().min(total - done);
        reader
            .read_exact(&mut buffer[..piece])
            .map_err(|e| short(format!("an error after {done} bytes ({e})")))?;
        take(&buffer[..piece]);
        done += piece;
    }
    // One more read reaches the end of a zip member, where its checksum is compared.
    let mut rest = [0; 1];
    match reader.read(&mut rest) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Error::input(path, place, "more data than that", expected())),
        Err(e) => Err(short(format!("damaged data ({e})"))),
    }
}

/// Reorders items whose first axis varies fastest.
pub(super) fn to_c_order<T: Clone>(items: &[T], shape: &[usize]) -> Vec<T> {
    let mut out = Vec::with_capacity(items.len());
    let mut position = vec![0_usize; shape.len()];
    for _ in 0..items.len() {
        let from = shape
            .iter()
            .zip(&position)
            .rev()
            .fold(0, |sum, (n, i)| sum * n + i);
        out.push(items[from].clone());
        for axis in (0..shape.len()).rev() {
            position[axis] += 1;
            if position[axis] < shape[axis] {
                break;
            }
            position[axis] = 0;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fortran_order() {
        // (2, 3): 1 2 3 / 4 5 6 stored by columns.
        assert_eq!(to_c_order(&[1, 4, 2, 5, 3, 6], &[2, 3]), [1, 2, 3, 4, 5, 6]);
    }
}
