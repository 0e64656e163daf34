//! Scores made into probabilities: maps from a score to P(real), fitted to labelled
//! candidates that the network was not.
//!
//! Sources: Guo et al. 2017 (arXiv:1706.04599) for the temperature; Zadrozny & Elkan 2002 for
//! isotonic regression, with pool adjacent violators as scikit-learn's `IsotonicRegression`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::isotonic;
use crate::{Error, Result};

/// The logit of a score of 1, and the highest one: half a step of an f32 below 1.
const HIGHEST: f64 = 25.0 * std::f64::consts::LN_2;
/// The logit of a score of 0, and the lowest one: half of the least f32 above 0.
const LOWEST: f64 = -150.0 * std::f64::consts::LN_2;
/// Temperatures that are looked at. One at an end says that the data have no best one.
pub const TEMPERATURES: [f64; 2] = [0.05, 20.0];

/// A map from score to P(real) that never falls: what scores higher stays higher, or becomes
/// equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "lowercase", deny_unknown_fields)]
pub enum Calibration {
    /// The logit of P(real) is divided by it.
    Temperature {
        /// Above 1 where the network was too sure.
        temperature: f64,
    },
    /// Straight lines from point to point, level before the first and after the last.
    Isotonic {
        /// Scores, rising.
        x: Vec<f64>,
        /// P(real) at each, not falling.
        y: Vec<f64>,
    },
}

/// Which kind of [`Calibration`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Method {
    /// One number: keeps the order of all candidates.
    #[default]
    Temperature,
    /// Any rising map: makes candidates equal, and wants about a thousand or more of them.
    Isotonic,
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "temperature" => Ok(Method::Temperature),
            "isotonic" => Ok(Method::Isotonic),
            _ => {
                let expected = "temperature or isotonic";
                Err(Error::config("--method", format!("'{text}'"), expected))
            }
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::Temperature => "temperature",
            Method::Isotonic => "isotonic",
        })
    }
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Calibration::Temperature { temperature } => write!(f, "temperature {temperature:.4}"),
            Calibration::Isotonic { x, .. } => write!(f, "isotonic, {} points", x.len()),
        }
    }
}

/// ln(p / (1 - p)), kept between [`LOWEST`] and [`HIGHEST`]: scores are f32 numbers, and one
/// that is 0 or 1 was rounded to it.
fn logit(p: f64) -> f64 {
    (p.ln() - (-p).ln_1p()).clamp(LOWEST, HIGHEST)
}

/// 1 / (1 + exp(-x)).
fn sigmoid(x: f64) -> f64 {
    if x < 0.0 {
        let e = x.exp();
        e / (1.0 + e)
    } else {
        1.0 / (1.0 + (-x).exp())
    }
}

impl Calibration {
    /// P(real) of a candidate of score `p`, from 0 to 1; NaN of NaN.
    pub fn apply(&self, p: f64) -> f64 {
        match self {
            Calibration::Temperature { temperature } => sigmoid(logit(p) / temperature),
            Calibration::Isotonic { x, y } => isotonic::interpolated(x, y, p),
        }
    }

    /// What is wrong with one that was read: (found, expected).
    pub fn fault(&self) -> Option<(String, &'static str)> {
        match self {
            Calibration::Temperature { temperature } => {
                let fits = *temperature > 0.0 && temperature.is_finite();
                (!fits).then(|| (format!("temperature {temperature}"), "one above 0"))
            }
            Calibration::Isotonic { x, y } => {
                if x.is_empty() || x.len() != y.len() {
                    let found = format!("{} scores and {} probabilities", x.len(), y.len());
                    return Some((found, "as many of both, at least one"));
                }
                let range = |v: &f64| (0.0..=1.0).contains(v);
                let rising =
                    x.windows(2).all(|w| w[0] < w[1]) && y.windows(2).all(|w| w[0] <= w[1]);
                let fits = x.iter().chain(y).all(range) && rising;
                (!fits).then(|| {
                    let found = "points of an isotonic map that are out of order or range";
                    (found.to_string(), "from 0 to 1, rising")
                })
            }
        }
    }

    /// The threshold that decides on calibrated scores as `threshold` did on `scores` before,
    /// and how many of these change sides all the same: those below the threshold that the map
    /// makes equal to those above it. They are real from now on; no other changes.
    pub fn threshold(&self, threshold: f64, scores: &[f64]) -> (f64, usize) {
        let (below, above): (Vec<f64>, Vec<f64>) = scores.iter().partition(|&&s| s < threshold);
        let mapped = self.apply(threshold);
        let lowest = above
            .iter()
            .map(|&s| self.apply(s))
            .fold(f64::INFINITY, f64::min);
        let below: Vec<f64> = below.into_iter().map(|s| self.apply(s)).collect();
        let highest = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // The threshold itself may lie on a plateau with those below it, though none of those
        // above it does.
        let chosen = match mapped <= highest && highest < lowest && lowest.is_finite() {
            true => lowest,
            false => mapped,
        };
        (chosen, below.iter().filter(|&&s| s >= chosen).count())
    }
}

fn check(labels: &[u8], scores: &[f64]) -> Result<()> {
    let real = labels.iter().filter(|&&label| label == 1).count();
    if labels.len() != scores.len() || real == 0 || real == labels.len() {
        let found = format!(
            "{real} real among {}, {} scores",
            labels.len(),
            scores.len()
        );
        let expected = "real and bogus candidates, each with a score";
        return Err(Error::config("calibration", found, expected));
    }
    match scores.iter().position(|s| !(0.0..=1.0).contains(s)) {
        None => Ok(()),
        Some(row) => {
            let what = format!("score of candidate {}", row + 1);
            let found = scores[row].to_string();
            Err(Error::config(what, found, "P(real), from 0 to 1"))
        }
    }
}

/// Fits a map of this kind.
pub fn fit(method: Method, labels: &[u8], scores: &[f64]) -> Result<Calibration> {
    match method {
        Method::Temperature => fit_temperature(labels, scores),
        Method::Isotonic => fit_isotonic(labels, scores),
    }
}

/// The temperature of the least cross-entropy, within [`TEMPERATURES`]. Both classes must be
/// there. Scores below 2^-25 or above 1 - 2^-25 count as these, so that one certain error does
/// not decide alone.
pub fn fit_temperature(labels: &[u8], scores: &[f64]) -> Result<Calibration> {
    check(labels, scores)?;
    let all = scores.iter().map(|&score| logit(score).max(-HIGHEST));
    let logits: Vec<f64> = all.collect();
    // The cross-entropy is convex in 1 / T; its slope there rises through 0 at the best one.
    let slope = |inverse: f64| -> f64 {
        let terms = logits.iter().zip(labels);
        terms
            .map(|(&logit, &label)| (sigmoid(inverse * logit) - f64::from(label)) * logit)
            .sum()
    };
    let [coldest, hottest] = TEMPERATURES;
    let (mut low, mut high) = (1.0 / hottest, 1.0 / coldest);
    let best = |temperature| Ok(Calibration::Temperature { temperature });
    if slope(low) >= 0.0 {
        return best(hottest);
    }
    if slope(high) <= 0.0 {
        return best(coldest);
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        match slope(middle) < 0.0 {
            true => low = middle,
            false => high = middle,
        }
    }
    best(2.0 / (low + high))
}

/// The rising map of the least squared error. Both classes must be there.
pub fn fit_isotonic(labels: &[u8], scores: &[f64]) -> Result<Calibration> {
    check(labels, scores)?;
    let (x, y) = isotonic::fitted(labels, scores);
    Ok(Calibration::Isotonic { x, y })
}
