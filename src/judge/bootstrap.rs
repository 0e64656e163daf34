//! The bootstrap: what the metrics would have been on other samples (Efron 1979).
//!
//! A resample draws as many candidates as there are, with replacement, whatever their class.
//! Candidates are sorted by score once; a resample is how many times each of them was drawn,
//! and all metrics of it are one walk along them.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

use super::confusion::{Confusion, Cut};
use super::intervals::NAMES;
use super::metrics::Scored;
use super::reliability::{self, brier, cross_entropy};
use super::subject::Options;

/// Resamples between two words on progress.
const AT_ONCE: usize = 32;

/// What the walk needs of each candidate, by falling score.
struct Candidate {
    real: bool,
    /// Whether the next has another score.
    last_of_run: bool,
    loss: f64,
    brier: f64,
    /// Label less score.
    off: f64,
}

struct Prepared {
    candidates: Vec<Candidate>,
    /// Where the bins of the ECE end, by falling score.
    bins: Vec<usize>,
    /// So many are called real.
    called: usize,
    at_mdr: f64,
}

/// For each metric of [`NAMES`], the ends of the percentile interval, and in how many
/// resamples the metric did not exist; `None` where that was so in half of them.
pub(super) fn intervals(
    sorted: &Scored,
    threshold: f64,
    options: &Options,
    progress: &(dyn Fn(f64) + Sync),
) -> Vec<Option<([f64; 2], usize)>> {
    let prepared = Prepared::new(sorted, threshold, options.at_mdr);
    let streams = streams(options.seed, options.resamples);
    let mut found: Vec<[f64; NAMES.len()]> = Vec::with_capacity(options.resamples);
    for streams in streams.chunks(AT_ONCE) {
        progress(found.len() as f64 / options.resamples as f64);
        let metrics = streams.par_iter().map_init(
            || vec![0; sorted.len()],
            |counts, random| {
                draw(&mut random.clone(), counts);
                prepared.metrics(counts)
            },
        );
        found.extend(metrics.collect::<Vec<_>>());
    }
    let ends = |metric: usize| {
        let mut values: Vec<f64> = found.iter().map(|all| all[metric]).collect();
        values.retain(|value| !value.is_nan());
        let left_out = found.len() - values.len();
        values.sort_unstable_by(f64::total_cmp);
        let tail = 0.5 * (1.0 - options.level);
        let ends = [percentile(&values, tail)?, percentile(&values, 1.0 - tail)?];
        (values.len() > left_out).then_some((ends, left_out))
    };
    (0..NAMES.len()).map(ends).collect()
}

/// `count` streams of one seed that do not overlap, 2^128 draws apart: a resample is the same
/// whatever thread draws it.
pub(super) fn streams(seed: u64, count: usize) -> Vec<Xoshiro256PlusPlus> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        streams.push(random.clone());
        random.jump();
    }
    streams
}

/// How many times each candidate is in a resample of as many.
pub(super) fn draw(random: &mut Xoshiro256PlusPlus, counts: &mut [u32]) {
    counts.fill(0);
    for _ in 0..counts.len() {
        counts[random.random_range(0..counts.len())] += 1;
    }
}

/// On the straight line between the two nearest of the sorted `values`, as NumPy's default.
pub(super) fn percentile(values: &[f64], part: f64) -> Option<f64> {
    let at = part * values.len().checked_sub(1)? as f64;
    let (below, above) = (values[at.floor() as usize], values[at.ceil() as usize]);
    Some(below + (at - at.floor()) * (above - below))
}

impl Prepared {
    fn new(sorted: &Scored, threshold: f64, at_mdr: f64) -> Prepared {
        let scores = sorted.scores();
        let candidate = |i: usize| {
            let (real, score) = (sorted.is_real(i), scores[i]);
            Candidate {
                real,
                last_of_run: scores.get(i + 1) != Some(&score),
                loss: cross_entropy(real, score),
                brier: brier(real, score),
                off: f64::from(u8::from(real)) - score,
            }
        };
        let mut bins: Vec<usize> = reliability::bins(sorted)
            .iter()
            .map(|bin| bin.end)
            .collect();
        bins.reverse();
        let at = sorted.confusion(threshold, Cut::AtLeast);
        Prepared {
            candidates: (0..scores.len()).map(candidate).collect(),
            bins,
            called: (at.tp + at.fp) as usize,
            at_mdr,
        }
    }

    /// The metrics of the resample that has each candidate `counts` times; NaN where one
    /// does not exist.
    fn metrics(&self, counts: &[u32]) -> [f64; NAMES.len()] {
        let all = self.candidates.iter().zip(counts);
        let real = all
            .clone()
            .filter(|(c, _)| c.real)
            .map(|(_, &n)| u64::from(n));
        let positives: u64 = real.sum();
        let negatives = counts.len() as u64 - positives;
        let (p, n) = (positives as f64, negatives as f64);

        let (mut tp, mut fp) = (0, 0);
        // At the end of the run before.
        let (mut tp_before, mut fp_before) = (0, 0);
        let mut at = Confusion::default();
        let (mut loss, mut squares) = (0.0, 0.0);
        let (mut off, mut ece) = (0.0f64, 0.0);
        // Twice the pairs in the right order, a tie counting half.
        let mut halves = 0u128;
        let mut precision = 0.0;
        let wanted = 1.0 - self.at_mdr;
        let mut fpr_at_mdr = if wanted <= 1e-12 { 0.0 } else { f64::NAN };
        let mut first = 0;
        for &end in &self.bins {
            let bin = self.candidates[first..end].iter().zip(&counts[first..end]);
            for (i, (candidate, &count)) in (first..).zip(bin) {
                let many = f64::from(count);
                match candidate.real {
                    true => tp += u64::from(count),
                    false => fp += u64::from(count),
                }
                loss += many * candidate.loss;
                squares += many * candidate.brier;
                off += many * candidate.off;
                if i + 1 == self.called {
                    (at.tp, at.fp) = (tp, fp);
                }
                if candidate.last_of_run {
                    halves += u128::from(fp - fp_before) * u128::from(tp + tp_before);
                    if tp > tp_before {
                        precision += (tp - tp_before) as f64 * (tp as f64 / (tp + fp) as f64);
                    }
                    let tpr = tp as f64 / p;
                    if fpr_at_mdr.is_nan() && tpr >= wanted - 1e-12 {
                        let (low, from) = (tp_before as f64 / p, fp_before as f64 / n);
                        let part = ((wanted - low) / (tpr - low)).clamp(0.0, 1.0);
                        fpr_at_mdr = from + part * (fp as f64 / n - from);
                    }
                    (tp_before, fp_before) = (tp, fp);
                }
            }
            ece += off.abs();
            off = 0.0;
            first = end;
        }
        (at.tn, at.fn_) = (negatives - at.fp, positives - at.tp);
        let total = counts.len() as f64;
        let of = |exists: bool, value: f64| if exists { value } else { f64::NAN };
        let (any_real, any_bogus) = (positives > 0, negatives > 0);
        let both = any_real && any_bogus;
        [
            at.accuracy(),
            at.precision(),
            of(any_real, at.tpr()),
            of(any_real, at.f1()),
            of(both, at.mcc()),
            of(any_real, at.tpr()),
            of(any_bogus, at.fpr()),
            of(any_real, at.mdr()),
            loss / total,
            of(any_real, precision / p),
            of(both, halves as f64 / (2.0 * p * n)),
            of(both, fpr_at_mdr),
            squares / total,
            ece / total,
        ]
    }
}
