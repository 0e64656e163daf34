//! How well a calibration does on candidates that it was not fitted to.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::Scored;
use super::calibration::{Method, fit};
use super::reliability::{brier, cross_entropy, reliability};
use crate::data::groups::majority;
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

/// [`cross_fitted_by`] of candidates that have nothing to do with each other.
pub fn cross_fitted(method: Method, labels: &[u8], scores: &[f64], seed: u64) -> Result<Vec<f64>> {
    let groups: Vec<Vec<usize>> = (0..labels.len()).map(|row| vec![row]).collect();
    cross_fitted_by(method, labels, scores, &groups, seed)
}

/// Each candidate's score after a calibration that was fitted to the other four of five parts,
/// each with as many of both classes as can be, and none of `groups` (rows, each in one of them)
/// in two. Which part is which is drawn from `seed`. There must be at least five groups of each
/// class.
pub fn cross_fitted_by(
    method: Method,
    labels: &[u8],
    scores: &[f64],
    groups: &[Vec<usize>],
    seed: u64,
) -> Result<Vec<f64>> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut fold = vec![0; labels.len()];
    for class in [0, 1] {
        let own = groups.iter().filter(|rows| majority(rows, labels) == class);
        let mut own: Vec<&Vec<usize>> = own.collect();
        if own.len() < FOLDS {
            let alone = groups.len() == labels.len();
            let found = match alone {
                true => format!("{} of a class", own.len()),
                false => format!("{} groups of a class, which stay together", own.len()),
            };
            let expected = match alone {
                true => format!("at least {FOLDS} real and {FOLDS} bogus candidates"),
                false => format!("at least {FOLDS} real and {FOLDS} bogus, or --group none"),
            };
            return Err(Error::config("calibration", found, expected));
        }
        for i in (1..own.len()).rev() {
            own.swap(i, random.random_range(0..=i));
        }
        own.sort_by_key(|rows| std::cmp::Reverse(rows.len()));
        let mut held = [0; FOLDS];
        for rows in own {
            let least = (0..FOLDS).min_by_key(|&part| held[part]).unwrap_or(0);
            held[least] += rows.len();
            rows.iter().for_each(|&row| fold[row] = least);
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
