//! How far a number found on a sample may be trusted.
//!
//! Sources: Wilson 1927 for parts of a whole; DeLong et al. 1988 for the area under the ROC,
//! in the O(n log n) of Sun & Xu 2014; Boyd et al. 2013 (ECML PKDD, "Area under the
//! precision-recall curve") for the average precision; the delta method on a multinomial for
//! MCC.

use super::bootstrap;
use super::confusion::{Confusion, Cut};
use super::evaluation::Metric;
use super::metrics::Scored;
use super::reliability::{self, brier, cross_entropy};
use super::subject::Options;

/// The names of the metrics, in their order.
pub const NAMES: [&str; 14] = [
    "accuracy",
    "precision",
    "recall",
    "f1",
    "mcc",
    "tpr",
    "fpr",
    "mdr",
    "loss",
    "average_precision",
    "auc",
    "fpr_at_mdr",
    "brier",
    "ece",
];

/// z of which a standard normal number is within ±z with probability `level`, between 0 and 1.
pub fn quantile(level: f64) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    // Halving until there is no number in between.
    loop {
        let z = 0.5 * (low + high);
        if z <= low || z >= high {
            return z;
        }
        match libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2) > 1.0 - level {
            true => low = z,
            false => high = z,
        }
    }
}

/// Wilson's interval of `part` in `whole`; NaN where there is nothing. `part` need not be a
/// whole number.
pub fn wilson(part: f64, whole: f64, z: f64) -> [f64; 2] {
    if whole <= 0.0 {
        return [f64::NAN; 2];
    }
    let share = part / whole;
    let square = z * z / whole;
    let middle = (share + 0.5 * square) / (1.0 + square);
    let half = z / (1.0 + square) * (share * (1.0 - share) / whole + square / (4.0 * whole)).sqrt();
    // Never off its own value by rounding.
    [
        (middle - half).max(0.0).min(share),
        (middle + half).min(1.0).max(share),
    ]
}

/// The variance of the area under the ROC (DeLong et al. 1988); `None` unless there are two
/// of each class.
pub fn delong(sorted: &Scored) -> Option<f64> {
    let (positives, negatives) = (sorted.positives() as f64, sorted.negatives() as f64);
    if sorted.positives() < 2 || sorted.negatives() < 2 {
        return None;
    }
    let auc = sorted.auc()?;
    // Of each real one, the part of the bogus ones below it, and of each bogus one the part of
    // the real ones above it, ties counting half: one value for each run of equal scores.
    let (mut of_real, mut of_bogus) = (0.0, 0.0);
    let mut before = Confusion::default();
    for (_, now) in sorted.thresholds() {
        let (real, bogus) = ((now.tp - before.tp) as f64, (now.fp - before.fp) as f64);
        let below = (negatives - 0.5 * (before.fp + now.fp) as f64) / negatives;
        let above = 0.5 * (before.tp + now.tp) as f64 / positives;
        of_real += real * (below - auc) * (below - auc);
        of_bogus += bogus * (above - auc) * (above - auc);
        before = now;
    }
    Some(of_real / ((positives - 1.0) * positives) + of_bogus / ((negatives - 1.0) * negatives))
}

fn metric(name: &'static str, value: f64, [low, high]: [f64; 2], method: &str) -> Metric {
    Metric {
        name,
        value,
        low,
        high,
        method: method.into(),
    }
}

fn none(name: &'static str, why: &str) -> Metric {
    metric(name, f64::NAN, [f64::NAN; 2], why)
}

/// value ± z deviations, within the metric's own bounds.
fn normal(value: f64, variance: f64, z: f64, [least, most]: [f64; 2]) -> [f64; 2] {
    let half = z * variance.max(0.0).sqrt();
    [(value - half).max(least), (value + half).min(most)]
}

/// The area under the ROC with DeLong's interval; where that has no width (no pair in the
/// wrong order, or a single candidate of a class), Wilson's with the smaller class's number.
pub fn auc(sorted: &Scored, level: f64) -> Metric {
    let z = quantile(level);
    let Some(value) = sorted.auc() else {
        return none("auc", "none: one class only");
    };
    match delong(sorted).filter(|&variance| variance > 0.0) {
        Some(variance) => {
            let ends = normal(value, variance, z, [0.0, 1.0]);
            metric("auc", value, ends, "DeLong")
        }
        None => {
            let few = sorted.positives().min(sorted.negatives()) as f64;
            let ends = wilson(value * few, few, z);
            metric("auc", value, ends, "Wilson, of the smaller class's number")
        }
    }
}

/// The average precision with the logit interval of Boyd et al. 2013 (Eq. 7); at 0 and 1,
/// where that has no width, Wilson's with the number of real ones.
pub fn average_precision(sorted: &Scored, level: f64) -> Metric {
    let name = "average_precision";
    let z = quantile(level);
    let Some(value) = sorted.average_precision() else {
        return none(name, "none: no real candidate");
    };
    let real = sorted.positives() as f64;
    if value <= 0.0 || value >= 1.0 {
        let ends = wilson(value * real, real, z);
        return metric(name, value, ends, "Wilson, of the number of real ones");
    }
    let logit = (value / (1.0 - value)).ln();
    let deviation = 1.0 / (real * value * (1.0 - value)).sqrt();
    let back = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (low, high) = (back(logit - z * deviation), back(logit + z * deviation));
    metric(
        name,
        value,
        [low.min(value), high.max(value)],
        "logit (Boyd et al. 2013)",
    )
}

/// The variance of Matthews' coefficient by the delta method on the four counts.
fn variance_of_mcc(at: &Confusion) -> f64 {
    let total = at.total() as f64;
    let [tn, fp, fn_, tp] = [at.tn, at.fp, at.fn_, at.tp].map(|count| count as f64 / total);
    let sums = [tp + fp, tp + fn_, tn + fp, tn + fn_];
    let root = sums.iter().product::<f64>().sqrt();
    let half = 0.5 * at.mcc();
    let [called, real, bogus, refused] = sums.map(|sum| half / sum);
    let slopes = [
        (tn, tp / root - bogus - refused),
        (fp, -fn_ / root - called - bogus),
        (fn_, -fp / root - real - refused),
        (tp, tn / root - called - real),
    ];
    let mean: f64 = slopes.iter().map(|(share, slope)| share * slope).sum();
    let square: f64 = slopes
        .iter()
        .map(|(share, slope)| share * slope * slope)
        .sum();
    (square - mean * mean) / total
}

/// All metrics at `threshold`, of scores from 0 to 1; there is at least one candidate. By
/// bootstrap up to [`Options::bootstrap_up_to`], else by formulae. `progress` hears which
/// part is done.
pub fn metrics(
    sorted: &Scored,
    threshold: f64,
    options: &Options,
    progress: &(dyn Fn(f64) + Sync),
) -> Vec<Metric> {
    let mut metrics = analytic(sorted, threshold, options);
    if sorted.len() <= options.bootstrap_up_to {
        let resampled = bootstrap::intervals(sorted, threshold, options, progress);
        for (metric, interval) in metrics.iter_mut().zip(resampled) {
            // What does not exist in the sample has no interval either.
            if metric.value.is_nan() {
                continue;
            }
            if let Some(interval) = interval {
                let ([low, high], left_out) = interval;
                // All resamples alike say nothing of other samples: the formula does.
                if low == high {
                    continue;
                }
                metric.method = format!("bootstrap, {} resamples", options.resamples);
                if left_out > 0 {
                    metric.method += &format!(" ({left_out} without it left out)");
                }
                if !(low <= metric.value && metric.value <= high) {
                    metric.method += ", stretched to the value";
                }
                (metric.low, metric.high) = (low.min(metric.value), high.max(metric.value));
                if metric.name == "ece" {
                    metric.low = (metric.low - noise_of_ece(sorted)).max(0.0);
                    metric.method += ", noise allowed for";
                }
            }
        }
    }
    metrics
}

/// All metrics, with intervals by formulae.
fn analytic(sorted: &Scored, threshold: f64, options: &Options) -> Vec<Metric> {
    let z = quantile(options.level);
    let at = sorted.confusion(threshold, Cut::AtLeast);
    let (real, bogus) = (sorted.positives(), sorted.negatives());
    let ratio = |name, value: f64, part: u64, whole: u64| match whole {
        0 => none(name, "none: no such candidate"),
        _ => {
            let ends = wilson(part as f64, whole as f64, z);
            metric(name, value, ends, "Wilson")
        }
    };
    let all = at.total();
    let precision = match at.tp + at.fp {
        // As scikit-learn has it.
        0 => metric("precision", 0.0, [f64::NAN; 2], "none: none is called real"),
        called => ratio("precision", at.precision(), at.tp, called),
    };
    vec![
        ratio("accuracy", at.accuracy(), at.tp + at.tn, all),
        precision,
        ratio("recall", at.tpr(), at.tp, real),
        f1(&at, z),
        mcc(&at, z),
        ratio("tpr", at.tpr(), at.tp, real),
        ratio("fpr", at.fpr(), at.fp, bogus),
        ratio("mdr", at.mdr(), at.fn_, real),
        mean(sorted, "loss", cross_entropy, z, f64::INFINITY),
        average_precision(sorted, options.level),
        auc(sorted, options.level),
        fpr_at_mdr(sorted, options.at_mdr, z),
        mean(sorted, "brier", brier, z, 1.0),
        ece(sorted, options.level),
    ]
}

/// F1 = 2 J / (1 + J) with J the part TP of TP + FP + FN: rising with it, so Wilson's ends of
/// the one are ends of the other.
fn f1(at: &Confusion, z: f64) -> Metric {
    if at.tp + at.fn_ == 0 {
        return none("f1", "none: no real candidate");
    }
    let ends = wilson(at.tp as f64, (at.tp + at.fp + at.fn_) as f64, z);
    let [low, high] = ends.map(|part| 2.0 * part / (1.0 + part));
    let value = at.f1();
    let ends = [low.min(value), high.max(value)];
    metric("f1", value, ends, "Wilson of TP / (TP + FP + FN)")
}

fn mcc(at: &Confusion, z: f64) -> Metric {
    if at.tp + at.fn_ == 0 || at.tn + at.fp == 0 {
        return none("mcc", "none: one class only");
    }
    let value = at.mcc();
    if at.tp + at.fp == 0 || at.tn + at.fn_ == 0 {
        return metric("mcc", value, [f64::NAN; 2], "none: one decision only");
    }
    if at.fp + at.fn_ == 0 {
        // The delta method has no width there. MCC is TPR + TNR - 1 for as many of both.
        let [found, _] = wilson(at.tp as f64, (at.tp + at.fn_) as f64, z);
        let [refused, _] = wilson(at.tn as f64, (at.tn + at.fp) as f64, z);
        let ends = [(found + refused - 1.0).max(-1.0), value];
        return metric("mcc", value, ends, "Wilson, of TPR and TNR");
    }
    let ends = normal(value, variance_of_mcc(at), z, [-1.0, 1.0]);
    metric("mcc", value, ends, "delta method")
}

/// The mean of something over candidates.
fn mean(
    sorted: &Scored,
    name: &'static str,
    of: impl Fn(bool, f64) -> f64,
    z: f64,
    most: f64,
) -> Metric {
    let n = sorted.len() as f64;
    let all = sorted.scores().iter().enumerate();
    let terms: Vec<f64> = all
        .map(|(i, &score)| of(sorted.is_real(i), score))
        .collect();
    let value = terms.iter().sum::<f64>() / n;
    let squares: f64 = terms
        .iter()
        .map(|term| (term - value) * (term - value))
        .sum();
    if terms.len() < 2 {
        return metric(name, value, [f64::NAN; 2], "none: one candidate");
    }
    let ends = normal(value, squares / (n * (n - 1.0)), z, [0.0, most]);
    metric(name, value, ends, "normal, of the mean")
}

fn fpr_at_mdr(sorted: &Scored, mdr: f64, z: f64) -> Metric {
    match sorted.fpr_at_mdr(mdr) {
        None => none("fpr_at_mdr", "none: one class only"),
        Some(found) => {
            // The threshold is found on the real candidates, often the larger error: the FPR
            // at both ends of the interval of the MDR, beside that of the FPR itself.
            let (value, bogus) = (found.linear, sorted.negatives() as f64);
            let [own_low, own_high] = wilson(value * bogus, bogus, z);
            let real = sorted.positives() as f64;
            let at = |mdr: f64| sorted.fpr_at_mdr(mdr).map_or(value, |found| found.linear);
            let [high, low] = wilson(mdr * real, real, z).map(at);
            let low = value - (value - own_low).hypot(value - low);
            let high = value + (own_high - value).hypot(high - value);
            let ends = [low.max(0.0), high.min(1.0)];
            metric(
                "fpr_at_mdr",
                value,
                ends,
                "Wilson, of the FPR and of the MDR",
            )
        }
    }
}

/// The ECE is the mean of ±(label - score), the sign being that of the bin: with the signs
/// held, it has the interval of a mean.
fn ece(sorted: &Scored, level: f64) -> Metric {
    let n = sorted.len() as f64;
    let value = reliability::reliability(sorted, level).ece;
    let all = sorted.scores().iter().enumerate();
    let squares: f64 = all.map(|(i, &score)| brier(sorted.is_real(i), score)).sum();
    let variance = (squares / n - value * value) / n;
    let [low, high] = normal(value, variance, quantile(level), [0.0, 1.0]);
    let ends = [(low - noise_of_ece(sorted)).max(0.0), high];
    metric(
        "ece",
        value,
        ends,
        "normal, of the mean, the bins' signs held; noise allowed for",
    )
}

/// The ECE that perfectly calibrated scores would have by chance: each bin's mean of label
/// less score is about normal, and the mean size of such a number is sqrt(2/π) of its deviation.
fn noise_of_ece(sorted: &Scored) -> f64 {
    let of_bin = |rows: std::ops::Range<usize>| {
        let variances = sorted.scores()[rows].iter().map(|s| s * (1.0 - s));
        (std::f64::consts::FRAC_2_PI * variances.sum::<f64>()).sqrt()
    };
    reliability::bins(sorted)
        .into_iter()
        .map(of_bin)
        .sum::<f64>()
        / sorted.len() as f64
}
