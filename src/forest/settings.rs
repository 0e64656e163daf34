//! How a forest is grown.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::data::Grouping;
use crate::{Error, Result};

/// By what a split is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Criterion {
    /// Shannon's, in bits: what Goldstein et al. 2015 chose.
    #[default]
    Entropy,
    /// Gini's impurity.
    Gini,
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Criterion::Entropy => "entropy",
            Criterion::Gini => "gini",
        })
    }
}

impl FromStr for Criterion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "entropy" => Ok(Criterion::Entropy),
            "gini" => Ok(Criterion::Gini),
            _ => Err(Error::config(
                "--criterion",
                format!("'{text}'"),
                "entropy or gini",
            )),
        }
    }
}

/// How a forest is grown. The default is Goldstein et al. 2015's, as Ayyar et al. 2022 used it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// How many trees.
    pub trees: usize,
    /// By what a split is chosen.
    pub criterion: Criterion,
    /// Features that are looked at for each split; all of them where there are fewer.
    pub features_per_split: usize,
    /// Candidates that a node needs to be split.
    pub min_samples_split: usize,
    /// Splits from the root to a leaf at most; no limit without.
    pub max_depth: Option<usize>,
    /// Where chance begins.
    pub seed: u64,
    /// What a split by shares keeps together; nothing in forests from before there was a choice.
    #[serde(
        default = "Grouping::before",
        skip_serializing_if = "Grouping::is_none"
    )]
    pub group: Grouping,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            trees: 100,
            criterion: Criterion::Entropy,
            features_per_split: 6,
            min_samples_split: 3,
            max_depth: None,
            seed: 0,
            group: Grouping::Auto,
        }
    }
}

/// Trees beyond which a forest is a slip of the finger.
const MOST_TREES: usize = 100_000;

impl Settings {
    /// Refuses what no forest can be grown with.
    pub fn check(&self) -> Result<()> {
        let bad = |what: &str, found: usize, expected: &str| {
            Err(Error::config(what, found.to_string(), expected))
        };
        match *self {
            Settings { trees, .. } if trees == 0 || trees > MOST_TREES => {
                bad("--trees", trees, "1 to 100000")
            }
            Settings {
                features_per_split: 0,
                ..
            } => bad("--features-per-split", 0, "1 or more"),
            Settings {
                min_samples_split: n @ (0 | 1),
                ..
            } => bad("--min-samples-split", n, "2 or more"),
            Settings {
                max_depth: Some(0), ..
            } => bad("--max-depth", 0, "1 or more"),
            _ => Ok(()),
        }
    }
}
