//! Candidates whose scores are two Gaussians on a logistic scale, worse for the faint.

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// One candidate with the scores of every classifier.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub real: bool,
    pub magnitude: f64,
    pub error: f64,
    pub filter: &'static str,
    pub scores: Vec<f64>,
}

/// `n` candidates, scored by one classifier for each of `names`, each a little worse than
/// the one before.
pub fn candidates(n: usize, classifiers: usize, seed: u64) -> Vec<Candidate> {
    let mut random = StdRng::seed_from_u64(seed);
    (0..n)
        .map(|i| {
            let real = i % 5 < 2;
            let magnitude = 15.0 + 7.0 * random.random::<f64>().sqrt();
            let error =
                0.01 * 10f64.powf(0.25 * (magnitude - 15.0)) * (0.7 + random.random::<f64>());
            let faint = ((magnitude - 19.0) / 3.0).clamp(0.0, 1.0);
            let scores = (0..classifiers).map(|k| {
                let noise: f64 = (0..6).map(|_| random.random::<f64>() - 0.5).sum::<f64>() * 1.41;
                let apart = (4.5 - 0.7 * k as f64) * (1.0 - 0.6 * faint);
                let middle = if real { apart } else { -apart };
                1.0 / (1.0 + (-(middle + 2.0 * noise)).exp())
            });
            Candidate {
                real,
                magnitude,
                error,
                filter: ["g", "r", "i"][i % 3],
                scores: scores.collect(),
            }
        })
        .collect()
}
