//! Suspects as files.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::{Evidence, Suspects};
use crate::Result;
use crate::data::labels::{mark_text, pixels_mark};
use crate::data::{Dataset, atomic_write};
use crate::judge::category;
use crate::judge::suspicion::{Rule, agreeing};

/// Which suspects are written, and in whose order.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// The rule that orders them.
    pub rule: Rule,
    /// The first so many; as many as the rule names unless given.
    pub top: Option<usize>,
}

impl Shown {
    /// Rows of the data, the most suspicious first.
    pub fn rows<'a>(&self, suspects: &'a Suspects) -> Result<&'a [usize]> {
        let ranking = suspects.by(self.rule)?;
        let count = self.top.unwrap_or(ranking.listed);
        Ok(&ranking.order[..count.min(ranking.order.len())])
    }

    /// P(real) as the rule looks at it: of its own network, or the mean.
    pub fn scores<'a>(&self, evidence: &Evidence<'a>, suspects: &'a Suspects) -> &'a [f64] {
        match (self.rule, evidence.models) {
            (Rule::Category, [first, ..]) => &first.scores,
            _ => &suspects.scores,
        }
    }
}

/// Writes suspects.csv: rank, id, label, score, category, rule, suspicion, pixels, and besides
/// these which rules name the candidate, its place and suspicion by each, how many networks
/// put it into category 1 or 6, and what each of them says. `evidence` is of all of `data`,
/// row by row, or of its rows `places`.
pub fn write_csv(
    path: &Path,
    (data, places): (&Dataset, Option<&[usize]>),
    evidence: &Evidence,
    suspects: &Suspects,
    shown: &Shown,
) -> Result<()> {
    let ranking = suspects.by(shown.rule)?;
    let labels = evidence.labels;
    let scores: Vec<&[f64]> = evidence.networks().map(|n| n.scores.as_slice()).collect();
    let votes = agreeing(labels, &scores)?;
    let scores = shown.scores(evidence, suspects);
    let ranks: Vec<Vec<usize>> = suspects.rankings.iter().map(|r| r.ranks()).collect();
    let rows = shown.rows(suspects)?;
    let place = |row: usize| places.map_or(row, |places| places[row]);
    let mut values = vec![0.0; data.shape.len()];
    let mut marks = Vec::with_capacity(rows.len());
    for &row in rows {
        data.pixels.read(place(row), &mut values)?;
        marks.push(pixels_mark(&values));
    }
    let mut head: Vec<String> = [
        "rank",
        "id",
        "label",
        "score",
        "category",
        "rule",
        "suspicion",
        "pixels",
        "named_by",
        "networks",
    ]
    .map(String::from)
    .to_vec();
    for ranking in &suspects.rankings {
        head.push(format!("rank_{}", ranking.rule));
        head.push(format!("suspicion_{}", ranking.rule));
    }
    let names = evidence.networks().map(|n| format!("score_{}", n.name));
    head.extend(names);
    atomic_write(path, |out| {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(&head)?;
        for (rank, (&row, &mark)) in (1..).zip(rows.iter().zip(&marks)) {
            let names_it = |(_, ranks): &(_, &Vec<usize>)| ranks[row];
            let both = suspects.rankings.iter().zip(&ranks);
            let named: Vec<&str> = both
                .clone()
                .filter(|both| names_it(both) <= both.0.listed)
                .map(|both| both.0.rule.name())
                .collect();
            let mut record = vec![
                rank.to_string(),
                data.candidates[place(row)].id.clone(),
                labels[row].to_string(),
                number(scores[row]),
                category(labels[row], scores[row]).to_string(),
                shown.rule.to_string(),
                number(ranking.suspicion[row]),
                mark_text(mark),
                named.join("+"),
                votes[row].to_string(),
            ];
            for (ranking, ranks) in both {
                record.push(ranks[row].to_string());
                record.push(number(ranking.suspicion[row]));
            }
            record.extend(evidence.networks().map(|n| number(n.scores[row])));
            csv.write_record(&record)?;
        }
        csv.flush()
    })
}

/// As many digits as an f32 has.
fn number(value: f64) -> String {
    (value as f32).to_string()
}

/// What is in the table in numbers, and what there is none of in it: how many labels are
/// expected to be wrong.
pub fn write_json(
    path: &Path,
    data: &Dataset,
    evidence: &Evidence,
    suspects: &Suspects,
    shown: &Shown,
) -> Result<()> {
    let all = summary(data, evidence, suspects, shown)?;
    let text = serde_json::to_string_pretty(&all).expect("plain data");
    atomic_write(path, |out| writeln!(out, "{text}"))
}

/// As [`write_json`] writes it.
pub fn summary(
    data: &Dataset,
    evidence: &Evidence,
    suspects: &Suspects,
    shown: &Shown,
) -> Result<serde_json::Value> {
    let real = evidence.labels.iter().filter(|&&label| label == 1).count();
    let networks = |networks: &[super::Network]| {
        let of = networks
            .iter()
            .map(|network| json!({ "name": network.name, "in_sample": network.in_sample }));
        of.collect::<Vec<_>>()
    };
    Ok(json!({
        "data": data.source,
        "candidates": evidence.labels.len(),
        "real": real,
        "bogus": evidence.labels.len() - real,
        "models": networks(evidence.models),
        "folds": networks(evidence.folds),
        "expected_wrong": suspects.expected,
        "agreeing": suspects.agreeing,
        "confident": suspects.confident,
        "rules": suspects.named(evidence.labels),
        "rule": shown.rule,
        "written": shown.rows(suspects)?.len(),
    }))
}
