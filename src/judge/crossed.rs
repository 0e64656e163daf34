//! How well a calibration does on candidates that it was not fitted to.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::Scored;
use super::calibration::{Method, fit};
use super::reliability::{brier, cross_entropy, reliability};
use crate::{Error, Result};

/// Parts of a cross-fit.
pub const FOLDS: usize = 5;

/// How far scores are from being probabilities.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// Expected calibration error, in ten bins.
    pub ece: f64,
    /// Mean cross-entropy.
    pub loss: f64,
    /// Mean squared difference of score and label.
    pub brier: f64,
}

impl Quality {
    /// Of labels (1 real, 0 bogus) and scores from 0 to 1; there is at least one.
    pub fn of(labels: &[u8], scores: &[f64]) -> Result<Quality> {
        let sorted = Scored::new(labels, scores)?;
        let mean = |of: fn(bool, f64) -> f64| {
            let terms = labels.iter().zip(scores);
            terms
                .map(|(&label, &score)| of(label == 1, score))
                .sum::<f64>()
                / labels.len() as f64
        };
        Ok(Quality {
            ece: reliability(&sorted, 0.95).ece,
            loss: mean(cross_entropy),
            brier: mean(brier),
        })
    }
}

/// Each candidate's score after a calibration that was fitted to the other four of five parts,
/// each with as many of both classes as can be. Which part is which is drawn from `seed`.
/// There must be at least five of each class.
pub fn cross_fitted(method: Method, labels: &[u8], scores: &[f64], seed: u64) -> Result<Vec<f64>> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut fold = vec![0; labels.len()];
    for class in [0, 1] {
        let mut rows: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] == class).collect();
        if rows.len() < FOLDS {
            let found = format!("{} of a class", rows.len());
            let expected = format!("at least {FOLDS} real and {FOLDS} bogus candidates");
            return Err(Error::config("calibration", found, expected));
        }
        for i in (1..rows.len()).rev() {
            rows.swap(i, random.random_range(0..=i));
        }
        for (i, row) in rows.into_iter().enumerate() {
            fold[row] = i % FOLDS;
        }
    }
    let mut calibrated = vec![f64::NAN; labels.len()];
    for part in 0..FOLDS {
        let (inside, outside): (Vec<usize>, Vec<usize>) =
            (0..labels.len()).partition(|&row| fold[row] == part);
        let own: Vec<u8> = outside.iter().map(|&row| labels[row]).collect();
        let theirs: Vec<f64> = outside.iter().map(|&row| scores[row]).collect();
        let calibration = fit(method, &own, &theirs)?;
        for row in inside {
            calibrated[row] = calibration.apply(scores[row]);
        }
    }
    Ok(calibrated)
}
