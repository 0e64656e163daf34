//! Ids of candidates: whole numbers or text.
//!
//! Survey ids have up to 19 digits. A float of 64 bits holds every whole number below 2^53
//! (16 digits); from there on several ids become one float, and a label would go to another
//! candidate. Every reader of ids goes through [`Ids`], which refuses such floats and takes
//! whole ones below that as integers: pandas makes 123.0 of 123 where a merge leaves gaps.

use std::path::Path;

use crate::Error;

/// Bits of a float's fraction, for f64: whole numbers below 2 to this power are exact.
pub(crate) const F64_BITS: u32 = f64::MANTISSA_DIGITS;
/// The same for f32.
pub(crate) const F32_BITS: u32 = f32::MANTISSA_DIGITS;
/// The same for half precision.
pub(crate) const F16_BITS: u32 = 11;

/// The id that a float stands for, empty for NaN; whole numbers below 2^`bits` are exact in
/// its type. The error says what was found.
pub(crate) fn of_float(value: f64, bits: u32) -> std::result::Result<String, String> {
    if value.is_nan() {
        return Ok(String::new());
    }
    if value.fract() != 0.0 || value.is_infinite() {
        return Err(format!("{value}, a float that is not a whole number"));
    }
    if value.abs() >= 2.0_f64.powi(bits as i32) {
        return Err(format!(
            "{value}, a float of 2^{bits} or more: several ids round to it"
        ));
    }
    Ok((value as i64).to_string())
}

/// The error for an id of the file `path`.
pub(crate) fn wrong(path: &Path, place: impl Into<String>, found: String) -> Error {
    let expected = "an id as a whole number or text; write the column again from its source as \
                    64-bit integers or text (pandas: Int64 or str)";
    Error::input(path, place, found, expected)
}

/// An id that must be a number, by itself. The error says what was found.
pub(crate) fn whole(text: &str) -> std::result::Result<String, String> {
    let mut ids = Ids::default();
    ids.text(text)?;
    Ok(ids.finish().into_iter().collect())
}

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Look {
    /// Digits.
    Integer,
    /// Digits with a point.
    Float(f64),
    /// With an exponent: 1.07409E+18. However small it is, digits may be missing.
    Exponent,
    /// Anything else.
    Name,
}

impl Look {
    fn of(text: &str) -> Look {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let is_digit = |c: char| c.is_ascii_digit();
        if !unsigned.starts_with(is_digit) {
            return Look::Name;
        }
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (unsigned, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let digits = |text: &str| text.chars().all(is_digit);
        if !digits(whole) || !digits(fraction.unwrap_or("")) {
            return Look::Name;
        }
        match (fraction, exponent) {
            (None, None) => Look::Integer,
            (Some(_), None) => text.parse().map_or(Look::Name, Look::Float),
            (fraction, Some(exponent)) => {
                let bare = exponent.strip_prefix(['-', '+']);
                let power = bare.unwrap_or(exponent);
                // 12e4 may be a hexadecimal name; no program writes a number so.
                match !power.is_empty() && digits(power) && (fraction.or(bare)).is_some() {
                    true => Look::Exponent,
                    false => Look::Name,
                }
            }
        }
    }
}

/// A column of ids that is being read. Rows count from 0.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    ids: Vec<String>,
    /// Whether there is a name among them that is no whole number.
    names: bool,
    /// Whether there is text with a point: all of them are, where the column was a float.
    floats: bool,
}

impl Ids {
    /// Adds the next id, a text. The error says what was found.
    pub fn text(&mut self, text: &str) -> std::result::Result<(), String> {
        let text = match text.trim() {
            // A gap in a column of floats.
            text if text.eq_ignore_ascii_case("nan") => "",
            text => text,
        };
        match Look::of(text) {
            Look::Integer => {}
            Look::Name => self.names |= !text.is_empty(),
            Look::Exponent => {
                return Err(format!(
                    "'{text}', a number in exponent form, which lacks digits"
                ));
            }
            // As text it is exact, and may be a name.
            Look::Float(value) if value.fract() != 0.0 => self.names = true,
            Look::Float(value) => {
                self.floats = true;
                of_float(value, F64_BITS).map_err(|_| {
                    format!("'{text}', a float of 2^53 or more: several ids round to it")
                })?;
            }
        }
        self.ids.push(text.to_string());
        Ok(())
    }

    /// Adds the next id, a float of a type with `bits` of fraction.
    pub fn float(&mut self, value: f64, bits: u32) -> std::result::Result<(), String> {
        self.ids.push(of_float(value, bits)?);
        Ok(())
    }

    /// The ids. Where all are whole numbers, text such as 123.0 becomes 123.
    pub fn finish(mut self) -> Vec<String> {
        if self.floats && !self.names {
            for id in &mut self.ids {
                if let Look::Float(value) = Look::of(id) {
                    *id = (value as i64).to_string();
                }
            }
        }
        self.ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use super::whole as one;

    #[test]
    fn floats_are_ids_only_where_they_are_exact() {
        assert_eq!(of_float(123.0, F64_BITS).as_deref(), Ok("123"));
        assert_eq!(of_float(-0.0, F64_BITS).as_deref(), Ok("0"));
        assert_eq!(of_float(f64::NAN, F64_BITS).as_deref(), Ok(""));
        let largest = 9_007_199_254_740_991.0;
        assert_eq!(
            of_float(largest, F64_BITS).as_deref(),
            Ok("9007199254740991")
        );
        for wrong in [largest + 1.0, 1.07409262121501e18, 0.5, f64::INFINITY] {
            assert!(of_float(wrong, F64_BITS).is_err(), "{wrong}");
        }
        assert_eq!(of_float(16_777_215.0, F32_BITS).as_deref(), Ok("16777215"));
        assert!(of_float(16_777_216.0, F32_BITS).is_err());
    }

    #[test]
    fn text_that_was_a_float_is_refused_or_made_whole() {
        assert_eq!(one("123.0").as_deref(), Ok("123"));
        assert_eq!(one("123.").as_deref(), Ok("123"));
        for wrong in [
            "1.07e18",
            "1.23457E+11",
            "1e+16",
            "1074092621215010000.0",
            "9007199254740992.0",
        ] {
            assert!(one(wrong).is_err(), "{wrong}");
        }
        // Digits, however many, and names stay as they are.
        for right in [
            "1074092621215010001",
            "12e4",
            "ZTF18abcdefg",
            "1.fits",
            "",
            "007",
            "1.2.3",
            "0.5",
        ] {
            assert_eq!(one(right).as_deref(), Ok(right));
        }
    }

    #[test]
    fn nan_is_a_gap() {
        let mut ids = Ids::default();
        for id in ["3", "2.0", "nan", "NaN"] {
            ids.text(id).unwrap();
        }
        assert_eq!(ids.finish(), ["3", "2", "", ""]);
    }

    #[test]
    fn a_column_with_names_is_not_of_floats() {
        let mut ids = Ids::default();
        for id in ["1.0", "version 2", "0.5"] {
            ids.text(id).unwrap();
        }
        assert_eq!(ids.finish(), ["1.0", "version 2", "0.5"]);
    }
}
