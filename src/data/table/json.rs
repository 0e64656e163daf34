//! JSON lines: one object a row. The first says what the columns are; a later one may lack
//! some of them.

use std::io::BufRead;
use std::path::Path;

use serde_json::{Map, Value};

use super::{Choose, Table, builders, finished};
use crate::data::options::open_unpacked;
use crate::{Error, Result};

pub fn read(path: &Path, choose: Choose) -> Result<Table> {
    let file = open_unpacked(path)?;
    let mut chosen = None;
    let mut rows = 0;
    for (line, number) in file.lines().zip(1..) {
        let line = line.map_err(Error::io("read", path))?;
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
