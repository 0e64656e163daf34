//! The numbers of an evaluation as CSV: one table for each kind of thing.

use std::path::Path;

use super::gather::Gathered;
use crate::Result;
use crate::data::results::create;
use crate::judge::evaluation::{Histogram, Point};
use crate::judge::{Confusion, Evaluation};

/// The tables: what each is called and what it holds.
pub const TABLES: [(&str, &str); 11] = [
    ("metrics.csv", "every metric with its interval"),
    (
        "thresholds.csv",
        "the threshold that each rule would choose",
    ),
    (
        "curves.csv",
        "decisions over all thresholds: ROC, MDR, precision, cleanliness",
    ),
    ("scan.csv", "the same at 0, 0.01, … 1"),
    ("histograms.csv", "scores by class"),
    ("distributions.csv", "magnitudes and other columns by class"),
    (
        "bins.csv",
        "AUC, average precision and rates by magnitude and other columns",
    ),
    (
        "completeness.csv",
        "part of the real ones that is called real, by magnitude",
    ),
    ("reliability.csv", "share of real ones by score"),
    ("categories.csv", "DES Tables 2 and 3"),
    ("scores.csv", "every candidate with its label and scores"),
];

/// Cells of a row.
type Row = Vec<String>;

/// Writes every table into the folder `dir`.
pub fn write(dir: &Path, evaluation: &Evaluation, gathered: &Gathered) -> Result<()> {
    for (name, _) in TABLES {
        let path = dir.join(name);
        if name == "scores.csv" {
            scores(&path, gathered)?;
            continue;
        }
        let (head, rows) = rows_of(name, evaluation);
        create(&path, |out| {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(&head)?;
            rows.iter().try_for_each(|row| csv.write_record(row))?;
            csv.flush()
        })?;
    }
    Ok(())
}

fn rows_of(name: &str, evaluation: &Evaluation) -> (Row, Vec<Row>) {
    match name {
        "metrics.csv" => metrics(evaluation),
        "thresholds.csv" => thresholds(evaluation),
        "curves.csv" => points(evaluation, |c| &c.curve),
        "scan.csv" => points(evaluation, |c| &c.scan),
        "histograms.csv" => histograms(evaluation),
        "distributions.csv" => distributions(evaluation),
        "bins.csv" => bins(evaluation),
        "completeness.csv" => completeness(evaluation),
        "reliability.csv" => reliability(evaluation),
        "categories.csv" => categories(evaluation),
        other => unreachable!("{other} is no table"),
    }
}

fn head(names: &str) -> Row {
    names.split(',').map(String::from).collect()
}

/// A number that can be read back to the same bits; nothing for NaN.
fn number(value: f64) -> String {
    match value {
        v if v.is_nan() => String::new(),
        v if v == f64::INFINITY => "inf".into(),
        v => v.to_string(),
    }
}

const COUNTS: &str = "tn,fp,fn,tp,accuracy,precision,tpr,fpr,mdr,f1,mcc";

fn counts(c: &Confusion) -> impl Iterator<Item = String> {
    let counts = [c.tn, c.fp, c.fn_, c.tp].map(|n| n.to_string());
    let [tpr, fpr, mdr, precision, f1, mcc] = c.meant();
    let rates = [c.accuracy(), precision, tpr, fpr, mdr, f1, mcc];
    counts.into_iter().chain(rates.map(number))
}

fn metrics(evaluation: &Evaluation) -> (Row, Vec<Row>) {
    let of = |c: &crate::judge::evaluation::Judged| {
        let name = c.name.clone();
        let row = move |m: &crate::judge::evaluation::Metric| {
            let [value, low, high] = [m.value, m.low, m.high].map(number);
            vec![
                name.clone(),
                m.name.into(),
                value,
                low,
                high,
                m.method.clone(),
            ]
        };
        c.metrics.iter().map(row).collect::<Vec<_>>()
    };
    let rows = evaluation.classifiers.iter().flat_map(of).collect();
    (head("classifier,metric,value,low,high,interval"), rows)
}

fn thresholds(evaluation: &Evaluation) -> (Row, Vec<Row>) {
    let mut rows = Vec::new();
    for c in &evaluation.classifiers {
        let mut row = vec![c.name.clone(), format!("used: {}", c.threshold_from)];
        row.extend([number(c.threshold), String::new()]);
        row.extend(counts(&c.confusion));
        rows.push(row);
        for chosen in &c.thresholds {
            let mut row = vec![c.name.clone(), chosen.rule.clone()];
            row.extend([number(chosen.threshold), number(chosen.value)]);
            row.extend(counts(&chosen.confusion));
            rows.push(row);
        }
    }
    (
        head(&format!("classifier,rule,threshold,value,{COUNTS}")),
        rows,
    )
}

fn points(
    evaluation: &Evaluation,
    of: fn(&crate::judge::evaluation::Judged) -> &Vec<Point>,
) -> (Row, Vec<Row>) {
    let mut rows = Vec::new();
    for c in &evaluation.classifiers {
        for point in of(c) {
            let mut row = vec![c.name.clone(), number(point.threshold)];
            row.extend(counts(&point.confusion));
            rows.push(row);
        }
    }
    (head(&format!("classifier,threshold,{COUNTS}")), rows)
}

/// One row a bin: its ends and its counts.
fn histogram<'a>(h: &'a Histogram) -> impl Iterator<Item = [String; 4]> + 'a {
    h.edges
        .windows(2)
        .zip(h.real.iter().zip(&h.bogus))
        .map(|(ends, (real, bogus))| {
            let [low, high] = [ends[0], ends[1]].map(number);
            [low, high, real.to_string(), bogus.to_string()]
        })
}

fn histograms(evaluation: &Evaluation) -> (Row, Vec<Row>) {
    let of = |c: &crate::judge::evaluation::Judged| {
        let row = |bin: [String; 4]| [vec![c.name.clone()], bin.to_vec()].concat();
        histogram(&c.histogram).map(row).collect::<Vec<_>>()
    };
    let rows = evaluation.classifiers.iter().flat_map(of).collect();
    (head("classifier,low,high,real,bogus"), rows)
}

fn distributions(evaluation: &Evaluation) -> (Row, Vec<Row>) {
    let of = |d: &crate::judge::evaluation::Distribution| {
        let row =
            |bin: [String; 4]| [vec![d.column.clone(), d.unit.clone()], bin.to_vec()].concat();
        histogram(&d.histogram).map(row).collect::<Vec<_>>()
    };
    let rows = evaluation.distributions.iter().flat_map(of).collect();
    (head("column,unit,low,high,real,bogus"), rows)
}

fn bins(evaluation: &Evaluation) -> (Row, Vec<Row>) {
    let mut rows = Vec::new();
    for c in &evaluation.classifiers {
        for (breakdown, bin) in c
            .breakdowns
            .iter()
            .flat_map(|b| b.bins.iter().map(move |bin| (b, bin)))
        {
            let mut row = vec![
                c.name.clone(),
                breakdown.column.clone(),
                breakdown.unit.clone(),
                bin.label.clone(),
                number(bin.low),
                number(bin.high),
                bin.real.to_string(),
                bin.bogus.to_string(),
            ];
            for metric in [&bin.auc, &bin.average_precision] {
                row.extend([metric.value, metric.low, metric.high].map(number));
                row.push(metric.method.clone());
            }
            row.extend(counts(&bin.confusion));
            rows.push(row);
        }
    }
    let names = format!(
        "classifier,column,unit,bin,low,high,real,bogus,auc,auc_low,auc_high,auc_interval,\
         average_precision,average_precision_low,average_precision_high,\
         average_precision_interval,{COUNTS}"
    );
    (head(&names), rows)
}

fn completeness(evaluation: &Evaluation) -> (Row, Vec<Row>) {
    let mut rows = Vec::new();
    for c in &evaluation.classifiers {
        for bin in c.completeness.iter().flat_map(|all| &all.bins) {
            let mut row = vec![c.name.clone()];
            row.extend([bin.low, bin.high].map(number));
            row.extend([bin.real, bin.found].map(|n| n.to_string()));
            row.extend([bin.value, bin.value_low, bin.value_high].map(number));
            rows.push(row);
        }
    }
    let names = "classifier,low,high,real,found,completeness,completeness_low,completeness_high";
    (head(names), rows)
}

fn reliability(evaluation: &Evaluation) -> (Row, Vec<Row>) {
    let mut rows = Vec::new();
    for c in &evaluation.classifiers {
        for bin in &c.reliability.bins {
            let mut row = vec![c.name.clone()];
            row.extend([bin.low, bin.high].map(number));
            row.extend([bin.candidates, bin.real].map(|n| n.to_string()));
            let shares = [bin.mean_score, bin.share, bin.share_low, bin.share_high];
            row.extend(shares.map(number));
            rows.push(row);
        }
    }
    let names = "classifier,low,high,candidates,real,mean_score,share,share_low,share_high";
    (head(names), rows)
}

/// Table 2 as rows whose last cells are empty, Table 3 with whose category it is of.
fn categories(evaluation: &Evaluation) -> (Row, Vec<Row>) {
    let mut rows = Vec::new();
    for c in &evaluation.classifiers {
        for (category, count) in (1..).zip(&c.categories) {
            let (category, count) = (format!("{category}"), count.to_string());
            let [all, nobody] = ["", ""].map(String::from);
            rows.push(vec![c.name.clone(), category, count, all, nobody]);
        }
    }
    for agreement in &evaluation.agreements {
        let first = if agreement.category == 1 { 1 } else { 4 };
        for (other, counts) in &agreement.others {
            for (category, count) in (first..).zip(counts) {
                let (of, among) = (agreement.category.to_string(), agreement.of.clone());
                rows.push(vec![
                    other.clone(),
                    format!("{category}"),
                    count.to_string(),
                    of,
                    among,
                ]);
            }
        }
    }
    let names = "classifier,category,candidates,among_those_of_category,of_classifier";
    (head(names), rows)
}

fn scores(path: &Path, gathered: &Gathered) -> Result<()> {
    create(path, |out| {
        let mut csv = csv::Writer::from_writer(out);
        let names = gathered.classifiers.iter().map(|c| c.name.as_str());
        csv.write_record(["id", "label"].into_iter().chain(names))?;
        let mut text = String::new();
        for (row, (id, label)) in gathered.ids.iter().zip(&gathered.labels).enumerate() {
            csv.write_field(id)?;
            csv.write_field(if *label == 1 { "1" } else { "0" })?;
            for classifier in &gathered.classifiers {
                use std::fmt::Write;
                text.clear();
                // Scores come from f32, whose shortest digits say all there is.
                let score = classifier.scores[row];
                let written = match score as f32 {
                    short if f64::from(short) == score => write!(text, "{short}"),
                    _ => write!(text, "{score}"),
                };
                written.map_err(std::io::Error::other)?;
                csv.write_field(&text)?;
            }
            csv.write_record(None::<&[u8]>)?;
        }
        csv.flush()
    })
}
