//! The journal: one JSON object a line, only ever added to.
//!
//! The first line is a header, `{"rbgpu":"journal","version":1,…}`; each other one is a
//! [`Line`]. What counts is the last line of a person about a candidate. A line is on disk
//! (written and flushed) before anybody is told that it is, so a program that is killed at any
//! moment loses nothing that it had acknowledged; what it leaves then is at worst the
//! beginning of one more line, which nobody was told of and which the next start removes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Datelike, Timelike};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The version of the format.
pub const VERSION: u32 = 1;

/// How a header begins, as [`line_of`] writes it.
const BEGINNING: &[u8] = br#"{"rbgpu":"journal""#;

/// What a person says of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It is real.
    Real,
    /// It is bogus.
    Bogus,
    /// It cannot be told.
    Unsure,
    /// What was said before is taken back.
    Withdrawn,
}

impl Answer {
    /// The label that this gives a candidate, if any.
    pub fn label(self) -> Option<u8> {
        match self {
            Answer::Real => Some(1),
            Answer::Bogus => Some(0),
            Answer::Unsure | Answer::Withdrawn => None,
        }
    }
}

/// What an answer was given for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Repair: label, score and what others say are seen.
    #[default]
    Repair,
    /// A vote: nothing is seen but the images.
    Vote,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// When, UTC, as `2026-11-22T14:03:05.123Z`.
    pub at: String,
    /// Who.
    pub who: String,
    /// The candidate's id.
    pub id: String,
    /// The mark of its pixels: CRC-32 in 8 hexadecimal digits.
    pub pixels: String,
    /// What was said.
    pub answer: Answer,
    /// Its label then: 1 real, 0 bogus, nothing where it had none.
    pub was: Option<u8>,
    /// What for.
    #[serde(default)]
    pub mode: Mode,
    /// The browser tab.
    #[serde(default)]
    pub tab: String,
    /// Of the line, from 1, without the header.
    #[serde(default)]
    pub number: u64,
    /// What the tab calls this decision: a second request with the same one adds no line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub token: String,
}

/// The first line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Header {
    rbgpu: String,
    version: u32,
    /// The data that were looked at.
    #[serde(default)]
    pub data: String,
    /// The table of suspects, if there was one.
    #[serde(default)]
    pub suspects: String,
}

impl Header {
    /// Of a journal about `data`.
    pub fn new(data: impl Into<String>, suspects: impl Into<String>) -> Header {
        Header {
            rbgpu: "journal".into(),
            version: VERSION,
            data: data.into(),
            suspects: suspects.into(),
        }
    }
}

/// A journal as it was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// `None` of a file that is empty.
    pub header: Option<Header>,
    /// In the order of the file.
    pub lines: Vec<Line>,
    /// Bytes of whole lines.
    length: u64,
    /// What stands behind them: the beginning of a line.
    torn: Vec<u8>,
}

impl Contents {
    /// Reads the journal at `path`. The beginning of a line at its end, which a program that
    /// was killed leaves, is passed over unless it is a whole decision; anything else that is
    /// no decision is an error.
    pub fn read(path: &Path) -> Result<Contents> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        let mut contents = Contents::of(path, &bytes)?;
        if let Ok(line) = serde_json::from_slice(&contents.torn) {
            contents.lines.push(line);
        }
        Ok(contents)
    }

    fn of(path: &Path, bytes: &[u8]) -> Result<Contents> {
        let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1);
        let mut contents = Contents {
            length: whole as u64,
            torn: bytes[whole..].to_vec(),
            ..Contents::default()
        };
        for (number, line) in bytes[..whole].split(|&b| b == b'\n').enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let wrong = |found: String, expected: &str| {
                Err(Error::input(
                    path,
                    format!("line {}", number + 1),
                    found,
                    expected,
                ))
            };
            // Journals may be put behind each other: a header may stand anywhere.
            match serde_json::from_slice::<Header>(line) {
                Ok(header) if header.rbgpu == "journal" && header.version == VERSION => {
                    contents.header.get_or_insert(header);
                    continue;
                }
                Ok(header) if header.rbgpu == "journal" => {
                    let found = format!("version {} of the journal", header.version);
                    return wrong(found, "version 1; a newer rbgpu may read it");
                }
                _ => {}
            }
            if contents.header.is_none() {
                let expected = "a journal of `rbgpu relabel`: {\"rbgpu\":\"journal\",…}";
                return wrong("another first line".into(), expected);
            }
            match serde_json::from_slice::<Line>(line) {
                Ok(line) if line.was.is_some_and(|was| was > 1) => {
                    return wrong(format!("was {:?}", line.was), "0, 1 or null");
                }
                Ok(line) => contents.lines.push(line),
                Err(error) => return wrong(error.to_string(), "a decision"),
            }
        }
        Ok(contents)
    }
}

/// A journal that is being written. Nobody else can write it meanwhile.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Bytes that are known to be whole lines on disk.
    length: u64,
    next: u64,
    /// Whether something that failed could not be taken back.
    broken: bool,
}

impl Journal {
    /// Opens the journal at `path`, or begins one with `header`; what stands in it, and what a
    /// user should know. A line that was not written to its end is removed.
    pub fn open(path: &Path, header: &Header) -> Result<(Journal, Contents, Vec<String>)> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(Error::io("open", path))?;
        let mut notices = Vec::new();
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let found = "a journal that another rbgpu relabel is writing";
                let expected = "to be the only one; open its page in a second tab instead";
                return Err(Error::input(path, "lock", found, expected));
            }
            Err(TryLockError::Error(error)) => notices.push(format!(
                "{} cannot be locked here ({error}): see to it that no other rbgpu relabel \
                 writes it",
                path.display()
            )),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(Error::io("read", path))?;
        let mut contents = Contents::of(path, &bytes)?;
        let mut journal = Journal {
            path: path.to_path_buf(),
            file,
            length: contents.length,
            next: 1,
            broken: false,
        };
        journal.mend(&mut contents, &mut notices)?;
        if contents.header.is_none() {
            journal.write_down(&line_of(header))?;
            sync_folder(path);
            contents.header = Some(header.clone());
        }
        let last = contents.lines.iter().map(|line| line.number).max();
        journal.next = last.unwrap_or(0).max(contents.lines.len() as u64) + 1;
        Ok((journal, contents, notices))
    }

    /// Sees to it that the file ends with a whole line.
    fn mend(&mut self, contents: &mut Contents, notices: &mut Vec<String>) -> Result<()> {
        let torn = std::mem::take(&mut contents.torn);
        if torn.is_empty() {
            return Ok(());
        }
        let (path, bytes) = (self.path.display().to_string(), torn.len());
        if contents.header.is_some()
            && let Ok(line) = serde_json::from_slice::<Line>(&torn)
        {
            self.file
                .seek(SeekFrom::End(0))
                .and_then(|_| self.file.write_all(b"\n"))
                .and_then(|()| self.file.sync_data())
                .map_err(Error::io("write", &self.path))?;
            self.length += bytes as u64 + 1;
            notices.push(format!(
                "the last line of {path} had no end, and is whole: it counts"
            ));
            contents.lines.push(line);
            return Ok(());
        }
        // Whatever begins otherwise is no journal of ours. NULs are what a loss of power leaves.
        let ours = match contents.header {
            Some(_) => torn.starts_with(b"{") || torn[0] == 0,
            None => torn.starts_with(BEGINNING) || BEGINNING.starts_with(&torn),
        };
        if !ours {
            let found = format!("{bytes} bytes that begin no line");
            let expected = "a journal of `rbgpu relabel`";
            return Err(Error::input(&self.path, "end of the file", found, expected));
        }
        self.file
            .set_len(self.length)
            .and_then(|()| self.file.sync_data())
            .map_err(Error::io("write", &self.path))?;
        notices.push(format!(
            "the last line of {path} was not written to its end ({bytes} bytes; nobody was told \
             that it was saved): it is removed"
        ));
        Ok(())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the next line.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Adds `lines`, numbered from [`next`](Self::next) on; when this returns they are on disk,
    /// all of them or, after an error, none.
    pub fn append(&mut self, lines: &mut [Line]) -> Result<()> {
        let mut text = Vec::new();
        for (line, number) in lines.iter_mut().zip(self.next..) {
            line.number = number;
            text.extend(line_of(line));
        }
        self.write_down(&text)?;
        self.next += lines.len() as u64;
        Ok(())
    }

    fn write_down(&mut self, text: &[u8]) -> Result<()> {
        if self.broken {
            let found = "a write that failed and could not be taken back";
            let expected = "rbgpu relabel to be started again";
            return Err(Error::input(&self.path, "end of the file", found, expected));
        }
        self.check_place()?;
        let written = self
            .file
            .seek(SeekFrom::Start(self.length))
            .and_then(|_| self.file.write_all(text))
            .and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => {
                self.length += text.len() as u64;
                Ok(())
            }
            Err(error) => {
                // A part of it may be there; it must not be in the way of the next line.
                let back = self.file.set_len(self.length);
                self.broken = back.and_then(|()| self.file.sync_data()).is_err();
                Err(Error::io("write", &self.path)(error))
            }
        }
    }

    /// An error if the file at the path is no longer the one that is open, or is another
    /// length: what is written would be lost, or in the middle of somebody else's lines.
    fn check_place(&self) -> Result<()> {
        let there = std::fs::metadata(&self.path).map_err(Error::io("find", &self.path))?;
        let ours = self
            .file
            .metadata()
            .map_err(Error::io("read", &self.path))?;
        let same = same_file(&there, &ours) && there.len() == self.length;
        if same {
            return Ok(());
        }
        let found = "a file that something else replaced or wrote to";
        let expected = "to be the only writer; start rbgpu relabel again";
        Err(Error::input(&self.path, "journal", found, expected))
    }
}

#[cfg(unix)]
fn same_file(a: &std::fs::Metadata, b: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn same_file(a: &std::fs::Metadata, b: &std::fs::Metadata) -> bool {
    a.len() == b.len()
}

/// Makes the name of a new file as lasting as what stands in it. Where a folder cannot be
/// flushed (Windows) there is nothing to be done.
fn sync_folder(path: &Path) {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let _: io::Result<()> = File::open(folder).and_then(|folder| folder.sync_all());
}

fn line_of(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec(value).expect("plain data");
    text.push(b'\n');
    text
}

/// The time now, UTC, to the millisecond.
pub fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.unwrap_or_default();
    let at = DateTime::from_timestamp(since.as_secs() as i64, since.subsec_nanos());
    let at = at.unwrap_or_default();
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.nanosecond() / 1_000_000
    )
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
