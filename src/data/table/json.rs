//! JSON lines: one object a row. The first says what the columns are; a later one may lack
//! some of them.

use std::io::BufRead;
use std::path::Path;

use serde_json::{Map, Value};

use super::content::{not_text, open_text};
use super::{Choose, Table, builders, finished};
use crate::data::ids::F64_BITS;
use crate::{Error, Result};

pub fn read(path: &Path, choose: Choose) -> Result<Table> {
    let file = open_text(path)?;
    let mut chosen = None;
    let mut rows = 0;
    for (line, number) in file.lines().zip(1..) {
        let line = line.map_err(not_text(path))?;
        if line.trim().is_empty() {
            continue;
        }
        let place = || format!("line {number}");
        let row: Map<String, Value> = serde_json::from_str(&line)
            .map_err(|e| Error::input(path, place(), e.to_string(), "one JSON object"))?;
        let (names, builders) = match &mut chosen {
            Some(chosen) => chosen,
            None => {
                let names: Vec<String> = row.keys().cloned().collect();
                let (places, builders) = builders(&names, choose)?;
                let names: Vec<String> = places.iter().map(|&at| names[at].clone()).collect();
                chosen.insert((names, builders))
            }
        };
        for (name, builder) in names.iter().zip(builders) {
            match row.get(name) {
                None | Some(Value::Null) => builder.text("", path, &place)?,
                Some(Value::String(text)) => builder.text(text, path, &place)?,
                // With a point or an exponent, or with more than 20 digits.
                Some(Value::Number(number)) if number.is_f64() => {
                    let value = number.as_f64().unwrap_or(f64::NAN);
                    builder.number(value, F64_BITS, path, &place)?;
                }
                // As it is written: an id of 19 digits is no f64.
                Some(other) => builder.text(&other.to_string(), path, &place)?,
            }
        }
        rows += 1;
    }
    let Some((_, builders)) = chosen else {
        return Err(Error::input(path, "file", "no line", "JSON objects"));
    };
    Ok(finished(path, rows, builders))
}
