//! Numbers as they stand in keys, captions and tables.

use crate::judge::evaluation::{Judged, Metric};

/// A rate or an area, with as many digits as help: 0.9876, 0.00031. "–" where there is none.
pub(in crate::report) fn part(value: f64) -> String {
    match value {
        v if !v.is_finite() => "–".into(),
        v if v != 0.0 && v.abs() < 5e-5 => format!("{v:.1e}"),
        v if v != 0.0 && v.abs() < 0.01 => format!("{v:.5}"),
        v => format!("{v:.4}"),
    }
}

/// "12.3 %".
pub(in crate::report) fn percent(value: f64) -> String {
    match value.is_finite() {
        true => format!("{:.1} %", 100.0 * value),
        false => "–".into(),
    }
}

/// "0.9876 (0.9850–0.9902)", with two digits of the interval's half width.
pub(in crate::report) fn with_interval(metric: &Metric) -> String {
    let half = (metric.high - metric.low) / 2.0;
    if !(metric.value.is_finite() && half.is_finite()) {
        return part(metric.value);
    }
    let digits = if half > 0.0 {
        (1.0 - half.log10().floor()).clamp(2.0, 7.0) as usize
    } else {
        4
    };
    let [value, low, high] =
        [metric.value, metric.low, metric.high].map(|v| format!("{v:.digits$}"));
    format!("{value} ({low}–{high})")
}

/// A classifier's metric of this name; NaN where there is none.
pub(super) fn metric(judged: &Judged, name: &'static str) -> Metric {
    let found = judged.metrics.iter().find(|metric| metric.name == name);
    found.cloned().unwrap_or(Metric {
        name,
        value: f64::NAN,
        low: f64::NAN,
        high: f64::NAN,
        method: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_follow_the_interval() {
        let of = |value, low, high| {
            let method = String::new();
            let name = "auc";
            with_interval(&Metric {
                name,
                value,
                low,
                high,
                method,
            })
        };
        assert_eq!(of(0.98765, 0.985, 0.9901), "0.9877 (0.9850–0.9901)");
        assert_eq!(of(0.5, 0.2, 0.8), "0.50 (0.20–0.80)");
        assert_eq!(of(1.0, 1.0, 1.0), "1.0000 (1.0000–1.0000)");
        assert_eq!(of(f64::NAN, f64::NAN, f64::NAN), "–");
        assert_eq!(of(0.25, f64::NAN, f64::NAN), "0.2500");
        assert_eq!(
            [0.000012, 0.0031, 0.0].map(part),
            ["1.2e-5", "0.00310", "0.0000"]
        );
    }
}
