//! The values of one column: as the file has them, checked, and what they mean here.

use std::path::Path;

use super::{Column, Meaning, UNDECIDED};
use crate::data::Part;
use crate::data::array::Array;
use crate::data::ids::{self, Ids};
use crate::data::labels::value::{EXPECTED, Value};
use crate::data::npy::shape_text;
use crate::data::options::LabelPolarity;
use crate::{Error, Result};

/// 1 real, 0 bogus, [`UNDECIDED`], from whatever the file means.
pub fn turn(
    values: &[Value],
    column: &Column,
    meaning: &Meaning,
    polarity: LabelPolarity,
    notices: &mut Vec<String>,
) -> Vec<u8> {
    let real_is_one = match polarity {
        LabelPolarity::Auto => meaning.real_is_one,
        LabelPolarity::RealIsOne => true,
        LabelPolarity::RealIsZero => false,
    };
    let by_number = |value: &Value| matches!(value, Value::One | Value::Zero);
    if polarity == LabelPolarity::Auto && meaning.guessed && values.iter().any(by_number) {
        let (one, zero) = if real_is_one {
            ("real", "bogus")
        } else {
            ("an artifact", "real")
        };
        notices.push(format!(
            "label 1 in {} was taken as {one} and 0 as {zero}, by convention; if it is the other \
             way round, say so with --label-polarity",
            column.place
        ));
    }
    values
        .iter()
        .map(|value| value.label(real_is_one).unwrap_or(UNDECIDED))
        .collect()
}

/// The length of an array with one axis that is longer than 1.
pub fn one_axis(array: &Array) -> Option<usize> {
    match array.header.shape[..] {
        [n] | [n, 1] => Some(n),
        _ => None,
    }
}

/// Whether a column is an empty list, which numpy saves as 0 floats: not there.
fn is_nothing(column: &Column, n: usize) -> bool {
    n > 0 && column.array.header.count() == Some(0)
}

fn check_length(path: &Path, column: &Column, n: usize) -> Result<()> {
    if one_axis(&column.array) == Some(n) {
        return Ok(());
    }
    let found = format!("{} values", shape_text(&column.array.header.shape));
    Err(Error::input(
        path,
        &column.place,
        found,
        format!("{n}, one per cutout"),
    ))
}

/// What the file says of each label. One-hot pairs have P(real) in the second place.
pub fn labels(path: &Path, column: &Column, n: usize) -> Result<Vec<Value>> {
    let wrong = |row: usize, found: String, expected: &str| {
        let place = format!("{}, row {row}", column.place);
        Error::input(path, place, found, expected)
    };
    if column.array.header.shape[..] == [n, 2] {
        let Some(values) = column.array.numbers() else {
            return Err(wrong(0, "texts".into(), "[1, 0] or [0, 1]"));
        };
        let pair = |(row, pair): (usize, &[f64])| match *pair {
            [0.0, 1.0] => Ok(Value::One),
            [1.0, 0.0] => Ok(Value::Zero),
            [a, b] if a.is_nan() && b.is_nan() => Ok(Value::Missing),
            _ => Err(wrong(row, format!("{pair:?}"), "[1, 0] or [0, 1]")),
        };
        return values.chunks_exact(2).enumerate().map(pair).collect();
    }
    check_length(path, column, n)?;
    let expected = format!("{EXPECTED}; --key labels=KEY names another key");
    let understood = |row: usize, value: Option<Value>, found: &dyn Fn() -> String| {
        value.ok_or_else(|| wrong(row, format!("label {}", found()), &expected))
    };
    match column.array.numbers() {
        Some(values) => {
            let one = |(row, &value): (usize, &f64)| {
                understood(row, Value::of_number(value), &|| value.to_string())
            };
            values.iter().enumerate().map(one).collect()
        }
        None => {
            let one = |(row, text): (usize, String)| {
                understood(row, Value::of_text(&text), &|| format!("'{text}'"))
            };
            column
                .array
                .texts()
                .into_iter()
                .enumerate()
                .map(one)
                .collect()
        }
    }
}

/// 0, 1, 2 or train, validation (val), test.
pub fn parts(path: &Path, column: &Column, n: usize) -> Result<Vec<Part>> {
    check_length(path, column, n)?;
    let one = |(row, text): (usize, String)| match text.trim().to_lowercase().as_str() {
        "0" | "train" | "training" => Ok(Part::Train),
        "1" | "val" | "valid" | "validation" => Ok(Part::Validation),
        "2" | "test" => Ok(Part::Test),
        _ => {
            let expected = "0 or train, 1 or validation, 2 or test";
            Err(Error::input(
                path,
                format!("{}, row {row}", column.place),
                format!("\"{text}\""),
                expected,
            ))
        }
    };
    column
        .array
        .texts()
        .into_iter()
        .enumerate()
        .map(one)
        .collect()
}

/// The number that a text or a number stands for: 99.0, -99.0 and nothing are NaN.
pub fn known(value: f64) -> f64 {
    if value.abs() == 99.0 { f64::NAN } else { value }
}

/// [`known`] of a text; `None` where it is no number.
pub fn parse_known(text: &str) -> Option<f64> {
    match text.trim() {
        "" | "None" | "none" | "--" | "null" => Some(f64::NAN),
        text => text.parse().ok().map(known),
    }
}

pub fn numbers(
    path: &Path,
    column: Option<&Column>,
    n: usize,
    notices: &mut Vec<String>,
) -> Result<Option<Vec<f64>>> {
    let Some(column) = column.filter(|c| !is_nothing(c, n)) else {
        return Ok(None);
    };
    check_length(path, column, n)?;
    if let Some(values) = column.array.numbers() {
        return Ok(Some(values.into_iter().map(known).collect()));
    }
    let mut strange = 0;
    let mut parse = |text: String| {
        parse_known(&text).unwrap_or_else(|| {
            strange += 1;
            f64::NAN
        })
    };
    let values = column.array.texts().into_iter().map(&mut parse).collect();
    if strange > 0 {
        notices.push(format!(
            "{strange} of {n} values in {} are no numbers and count as unknown",
            column.place
        ));
    }
    Ok(Some(values))
}

pub fn texts(path: &Path, column: Option<&Column>, n: usize) -> Result<Option<Vec<String>>> {
    let Some(column) = column.filter(|c| !is_nothing(c, n)) else {
        return Ok(None);
    };
    check_length(path, column, n)?;
    Ok(Some(column.array.texts()))
}

/// Ids: texts, whole numbers, or floats that are exact.
pub fn ids(path: &Path, column: Option<&Column>, n: usize) -> Result<Option<Vec<String>>> {
    let Some(column) = column.filter(|c| !is_nothing(c, n)) else {
        return Ok(None);
    };
    check_length(path, column, n)?;
    let wrong =
        |row: usize, found: String| ids::wrong(path, format!("{}, row {row}", column.place), found);
    let mut ids = Ids::default();
    match (column.array.header.float_bits(), column.array.numbers()) {
        (Some(bits), Some(values)) => {
            for (row, value) in values.into_iter().enumerate() {
                ids.float(value, bits).map_err(|found| wrong(row, found))?;
            }
        }
        _ => {
            for (row, text) in column.array.texts().iter().enumerate() {
                // Several ids that are no text would become one.
                if text.contains(char::REPLACEMENT_CHARACTER) {
                    return Err(wrong(row, format!("'{text}', bytes that are no UTF-8")));
                }
                ids.text(text).map_err(|found| wrong(row, found))?;
            }
        }
    }
    Ok(Some(ids.finish()))
}

/// The numbers of a column of which 99 is a value like any other; what is no number is NaN.
pub fn plain(path: &Path, column: &Column, n: usize) -> Result<Vec<f64>> {
    check_length(path, column, n)?;
    let parse = |text: String| text.trim().parse().unwrap_or(f64::NAN);
    Ok(column
        .array
        .numbers()
        .unwrap_or_else(|| column.array.texts().into_iter().map(parse).collect()))
}
