//! The folder of a study: its settings, its journal, a folder for each run.
//!
//! The journal is one line of JSON for each run that is over, appended and brought to the
//! disk at once. What a kill left of a last line is dropped, and that run is not over.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Record;
use crate::data::atomic::{atomic_write, sweep};
use crate::data::claims;
use crate::{Error, Result};

/// What the settings file says it is.
const FORMAT: &str = "rbgpu study 1";
const SETTINGS: &str = "settings.json";
const JOURNAL: &str = "study.jsonl";
const RUNS: &str = "runs";

/// The files that a study writes when it is over, in its folder.
pub const RESULTS: [&str; 8] = [
    "study.html",
    "study.csv",
    "study.json",
    "study.svg",
    "study.png",
    "best.safetensors",
    "best.history.jsonl",
    "best.split.csv",
];

/// A study's folder, which is gone on in.
pub const CLAIM: claims::Folder = claims::Folder {
    what: "an earlier study",
    ours: |_| true,
    is_whole: |_| false,
    mixed: true,
};

/// A study's folder, which no other process works in meanwhile.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    journal: File,
    records: BTreeMap<String, Record>,
}

impl Folder {
    /// Makes the folder `path`, or goes on in the one that a study with the same `settings`
    /// left. That of a study with others is an error that says which, unless `fresh`: then
    /// all that it left is removed.
    pub fn open(path: &Path, settings: &Value, fresh: bool) -> Result<Folder> {
        let settings = serde_json::json!({ "format": FORMAT, "settings": settings });
        let file = path.join(SETTINGS);
        let before = read_settings(&file)?;
        if before.is_none() && fs::metadata(path.join(JOURNAL)).is_ok_and(|m| m.len() > 0) {
            let expected = "its settings.json beside it, or another folder";
            return Err(Error::input(
                path.join(JOURNAL),
                "the folder",
                "a journal alone",
                expected,
            ));
        }
        let runs = path.join(RUNS);
        fs::create_dir_all(&runs).map_err(Error::io("create", &runs))?;
        let mut journal = lock(&path.join(JOURNAL))?;
        sweep(path);
        match before {
            Some(before) if !fresh => same(&file, &before, &settings)?,
            // The journal goes first: what is left without it is not taken for a result.
            Some(_) => clear(path, &mut journal)?,
            None => {}
        }
        let text = serde_json::to_string_pretty(&settings).expect("plain data");
        atomic_write(&file, |out| writeln!(out, "{text}"))?;
        let records = read_journal(&path.join(JOURNAL), &mut journal)?;
        Ok(Folder {
            path: path.to_path_buf(),
            journal,
            records,
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of a run; it is made if it is not there.
    pub fn run(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(RUNS).join(name);
        fs::create_dir_all(&path).map_err(Error::io("create", &path))?;
        Ok(path)
    }

    /// The run of this name, if it is over.
    pub fn record(&self, name: &str) -> Option<&Record> {
        self.records.get(name)
    }

    /// A run is over: so it stays, whatever happens next.
    pub fn append(&mut self, record: &Record) -> Result<()> {
        let path = self.path.join(JOURNAL);
        let mut line = serde_json::to_string(record).expect("plain data");
        line.push('\n');
        let journal = &mut self.journal;
        journal
            .write_all(line.as_bytes())
            .and_then(|()| journal.sync_data())
            .map_err(Error::io("write", path))?;
        self.records.insert(record.run.clone(), record.clone());
        Ok(())
    }
}

/// The settings of an earlier study, if there was one.
fn read_settings(path: &Path) -> Result<Option<Value>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    let foreign = |found: String| {
        let expected = "the settings of a study that this version of rbgpu began, or another --out";
        Error::input(path, "format", found, expected)
    };
    let value: Value = serde_json::from_str(&text).map_err(|e| foreign(e.to_string()))?;
    match value["format"].as_str() {
        Some(FORMAT) => Ok(Some(value)),
        other => Err(foreign(format!("{other:?}"))),
    }
}

/// Opens the journal for one process at a time.
fn lock(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    let file = options.read(true).append(true).create(true).open(path);
    let file = file.map_err(Error::io("create", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let expected = "one at a time in a folder";
            Err(Error::input(
                path,
                "the folder",
                "a study that is running",
                expected,
            ))
        }
        // A file system without locks: the user keeps count.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// Removes all that a study left, but for its settings, which are replaced.
fn clear(path: &Path, journal: &mut File) -> Result<()> {
    journal
        .set_len(0)
        .map_err(Error::io("write", path.join(JOURNAL)))?;
    let runs = path.join(RUNS);
    fs::remove_dir_all(&runs)
        .and_then(|()| fs::create_dir(&runs))
        .map_err(Error::io("remove", &runs))?;
    for name in RESULTS {
        match fs::remove_file(path.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove", path.join(name))(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The records, and the journal without what a kill left behind them.
fn read_journal(path: &Path, journal: &mut File) -> Result<BTreeMap<String, Record>> {
    let mut bytes = Vec::new();
    journal
        .seek(SeekFrom::Start(0))
        .and_then(|_| journal.read_to_end(&mut bytes))
        .map_err(Error::io("read", path))?;
    let mut records = BTreeMap::new();
    let mut whole = 0;
    let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
    for (i, line) in lines.iter().enumerate() {
        match serde_json::from_slice::<Record>(line) {
            Ok(record) if line.ends_with(b"\n") => {
                records.insert(record.run.clone(), record);
                whole += line.len();
            }
            _ if i + 1 == lines.len() => break,
            Ok(_) => unreachable!("only the last line may lack its end"),
            Err(error) => {
                let expected = "a run's record as JSON; --fresh begins anew";
                let place = format!("line {}", i + 1);
                return Err(Error::input(path, place, error.to_string(), expected));
            }
        }
    }
    if whole < bytes.len() {
        journal
            .set_len(whole as u64)
            .map_err(Error::io("write", path))?;
    }
    Ok(records)
}

/// Refuses settings that are not those of the study that the folder belongs to.
fn same(path: &Path, before: &Value, now: &Value) -> Result<()> {
    let mut differ = Vec::new();
    differences("", &before["settings"], &now["settings"], &mut differ);
    if differ.is_empty() {
        return Ok(());
    }
    let all = |side: fn(&Difference) -> &str| {
        let each = differ.iter().map(|d| format!("{} {}", d.place, side(d)));
        each.collect::<Vec<_>>().join(", ")
    };
    let expected = format!(
        "{}, as this study has; give the same again, another --out, or --fresh to begin anew",
        all(|d| &d.now)
    );
    Err(Error::input(path, "settings", all(|d| &d.before), expected))
}

struct Difference {
    place: String,
    before: String,
    now: String,
}

/// Every value in which two settings differ, by its place: "training.batch_size".
fn differences(place: &str, before: &Value, now: &Value, out: &mut Vec<Difference>) {
    let (Some(a), Some(b)) = (before.as_object(), now.as_object()) else {
        if before != now {
            let (mut before, mut now) = (short(before), short(now));
            if before == now {
                // Long, and alike at the beginning.
                (before, now) = ("with other values".into(), "as given".into());
            }
            out.push(Difference {
                place: place.into(),
                before,
                now,
            });
        }
        return;
    };
    let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let inner = match place {
            "" => name.clone(),
            _ => format!("{place}.{name}"),
        };
        differences(&inner, &before[name.as_str()], &now[name.as_str()], out);
    }
}

/// A value in a line: what is long says only that it is another one.
fn short(value: &Value) -> String {
    let text = match value {
        Value::Null => "(none)".into(),
        Value::String(text) => text.clone(),
        _ => value.to_string(),
    };
    match text.chars().count() {
        0..=120 => text,
        _ => text.chars().take(117).chain("…".chars()).collect(),
    }
}
