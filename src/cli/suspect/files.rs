//! The files that are written, and what is printed.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::terminal::{Terminal, table};
use super::super::typed::quoted;
use super::{Arguments, shown};
use crate::Result;
use crate::data::Dataset;
use crate::data::results::Family;
use crate::formats::model::beside;
use crate::judge::confident::Estimate;
use crate::report;
use crate::suspect::{Evidence, Network, Suspects, pictures, summary, write_csv, write_json};

/// The table and what goes beside it.
pub struct Files {
    pub table: PathBuf,
    pub json: PathBuf,
    pub scores: PathBuf,
    pub gallery: PathBuf,
    pub folds: PathBuf,
}

impl Files {
    pub fn new(table: &Path) -> Files {
        let stem = table.with_extension("");
        let beside = |end| beside(&stem, end);
        Files {
            table: table.to_path_buf(),
            json: beside("json"),
            scores: beside("scores.png"),
            gallery: beside("gallery.png"),
            folds: beside("folds"),
        }
    }
}

/// Writes the table, the summary and the pictures; the table last.
pub fn write(
    arguments: &Arguments,
    files: &Files,
    of: (&Dataset, Option<&[usize]>),
    evidence: &Evidence,
    found: &Suspects,
) -> Result<()> {
    let shown = shown(arguments);
    let mut family = Family::new();
    match pictures::sheet(of, evidence, found, &shown, arguments.gallery)? {
        Some(sheet) => family.write(&files.gallery, |path| sheet.save(path))?,
        None => family.without(&files.gallery)?,
    }
    let scores = shown.scores(evidence, found);
    let ranking = found.by(arguments.rule)?;
    let figure = report::suspected(evidence.labels, scores, ranking, &found.expected);
    family.write(&files.scores, |path| figure.drawing.save(path))?;
    family.write(&files.json, |path| {
        write_json(path, of.0, evidence, found, &shown)
    })?;
    family.write(&files.table, |path| {
        write_csv(path, of, evidence, found, &shown)
    })?;
    family.put()
}

/// Prints what was found.
pub fn print(
    arguments: &Arguments,
    files: &Files,
    data: &Dataset,
    evidence: &Evidence,
    found: &Suspects,
    terminal: &Terminal,
) -> Result<()> {
    if arguments.json {
        let mut all = summary(data, evidence, found, &shown(arguments))?;
        all["suspects"] = json!(files.table);
        return terminal.result(&serde_json::to_string_pretty(&all).expect("plain data"));
    }
    if arguments.common.quiet {
        return Ok(());
    }
    let expected = &found.expected;
    let of = |e: &Estimate| format!("{} ({}\u{2013}{})", e.value, e.low.round(), e.high.round());
    let mut text = format!(
        "of {} labels {} are expected to be wrong: {} labelled bogus though real, {} labelled real \
         though bogus\n(confident learning on {}; in brackets what another sample of candidates \
         might say, at {:.0} %)\nthese scores agree with {:.1} % of the labels; where a network is \
         surely mistaken, that counts as a wrong label\n\n",
        evidence.labels.len(),
        of(&expected.wrong),
        of(&expected.labelled_bogus),
        of(&expected.labelled_real),
        named(if evidence.folds.is_empty() {
            evidence.models
        } else {
            evidence.folds
        }),
        100.0 * expected.level,
        100.0 * found.agreeing,
    );
    let heads = ["rule", "names", "labelled bogus", "labelled real"];
    let mut rows = vec![heads.map(String::from).to_vec()];
    for named in found.named(evidence.labels) {
        let counts = [named.listed, named.labelled_bogus, named.labelled_real];
        let [all, bogus, real] = counts.map(|count| count.to_string());
        rows.push(vec![named.rule.to_string(), all, bogus, real]);
    }
    text += &table(&rows);
    let written = shown(arguments).rows(found)?.len();
    text += &format!(
        "\n\n{written} suspects by rule {}  {}",
        arguments.rule,
        files.table.display()
    );
    let mut others = vec![("summary", &files.json), ("scores", &files.scores)];
    if written > 0 && arguments.gallery > 0 {
        others.push(("gallery", &files.gallery));
    }
    for (what, path) in others {
        text += &format!("\n{what:<9} {}", path.display());
    }
    text += &format!(
        "\n\n`rbgpu relabel {} {}` shows them one by one",
        quoted(&files.table),
        quoted(&data.source)
    );
    terminal.result(&text)
}

fn named(networks: &[Network]) -> String {
    let names: Vec<&str> = networks
        .iter()
        .map(|network| network.name.as_str())
        .collect();
    names.join(", ")
}
