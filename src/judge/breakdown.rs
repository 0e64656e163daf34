//! A classifier within parts of the data.

use std::collections::HashMap;

use super::confusion::Cut;
use super::evaluation::{Bin, Breakdown};
use super::metrics::Scored;
use super::subject::{Column, Labelled, Options, Role, Subject, Values};
use super::{curve, intervals};
use crate::Result;

/// Parts of a column of numbers (O'TRAIN: five).
const BINS: usize = 5;
/// Words, or different numbers, that get parts of their own.
const MOST: usize = 12;
/// Points of a part's curve.
const POINTS: usize = 500;
/// Where the last bin ends: O'TRAIN's figures, in magnitudes.
const FAINTEST: f64 = 25.0;
const LARGEST_ERROR: f64 = 0.4;

/// A column cut into parts.
pub(super) struct Parts {
    column: String,
    unit: String,
    parts: Vec<Part>,
    unknown: u64,
}

struct Part {
    label: String,
    low: f64,
    high: f64,
    rows: Vec<u32>,
}

/// Cuts by magnitude, its error and the columns named in `by`; no column without a value.
///
/// Magnitudes and their errors have O'TRAIN's five bins, equal in width from the lowest usable
/// value to the highest, or to 25 and 0.4 as in O'TRAIN where at least half lie below that.
/// Other numbers have five bins of about as many candidates each, or, where there are at most
/// 12 different ones, one for each. Words have one each, in order; where there are more than
/// 12, the 12 most frequent and one for all others.
pub(super) fn parts(data: &Labelled, by: &[String]) -> Vec<Parts> {
    let rank = |column: &&Column| match column.role {
        Role::Magnitude => 0,
        Role::MagnitudeError => 1,
        Role::Other => 2 + by.iter().position(|name| *name == column.name).unwrap_or(0),
    };
    let wanted = |column: &&Column| column.role != Role::Other || by.contains(&column.name);
    let mut columns: Vec<&Column> = data.columns.iter().filter(wanted).collect();
    columns.sort_by_key(rank);
    let all = columns.into_iter().map(|column| {
        let parts = match &column.values {
            Values::Words(words) => of_words(words),
            Values::Numbers(values) => of_numbers(column, values),
        };
        let known: usize = parts.iter().map(|part| part.rows.len()).sum();
        Parts {
            column: column.name.clone(),
            unit: column.unit.clone(),
            unknown: (data.labels.len() - known) as u64,
            parts,
        }
    });
    all.filter(|parts| !parts.parts.is_empty()).collect()
}

fn of_words(words: &[String]) -> Vec<Part> {
    let mut rows: HashMap<&str, Vec<u32>> = HashMap::new();
    for (row, word) in (0..).zip(words) {
        if !word.is_empty() {
            rows.entry(word).or_default().push(row);
        }
    }
    let mut rows: Vec<(&str, Vec<u32>)> = rows.into_iter().collect();
    rows.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(b.0)));
    let rest = match rows.len() > MOST {
        true => rows.split_off(MOST),
        false => Vec::new(),
    };
    let number = |word: &str| word.parse::<f64>().unwrap_or(f64::INFINITY);
    rows.sort_by(|a, b| number(a.0).total_cmp(&number(b.0)).then(a.0.cmp(b.0)));
    let part = |label: String, rows| Part {
        label,
        low: f64::NAN,
        high: f64::NAN,
        rows,
    };
    let mut parts: Vec<Part> = rows
        .into_iter()
        .map(|(word, rows)| part(word.to_string(), rows))
        .collect();
    if !rest.is_empty() {
        let label = format!("{} others", rest.len());
        parts.push(part(
            label,
            rest.into_iter().flat_map(|(_, rows)| rows).collect(),
        ));
    }
    parts
}

fn of_numbers(column: &Column, values: &[f64]) -> Vec<Part> {
    let mut usable: Vec<f64> = values
        .iter()
        .copied()
        .filter(|&v| column.is_usable(v))
        .collect();
    usable.sort_unstable_by(f64::total_cmp);
    let (Some(&low), Some(&high)) = (usable.first(), usable.last()) else {
        return Vec::new();
    };
    let edges: Vec<f64> = match column.role {
        Role::Magnitude => equal_edges(&usable, FAINTEST),
        Role::MagnitudeError => equal_edges(&usable, LARGEST_ERROR),
        Role::Other => {
            let mut different = usable.clone();
            different.dedup();
            if different.len() <= MOST {
                return one_each(&different, values);
            }
            let quantiles = (1..BINS).map(|i| usable[i * usable.len() / BINS]);
            let mut edges: Vec<f64> = [low].into_iter().chain(quantiles).chain([high]).collect();
            edges.dedup();
            edges
        }
    };
    if edges.len() < 2 {
        return one_each(&[low], values);
    }
    let digits = digits(&edges);
    let mut parts: Vec<Part> = edges
        .windows(2)
        .map(|ends| Part {
            label: format!("{:.digits$}–{:.digits$}", ends[0], ends[1]),
            low: ends[0],
            high: ends[1],
            rows: Vec::new(),
        })
        .collect();
    for (row, &value) in (0..).zip(values) {
        if column.is_usable(value) && value >= low && value <= edges[edges.len() - 1] {
            // An inner edge belongs to the bin above.
            let bin = edges[1..edges.len() - 1].partition_point(|&edge| edge <= value);
            parts[bin].rows.push(row);
        }
    }
    parts
}

/// Of five bins equal in width. `limit` ends them where half of the values are below it.
fn equal_edges(usable: &[f64], limit: f64) -> Vec<f64> {
    let low = usable[0];
    let mut high = usable[usable.len() - 1];
    if high > limit && usable[usable.len() / 2] < limit {
        high = limit;
    }
    if high <= low {
        return vec![low];
    }
    let inner = (0..BINS).map(|i| low + (high - low) * i as f64 / BINS as f64);
    let mut edges: Vec<f64> = inner.chain([high]).collect();
    edges.dedup();
    edges
}

fn one_each(different: &[f64], values: &[f64]) -> Vec<Part> {
    let part = |&value: &f64| Part {
        label: value.to_string(),
        low: value,
        high: value,
        rows: (0..)
            .zip(values)
            .filter(|&(_, &v)| v == value)
            .map(|(row, _)| row)
            .collect(),
    };
    different.iter().map(part).collect()
}

/// Decimals that tell the edges apart: at least two figures of the narrowest bin.
fn digits(edges: &[f64]) -> usize {
    let widths = edges.windows(2).map(|ends| ends[1] - ends[0]);
    let narrowest = widths.fold(f64::INFINITY, f64::min);
    (1.0 - narrowest.log10().floor()).clamp(0.0, 9.0) as usize
}

/// A classifier within those parts.
pub(super) fn breakdowns(
    labels: &[u8],
    subject: &Subject,
    parts: &[Parts],
    options: &Options,
) -> Result<Vec<Breakdown>> {
    let all = parts.iter().map(|column| {
        let bins = column
            .parts
            .iter()
            .map(|part| bin(labels, subject, part, options));
        Ok(Breakdown {
            column: column.column.clone(),
            unit: column.unit.clone(),
            bins: bins.collect::<Result<_>>()?,
            unknown: column.unknown,
        })
    });
    all.collect()
}

fn bin(labels: &[u8], subject: &Subject, part: &Part, options: &Options) -> Result<Bin> {
    let rows = || part.rows.iter().map(|&row| row as usize);
    let own: Vec<u8> = rows().map(|row| labels[row]).collect();
    let scores: Vec<f64> = rows().map(|row| subject.scores[row]).collect();
    let sorted = Scored::new(&own, &scores)?;
    let both = sorted.positives() > 0 && sorted.negatives() > 0;
    let (auc, average_precision) = match labels.len() <= options.bootstrap_up_to {
        // Near 1 the formulae know too little of small bins.
        true if !own.is_empty() => {
            let metrics = intervals::metrics(&sorted, subject.threshold, options, &|_| ());
            let one = |name: &str| metrics.iter().find(|m| m.name == name).cloned();
            let both = one("auc").zip(one("average_precision"));
            both.expect("among the metrics")
        }
        _ => (
            intervals::auc(&sorted, options.level),
            intervals::average_precision(&sorted, options.level),
        ),
    };
    Ok(Bin {
        label: part.label.clone(),
        low: part.low,
        high: part.high,
        real: sorted.positives(),
        bogus: sorted.negatives(),
        confusion: sorted.confusion(subject.threshold, Cut::AtLeast),
        auc,
        average_precision,
        curve: match both {
            true => curve::thinned(&sorted, POINTS),
            false => Vec::new(),
        },
    })
}
