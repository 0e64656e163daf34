//! What goes into an evaluation: candidates with labels and columns, classifiers with their
//! scores, and what is asked.

use super::evaluation::Training;
use crate::{Error, Result};

/// The candidates.
#[derive(Clone, Debug)]
pub struct Labelled<'a> {
    /// 1 for real, 0 for bogus.
    pub labels: &'a [u8],
    /// What else is known of each of them.
    pub columns: Vec<Column>,
}

/// Something that is known of the candidates.
#[derive(Clone, Debug)]
pub struct Column {
    /// "magnitude", "FWHM", "filter".
    pub name: String,
    /// "mag", "pixels"; empty if it has none.
    pub unit: String,
    /// What is done with it without being asked.
    pub role: Role,
    /// One for each candidate.
    pub values: Values,
}

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Magnitudes of the candidates: broken down by, completeness, distribution.
    Magnitude,
    /// Their errors, in magnitudes: broken down by, distribution.
    MagnitudeError,
    /// Another: its distribution; broken down by where [`Options::by`] names it.
    Other,
}

/// The values of a column.
#[derive(Clone, Debug)]
pub enum Values {
    /// NaN where there is none.
    Numbers(Vec<f64>),
    /// Empty where there is none.
    Words(Vec<String>),
}

impl Values {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Values::Numbers(values) => values.len(),
            Values::Words(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Column {
    /// Whether `value` says anything: not NaN or infinite, and neither one of the 99, -99,
    /// 999 and -1 that stand for "none" in columns of magnitudes and of their errors.
    pub fn is_usable(&self, value: f64) -> bool {
        match self.role {
            Role::Magnitude => value > -30.0 && value < 50.0,
            Role::MagnitudeError => (0.0..10.0).contains(&value),
            // Differences of such values are finite too.
            Role::Other => value.abs() < 1e300,
        }
    }
}

/// A classifier's scores.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// What it is called; no two alike.
    pub name: String,
    /// P(real) of each candidate, from 0 to 1.
    pub scores: &'a [f64],
    /// Real from this score on, from 0 to 1.
    pub threshold: f64,
    /// Where it comes from: "stored in the model".
    pub threshold_from: String,
    /// Of its training, if it is there.
    pub training: Option<Training>,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Of the bootstrap's random numbers.
    pub seed: u64,
    /// Resamples of the bootstrap, at least 20.
    pub resamples: usize,
    /// The most candidates for which intervals are found by bootstrap; above, by formulae.
    pub bootstrap_up_to: usize,
    /// How sure intervals are, between 0 and 1.
    pub level: f64,
    /// The missed detection rate at which false positive rates are compared, from 0 to 1.
    pub at_mdr: f64,
    /// A threshold for each is looked for, each from 0 to 1.
    pub wanted_fpr: Vec<f64>,
    /// As `wanted_fpr`.
    pub wanted_mdr: Vec<f64>,
    /// Bogus candidates for each real one, beside that of the data; each above 0.
    pub bogus_per_real: Vec<f64>,
    /// Columns to break down by, beside magnitude and its error.
    pub by: Vec<String>,
}

impl Default for Options {
    /// 1,000 resamples up to 100,000 candidates, intervals of 0.95, MDR 0.05 (DES Sect. 4.5).
    fn default() -> Self {
        Options {
            seed: 0,
            resamples: 1000,
            bootstrap_up_to: 100_000,
            level: 0.95,
            at_mdr: 0.05,
            wanted_fpr: Vec::new(),
            wanted_mdr: Vec::new(),
            bogus_per_real: Vec::new(),
            by: Vec::new(),
        }
    }
}

impl Options {
    /// An error unless every value can be used.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: &str, found: f64, expected: &str| {
            Err(Error::config(what, found.to_string(), expected))
        };
        let rate = |what: &str, value: f64| match (0.0..=1.0).contains(&value) {
            true => Ok(()),
            false => wrong(what, value, "from 0 to 1"),
        };
        if self.resamples < 20 {
            return wrong("resamples", self.resamples as f64, "at least 20");
        }
        if !(self.level > 0.0 && self.level < 1.0) {
            return wrong("level", self.level, "above 0 and below 1");
        }
        rate("MDR", self.at_mdr)?;
        for &value in &self.wanted_fpr {
            rate("wanted FPR", value)?;
        }
        for &value in &self.wanted_mdr {
            rate("wanted MDR", value)?;
        }
        for &value in &self.bogus_per_real {
            if !(value > 0.0 && value.is_finite()) {
                return wrong("bogus per real", value, "above 0");
            }
        }
        Ok(())
    }
}

impl Labelled<'_> {
    /// An error unless there are candidates, labels are 0 or 1, columns are whole and their
    /// names differ, and `by` names columns.
    pub(super) fn check(&self, by: &[String]) -> Result<()> {
        if self.labels.is_empty() {
            return Err(Error::config(
                "candidates",
                "none",
                "at least one with a label",
            ));
        }
        if let Some(row) = self.labels.iter().position(|&label| label > 1) {
            let what = format!("label of candidate {}", row + 1);
            let found = self.labels[row].to_string();
            return Err(Error::config(what, found, "1 for real or 0 for bogus"));
        }
        for (i, column) in self.columns.iter().enumerate() {
            let what = || format!("column {}", column.name);
            if column.values.len() != self.labels.len() {
                let found = format!("{} values", column.values.len());
                let expected = format!("{}, one for each candidate", self.labels.len());
                return Err(Error::config(what(), found, expected));
            }
            if column.role != Role::Other && matches!(column.values, Values::Words(_)) {
                return Err(Error::config(what(), "words", "numbers, in magnitudes"));
            }
            if self.columns[..i].iter().any(|c| c.name == column.name) {
                return Err(Error::config(what(), "two of that name", "one"));
            }
        }
        for name in by {
            if !self.columns.iter().any(|c| c.name == *name) {
                let names: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
                let expected = match names.is_empty() {
                    true => "a column of the data, which have none".to_string(),
                    false => format!("one of {}", names.join(", ")),
                };
                return Err(Error::config("column to break down by", name, expected));
            }
        }
        Ok(())
    }
}

impl Subject<'_> {
    /// An error unless there is a score from 0 to 1 for each of `candidates`.
    pub(super) fn check(&self, candidates: usize) -> Result<()> {
        let name = &self.name;
        if self.scores.len() != candidates {
            let found = format!("{} scores", self.scores.len());
            let expected = format!("{candidates}, one for each candidate");
            return Err(Error::config(format!("scores of {name}"), found, expected));
        }
        let fits = |score: &f64| (0.0..=1.0).contains(score);
        if let Some(row) = self.scores.iter().position(|score| !fits(score)) {
            let what = format!("score of candidate {} by {name}", row + 1);
            let found = self.scores[row].to_string();
            return Err(Error::config(what, found, "P(real), from 0 to 1"));
        }
        if !fits(&self.threshold) {
            let what = format!("threshold of {name}");
            return Err(Error::config(
                what,
                self.threshold.to_string(),
                "from 0 to 1",
            ));
        }
        Ok(())
    }
}
