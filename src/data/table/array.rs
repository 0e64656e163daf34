//! A .npy of numbers without names: (N), or (N, columns), as `predict` gives them.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::{Choose, Table, builders, finished};
use crate::data::array::Array;
use crate::data::ids::F64_BITS;
use crate::data::npy::shape_text;
use crate::{Error, Result};

/// P(bogus) and P(real); more columns are no scores.
const MOST_COLUMNS: usize = 2;

pub fn read(path: &Path, choose: Choose) -> Result<Table> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let available = file.metadata().ok().map(|m| m.len());
    let array = Array::read(&mut BufReader::new(file), available, path, "file")?;
    let (rows, columns) = match array.header.shape[..] {
        [rows] => (rows, 1),
        [rows, columns] if (1..=MOST_COLUMNS).contains(&columns) => (rows, columns),
        _ => {
            let found = format!("an array of shape {}", shape_text(&array.header.shape));
            let expected = "(N), (N, 1) or (N, 2): a score for each candidate";
            return Err(Error::input(path, "shape", found, expected));
        }
    };
    let names: Vec<String> = (0..columns).map(|c| c.to_string()).collect();
    let (places, mut builders) = builders(&names, choose)?;
    let Some(values) = array.numbers() else {
        return Err(Error::input(path, "dtype", "texts", "numbers"));
    };
    let bits = array.header.float_bits().unwrap_or(F64_BITS);
    for (number, row) in values.chunks_exact(columns).enumerate() {
        for (&at, builder) in places.iter().zip(&mut builders) {
            builder.number(row[at], bits, path, &|| format!("row {}", number + 1))?;
        }
    }
    Ok(finished(path, rows, builders))
}
