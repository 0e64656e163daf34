//! Rules that rank candidates by how likely their label is wrong.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::categories::category;
use super::confident::{by_falling, check, confident, doubt};
use crate::{Error, Result};

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// DES' categories 1 and 6 of one model (Ayyar et al. 2022, Sect. 4.3), whatever it was
    /// trained on.
    Category,
    /// The same categories by scores of networks that were not fitted to the candidate: k-fold
    /// cross-validation.
    Folds,
    /// How many of several networks put it into category 1 or 6 (Table 3 there).
    Agreement,
    /// Confident learning.
    Confident,
}

impl Rule {
    /// All of them.
    pub const ALL: [Rule; 4] = [
        Rule::Category,
        Rule::Folds,
        Rule::Agreement,
        Rule::Confident,
    ];

    /// As the command line and tables have it.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Category => "category",
            Rule::Folds => "folds",
            Rule::Agreement => "agreement",
            Rule::Confident => "confident",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Rule> {
        let of = Rule::ALL.into_iter().find(|rule| rule.name() == text);
        of.ok_or_else(|| {
            let expected = "category, folds, agreement or confident";
            Error::config("--rule", format!("'{text}'"), expected)
        })
    }
}

/// All candidates in a rule's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// The rule.
    pub rule: Rule,
    /// For each candidate how likely its label is wrong, from 0 to 1. It orders; it is no
    /// probability.
    pub suspicion: Vec<f64>,
    /// Rows, the most suspicious first.
    pub order: Vec<usize>,
    /// The rule itself names the first so many.
    pub listed: usize,
}

impl Ranking {
    fn new(rule: Rule, suspicion: Vec<f64>, is_listed: impl Fn(usize) -> bool) -> Ranking {
        let mut order = by_falling(&suspicion);
        // Stable: each half keeps its order.
        order.sort_by_key(|&row| !is_listed(row));
        let listed = order.partition_point(|&row| is_listed(row));
        Ranking {
            rule,
            suspicion,
            order,
            listed,
        }
    }

    /// The rows that the rule names, the most suspicious first.
    pub fn suspects(&self) -> &[usize] {
        &self.order[..self.listed]
    }

    /// Each candidate's place in the order, from 1.
    pub fn ranks(&self) -> Vec<usize> {
        let mut ranks = vec![0; self.order.len()];
        for (place, &row) in self.order.iter().enumerate() {
            ranks[row] = place + 1;
        }
        ranks
    }
}

/// Whether a network contradicts the label surely: category 1 or 6.
pub fn is_extreme(label: u8, score: f64) -> bool {
    matches!(category(label, score), 1 | 6)
}

fn doubts(labels: &[u8], scores: &[f64]) -> Vec<f64> {
    let both = labels.iter().zip(scores);
    both.map(|(&label, &score)| doubt(label, score)).collect()
}

/// Categories 1 and 6: labelled bogus (0) with P(real) of at least 0.9, labelled real (1) with
/// at most 0.1; the surest first. `rule` says whose scores they are:
/// [`Rule::Category`] or [`Rule::Folds`].
pub fn by_category(rule: Rule, labels: &[u8], scores: &[f64]) -> Result<Ranking> {
    check(labels, scores)?;
    let listed = |row: usize| is_extreme(labels[row], scores[row]);
    Ok(Ranking::new(rule, doubts(labels, scores), listed))
}

/// By how many of `networks`, each with P(real) of every candidate, put it into category 1 or
/// 6, and among equals by their mean; more than half of them, and two at least, name a suspect.
pub fn by_agreement(labels: &[u8], networks: &[&[f64]]) -> Result<Ranking> {
    if networks.len() < 2 {
        let found = format!("{} networks", networks.len());
        return Err(Error::config("agreement", found, "two or more"));
    }
    let votes = agreeing(labels, networks)?;
    let doubts = doubts(labels, &mean(networks));
    let most = (networks.len() + 1) as f64;
    // Votes decide, the mean (at most 1) between equals: an order in one number.
    let suspicion = votes.iter().zip(&doubts);
    let suspicion = suspicion.map(|(&votes, doubt)| (f64::from(votes) + doubt) / most);
    let enough = |row: usize| votes[row] >= 2 && 2 * votes[row] as usize > networks.len();
    Ok(Ranking::new(Rule::Agreement, suspicion.collect(), enough))
}

/// For each candidate how many of `networks` put it into category 1 or 6.
pub fn agreeing(labels: &[u8], networks: &[&[f64]]) -> Result<Vec<u32>> {
    let mut votes = vec![0; labels.len()];
    for scores in networks {
        check(labels, scores)?;
        for ((vote, &label), &score) in votes.iter_mut().zip(labels).zip(*scores) {
            *vote += u32::from(is_extreme(label, score));
        }
    }
    Ok(votes)
}

/// The mean of several networks' scores; they are equally many. Of none, nothing.
pub fn mean(networks: &[&[f64]]) -> Vec<f64> {
    let rows = networks.first().map_or(0, |scores| scores.len());
    let sum = |row: usize| networks.iter().map(|scores| scores[row]).sum::<f64>();
    (0..rows)
        .map(|row| sum(row) / networks.len() as f64)
        .collect()
}

/// Confident learning: the issues that [`confident`] prunes by noise rate, and behind them the
/// rest, each by self-confidence.
pub fn by_confidence(labels: &[u8], scores: &[f64]) -> Result<Ranking> {
    let counted = confident(labels, scores)?;
    let mut listed = vec![false; labels.len()];
    for row in counted.issues(labels, scores) {
        listed[row] = true;
    }
    let doubts = doubts(labels, scores);
    Ok(Ranking::new(Rule::Confident, doubts, |row| listed[row]))
}
