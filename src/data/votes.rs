//! What several people said of candidates: journals of `rbgpu relabel --vote`, and tables of
//! votes that anything else wrote.

use std::collections::HashMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::labels::value::Value;
use super::options::{open_unpacked, refuse_lfs_pointer};
use super::table::{self, Cells, Kind, column};
use crate::{Error, Result};

/// What a person said of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It is real.
    Real,
    /// It is bogus.
    Bogus,
    /// They could not say: a vote for neither.
    Unsure,
}

/// A vote that counts: one for each person and candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// The candidate's id.
    pub id: String,
    /// Who voted.
    pub who: String,
    /// What they said last.
    pub answer: Answer,
    /// The mark of the pixels that they saw (`data::labels::pixels_mark`), where the file has it.
    pub pixels: Option<u32>,
}

/// The votes of some files.
#[derive(Clone, Debug, Default)]
pub struct Votes {
    /// In the order in which candidates and people first appear.
    pub votes: Vec<Vote>,
    /// What a user should know.
    pub notices: Vec<String>,
}

/// Names of columns, in any case, the first that is there.
const ID: &[&str] = &["id", "candid", "cand_id", "candidate", "name"];
const WHO: &[&str] = &["who", "person", "voter", "user", "observer"];
const ANSWER: &[&str] = &["answer", "vote", "label"];

/// A line of a file.
struct Line {
    id: String,
    who: String,
    /// `None` takes the vote back.
    answer: Option<Answer>,
    pixels: Option<u32>,
    place: String,
}

/// Reads journals and tables, one after the other. The last that a person said of a candidate
/// counts, over all files in the order given; `withdrawn` takes it back.
pub fn read(paths: &[PathBuf]) -> Result<Votes> {
    let mut kept = Kept::default();
    let mut notices = Vec::new();
    for path in paths {
        refuse_lfs_pointer(path)?;
        let lines = match is_journal(path)? {
            true => journal(path, &mut notices)?,
            false => of_table(path)?,
        };
        for line in lines {
            kept.add(path, line)?;
        }
    }
    if kept.again > 0 {
        notices.push(format!(
            "{} votes were given again or taken back: the last counts",
            kept.again
        ));
    }
    let votes: Vec<Vote> = kept.votes.into_iter().flatten().collect();
    if votes.is_empty() {
        let path = paths.first().map_or(Path::new("votes"), PathBuf::as_path);
        return Err(Error::input(path, "file", "no vote", "some"));
    }
    Ok(Votes { votes, notices })
}

/// What counts so far.
#[derive(Default)]
struct Kept {
    votes: Vec<Option<Vote>>,
    by: HashMap<(String, String), usize>,
    /// The first mark of each candidate.
    marks: HashMap<String, u32>,
    again: usize,
}

impl Kept {
    fn add(&mut self, path: &Path, line: Line) -> Result<()> {
        let Line { id, who, .. } = line;
        if let Some(mark) = line.pixels {
            let first = *self.marks.entry(id.clone()).or_insert(mark);
            if first != mark {
                let found = format!("'{id}' with pixels {mark:08x}");
                let expected = format!(
                    "{first:08x}, as in the votes before: votes on one data set, where an id \
                     means one candidate"
                );
                return Err(Error::input(path, line.place, found, expected));
            }
        }
        let vote = line.answer.map(|answer| Vote {
            id: id.clone(),
            who: who.clone(),
            answer,
            pixels: line.pixels,
        });
        match self.by.get(&(id.clone(), who.clone())) {
            Some(&at) => {
                self.again += 1;
                self.votes[at] = vote;
            }
            None => {
                self.by.insert((id, who), self.votes.len());
                self.votes.push(vote);
            }
        }
        Ok(())
    }
}

/// The first line of a journal.
#[derive(Deserialize)]
struct Header {
    rbgpu: String,
    version: u64,
}

fn is_journal(path: &Path) -> Result<bool> {
    let mut first = Vec::new();
    // A header is short; the first line of something else may have no end.
    let mut start = std::io::Read::take(open_unpacked(path)?, 1 << 16);
    start
        .read_until(b'\n', &mut first)
        .map_err(Error::io("read", path))?;
    is_header(path, 1, &first)
}

/// Whether a line begins a journal; an error if one of another version.
fn is_header(path: &Path, number: usize, line: &[u8]) -> Result<bool> {
    match serde_json::from_slice::<Header>(line) {
        Ok(header) if header.rbgpu == "journal" => match header.version {
            1 => Ok(true),
            other => {
                let found = format!("a journal of version {other}");
                let expected = "version 1; a newer rbgpu may read it";
                Err(Error::input(
                    path,
                    format!("line {number}"),
                    found,
                    expected,
                ))
            }
        },
        _ => Ok(false),
    }
}

/// A decision in a journal. What else stands there is not needed here.
#[derive(Deserialize)]
struct Decision {
    who: String,
    id: String,
    #[serde(default)]
    pixels: Option<String>,
    answer: String,
    #[serde(default)]
    mode: Option<String>,
}

fn journal(path: &Path, notices: &mut Vec<String>) -> Result<Vec<Line>> {
    let mut file = open_unpacked(path)?;
    let mut lines = Vec::new();
    let (mut number, mut repaired) = (0, 0);
    loop {
        // Bytes: a kill may leave a part of a letter.
        let mut line = Vec::new();
        let read = file.read_until(b'\n', &mut line);
        if read.map_err(Error::io("read", path))? == 0 {
            break;
        }
        number += 1;
        // Journals may be put behind each other: a header may stand anywhere.
        if line.trim_ascii().is_empty() || is_header(path, number, &line)? {
            continue;
        }
        let place = format!("line {number}");
        let decision: Decision = match serde_json::from_slice(&line) {
            Ok(decision) => decision,
            // What a kill left of a last line is no decision.
            Err(_) if !line.ends_with(b"\n") => {
                notices.push(format!(
                    "{}: {place} has no end and is left out",
                    path.display()
                ));
                break;
            }
            Err(error) => {
                let expected = "a decision as JSON: who, id, answer";
                return Err(Error::input(path, place, error.to_string(), expected));
            }
        };
        match decision.mode.as_deref() {
            Some("vote") => {}
            None | Some("repair") => {
                repaired += 1;
                continue;
            }
            Some(other) => {
                let found = format!("mode '{other}'");
                return Err(Error::input(path, place, found, "vote or repair"));
            }
        }
        lines.push(Line {
            answer: answer(path, &place, &decision.answer)?,
            pixels: mark(path, &place, decision.pixels.as_deref().unwrap_or(""))?,
            id: not_empty(path, &place, "id", decision.id)?,
            who: not_empty(path, &place, "who", decision.who)?,
            place,
        });
    }
    if repaired > 0 {
        notices.push(format!(
            "{}: {repaired} decisions were made with label and score in sight and are no votes \
             (`rbgpu relabel --vote` collects votes)",
            path.display()
        ));
    }
    Ok(lines)
}

fn of_table(path: &Path) -> Result<Vec<Line>> {
    let choose = |names: &[String]| {
        let wanted = |of: &[&str]| {
            column(names, of).ok_or_else(|| {
                let expected = format!("a column of votes' {}, called {}", of[0], of.join(", "));
                Error::input(path, "line of names", names.join(", "), expected)
            })
        };
        let mut columns = Vec::with_capacity(4);
        for (of, kind) in [(ID, Kind::Id), (WHO, Kind::Word), (ANSWER, Kind::Word)] {
            columns.push((wanted(of)?, kind));
        }
        columns.extend(column(names, &["pixels"]).map(|at| (at, Kind::Word)));
        Ok(columns)
    };
    let table = table::read(path, &choose)?;
    let words = table.columns.into_iter().map(|cells| match cells {
        Cells::Words(words) => words,
        Cells::Numbers(_) => unreachable!("asked for as words"),
    });
    let mut columns = words.map(Vec::into_iter);
    let mut next = || columns.next();
    let (Some(ids), Some(people), Some(answers)) = (next(), next(), next()) else {
        unreachable!("three were asked for");
    };
    let mut marks = next();
    let mut lines = Vec::with_capacity(table.rows);
    for (row, ((id, who), said)) in (1..).zip(ids.zip(people).zip(answers)) {
        let place = format!("row {row}");
        let pixels = marks.as_mut().and_then(Iterator::next).unwrap_or_default();
        lines.push(Line {
            answer: answer(path, &place, &said)?,
            pixels: mark(path, &place, &pixels)?,
            id: not_empty(path, &place, "id", id)?,
            who: not_empty(path, &place, "who", who)?,
            place,
        });
    }
    Ok(lines)
}

fn not_empty(path: &Path, place: &str, what: &str, text: String) -> Result<String> {
    match text.trim() {
        "" => {
            let found = format!("no {what}");
            Err(Error::input(path, place, found, "whose vote on what"))
        }
        trimmed => Ok(trimmed.to_string()),
    }
}

fn answer(path: &Path, place: &str, text: &str) -> Result<Option<Answer>> {
    // What may be said of a label may be a vote, and a little more.
    Ok(match text.trim().to_ascii_lowercase().as_str() {
        "good" => Some(Answer::Real),
        "bad" => Some(Answer::Bogus),
        "withdrawn" => None,
        word => match Value::of_text(word) {
            Some(Value::One | Value::Real) => Some(Answer::Real),
            Some(Value::Zero | Value::Bogus) => Some(Answer::Bogus),
            Some(Value::Undecided) => Some(Answer::Unsure),
            Some(Value::Missing) | None => {
                let expected = "real or 1, bogus or 0, unsure or -1, withdrawn";
                return Err(Error::input(
                    path,
                    place,
                    format!("answer '{text}'"),
                    expected,
                ));
            }
        },
    })
}

fn mark(path: &Path, place: &str, text: &str) -> Result<Option<u32>> {
    let digits = text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit());
    match u32::from_str_radix(text, 16) {
        _ if text.is_empty() => Ok(None),
        Ok(mark) if digits => Ok(Some(mark)),
        _ => {
            let expected = "8 hexadecimal digits, or nothing";
            Err(Error::input(
                path,
                place,
                format!("pixels '{text}'"),
                expected,
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of a file that holds `bytes`.
    fn of(bytes: &[u8]) -> Result<Votes> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        std::fs::write(&path, bytes).unwrap();
        read(&[path])
    }

    #[test]
    fn journals_that_relabel_goes_on_with_are_read() {
        let header = r#"{"rbgpu":"journal","version":1}"#;
        let vote = r#"{"who":"ana","id":"a","answer":"real","mode":"vote"}"#;
        let repair = r#"{"who":"ana","id":"b","answer":"real"}"#;
        let torn = r#"{"who":"Zoë"#.as_bytes();
        // Two behind each other, a decision without mode, and half of the last letter.
        let text = format!("{header}\n{vote}\n{header}\n{repair}\n");
        let bytes = [text.as_bytes(), &torn[..torn.len() - 1]].concat();
        let votes = of(&bytes).unwrap();
        assert_eq!(votes.votes.len(), 1);
        assert_eq!(votes.votes[0].id, "a");
        let notices = votes.notices.join("\n");
        assert!(notices.contains("line 5 has no end"), "{notices}");
        assert!(notices.contains("1 decisions were made with"), "{notices}");
        let newer = format!("{header}\n{vote}\n{}\n", header.replace('1', "2"));
        let error = of(newer.as_bytes()).unwrap_err().to_string();
        assert!(
            error.contains("line 3") && error.contains("version 2"),
            "{error}"
        );
        let other = format!("{header}\n{}\n", vote.replace("\"vote\"", "\"guess\""));
        assert!(
            of(other.as_bytes())
                .unwrap_err()
                .to_string()
                .contains("'guess'")
        );
    }
}
