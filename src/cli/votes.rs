//! `rbgpu votes`: several people's votes as labels, and how far they agree.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::Done;
use super::args::{Common, Reading};
use super::bars::Bars;
use super::outputs::{Force, Outputs, check_csv};
use super::terminal::{Terminal, table};
use crate::data::labels::write_labels;
use crate::data::results::Family;
use crate::data::{Dataset, atomic_write, votes};
use crate::evaluate::{self, What, score_file};
use crate::formats::model::beside;
use crate::judge::agreement::{Compared, Mean, compare};
use crate::judge::votes::{AT_LEAST, Consensus, Counted, Unanimity, count};
use crate::report;
use crate::suspect::voting::{label_rows, places, scores_of, write_tallies};
use crate::{Error, Result};

/// Arguments of `rbgpu votes`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Journals of `rbgpu relabel --vote`, and tables of votes with the columns id, who (or
    /// person, voter, user, observer) and answer (or vote, label: real or 1, bogus or 0, unsure
    /// or -1). The last that a person said of a candidate counts
    #[arg(required = true, value_name = "VOTES")]
    inputs: Vec<PathBuf>,
    /// Rule for a label: majority (by at least two votes, DES Sect. 4.6), or unanimous
    #[arg(long, default_value = "majority", value_name = "NAME")]
    rule: Consensus,
    /// Minimum number of real or bogus votes for a label
    #[arg(long, default_value_t = AT_LEAST, value_name = "N")]
    at_least: u32,
    /// The label file to write, for `--labels`; the counts (.votes.csv), a summary (.json) and a
    /// picture go beside it
    #[arg(long, short, default_value = "labels.csv", value_name = "FILE")]
    out: PathBuf,
    /// The candidates voted on; may be repeated. Checks that their pixels are the ones people
    /// saw
    #[arg(long, value_name = "DATA")]
    data: Vec<PathBuf>,
    /// With --data: candidates that nobody voted on are undecided in the label file, so that
    /// they are left out of training
    #[arg(long, requires = "data")]
    voted_only: bool,
    /// A model (with --data) or a score table: compare scores where people agree with scores
    /// where they do not
    #[arg(long, value_name = "MODEL|SCORES")]
    scores: Option<PathBuf>,
    /// Score column of the table [default: rb_score, score, …]
    #[arg(long, value_name = "NAME")]
    score_name: Option<String>,
    #[command(flatten)]
    force: Force,
    #[command(flatten)]
    reading: Reading,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

/// Counts and writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let terminal = arguments.common.terminal();
    let stem = arguments.out.with_extension("");
    let beside = |end| beside(&stem, end);
    let [counts, summary, picture] = ["votes.csv", "json", "disputed.png"].map(beside);
    let taken = [
        &arguments.inputs[..],
        &arguments.data[..],
        arguments.scores.as_slice(),
    ]
    .concat();
    check_csv(&arguments.out)?;
    let mut outputs = Outputs::new(arguments.force, &taken, &terminal);
    outputs.keep(&[&arguments.out, &counts, &summary, &picture])?;
    let read = votes::read(&arguments.inputs)?;
    read.notices.iter().for_each(|text| terminal.notice(text));
    let counted = count(&read.votes, arguments.rule, arguments.at_least)?;
    let data = match arguments.data.is_empty() {
        true => None,
        false => Some(Arc::new(arguments.reading.open(
            &arguments.data,
            false,
            &terminal,
        )?)),
    };
    let found = match &data {
        None => None,
        Some(data) => Some(places(&arguments.inputs[0], &counted.tallies, data)?),
    };
    if let (Some(found), Some(data)) = (&found, &data) {
        let missing = found.iter().filter(|place| place.is_none()).count();
        if missing > 0 {
            let source = data.source.display();
            terminal.notice(&format!(
                "{missing} of {} candidates that were voted on are not in {source}",
                found.len()
            ));
        }
    }
    let scores = match &arguments.scores {
        None => None,
        Some(path) => Some(scores(arguments, path, &counted, data.as_ref(), &terminal)?),
    };
    let compared = match &scores {
        None => None,
        Some(scores) => Some(compare(&counted.tallies, scores)?),
    };
    let both = data.as_deref().zip(found.as_deref());
    let rows = label_rows(&counted, both, arguments.voted_only)?;
    let mut family = Family::new();
    match &compared {
        Some(compared) => {
            let drawing = report::disputed(compared).drawing;
            family.write(&picture, |path| drawing.save(path))?;
        }
        None => family.without(&picture)?,
    }
    let scored = scores.as_deref();
    family.write(&counts, |path| write_tallies(path, &counted, scored))?;
    let all = json!({
        "votes": read.votes.len(),
        "candidates": counted.tallies.len(),
        "labelled_real": counted.labelled(Some(1)),
        "labelled_bogus": counted.labelled(Some(0)),
        "undecided": counted.labelled(None),
        "percent_unanimous": percents(&counted),
        "agreement": counted,
        "scores": compared,
    });
    let text = serde_json::to_string_pretty(&all).expect("plain data");
    family.write(&summary, |path| {
        atomic_write(path, |out| {
            std::io::Write::write_all(out, format!("{text}\n").as_bytes())
        })
    })?;
    family.write(&arguments.out, |path| write_labels(path, &rows))?;
    family.put()?;
    if arguments.json {
        terminal.result(&text)?;
    } else if !arguments.common.quiet {
        let mut files = vec![
            ("labels", &arguments.out),
            ("counts", &counts),
            ("summary", &summary),
        ];
        if compared.is_some() {
            files.push(("scores", &picture));
        }
        let text = words(&counted, read.votes.len(), compared.as_ref());
        terminal.result(&(text + &said(&files)))?;
    }
    Ok(data.as_deref().map_or(Done::Whole, Done::reading))
}

fn percents(counted: &Counted) -> Value {
    json!({
        "all": counted.enough.percent(),
        "majority_real": counted.majority_real.percent(),
        "majority_bogus": counted.majority_bogus.percent(),
    })
}

/// P(real) of each candidate that was voted on.
fn scores(
    arguments: &Arguments,
    path: &Path,
    counted: &Counted,
    data: Option<&Arc<Dataset>>,
    terminal: &Terminal,
) -> Result<Vec<f64>> {
    let (sources, others) = evaluate::source::sort(&[path.to_path_buf()])?;
    let (Some(source), true) = (sources.first(), others.is_empty()) else {
        let found = path.display().to_string();
        let expected = "a model (.safetensors), or a table of scores";
        return Err(Error::config("--scores", found, expected));
    };
    let reading = score_file::Reading {
        score_name: arguments.score_name.clone(),
        ..score_file::Reading::default()
    };
    let model = match source.what {
        What::Scores => None,
        What::Model => {
            let device = arguments.common.open(terminal)?;
            Some((arguments.reading).classifier(&source.path, &device, terminal)?)
        }
    };
    let mut bars = Bars::new(terminal);
    let tallies = &counted.tallies;
    let (scores, notices) = scores_of(tallies, source, model.as_ref(), data, &reading, &mut bars)?;
    bars.end();
    notices.iter().for_each(|text| terminal.notice(text));
    Ok(scores)
}

fn said(files: &[(&str, &PathBuf)]) -> String {
    let lines = files
        .iter()
        .map(|(what, path)| format!("\n{what:<8} {}", path.display()));
    lines.collect()
}

fn words(counted: &Counted, votes: usize, compared: Option<&[Compared; 2]>) -> String {
    let share = |u: &Unanimity| match u.of {
        0 => "-".into(),
        _ => format!("{:.1} %", u.percent()),
    };
    let mut text = format!(
        "{votes} votes of {} people on {} candidates; {} real, {} bogus, {} undecided by rule {} of {} \
         votes and more (\"unsure\" is a vote for neither)\n\n",
        counted.people.len(),
        counted.tallies.len(),
        counted.labelled(Some(1)),
        counted.labelled(Some(0)),
        counted.labelled(None),
        counted.rule,
        counted.at_least,
    );
    let mut rows = vec![
        ["", "candidates", "unanimous", ""]
            .map(String::from)
            .to_vec(),
    ];
    for (name, of) in [
        ("enough votes", &counted.enough),
        ("majority by two says real", &counted.majority_real),
        ("majority by two says bogus", &counted.majority_bogus),
    ] {
        rows.push(vec![
            name.into(),
            of.of.to_string(),
            of.unanimous.to_string(),
            share(of),
        ]);
    }
    let kappa = &counted.fleiss;
    text += &table(&rows);
    text += &match kappa.value.is_nan() {
        true => {
            "\n\nFleiss' κ does not exist: no candidate with two votes, or all votes alike".into()
        }
        false => format!(
            "\n\nFleiss' κ {:.3} ({:.3}\u{2013}{:.3} at 95 %), of {} candidates with {} votes{}",
            kappa.value,
            kappa.low,
            kappa.high,
            kappa.candidates,
            match kappa.votes {
                [few, many] if few == many => few.to_string(),
                [few, many] => format!("{few} to {many}"),
            },
            match kappa.votes[0] == kappa.votes[1] {
                true => "",
                false => " (generalised: the mean agreement of pairs of votes)",
            }
        ),
    };
    let heads = [
        "person",
        "votes",
        "real",
        "bogus",
        "unsure",
        "with most of the others",
    ];
    let mut rows = vec![heads.map(String::from).to_vec()];
    for person in &counted.people {
        let counts = [person.votes, person.real, person.bogus, person.unsure];
        let mut row = vec![person.who.clone()];
        row.extend(counts.map(|n| n.to_string()));
        row.push(of(person.with_the_others, person.compared));
        rows.push(row);
    }
    text += &format!("\n\n{}", table(&rows));
    // A table of hundreds of pairs is for the file.
    if (1..=10).contains(&counted.pairs.len()) {
        let mut rows = vec![
            ["pair", "both", "alike", "Cohen's κ"]
                .map(String::from)
                .to_vec(),
        ];
        for pair in &counted.pairs {
            rows.push(vec![
                pair.who.join(" and "),
                pair.both.to_string(),
                of(pair.alike, pair.both),
                number(pair.kappa),
            ]);
        }
        text += &format!("\n\n{}", table(&rows));
    }
    if let Some(compared) = compared {
        text += &format!("\n\n{}", scores_table(compared));
    }
    text + "\n"
}

fn scores_table(compared: &[Compared; 2]) -> String {
    let mean = |mean: &Mean| match (mean.count, mean.error.is_nan()) {
        (0, _) => "-".into(),
        (_, true) => format!("{:.3}", mean.mean),
        _ => format!("{:.3} ± {:.3}", mean.mean, mean.error),
    };
    let heads = [
        "mean P(real)",
        "all agree",
        "n",
        "disputed",
        "n",
        "p (Mann-Whitney)",
    ];
    let mut rows = vec![heads.map(String::from).to_vec()];
    for one in compared.iter().rev() {
        rows.push(vec![
            match one.majority {
                1 => "most say real".into(),
                _ => "most say bogus".into(),
            },
            mean(&one.consensus),
            one.consensus.count.to_string(),
            mean(&one.disputed),
            one.disputed.count.to_string(),
            match one.p_value {
                p if p.is_nan() => "-".into(),
                p if p < 1e-3 => format!("{p:.1e}"),
                p => format!("{p:.3}"),
            },
        ]);
    }
    table(&rows)
}

fn number(value: f64) -> String {
    match value.is_nan() {
        true => "-".into(),
        false => format!("{value:.3}"),
    }
}

fn of(some: u32, all: u32) -> String {
    match all {
        0 => "-".into(),
        _ => format!(
            "{some} of {all}, {:.1} %",
            100.0 * f64::from(some) / f64::from(all)
        ),
    }
}
