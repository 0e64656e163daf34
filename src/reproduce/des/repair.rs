//! Sect. 4.4: an expert looks at what model 1 contradicts surely, and labels are repaired.

use super::compare::compare;
use super::first::{First, options};
use super::run::Request;
use super::sample::Sample;
use crate::Result;
use crate::judge::Evaluation;
use crate::judge::suspicion::is_extreme;

/// What was looked at, and what became of it.
pub struct Repair {
    /// Candidates of the held-out part that the expert saw: those in categories 1 and 6 of model
    /// 1, or what a file of repaired labels decides.
    pub seen_first: Vec<usize>,
    /// Of these, given the other label.
    pub changed_first: Vec<usize>,
    /// The same networks and scores with the repaired labels of the held-out part (Fig. 7).
    pub evaluation: Evaluation,
    /// The same of all of the sample.
    pub seen: Vec<usize>,
    /// Of these, given the other label.
    pub changed: Vec<usize>,
    /// All labels after that.
    pub labels: Vec<u8>,
}

impl Repair {
    /// Candidates of `changed` that had the label `was`, the most surely contradicted first by
    /// `scores`.
    pub fn changed_from(&self, was: u8, scores: &[f64]) -> Vec<usize> {
        let mut rows: Vec<usize> = self.changed.clone();
        // A changed label is the other one now.
        rows.retain(|&row| self.labels[row] != was);
        let sure = |row: usize| match was {
            0 => scores[row],
            _ => 1.0 - scores[row],
        };
        rows.sort_by(|&a, &b| sure(b).total_cmp(&sure(a)));
        rows
    }
}

/// Shows the expert categories 1 and 6 of model 1 (or takes what somebody decided already): of the
/// held-out part, then of everything.
pub fn repair(request: &Request, sample: &Sample, first: &First, expert: &[u8]) -> Result<Repair> {
    let labels = sample.labels();
    let scores = &first.classified[0].scores;
    let suspicious = |row: &usize| match &sample.looked {
        Some(looked) => looked[*row],
        None => is_extreme(labels[*row], scores[*row]),
    };
    let wrong = |row: &usize| expert[*row] != labels[*row];
    let seen_first: Vec<usize> = first
        .split
        .test
        .iter()
        .copied()
        .filter(suspicious)
        .collect();
    let changed_first: Vec<usize> = seen_first.iter().copied().filter(wrong).collect();
    let repaired = |rows: &[usize]| {
        let mut labels = labels.to_vec();
        rows.iter().for_each(|&row| labels[row] = expert[row]);
        labels
    };
    let seen: Vec<usize> = (0..labels.len()).filter(suspicious).collect();
    let changed: Vec<usize> = seen.iter().copied().filter(wrong).collect();
    Ok(Repair {
        evaluation: compare(
            &first.classified,
            &repaired(&changed_first),
            &first.split.test,
            &options(request),
        )?,
        labels: repaired(&changed),
        seen_first,
        changed_first,
        seen,
        changed,
    })
}
