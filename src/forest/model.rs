//! A forest that is trained.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::settings::Settings;
use super::table::FeatureTable;
use super::tree::Tree;
use crate::Result;
use crate::judge::{Cut, Scored};

/// Rows that one thread scores at a time, tree by tree: a tree is then in the cache for all of
/// them.
const AT_ONCE: usize = 256;

/// Trees, and all that scoring needs besides.
#[derive(Clone, Debug, PartialEq)]
pub struct Forest {
    pub(super) names: Vec<String>,
    pub(super) medians: Vec<f32>,
    pub(super) importances: Vec<f64>,
    pub(super) threshold: f64,
    pub(super) provenance: Provenance,
    pub(super) trees: Vec<Tree>,
}

/// Where a forest is from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Of rbgpu.
    pub version: String,
    /// What it was trained on.
    pub data: String,
    /// [`FeatureTable::fingerprint`] of that.
    pub fingerprint: String,
    /// How.
    pub settings: Settings,
    /// (real, bogus) that trees were grown on.
    pub trained: [usize; 2],
    /// Rows of the training part that were dropped because a value was missing.
    pub dropped: usize,
    /// Labelled rows for training, validation, test.
    pub parts: [usize; 3],
    /// By trees that did not see a row, at threshold 0.5.
    pub out_of_bag: Option<Measured>,
    /// Of the validation and the test part, at the forest's threshold.
    pub metrics: BTreeMap<String, Measured>,
}

/// How good scores are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// How many.
    pub candidates: usize,
    /// How many of them are real.
    pub real: usize,
    /// Real from this P(real) on.
    pub threshold: f64,
    /// At the threshold.
    pub accuracy: f64,
    /// At the threshold.
    pub f1: f64,
    /// At the threshold.
    pub mcc: f64,
    /// At the threshold.
    pub fpr: f64,
    /// At the threshold.
    pub mdr: f64,
    /// Area under the ROC; `None` of one class.
    pub auc: Option<f64>,
    /// False positive rate at a missed detection rate of 0.05; `None` of one class.
    pub fpr_at_mdr: Option<f64>,
}

impl Measured {
    /// Of labels (1 real) and P(real).
    pub fn of(labels: &[u8], scores: &[f64], threshold: f64) -> Result<Measured> {
        let scored = Scored::new(labels, scores)?;
        let at = scored.confusion(threshold, Cut::AtLeast);
        Ok(Measured {
            candidates: scored.len(),
            real: scored.positives() as usize,
            threshold,
            accuracy: at.accuracy(),
            f1: at.f1(),
            mcc: at.mcc(),
            fpr: at.fpr(),
            mdr: at.mdr(),
            auc: scored.auc(),
            fpr_at_mdr: scored.fpr_at_mdr(0.05).map(|at| at.linear),
        })
    }
}

/// Scores of the rows of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// P(real) of each row.
    pub scores: Vec<f64>,
    /// Rows in which at least one value was missing and became the training median.
    pub filled: usize,
}

impl Forest {
    /// The features, in the order that its trees number them.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What stands in for a missing value of each feature.
    pub fn medians(&self) -> &[f32] {
        &self.medians
    }

    /// How much each feature does: mean decrease in impurity, of sum 1.
    pub fn importances(&self) -> &[f64] {
        &self.importances
    }

    /// The features with their importances, the most important first.
    pub fn ranked(&self) -> Vec<(&str, f64)> {
        let names = self.names.iter().map(String::as_str);
        let mut all: Vec<(&str, f64)> = names.zip(self.importances.iter().copied()).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all
    }

    /// A candidate is real from this P(real) on.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Where it is from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// How many trees, and nodes in all of them.
    pub fn size(&self) -> (usize, usize) {
        let nodes = self.trees.iter().map(|tree| tree.nodes().len()).sum();
        (self.trees.len(), nodes)
    }

    /// P(real) of every row of `table`, which has to have the forest's features, among others
    /// and in any order.
    pub fn score(&self, table: &FeatureTable) -> Result<Scores> {
        let rows: Vec<usize> = (0..table.len()).collect();
        self.score_rows(table, &rows)
    }

    /// As [`score`](Self::score), of the rows `rows`.
    pub fn score_rows(&self, table: &FeatureTable, rows: &[usize]) -> Result<Scores> {
        let places = table.places(&self.names)?;
        let width = places.len();
        let chunk = |rows: &[usize]| {
            let mut values = Vec::with_capacity(rows.len() * width);
            let mut filled = 0;
            for &row in rows {
                let own = table.row(row);
                let mut whole = true;
                for (&place, &median) in places.iter().zip(&self.medians) {
                    let value = own[place];
                    whole &= value.is_finite();
                    values.push(if value.is_finite() { value } else { median });
                }
                filled += usize::from(!whole);
            }
            let mut sums = vec![0.0; rows.len()];
            for tree in &self.trees {
                for (sum, row) in sums.iter_mut().zip(values.chunks_exact(width)) {
                    *sum += tree.p(row);
                }
            }
            let count = self.trees.len() as f64;
            sums.iter_mut().for_each(|sum| *sum /= count);
            (sums, filled)
        };
        let parts: Vec<(Vec<f64>, usize)> = rows.par_chunks(AT_ONCE).map(chunk).collect();
        Ok(Scores {
            filled: parts.iter().map(|part| part.1).sum(),
            scores: parts.into_iter().flat_map(|part| part.0).collect(),
        })
    }

    /// The same forest with another threshold.
    pub fn with_threshold(mut self, threshold: f64) -> Result<Forest> {
        if !(0.0..=1.0).contains(&threshold) {
            let found = threshold.to_string();
            return Err(crate::Error::config("--threshold", found, "0 to 1"));
        }
        self.threshold = threshold;
        Ok(self)
    }
}
