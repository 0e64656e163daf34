//! The keywords of a cutout, as gmadet, O'TRAIN, STDPipe and others write them.

use std::path::Path;

use chrono::{NaiveDate, NaiveDateTime};
use fitsio_pure::header::Card;
use fitsio_pure::value::{Value, parse_value};

use crate::data::Candidate;
use crate::data::columns::{known, parse_known};

/// The filter of a multi-extension cutout that names none, as O'TRAIN calls it.
const NO_FILTER: &str = "Clear";

/// Modified Julian date = Julian date - this, in days.
const MJD_EPOCH: f64 = 2_400_000.5;

/// The cards that a keyword is looked up in.
pub struct Header<'a> {
    /// Of the image.
    pub own: &'a [Card],
    /// Of the primary HDU, for what the image's do not say.
    pub primary: &'a [Card],
}

impl Header<'_> {
    /// What the keywords say of the candidate in the file `path`, and which that
    /// O'TRAIN demands for training are missing.
    ///
    /// A file with one HDU, or with EDGE in its primary header, is a gmadet cutout:
    /// O'TRAIN demands EDGE and CANDID. Other multi-extension files (STDPipe) have
    /// fallbacks: `mag_calib` before MAG, CANDID, NAME or the file's name, and
    /// "Clear" for the filter.
    pub fn candidate(&self, path: &Path, alone: bool) -> (Candidate, Vec<&'static str>) {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let edge = self.text("EDGE");
        let gmadet = alone || value(self.primary, "EDGE").is_some();
        let own = self.text("CANDID");
        let mut missing = Vec::new();
        if gmadet {
            let demanded = [("EDGE", edge.is_none()), ("CANDID", own.is_none())];
            missing.extend(
                demanded
                    .iter()
                    .filter(|(_, gone)| *gone)
                    .map(|(key, _)| *key),
            );
        }
        let mags = match gmadet {
            true => ["MAG", "mag_calib"],
            false => ["mag_calib", "MAG"],
        };
        let own = own.or_else(|| self.text("NAME"));
        let filter = self.text("FILTER");
        let no_filter = if gmadet { "" } else { NO_FILTER };
        let candidate = Candidate {
            id_is_place: own.is_none(),
            id: own.unwrap_or_else(|| name.to_string_lossy().into_owned()),
            object: self.text("OBJECTID").unwrap_or_default(),
            mag: self.number(&mags),
            mag_err: self.number(&["MAGERR", "mag_calib_err", "mag_calib_unc"]),
            filter: filter.unwrap_or_else(|| no_filter.to_string()),
            fwhm: self.number(&["FWHM"]),
            fwhm_psf: self.number(&["FWHMPSF"]),
            ra: self.angle("RA", 15.0),
            dec: self.angle("DEC", 1.0),
            mjd: self.mjd(),
            x: self.plain("XPOS"),
            y: self.plain("YPOS"),
            parent: self.text("FILE").unwrap_or_default(),
            telescope: self.text("TELESCOP").unwrap_or_default(),
            survey_score: self.number(&["DRB", "RB"]),
            edge: edge.map(|e| e.eq_ignore_ascii_case("true") || e.eq_ignore_ascii_case("t")),
            file: path.display().to_string(),
        };
        (candidate, missing)
    }

    fn value(&self, name: &str) -> Option<Value> {
        value(self.own, name).or_else(|| value(self.primary, name))
    }

    /// As text, without blanks at its ends; `None` if there is nothing.
    fn text(&self, name: &str) -> Option<String> {
        let text = as_text(&self.value(name)?);
        (!text.is_empty()).then_some(text)
    }

    /// The first of these that is a known number, or NaN.
    fn number(&self, names: &[&str]) -> f64 {
        let one = |name: &&str| match self.value(name)? {
            Value::Integer(n) => Some(known(n as f64)),
            Value::Float(x) => Some(known(x)),
            Value::String(text) => parse_known(&text),
            _ => None,
        };
        let mut all = names.iter().filter_map(one);
        all.find(|x| !x.is_nan()).unwrap_or(f64::NAN)
    }

    /// A number of which 99 is a value like any other; NaN if there is none.
    fn plain(&self, name: &str) -> f64 {
        let text = self.text(name);
        text.and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
    }

    /// Degrees, or sexagesimal with `unit` degrees to the first number.
    fn angle(&self, name: &str, unit: f64) -> f64 {
        let text = self.text(name).unwrap_or_default();
        match text.contains(':') {
            true => sexagesimal(&text).map_or(f64::NAN, |value| value * unit),
            false => self.plain(name),
        }
    }

    fn mjd(&self) -> f64 {
        for (names, epoch) in [
            (&["MJD", "MJD-OBS", "MJD_OBS"][..], 0.0),
            (&["JD", "HJD", "BJD", "OBSJD"][..], MJD_EPOCH),
        ] {
            if let Some(found) = names.iter().map(|n| self.plain(n)).find(|x| !x.is_nan()) {
                return found - epoch;
            }
        }
        let date = self.text("DATE-OBS").unwrap_or_default();
        from_iso(&date).unwrap_or(f64::NAN)
    }
}

/// "12:30:36" is 12.51; the sign is the first number's, also that of -00.
fn sexagesimal(text: &str) -> Option<f64> {
    let text = text.trim();
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.trim_start_matches('+')),
    };
    let mut total = 0.0;
    let mut unit = 1.0;
    for part in text.split(':') {
        let part: f64 = part.trim().parse().ok()?;
        total += part * unit;
        unit /= 60.0;
    }
    (unit >= 1.0 / 216_000.0).then_some(sign * total)
}

/// The modified Julian date of "2019-10-12T03:04:05.6" or "2019-10-12".
fn from_iso(text: &str) -> Option<f64> {
    let text = text.trim().trim_end_matches('Z');
    let whole = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f");
    let time = match whole {
        Ok(time) => time,
        Err(_) => NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()?
            .and_hms_opt(0, 0, 0)?,
    };
    let zero = NaiveDate::from_ymd_opt(1858, 11, 17)?.and_hms_opt(0, 0, 0)?;
    let since = time - zero;
    let seconds = since.num_seconds() as f64 + f64::from(since.subsec_nanos()) * 1e-9;
    Some(seconds / 86_400.0)
}

/// The value of the first card with this name; HIERARCH names in any case.
pub fn value(cards: &[Card], name: &str) -> Option<Value> {
    cards.iter().find_map(|card| {
        if card.keyword_str() == name {
            return card.value.clone();
        }
        if &card.keyword == b"HIERARCH" && card.value.is_none() {
            let (key, rest) = card.comment.as_deref()?.split_once('=')?;
            if key.trim().eq_ignore_ascii_case(name) {
                return parse_value(rest.trim_start().as_bytes()).map(|(value, _)| value);
            }
        }
        None
    })
}

/// A value without the blanks at its ends.
pub fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_string(),
        Value::Integer(n) => n.to_string(),
        Value::Float(x) => x.to_string(),
        Value::Logical(b) => if *b { "T" } else { "F" }.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_and_dates() {
        assert_eq!(sexagesimal("-00:30:00"), Some(-0.5));
        assert_eq!(sexagesimal("12:30:36").map(|h| h * 15.0), Some(187.65));
        assert_eq!(sexagesimal("1:2:3:4"), None);
        assert_eq!(from_iso("1858-11-18"), Some(1.0));
        // astropy.time.Time("2019-10-12T03:04:05.5").mjd
        let mjd = from_iso("2019-10-12T03:04:05.5").unwrap();
        assert!((mjd - 58_768.127_841_435_19).abs() < 1e-9, "{mjd}");
        assert_eq!(from_iso("yesterday"), None);
    }
}
