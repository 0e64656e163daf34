//! From labels and scores to suspects by every rule that there is evidence for.

use serde::Serialize;

use crate::judge::confident::{self, Confident, Expected};
use crate::judge::suspicion::{self, Ranking, Rule, by_agreement, by_category, by_confidence};
use crate::{Error, Result};

/// A network's scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// What it is called; no two alike.
    pub name: String,
    /// P(real) of each candidate.
    pub scores: Vec<f64>,
    /// Candidates that its weights were fitted to, where known: of these its scores say less.
    pub in_sample: Option<usize>,
}

/// What suspicion is founded on.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// 1 real, 0 bogus.
    pub labels: &'a [u8],
    /// Networks that were given, the one of rule [`Rule::Category`] first.
    pub models: &'a [Network],
    /// Networks by cross-validation: each score is of one that was not fitted to the candidate.
    pub folds: &'a [Network],
}

/// How the number of wrong labels is found.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Of the bootstrap.
    pub resamples: usize,
    /// Of the bootstrap.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            resamples: 200,
            seed: 1,
        }
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Suspects {
    /// By every rule that there is evidence for, in the order of [`Rule::ALL`].
    pub rankings: Vec<Ranking>,
    /// The scores that rules `folds` and `confident` look at: the mean of the networks by
    /// cross-validation, and without these of the models.
    pub scores: Vec<f64>,
    /// How many labels are expected to be wrong, by confident learning on these scores.
    pub expected: Expected,
    /// What confident learning counted.
    pub confident: Confident,
    /// Part of the labels that these scores agree with, from 0.5 on real. Where it is far from 1
    /// the networks' own mistakes are most of what is suspected.
    pub agreeing: f64,
}

/// What a ranking found, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Named {
    /// The rule.
    pub rule: Rule,
    /// Candidates that it names.
    pub listed: usize,
    /// Of these, labelled bogus.
    pub labelled_bogus: usize,
    /// Of these, labelled real.
    pub labelled_real: usize,
}

impl Evidence<'_> {
    /// All networks, the models first.
    pub fn networks(&self) -> impl Iterator<Item = &Network> {
        self.models.iter().chain(self.folds)
    }

    fn of_each(networks: &[Network]) -> Vec<&[f64]> {
        networks.iter().map(|n| n.scores.as_slice()).collect()
    }
}

/// Ranks the candidates by every rule that there is evidence for: `category` needs a model,
/// `folds` networks by cross-validation, `agreement` two networks, `confident` one of any kind.
pub fn suspects(evidence: &Evidence, options: &Options) -> Result<Suspects> {
    let labels = evidence.labels;
    let held_out = match evidence.folds {
        [] => evidence.models,
        folds => folds,
    };
    if held_out.is_empty() {
        return Err(Error::config(
            "suspects",
            "no scores",
            "at least one network",
        ));
    }
    for network in evidence.networks() {
        if network.scores.len() != labels.len() {
            let found = format!("{} scores of {}", network.scores.len(), network.name);
            let expected = format!("{}, one for each label", labels.len());
            return Err(Error::config("suspects", found, expected));
        }
    }
    let scores = suspicion::mean(&Evidence::of_each(held_out));
    let agree = labels.iter().zip(&scores);
    let agree = agree.filter(|(label, score)| (**label == 1) == (**score >= 0.5));
    let agreeing = agree.count() as f64 / labels.len() as f64;
    let mut rankings = Vec::with_capacity(Rule::ALL.len());
    if let Some(first) = evidence.models.first() {
        rankings.push(by_category(Rule::Category, labels, &first.scores)?);
    }
    if !evidence.folds.is_empty() {
        rankings.push(by_category(Rule::Folds, labels, &scores)?);
    }
    let all: Vec<&[f64]> = evidence.networks().map(|n| n.scores.as_slice()).collect();
    if all.len() > 1 {
        rankings.push(by_agreement(labels, &all)?);
    }
    rankings.push(by_confidence(labels, &scores)?);
    Ok(Suspects {
        rankings,
        expected: confident::expected(labels, &scores, options.resamples, options.seed)?,
        confident: confident::confident(labels, &scores)?,
        agreeing,
        scores,
    })
}

impl Suspects {
    /// The ranking by `rule`; an error if there is no evidence for it.
    pub fn by(&self, rule: Rule) -> Result<&Ranking> {
        let of = self.rankings.iter().find(|ranking| ranking.rule == rule);
        of.ok_or_else(|| without(rule))
    }

    /// How many candidates each rule names.
    pub fn named(&self, labels: &[u8]) -> Vec<Named> {
        let of = |ranking: &Ranking| {
            let real = ranking.suspects().iter().filter(|&&row| labels[row] == 1);
            let labelled_real = real.count();
            Named {
                rule: ranking.rule,
                listed: ranking.listed,
                labelled_bogus: ranking.listed - labelled_real,
                labelled_real,
            }
        };
        self.rankings.iter().map(of).collect()
    }
}

/// The error that there is no evidence for `rule`.
fn without(rule: Rule) -> Error {
    let expected = match rule {
        Rule::Category => "a model or scores (--model) for it",
        Rule::Folds => "cross-validation (--folds 5) for it",
        Rule::Agreement => "two networks or more (several --model or --network) for it",
        Rule::Confident => "scores for it",
    };
    Error::config("--rule", format!("'{rule}'"), expected)
}

/// Whether so many given models and so many networks by cross-validation are evidence for
/// `rule`: better known before these are trained.
pub fn check_rule(rule: Rule, models: usize, folds: usize) -> Result<()> {
    let enough = match rule {
        Rule::Category => models > 0,
        Rule::Folds => folds > 0,
        Rule::Agreement => models + folds > 1,
        Rule::Confident => models + folds > 0,
    };
    match enough {
        true => Ok(()),
        false => Err(without(rule)),
    }
}
