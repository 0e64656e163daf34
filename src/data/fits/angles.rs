//! Angles and dates as headers write them.

use chrono::{NaiveDate, NaiveDateTime};

/// "12:30:36" is 12.51 times `unit`, as are "12 30 36" and "12h30m36s"; "187d39m" are degrees.
/// The sign is the first number's, also that of -00.
pub fn sexagesimal(text: &str, unit: f64) -> Option<f64> {
    let text = text.trim().to_ascii_lowercase();
    let degrees = text.contains(['d', '°']);
    if text.contains('h') && (degrees || unit == 1.0) {
        return None;
    }
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(&text)),
    };
    let marks = ['h', 'd', '°', 'm', '\'', 's', '"', ':', ' '];
    let parts = text.split(marks).filter(|part| !part.is_empty());
    let mut total = 0.0;
    let mut each = if degrees { 1.0 } else { unit };
    let mut count = 0;
    for part in parts {
        let digits = part.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let part: f64 = part.parse().ok().filter(|_| digits)?;
        if count > 0 && part >= 60.0 {
            return None;
        }
        total += part * each;
        each /= 60.0;
        count += 1;
    }
    matches!(count, 2 | 3).then_some(sign * total)
}

/// The modified Julian date of "2019-10-12T03:04:05.6" or "2019-10-12", or of FITS' old form
/// "12/10/98", which is of the 20th century.
pub fn from_date(text: &str) -> Option<f64> {
    let text = text.trim().trim_end_matches('Z').replacen(' ', "T", 1);
    let whole = NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f");
    let old = || {
        let mut parts = text.split('/');
        let mut number = |digits| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            part.parse::<u32>().ok()
        };
        let (day, month, year) = (number(2)?, number(2)?, number(2)?);
        NaiveDate::from_ymd_opt(1900 + year as i32, month, day).filter(|_| parts.next().is_none())
    };
    let time = match whole {
        Ok(time) => time,
        Err(_) => NaiveDate::parse_from_str(&text, "%Y-%m-%d")
            .ok()
            .or_else(old)?
            .and_hms_opt(0, 0, 0)?,
    };
    let zero = NaiveDate::from_ymd_opt(1858, 11, 17)?.and_hms_opt(0, 0, 0)?;
    let since = time - zero;
    let seconds = since.num_seconds() as f64 + f64::from(since.subsec_nanos()) * 1e-9;
    Some(seconds / 86_400.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_and_dates() {
        assert_eq!(sexagesimal("-00:30:00", 1.0), Some(-0.5));
        for text in ["12:30:36", "+12 30 36", "12h30m36s"] {
            let found = sexagesimal(text, 15.0).unwrap();
            assert!((found - 187.65).abs() < 1e-9, "{text}: {found}");
        }
        assert_eq!(sexagesimal("187d30m", 15.0), Some(187.5));
        for text in ["1:2:3:4", "12:61:00", "north", "10", "1:-2:3", "12h30m"] {
            assert_eq!(sexagesimal(text, 1.0), None, "{text}");
        }
        assert_eq!(from_date("1858-11-18"), Some(1.0));
        // astropy.time.Time("2019-10-12T03:04:05.5").mjd
        for text in ["2019-10-12T03:04:05.5", "2019-10-12 03:04:05.5Z"] {
            let mjd = from_date(text).unwrap();
            assert!((mjd - 58_768.127_841_435_19).abs() < 1e-9, "{mjd}");
        }
        // astropy.time.Time("1998-10-12").mjd
        assert_eq!(from_date("12/10/98"), Some(51_098.0));
        assert_eq!(from_date("yesterday"), None);
    }
}
