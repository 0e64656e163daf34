//! Classifiers beside each other on the same candidates.

use crate::Result;
use crate::judge::evaluation::{Judged, Metric, Training};
use crate::judge::{self, Evaluation, Labelled, Options, Subject};
use crate::reproduce::words;

/// What is compared.
#[derive(Clone, Debug)]
pub struct Classified {
    /// "CNN 1".
    pub name: String,
    /// P(real) of every candidate of the sample.
    pub scores: Vec<f64>,
    /// Real from here on.
    pub threshold: f64,
    /// Of a network.
    pub training: Option<Training>,
}

/// Judges `all` on the rows `rows`, whose labels are those of `labels` (one for each candidate
/// of the sample).
pub fn compare(
    all: &[Classified],
    labels: &[u8],
    rows: &[usize],
    options: &Options,
) -> Result<Evaluation> {
    let picked: Vec<u8> = rows.iter().map(|&row| labels[row]).collect();
    let scores: Vec<Vec<f64>> = all
        .iter()
        .map(|one| rows.iter().map(|&row| one.scores[row]).collect())
        .collect();
    let subjects: Vec<Subject> = all
        .iter()
        .zip(&scores)
        .map(|(one, scores)| Subject {
            name: one.name.clone(),
            scores,
            threshold: one.threshold,
            threshold_from: format!("{}", one.threshold),
            training: one.training.clone(),
        })
        .collect();
    let data = Labelled {
        labels: &picked,
        columns: Vec::new(),
    };
    judge::evaluate(&data, &subjects, options, &|_, _| {})
}

/// A metric by its name, NaN where there is none.
pub fn metric(judged: &Judged, name: &str) -> Metric {
    words::metric(judged, name).cloned().unwrap_or(Metric {
        name: "none",
        value: f64::NAN,
        low: f64::NAN,
        high: f64::NAN,
        method: String::new(),
    })
}

/// Per cent of candidates in categories 1 to 6.
pub fn shares(judged: &Judged) -> [f64; 6] {
    let all: u64 = judged.categories.iter().sum();
    judged
        .categories
        .map(|n| 100.0 * n as f64 / all.max(1) as f64)
}
