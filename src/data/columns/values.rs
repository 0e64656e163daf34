//! The values of one column: as the file has them, checked, and what they mean here.

use std::path::Path;

use super::{Column, Meaning, UNDECIDED};
use crate::data::Part;
use crate::data::array::Array;
use crate::data::npy::shape_text;
use crate::data::options::LabelPolarity;
use crate::{Error, Result};

/// 1 real, 0 bogus, [`UNDECIDED`], from whatever the file means.
pub fn turn(
    values: &[i8],
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
    if polarity == LabelPolarity::Auto && meaning.guessed {
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
    let real = if real_is_one { 1 } else { 0 };
    values
        .iter()
        .map(|&value| match value {
            -1 => UNDECIDED,
            value => u8::from(value == real),
        })
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

/// 0, 1, or -1 for undecided, as the file has them.
pub fn labels(path: &Path, column: &Column, n: usize) -> Result<Vec<i8>> {
    let place = |row: usize| format!("{}, row {row}", column.place);
    let shape = &column.array.header.shape;
    let values = match column.array.numbers() {
        Some(values) => values,
        None => {
            let parse = |(row, text): (usize, String)| {
                let wrong = |_| Error::input(path, place(row), format!("\"{text}\""), "0 or 1");
                text.trim().parse::<f64>().map_err(wrong)
            };
            column
                .array
                .texts()
                .into_iter()
                .enumerate()
                .map(parse)
                .collect::<Result<_>>()?
        }
    };
    if shape[..] == [n, 2] {
        let pair = |(row, pair): (usize, &[f64])| match *pair {
            [0.0, 1.0] => Ok(1),
            [1.0, 0.0] => Ok(0),
            _ => Err(Error::input(
                path,
                place(row),
                format!("{pair:?}"),
                "[1, 0] or [0, 1]",
            )),
        };
        return values.chunks_exact(2).enumerate().map(pair).collect();
    }
    check_length(path, column, n)?;
    let one = |(row, value): (usize, &f64)| match *value {
        1.0 => Ok(1),
        0.0 => Ok(0),
        -1.0 => Ok(-1),
        other => {
            let expected = "0, 1, or -1 (undecided); --key labels=KEY names another key";
            Err(Error::input(
                path,
                place(row),
                format!("label {other}"),
                expected,
            ))
        }
    };
    values.iter().enumerate().map(one).collect()
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

/// The numbers of a column of which 99 is a value like any other; what is no number is NaN.
pub fn plain(path: &Path, column: &Column, n: usize) -> Result<Vec<f64>> {
    check_length(path, column, n)?;
    let parse = |text: String| text.trim().parse().unwrap_or(f64::NAN);
    Ok(column
        .array
        .numbers()
        .unwrap_or_else(|| column.array.texts().into_iter().map(parse).collect()))
}
