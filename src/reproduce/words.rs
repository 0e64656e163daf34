//! Numbers as a report writes them.

use crate::judge::evaluation::{Judged, Metric};

/// What stands where there is no number.
pub const NOTHING: &str = "–";

/// Three decimals, or a dash for what is no number.
pub fn three(value: f64) -> String {
    match value.is_finite() {
        true => format!("{value:.3}"),
        false => NOTHING.into(),
    }
}

/// A signed number with three decimals.
pub fn signed(value: f64) -> String {
    match value.is_finite() {
        true => format!("{value:+.3}").replace('-', "−"),
        false => NOTHING.into(),
    }
}

/// A part as per cent with one decimal: "1.3 %".
pub fn percent(part: f64) -> String {
    match part.is_finite() {
        true => format!("{:.1} %", 100.0 * part),
        false => NOTHING.into(),
    }
}

/// A metric of a classifier.
pub fn metric<'a>(judged: &'a Judged, name: &str) -> Option<&'a Metric> {
    judged.metrics.iter().find(|metric| metric.name == name)
}

/// "0.981 [0.972, 0.988]", without brackets where there is no interval.
pub fn with_interval(judged: &Judged, name: &str) -> String {
    match metric(judged, name) {
        Some(m) if m.value.is_finite() && m.low.is_finite() && m.high.is_finite() => {
            format!("{:.3} [{:.3}, {:.3}]", m.value, m.low, m.high)
        }
        Some(m) => three(m.value),
        None => NOTHING.into(),
    }
}

/// The least and the largest of `values`: "0.812 to 0.931", or the one that there is. Those that
/// are no numbers are passed over.
pub fn range(values: impl IntoIterator<Item = f64>, word: fn(f64) -> String) -> String {
    let mut known: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
    known.sort_by(f64::total_cmp);
    match (known.first(), known.last()) {
        (Some(&low), Some(&high)) if word(low) != word(high) => {
            format!("{} to {}", word(low), word(high))
        }
        (Some(&one), _) => word(one),
        _ => NOTHING.into(),
    }
}

/// Thousands apart: "17 000", with narrow spaces that do not break.
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut made = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) && digits.len() > 4 {
            made.push('\u{202f}');
        }
        made.push(digit);
    }
    made
}

/// "a, b and c".
pub fn list<T: AsRef<str>>(all: &[T]) -> String {
    match all {
        [] => "none".into(),
        [one] => one.as_ref().into(),
        [most @ .., last] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", most.join(", "), last.as_ref())
        }
    }
}

/// Small letters, digits and dashes, for the name of a file: "JAST-gmadet" as "jast-gmadet".
pub fn slug(name: &str) -> String {
    let plain = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => ' ',
    };
    let plain: String = name.chars().map(plain).collect();
    plain.split_whitespace().collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_words() {
        assert_eq!(count(9000), "9000");
        assert_eq!(count(17_000), "17\u{202f}000");
        assert_eq!(range([0.5, f64::NAN, 0.25], three), "0.250 to 0.500");
        assert_eq!(range([0.5], percent), "50.0 %");
        assert_eq!(range([f64::NAN], three), NOTHING);
        assert_eq!(signed(-0.5), "−0.500");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(slug("FRAM-CTA-N / gmadet"), "fram-cta-n-gmadet");
    }
}
