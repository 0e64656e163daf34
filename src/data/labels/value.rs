//! The one vocabulary of labels: what a number or a word in a file says, whatever file it is.

use std::path::Path;

use crate::data::table::Cells;
use crate::{Error, Result};

/// What labels may be, for messages.
pub(crate) const EXPECTED: &str =
    "1, true or real; 0, false or bogus; -1, NaN, undecided or nothing where it is not known";

/// What a cell says of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// 1 or true; what it means is up to the file.
    One,
    /// 0 or false.
    Zero,
    /// In words, which mean the same in every file.
    Real,
    /// Bogus, or an artifact.
    Bogus,
    /// Somebody looked and could not say: -1, or in words.
    Undecided,
    /// Nothing is said: NaN, or an empty cell.
    Missing,
}

impl Value {
    /// What a number says; `None` if that is not understood.
    pub fn of_number(value: f64) -> Option<Value> {
        match value {
            1.0 => Some(Value::One),
            0.0 => Some(Value::Zero),
            -1.0 => Some(Value::Undecided),
            v if v.is_nan() => Some(Value::Missing),
            _ => None,
        }
    }

    /// What a text says, in any case; `None` if that is not understood.
    pub fn of_text(text: &str) -> Option<Value> {
        let text = text.trim();
        match text.to_ascii_lowercase().as_str() {
            "true" => Some(Value::One),
            "false" => Some(Value::Zero),
            "real" => Some(Value::Real),
            "bogus" | "artifact" | "artefact" => Some(Value::Bogus),
            "unsure" | "undecided" => Some(Value::Undecided),
            "" | "unknown" | "none" | "null" | "na" | "n/a" | "--" => Some(Value::Missing),
            other => other.parse().ok().and_then(Value::of_number),
        }
    }

    /// 1 real, 0 bogus, `None` where it is not known; `one_is_real` is what the file's 1 means.
    pub fn label(self, one_is_real: bool) -> Option<u8> {
        match self {
            Value::One => Some(u8::from(one_is_real)),
            Value::Zero => Some(u8::from(!one_is_real)),
            Value::Real => Some(1),
            Value::Bogus => Some(0),
            Value::Undecided | Value::Missing => None,
        }
    }
}

/// What each cell of a column of labels says. One that is not understood is an error.
pub(crate) fn values(path: &Path, cells: Cells) -> Result<Vec<Value>> {
    let wrong = |row: usize, found: String| {
        Error::input(path, format!("label in row {}", row + 1), found, EXPECTED)
    };
    match cells {
        Cells::Numbers(values) => {
            let value = |(row, value): (usize, f64)| {
                Value::of_number(value).ok_or_else(|| wrong(row, value.to_string()))
            };
            values.into_iter().enumerate().map(value).collect()
        }
        Cells::Words(words) => {
            let value = |(row, word): (usize, String)| {
                Value::of_text(&word).ok_or_else(|| wrong(row, format!("'{word}'")))
            };
            words.into_iter().enumerate().map(value).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_label() {
        use Value::{Bogus, Missing, One, Real, Undecided, Zero};
        for (value, texts) in [
            (One, &["1", "1.0", " 1 ", "1e0", "true", "True", "TRUE"][..]),
            (Zero, &["0", "0.0", "-0", "false", "False"]),
            (Real, &["real", "Real", "REAL"]),
            (Bogus, &["bogus", "Bogus", "artifact", "Artefact"]),
            (Undecided, &["-1", "-1.0", "unsure", "Undecided"]),
            (
                Missing,
                &["", "  ", "nan", "NaN", "None", "null", "unknown"],
            ),
        ] {
            for text in texts {
                assert_eq!(Value::of_text(text), Some(value), "{text:?}");
            }
        }
        for text in ["2", "0.5", "yes", "SN", "inf", "-2", "reals"] {
            assert_eq!(Value::of_text(text), None, "{text:?}");
        }
        assert_eq!(Value::of_number(f64::NAN), Some(Missing));
    }

    #[test]
    fn polarity_turns_numbers_and_no_words() {
        assert_eq!(Value::One.label(false), Some(0));
        assert_eq!(Value::Zero.label(false), Some(1));
        assert_eq!(Value::Real.label(false), Some(1));
        assert_eq!(Value::Bogus.label(false), Some(0));
        assert_eq!(Value::Missing.label(true), None);
    }
}
