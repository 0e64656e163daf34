//! Which trials are trained for how long.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// How a space is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Search {
    /// Every trial for all epochs.
    Random,
    /// All trials for a few epochs, then the best 1/η of them for η times as many, and so on.
    Halving,
}

impl FromStr for Search {
    type Err = Error;

    fn from_str(text: &str) -> Result<Search> {
        match text {
            "random" => Ok(Search::Random),
            "halving" => Ok(Search::Halving),
            _ => {
                let found = format!("'{text}'");
                Err(Error::config("--search", found, "random or halving"))
            }
        }
    }
}

impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Search::Random => "random",
            Search::Halving => "halving",
        })
    }
}

/// A step of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Trials that take part.
    pub trials: usize,
    /// Epochs that each has had at its end.
    pub epochs: usize,
}

/// The rungs for `trials` trials and `epochs` epochs at most. With halving there are as many as
/// both allow: the last has all epochs, each before it 1/`eta` of them (rounded), and `eta` times
/// as many trials. `eta` is at least 2.
pub fn rungs(search: Search, trials: usize, epochs: usize, eta: usize) -> Vec<Rung> {
    let steps = match search {
        Search::Random => 0,
        Search::Halving => powers(trials, eta).min(powers(epochs, eta)),
    };
    let power = |exponent: u32| eta.pow(exponent);
    let rung = |i: u32| Rung {
        trials: trials / power(i),
        epochs: (epochs as f64 / power(steps - i) as f64).round() as usize,
    };
    (0..=steps).map(rung).collect()
}

/// The largest power of `eta` that is at most `number` (which is at least 1).
fn powers(number: usize, eta: usize) -> u32 {
    number.checked_ilog(eta).unwrap_or(0)
}
