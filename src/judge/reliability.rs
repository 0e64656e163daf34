//! Whether scores are probabilities: cross-entropy, Brier score, calibration.
//!
//! Sources: Guo et al. 2017 (arXiv:1706.04599) Sect. 2 for the expected calibration error;
//! scikit-learn's `log_loss`, `brier_score_loss` and `calibration_curve` for what is at edges.

use super::evaluation::{Reliability, ReliabilityBin};
use super::intervals::{quantile, wilson};
use super::metrics::Scored;

/// Bins of the reliability diagram.
const BINS: usize = 10;

/// The cross-entropy of one candidate, in nats: -ln of the probability that was given to its
/// class, which is kept 2^-52 from 0 and 1, as scikit-learn's `log_loss` has it for f64.
pub fn cross_entropy(real: bool, score: f64) -> f64 {
    let given = if real { score } else { 1.0 - score };
    -given.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
}

/// The squared difference of score and label.
pub fn brier(real: bool, score: f64) -> f64 {
    let difference = score - f64::from(u8::from(real));
    difference * difference
}

/// Ends of the bin `bin`, as NumPy's `linspace(0, 1, 11)` has them.
fn ends(bin: usize) -> (f64, f64) {
    let high = if bin + 1 == BINS {
        1.0
    } else {
        0.1 * (bin + 1) as f64
    };
    (0.1 * bin as f64, high)
}

/// For each bin of scores, the candidates in it by falling score: `first..end`.
pub(super) fn bins(sorted: &Scored) -> Vec<std::ops::Range<usize>> {
    let above = |edge: f64| sorted.scores().partition_point(|&score| score > edge);
    let range = |bin| {
        let (low, high) = ends(bin);
        let end = if bin == 0 { sorted.len() } else { above(low) };
        above(high)..end
    };
    (0..BINS).map(range).collect()
}

/// The reliability diagram: ten bins equal in width, an inner edge belonging to the bin below
/// (Guo et al.; scikit-learn). Scores are from 0 to 1.
pub fn reliability(sorted: &Scored, level: f64) -> Reliability {
    let z = quantile(level);
    let mut ece = 0.0;
    let mut all = Vec::with_capacity(BINS);
    for (bin, range) in bins(sorted).into_iter().enumerate() {
        let (low, high) = ends(bin);
        let candidates = range.len() as u64;
        let real = sorted.first(range.end).tp - sorted.first(range.start).tp;
        let sum: f64 = sorted.scores()[range].iter().sum();
        let [share_low, share_high] = wilson(real as f64, candidates as f64, z);
        ece += (real as f64 - sum).abs();
        all.push(ReliabilityBin {
            low,
            high,
            candidates,
            real,
            mean_score: sum / candidates as f64,
            share: real as f64 / candidates as f64,
            share_low,
            share_high,
        });
    }
    Reliability {
        bins: all,
        ece: ece / sorted.len() as f64,
    }
}
