//! What a journal comes to: the last word of each person, and labels made of them.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::journal::{Answer, Contents, Line, Mode};
use super::subjects::{of_several, repeated};

use crate::data::Dataset;
use crate::data::labels::{Decided, LabelRow, mark_text, pixels_mark};
use crate::{Error, Result};

/// The last word of one person about one candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Who.
    pub who: String,
    /// What; never withdrawn.
    pub answer: Answer,
    /// When, UTC.
    pub at: String,
    /// The mark of the pixels that were looked at.
    pub pixels: String,
}

/// The last words of everybody, by candidate.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    /// Where they are from.
    pub path: PathBuf,
    /// By id; persons in the order in which they were there first. Nobody of whom all was
    /// withdrawn.
    pub by_id: HashMap<String, Vec<Said>>,
    /// Lines of the other mode, which do not count here.
    pub others: usize,
}

impl Decisions {
    /// Those of the journal at `path` that were made in `mode`.
    pub fn read(path: &Path, mode: Mode) -> Result<Decisions> {
        let contents = Contents::read(path)?;
        Ok(Decisions::of(path, &contents.lines, mode))
    }

    /// Those of `lines`, in that order.
    pub fn of(path: &Path, lines: &[Line], mode: Mode) -> Decisions {
        let mut decisions = Decisions {
            path: path.to_path_buf(),
            ..Decisions::default()
        };
        for line in lines {
            if line.mode != mode {
                decisions.others += 1;
                continue;
            }
            let said = decisions.by_id.entry(line.id.clone()).or_default();
            let new = Said {
                who: line.who.clone(),
                answer: line.answer,
                at: line.at.clone(),
                pixels: line.pixels.clone(),
            };
            match said.iter_mut().find(|said| said.who == line.who) {
                Some(before) => *before = new,
                None => said.push(new),
            }
        }
        decisions.by_id.retain(|_, said| {
            said.retain(|said| said.answer != Answer::Withdrawn);
            !said.is_empty()
        });
        decisions
    }

    /// Whether nobody said anything.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

/// What several people's answers come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// 1 real, 0 bogus: more say so than the contrary.
    Label(u8),
    /// All of them are unsure.
    Unsure,
    /// As many say real as say bogus.
    Tied,
}

/// The majority of those who are sure.
pub fn verdict(said: &[Said]) -> Verdict {
    let count = |label| {
        said.iter()
            .filter(|s| s.answer.label() == Some(label))
            .count()
    };
    match (count(1), count(0)) {
        (0, 0) => Verdict::Unsure,
        (real, bogus) if real == bogus => Verdict::Tied,
        (real, bogus) => Verdict::Label(u8::from(real > bogus)),
    }
}

/// What becomes of a candidate of which nobody is sure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unsure {
    /// It keeps the label that it has.
    #[default]
    Keep,
    /// It has none any more.
    Drop,
}

/// New labels, and how they came about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// One for each candidate of the data, in their order.
    pub rows: Vec<LabelRow>,
    /// Candidates with another label than before.
    pub flipped: usize,
    /// Of these, those that were bogus and are real.
    pub to_real: usize,
    /// Candidates that were looked at and stay what they were.
    pub kept: usize,
    /// Candidates that had no label and have one.
    pub new: usize,
    /// Candidates that everybody who looked is unsure of.
    pub unsure: usize,
    /// Ids of those with as many answers for as against.
    pub tied: Vec<String>,
    /// Candidates about which people differ, ties among them.
    pub conflicts: usize,
    /// Ids in the journal that are not in the data.
    pub strangers: usize,
}

/// Puts `decisions` to the candidates of `data`, whose labels are `labels` (1 real, 0 bogus).
/// An error if a candidate's pixels are not those that were looked at, if one id stands for
/// several candidates (whether they were looked at or not: labels are given by id), or if none
/// of them is here.
pub fn apply(
    decisions: &Decisions,
    data: &Dataset,
    labels: &[Option<u8>],
    unsure: Unsure,
) -> Result<Applied> {
    let mut applied = Applied::default();
    let mut used: HashSet<&str> = HashSet::new();
    let repeated = repeated(data);
    let mut marks: HashMap<&str, u32> = HashMap::with_capacity(repeated.len());
    let mut values = vec![0.0; data.shape.len()];
    for (row, (candidate, &was)) in data.candidates.iter().zip(labels).enumerate() {
        let mut new = LabelRow {
            id: candidate.id.clone(),
            label: was,
            was,
            decision: Decided::Untouched,
            by: String::new(),
            pixels: None,
        };
        let id = candidate.id.as_str();
        let said = decisions.by_id.get(id);
        if said.is_none() && !repeated.contains(id) {
            applied.rows.push(new);
            continue;
        }
        data.pixels.read(row, &mut values)?;
        let mark = pixels_mark(&values);
        if marks.insert(id, mark).is_some_and(|other| other != mark) {
            return Err(of_several(&data.source, id));
        }
        if let Some(said) = said {
            check(decisions, id, said, mark)?;
            used.insert(id);
            decide(&mut new, said, unsure, &mut applied);
            new.pixels = Some(mark);
        }
        applied.rows.push(new);
    }
    applied.strangers = decisions.by_id.len() - used.len();
    if used.is_empty() && !decisions.is_empty() {
        let found = format!("none of the candidates of {}", data.source.display());
        let expected = "the data that it was made with";
        return Err(Error::input(&decisions.path, "ids", found, expected));
    }
    Ok(applied)
}

/// An error unless what was looked at has the mark.
fn check(decisions: &Decisions, id: &str, said: &[Said], mark: u32) -> Result<()> {
    let mark = mark_text(mark);
    match said
        .iter()
        .find(|said| !said.pixels.eq_ignore_ascii_case(&mark))
    {
        None => Ok(()),
        Some(said) => {
            let found = format!("pixels {} of '{id}', which {} saw", said.pixels, said.who);
            let expected = format!("{mark}, as the data have it, with the same --channels");
            Err(Error::input(&decisions.path, "a decision", found, expected))
        }
    }
}

fn decide(new: &mut LabelRow, said: &[Said], unsure: Unsure, applied: &mut Applied) {
    let people: Vec<&str> = said.iter().map(|said| said.who.as_str()).collect();
    new.by = people.join("+");
    applied.conflicts += usize::from(said.iter().any(|s| s.answer != said[0].answer));
    let verdict = verdict(said);
    let Verdict::Label(label) = verdict else {
        new.decision = Decided::Unsure;
        if unsure == Unsure::Drop {
            new.label = None;
        }
        match verdict {
            Verdict::Tied => applied.tied.push(new.id.clone()),
            _ => applied.unsure += 1,
        }
        return;
    };
    new.label = Some(label);
    new.decision = match new.was {
        Some(was) if was == label => Decided::Kept,
        _ => Decided::Flipped,
    };
    match new.was {
        None => applied.new += 1,
        Some(was) if was == label => applied.kept += 1,
        Some(_) => {
            applied.flipped += 1;
            applied.to_real += usize::from(label == 1);
        }
    }
}

#[cfg(test)]
#[path = "decisions_tests.rs"]
mod tests;
