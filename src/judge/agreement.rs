//! Agreement beyond chance, and scores of candidates that people agree on beside those they do
//! not.

use rayon::prelude::*;
use serde::Serialize;

use super::bootstrap::{draw, percentile, streams};
use super::votes::Tally;
use crate::{Error, Result};

/// Resamples of the interval of κ.
const RESAMPLES: usize = 1000;
const SEED: u64 = 1;

/// Fleiss' κ.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Kappa {
    /// 1 where all agree, 0 as by chance; NaN where it does not exist: no candidate has two
    /// votes, or all votes are alike.
    pub value: f64,
    /// The lower end of its interval at 95 %, by a bootstrap over candidates.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// Candidates with two votes or more: those that it is of.
    pub candidates: u64,
    /// The fewest and the most votes on one of them; where these differ, κ is the generalised
    /// form.
    pub votes: [u32; 2],
}

/// Fleiss' κ (1971) of votes for [bogus, real] on each candidate.
///
/// Candidates need not have equally many votes: the agreement of one is the share of its pairs
/// of votes that are alike, its mean is over candidates with two votes or more, and chance is
/// that of all their votes together. With as many votes on each this is Fleiss' own formula.
pub fn fleiss(counts: &[[u32; 2]]) -> Kappa {
    let counts: Vec<[u32; 2]> = counts.iter().copied().filter(|c| c[0] + c[1] > 1).collect();
    let sizes = counts.iter().map(|c| c[0] + c[1]);
    let votes = [sizes.clone().min(), sizes.max()].map(Option::unwrap_or_default);
    let value = kappa(&counts, |_| 1);
    let drawn = streams(SEED, RESAMPLES).into_par_iter().map_init(
        || vec![0; counts.len()],
        |times, mut random| {
            draw(&mut random, times);
            kappa(&counts, |i| times[i])
        },
    );
    let mut drawn: Vec<f64> = match value.is_nan() {
        true => Vec::new(),
        false => drawn.collect(),
    };
    drawn.retain(|value| !value.is_nan());
    drawn.sort_unstable_by(f64::total_cmp);
    let end = |part| percentile(&drawn, part).unwrap_or(f64::NAN);
    Kappa {
        value,
        low: end(0.025),
        high: end(0.975),
        candidates: counts.len() as u64,
        votes,
    }
}

fn kappa(counts: &[[u32; 2]], times: impl Fn(usize) -> u32) -> f64 {
    let (mut agreement, mut candidates) = (0.0, 0.0);
    let mut votes = [0.0; 2];
    for (i, count) in counts.iter().enumerate() {
        let (many, [a, b]) = (f64::from(times(i)), count.map(f64::from));
        let n = a + b;
        agreement += many * (a * (a - 1.0) + b * (b - 1.0)) / (n * (n - 1.0));
        candidates += many;
        votes[0] += many * a;
        votes[1] += many * b;
    }
    let all = votes[0] + votes[1];
    let chance = (votes[0] / all).powi(2) + (votes[1] / all).powi(2);
    beyond_chance(agreement / candidates, chance)
}

/// NaN where chance explains everything.
fn beyond_chance(agreement: f64, chance: f64) -> f64 {
    match chance < 1.0 {
        true => (agreement - chance) / (1.0 - chance),
        false => f64::NAN,
    }
}

/// Cohen's κ (1960) of two people: how often the first said i and the second j.
pub fn cohen(table: &[[u32; 2]; 2]) -> f64 {
    let [[a, b], [c, d]] = table.map(|row| row.map(f64::from));
    let all = a + b + c + d;
    let chance = ((a + b) * (a + c) + (c + d) * (b + d)) / (all * all);
    beyond_chance((a + d) / all, chance)
}

/// A mean with its standard error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mean {
    /// How many.
    pub count: u64,
    /// Their mean; NaN of none.
    pub mean: f64,
    /// Its standard error; NaN of fewer than two.
    pub error: f64,
}

impl Mean {
    fn of(values: &[f64]) -> Mean {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
        Mean {
            count: values.len() as u64,
            mean,
            error: match values.len() {
                0 | 1 => f64::NAN,
                _ => (squares / (n - 1.0) / n).sqrt(),
            },
        }
    }
}

/// Scores of candidates with a majority for one class: those all agree on, and the others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// What the majority says: 1 real, 0 bogus.
    pub majority: u8,
    /// Where all agree (DES: 0.87 for real, 0.05 for bogus).
    pub consensus: Mean,
    /// Where not all do (DES: 0.75, 0.25).
    pub disputed: Mean,
    /// That scores so different, or more, come from one distribution: two-sided Mann-Whitney;
    /// NaN where a side is empty.
    pub p_value: f64,
    /// The scores themselves: where all agree, and where not.
    #[serde(skip)]
    pub scores: [Vec<f64>; 2],
}

/// Compares P(real), NaN where there is none, of each of `tallies`; for [bogus, real].
pub fn compare(tallies: &[Tally], scores: &[f64]) -> Result<[Compared; 2]> {
    if tallies.len() != scores.len() {
        let problem = "one score for each candidate that was voted on";
        let shapes: [&[usize]; 2] = [&[tallies.len()], &[scores.len()]];
        return Err(Error::shape("compare", problem, &shapes));
    }
    Ok([0, 1].map(|majority| {
        let side = |unanimous: bool| -> Vec<f64> {
            let both = tallies.iter().zip(scores);
            let of = both.filter(|(tally, score)| {
                tally.majority == Some(majority) && tally.unanimous == unanimous && !score.is_nan()
            });
            of.map(|(_, score)| *score).collect()
        };
        let scores = [side(true), side(false)];
        Compared {
            majority,
            consensus: Mean::of(&scores[0]),
            disputed: Mean::of(&scores[1]),
            p_value: mann_whitney(&scores[0], &scores[1]),
            scores,
        }
    }))
}

/// The two-sided p-value of the Mann-Whitney test by the normal approximation, with ties and a
/// correction for continuity; NaN where a side is empty, 1 where all values are alike.
pub fn mann_whitney(a: &[f64], b: &[f64]) -> f64 {
    let (m, n) = (a.len() as f64, b.len() as f64);
    if a.is_empty() || b.is_empty() {
        return f64::NAN;
    }
    let first = a.iter().map(|&value| (value, true));
    let mut all: Vec<(f64, bool)> = first.chain(b.iter().map(|&value| (value, false))).collect();
    all.sort_unstable_by(|x, y| x.0.total_cmp(&y.0));
    let (mut ranks, mut ties, mut before) = (0.0, 0.0, 0.0);
    for run in all.chunk_by(|x, y| x.0 == y.0) {
        let many = run.len() as f64;
        let rank = before + 0.5 * (many + 1.0);
        ranks += rank * run.iter().filter(|value| value.1).count() as f64;
        ties += many * many * many - many;
        before += many;
    }
    let u = ranks - 0.5 * m * (m + 1.0);
    let all = m + n;
    let variance = m * n / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    if variance <= 0.0 {
        return 1.0;
    }
    let off = ((u - 0.5 * m * n).abs() - 0.5).max(0.0);
    libm::erfc(off / (2.0 * variance).sqrt()).min(1.0)
}
