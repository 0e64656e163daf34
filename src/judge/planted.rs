//! How well a rule finds labels that are known to be wrong.

use serde::Serialize;

use super::suspicion::{Ranking, Rule};
use crate::{Error, Result};

/// What a ranking found of labels that are known to be wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recovered {
    /// The rule.
    pub rule: Rule,
    /// Labels that are wrong.
    pub wrong: usize,
    /// Candidates that the rule names.
    pub listed: usize,
    /// How many of these have a wrong label.
    pub found: usize,
    /// found / listed; NaN where it names none.
    pub precision: f64,
    /// found / wrong; NaN where none is wrong.
    pub recall: f64,
    /// How many wrong ones are among the first 1, 2, 3, … of all candidates.
    #[serde(skip)]
    pub among_first: Vec<usize>,
}

impl Recovered {
    /// How many wrong ones are among the first `n`.
    pub fn among(&self, n: usize) -> usize {
        let last = n.min(self.among_first.len()).checked_sub(1);
        last.map_or(0, |last| self.among_first[last])
    }
}

/// Compares a ranking with the truth: `is_wrong` says of each candidate whether its label is
/// wrong.
pub fn recovered(ranking: &Ranking, is_wrong: &[bool]) -> Result<Recovered> {
    if is_wrong.len() != ranking.order.len() {
        let problem = "truth and ranking are not of the same candidates";
        let shapes: [&[usize]; 2] = [&[is_wrong.len()], &[ranking.order.len()]];
        return Err(Error::shape("recovered", problem, &shapes));
    }
    let mut so_far = 0;
    let among_first: Vec<usize> = ranking
        .order
        .iter()
        .map(|&row| {
            so_far += usize::from(is_wrong[row]);
            so_far
        })
        .collect();
    let found = ranking.suspects().iter().filter(|&&row| is_wrong[row]);
    let found = found.count();
    Ok(Recovered {
        rule: ranking.rule,
        wrong: so_far,
        listed: ranking.listed,
        found,
        precision: found as f64 / ranking.listed as f64,
        recall: found as f64 / so_far as f64,
        among_first,
    })
}
