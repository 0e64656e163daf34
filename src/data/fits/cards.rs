//! The keywords of one header, as they are written: the one place where a card is
//! understood.
//!
//! Understood are keywords in any case, `HIERARCH` ones, and ones whose `=` does not stand
//! in column 9; values in any column, texts that go on in `CONTINUE` cards, undefined
//! values, numbers in quotes and with the exponents E and D. Of a keyword that stands
//! twice the first counts, as in astropy and CFITSIO; [`Cards::twice`] tells.

use fitsio_pure::CARD_SIZE;
use fitsio_pure::value::{Value, parse_value};

/// The value of a keyword.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    /// In quotes, without the quotes and the blanks at its end.
    Text(String),
    /// Without quotes: a number, T, F, or what is no value of FITS.
    Bare(String),
    /// None: nothing stands behind the `=`.
    Undefined,
}

impl Field {
    /// The value as text: whole numbers and logical values as FITS has them, other numbers
    /// as short as they can be; `None` if there is nothing.
    pub fn text(&self) -> Option<String> {
        let token = self.token()?;
        let text = match (self, token.parse::<i128>(), self.number()) {
            (Field::Text(_), ..) => token.to_string(),
            (_, Ok(whole), _) => whole.to_string(),
            (_, _, Some(number)) if number.is_finite() => number.to_string(),
            _ => token.to_string(),
        };
        (!text.is_empty()).then_some(text)
    }

    /// Whether there is no value: nothing, or blanks in quotes.
    pub fn is_empty(&self) -> bool {
        self.token().is_none_or(str::is_empty)
    }

    fn token(&self) -> Option<&str> {
        match self {
            Field::Text(text) | Field::Bare(text) => Some(text.trim()),
            Field::Undefined => None,
        }
    }

    /// The value as a number, also where it stands in quotes.
    pub fn number(&self) -> Option<f64> {
        // Fortran's exponents.
        let plain: String = self
            .token()?
            .chars()
            .map(|c| if matches!(c, 'D' | 'd') { 'E' } else { c })
            .collect();
        plain.parse().ok()
    }

    /// The value as a whole number: `16`, `'16'`, `16.0` and `1.6D1` are the same.
    pub fn whole(&self) -> Option<i64> {
        let text = self.token()?;
        let exact = |x: &f64| x.fract() == 0.0 && x.abs() < TWO_TO_53;
        let float = || self.number().filter(exact).map(|x| x as i64);
        text.parse().ok().or_else(float)
    }

    /// The value as a logical one, in any spelling that writers of headers have.
    pub fn logical(&self) -> Option<bool> {
        match self.token()?.to_ascii_lowercase().as_str() {
            "t" | "true" | "y" | "yes" => Some(true),
            "f" | "false" | "n" | "no" => Some(false),
            _ => match self.number() {
                Some(1.0) => Some(true),
                Some(0.0) => Some(false),
                _ => None,
            },
        }
    }

    /// As it stands in the header, for messages.
    pub fn written(&self) -> String {
        match self {
            Field::Text(text) => format!("'{}'", text.trim()),
            Field::Bare(token) => token.clone(),
            Field::Undefined => "nothing".into(),
        }
    }
}

/// From here on neighbouring whole numbers are one f64.
pub const TWO_TO_53: f64 = 9_007_199_254_740_992.0;

/// The keywords of one header, in its order.
#[derive(Clone, Debug, Default)]
pub struct Cards {
    all: Vec<(String, Field)>,
}

impl Cards {
    /// Those of the header in `bytes`, up to END.
    pub fn of(bytes: &[u8]) -> Cards {
        let mut all: Vec<(String, Field)> = Vec::new();
        let mut goes_on = false;
        for card in bytes.as_chunks::<CARD_SIZE>().0 {
            if card.starts_with(b"END     ") {
                break;
            }
            if goes_on && card.starts_with(b"CONTINUE") {
                let more = field(card[8..].strip_prefix(b"=").unwrap_or(&card[8..]));
                goes_on = false;
                if let (Some((_, Field::Text(text))), Field::Text(more)) = (all.last_mut(), more) {
                    text.pop();
                    text.push_str(&more);
                    goes_on = text.ends_with('&');
                }
                continue;
            }
            goes_on = false;
            if let Some((name, value)) = split(card) {
                let value = field(value);
                goes_on = matches!(&value, Field::Text(text) if text.ends_with('&'));
                all.push((name, value));
            }
        }
        Cards { all }
    }

    /// The value of the first card called `name`, in any case.
    pub fn get(&self, name: &str) -> Option<&Field> {
        let named = |(own, _): &&(String, Field)| own.eq_ignore_ascii_case(name);
        let mut named = self.all.iter().filter(named);
        named.next().map(|(_, field)| field)
    }

    /// The value of `name`, if it has one.
    pub fn value(&self, name: &str) -> Option<&Field> {
        self.get(name).filter(|field| !field.is_empty())
    }

    /// [`Field::text`] of `name`.
    pub fn text(&self, name: &str) -> Option<String> {
        self.value(name)?.text()
    }

    /// [`Field::number`] of `name`.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.value(name)?.number()
    }

    /// Whether `name` stands here again with another value, and which.
    pub fn twice(&self, name: &str) -> Option<(&Field, &Field)> {
        let named = |(own, _): &&(String, Field)| own.eq_ignore_ascii_case(name);
        let mut fields = self.all.iter().filter(named).map(|(_, field)| field);
        let first = fields.next()?;
        let other = fields.find(|other| *other != first)?;
        Some((first, other))
    }

    /// All keywords that have a value or might have one, in upper case.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Field)> {
        self.all.iter().map(|(name, field)| (name.as_str(), field))
    }
}

/// The name in upper case, and the bytes behind its `=`.
fn split(card: &[u8; CARD_SIZE]) -> Option<(String, &[u8])> {
    let upper = |bytes: &[u8]| {
        let name = String::from_utf8_lossy(bytes);
        name.trim().to_ascii_uppercase()
    };
    let keyword = upper(&card[..8]);
    if matches!(keyword.as_str(), "" | "COMMENT" | "HISTORY" | "CONTINUE") {
        return None;
    }
    let equals = card.iter().position(|&byte| byte == b'=')?;
    let name = match equals {
        // ESO's convention for names that are longer.
        _ if keyword == "HIERARCH" => upper(&card[8..equals.max(8)]),
        8 => keyword,
        // As astropy reads "RA = 10.5".
        0..8 => upper(&card[..equals]),
        _ => return None,
    };
    let named = !name.is_empty() && !name.contains(['\'', '/']);
    named.then(|| (name, &card[equals + 1..]))
}

/// The value in front of the comment.
fn field(bytes: &[u8]) -> Field {
    let bytes = bytes.trim_ascii();
    if bytes.starts_with(b"'") {
        return match parse_value(bytes) {
            Some((Value::String(text), _)) => Field::Text(text),
            _ => Field::Undefined,
        };
    }
    let end = bytes.iter().position(|&byte| byte == b'/');
    let token = String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]);
    match token.trim() {
        "" => Field::Undefined,
        token => Field::Bare(token.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cards(lines: &[&str]) -> Cards {
        let all: String = lines.iter().map(|line| format!("{line:<80}")).collect();
        Cards::of(all.as_bytes())
    }

    #[test]
    fn a_keyword_is_found_however_it_is_written() {
        let cards = cards(&[
            "COMMENT = 'not a value'",
            "ra      =   10.5 / degrees",
            "DEC     = '-2.5D+00'           / degrees",
            "HIERARCH mag_calib = 17.5 / calibrated",
            "HIERARCH ESO TEL NAME='VLT'",
            "FWHM    =2.25/pixels",
            "XPOS = 7",
            "MJD     =           5.8768D+04",
            "LONG    = 'one &'",
            "CONTINUE  'two&'",
            "CONTINUE  '' / comment",
            "QUOTE   = 'it''s'",
            "NOTHING =                      / comment",
            "ANGLE   = 10:12:33.1 / hours",
            "WHOLE   = 00123456789012345678901234567890",
            "END",
            "BEHIND  = 1",
        ]);
        for (name, number) in [
            ("RA", 10.5),
            ("DEC", -2.5),
            ("MAG_CALIB", 17.5),
            ("FWHM", 2.25),
            ("XPOS", 7.0),
            ("MJD", 58768.0),
        ] {
            assert_eq!(cards.number(name), Some(number), "{name}");
        }
        for (name, text) in [
            ("ESO TEL NAME", "VLT"),
            ("LONG", "one two"),
            ("QUOTE", "it's"),
            ("ANGLE", "10:12:33.1"),
            ("WHOLE", "123456789012345678901234567890"),
        ] {
            assert_eq!(cards.text(name).as_deref(), Some(text), "{name}");
        }
        for name in ["COMMENT", "BEHIND", "CONTINUE"] {
            assert_eq!(cards.get(name), None, "{name}");
        }
        assert_eq!(cards.get("NOTHING"), Some(&Field::Undefined));
        assert_eq!(cards.value("NOTHING"), None);
    }

    #[test]
    fn a_keyword_that_stands_twice_is_known() {
        let cards = cards(&["A = 1", "B = 2", "a = 3", "B = 2"]);
        assert_eq!(cards.number("A"), Some(1.0));
        assert!(cards.twice("A").is_some() && cards.twice("B").is_none());
    }

    #[test]
    fn logical_values_in_every_spelling() {
        for (written, value) in [
            ("T", Some(true)),
            ("'T'", Some(true)),
            ("1", Some(true)),
            ("1.0", Some(true)),
            ("'1'", Some(true)),
            ("'Y'", Some(true)),
            ("'yes'", Some(true)),
            ("'True'", Some(true)),
            ("F", Some(false)),
            ("'False'", Some(false)),
            ("0", Some(false)),
            ("'n'", Some(false)),
            ("'maybe'", None),
            ("2", None),
        ] {
            let cards = cards(&[&format!("EDGE    = {written}")]);
            assert_eq!(cards.get("EDGE").unwrap().logical(), value, "{written}");
        }
    }
}
