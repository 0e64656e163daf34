//! What a run writes, claimed before its work: the one rule of what is replaced.
//!
//! A claim refuses an output that cannot be written, that is an input, or that another process is
//! writing; and, unless it is forced, one that exists and would cost work to make again. It removes
//! what killed processes left in the folder. The program writes nothing that it has not claimed
//! ([`require`]).

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::atomic::{
    check_writable, folder_of, is_device, is_temporary_folder, prefix, resolved, sweep,
};
use super::lock::{self, Asked, Lock};
use super::results;
use crate::{Error, Result};

/// Files that are named before the rest is counted.
const NAMED: usize = 4;

/// What becomes of an output that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// It is kept, and the run refused, unless it is forced: a model, a split, labels, a data set,
    /// a report.
    Keep,
    /// It is replaced, since it is quickly made again: a table of scores. But where it is
    /// recognised as something else (a cube, a model, labels), it is kept.
    Replace,
    /// It is what the run is asked to change, or to go on with.
    Change,
}

/// The outputs of a run, which no other process writes while the value lives.
#[derive(Debug)]
pub struct Claims {
    force: bool,
    /// What to give to replace outputs: "--force".
    how: Option<&'static str>,
    inputs: Vec<PathBuf>,
    claimed: Vec<PathBuf>,
    // Let go of before the folders are removed, since they are in them.
    locks: Vec<Lock>,
    made: Made,
    notices: Vec<String>,
}

/// A folder of results, as a claim sees it.
#[derive(Clone, Copy, Debug)]
pub struct Folder {
    /// "an earlier evaluation"
    pub what: &'static str,
    /// Whether a folder holds such a one, whole or not.
    pub ours: fn(&Path) -> bool,
    /// Whether it holds a whole one, which is kept.
    pub is_whole: fn(&Path) -> bool,
    /// Whether it may hold other things too, which have other names.
    pub mixed: bool,
}

impl Claims {
    /// Nothing yet. Outputs that exist are replaced if `force`; `how` is what a user gives for that,
    /// if anything can be given.
    pub fn new(force: bool, how: Option<&'static str>, inputs: &[PathBuf]) -> Claims {
        Claims {
            force,
            how,
            inputs: inputs.to_vec(),
            claimed: Vec::new(),
            locks: Vec::new(),
            made: Made::default(),
            notices: Vec::new(),
        }
    }

    /// What a user should know, since the last time.
    pub fn notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// Claims files that go together: all of them, or it is an error.
    pub fn files(&mut self, paths: &[impl AsRef<Path>], rule: Rule) -> Result<()> {
        match self.try_files(paths, rule)? {
            None => Ok(()),
            Some(taken) => self.refuse(taken),
        }
    }

    /// The error that files are taken.
    pub fn refuse(&self, taken: Taken) -> Result<()> {
        match taken {
            Taken::Locked { path, by } => Err(busy(&path, &by)),
            Taken::There(paths) => Err(self.there(&paths)),
        }
    }

    /// As [`files`](Self::files); files that are taken are no error, and nothing is claimed then.
    pub fn try_files(&mut self, paths: &[impl AsRef<Path>], rule: Rule) -> Result<Option<Taken>> {
        let mut places = Vec::new();
        for path in paths.iter().map(AsRef::as_ref) {
            self.check(path)?;
            check_writable(path)?;
            if is_device(path) {
                continue;
            }
            let place = place(path)?;
            if self.claimed.contains(&place) || places.iter().any(|(_, p)| *p == place) {
                let found = path.display().to_string();
                let expected = "another file than those of the run, which would replace it";
                return Err(Error::config("output", found, expected));
            }
            places.push((path, place));
        }
        let mut locks = Vec::new();
        for (path, place) in &places {
            let name = format!("{}{}", prefix(place), lock::SUFFIX);
            match self.lock(&place.with_file_name(name), path)? {
                Ok(lock) => locks.push(lock),
                Err(by) => {
                    let path = path.to_path_buf();
                    return Ok(Some(Taken::Locked { path, by }));
                }
            }
        }
        let folders: BTreeSet<&Path> = places.iter().map(|(_, place)| folder_of(place)).collect();
        folders.into_iter().for_each(sweep);
        // Only now: another process may have ended just before it was locked.
        let there = places.iter().map(|(path, _)| *path);
        let there = there.filter(|path| fs::symlink_metadata(path).is_ok());
        let there: Vec<PathBuf> = there.map(Path::to_path_buf).collect();
        match rule {
            Rule::Keep if !self.force && !there.is_empty() => return Ok(Some(Taken::There(there))),
            Rule::Replace => {
                if let Some((path, what)) =
                    there.iter().find_map(|path| Some((path, precious(path)?)))
                {
                    let found = format!("{} ({what})", path.display());
                    let expected = "another name: only a table of this kind is replaced";
                    return Err(Error::config("output", found, expected));
                }
            }
            Rule::Keep | Rule::Change => {}
        }
        self.locks.extend(locks);
        for (_, place) in places {
            register(&place);
            self.claimed.push(place);
        }
        Ok(None)
    }

    /// Claims the folder `dir` and all that is put into it; it is made if it is not there, and
    /// removed with the claim if nothing was put there.
    pub fn folder(&mut self, dir: &Path, folder: &Folder) -> Result<()> {
        match folder.mixed {
            true => self.check(dir)?,
            false => results::check(dir, &self.inputs, (folder.ours)(dir), folder.what)?,
        }
        self.made.make(dir)?;
        match self.lock(&dir.join(lock::SUFFIX), dir)? {
            Ok(lock) => self.locks.push(lock),
            Err(by) => return Err(busy(dir, &by)),
        }
        sweep(dir);
        if !self.force && (folder.is_whole)(dir) {
            return Err(self.there(&[dir.to_path_buf()]));
        }
        let place = place(dir)?;
        register(&place);
        self.claimed.push(place);
        Ok(())
    }

    /// Claims the folder `dir`, which is made beside its place and is new or empty until then;
    /// nothing replaces such a folder.
    pub fn new_folder(&mut self, dir: &Path) -> Result<()> {
        super::writer_fits::check_folder(dir)?;
        self.made.make(folder_of(dir))?;
        let place = place(dir)?;
        let name = format!("{}{}", prefix(&place), lock::SUFFIX);
        match self.lock(&place.with_file_name(name), dir)? {
            Ok(lock) => self.locks.push(lock),
            Err(by) => return Err(busy(dir, &by)),
        }
        sweep(folder_of(&place));
        super::writer_fits::check_folder(dir)?;
        register(&place);
        self.claimed.push(place);
        Ok(())
    }

    /// Refuses an input, and a journal.
    fn check(&self, path: &Path) -> Result<()> {
        let whole = |path: &Path| fs::canonicalize(path).ok();
        let own = whole(path);
        if own.is_some() && self.inputs.iter().any(|input| whole(input) == own) {
            let found = path.display().to_string();
            let expected = "another file than the input, which it would replace";
            return Err(Error::config("output", found, expected));
        }
        if is_journal(path) {
            let found = format!("{}, which holds people's decisions", path.display());
            let expected = "another file; nothing replaces a journal";
            return Err(Error::config("output", found, expected));
        }
        Ok(())
    }

    /// The lock, or who has it.
    fn lock(&mut self, lock: &Path, output: &Path) -> Result<Result<Lock, String>> {
        let asked = Lock::ask(lock).map_err(|error| results::renamed(error, lock, output))?;
        match asked {
            Asked::Theirs(by) => Ok(Err(by)),
            Asked::Ours(lock, None) => Ok(Ok(lock)),
            Asked::Ours(lock, Some(error)) => {
                if self.notices.is_empty() {
                    self.notices.push(format!(
                        "{} cannot be locked on this file system ({error}): make sure that no \
                         other run writes it",
                        output.display()
                    ));
                }
                Ok(Ok(lock))
            }
        }
    }

    /// That `paths` exist.
    fn there(&self, paths: &[PathBuf]) -> Error {
        let names = paths.iter().take(NAMED).map(|p| p.display().to_string());
        let mut found = names.collect::<Vec<_>>().join(", ");
        if paths.len() > NAMED {
            found += &format!(" and {} more", paths.len() - NAMED);
        }
        found += match paths.len() {
            1 => ", which exists,",
            _ => ", which exist,",
        };
        let expected = match self.how {
            Some(how) => format!("a new name, or {how} to replace what is there"),
            None => "a new name".into(),
        };
        Error::config("output", found, expected)
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        let mut all = CLAIMED.lock().unwrap_or_else(|error| error.into_inner());
        for own in &self.claimed {
            if let Some(at) = all.iter().position(|place| place == own) {
                all.swap_remove(at);
            }
        }
    }
}

/// Why files could not be claimed.
#[derive(Debug)]
pub enum Taken {
    /// Another process is writing one of them.
    Locked {
        /// Which.
        path: PathBuf,
        /// Who.
        by: String,
    },
    /// These exist.
    There(Vec<PathBuf>),
}

fn busy(path: &Path, by: &str) -> Error {
    let expected = "no other run that writes it: wait until that one has ended, or give another \
                    name";
    Error::input(path, "output", format!("that {by} is writing it"), expected)
}

/// Folders that were made; those in which nothing is go away with the value.
#[derive(Debug, Default)]
struct Made(Vec<PathBuf>);

impl Made {
    /// Makes `dir` and the folders that it is in.
    fn make(&mut self, dir: &Path) -> Result<()> {
        if dir.exists() && !dir.is_dir() {
            let found = format!("{}, which is a file,", dir.display());
            return Err(Error::config("--out", found, "a folder, there or not yet"));
        }
        let missing = dir.ancestors().take_while(|dir| {
            // "" is the folder that we are in.
            !dir.as_os_str().is_empty() && !dir.exists()
        });
        let missing: Vec<PathBuf> = missing.map(Path::to_path_buf).collect();
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        self.0.extend(missing.into_iter().rev());
        Ok(())
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for dir in self.0.iter().rev() {
            // Fails where something is in it.
            let _ = fs::remove_dir(dir);
        }
    }
}

/// `path` without links, also where it is not there yet.
fn place(path: &Path) -> Result<PathBuf> {
    let path = resolved(path)?;
    let whole = |path: &Path| fs::canonicalize(path).map_err(Error::io("open", path));
    match path.file_name() {
        Some(name) => Ok(whole(folder_of(&path))?.join(name)),
        // `.`, `..` and `/`.
        None => whole(&path),
    }
}

/// Whether `path` is a journal of `rbgpu relabel`: hours of work that nobody can do again.
fn is_journal(path: &Path) -> bool {
    start_of(path).is_some_and(|start| start.starts_with(br#"{"rbgpu":"journal""#))
}

/// What stands at `path`, if it is recognised as something that costs work to make again.
fn precious(path: &Path) -> Option<&'static str> {
    let start = start_of(path)?;
    let line = start.split(|byte| *byte == b'\n').next()?;
    match &start[..] {
        [b'P', b'K', 3, 4, ..] => Some("a cube, or another .zip"),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Some("an array"),
        [0x89, b'H', b'D', b'F', ..] => Some("an HDF5 file"),
        [_, _, _, _, 0, 0, 0, 0, b'{', ..] => Some("a model"),
        start if start.starts_with(b"SIMPLE  =") => Some("a FITS file"),
        _ if line.starts_with(b"id,label,was,decision") => Some("a label file"),
        _ if line.starts_with(b"id,part,label") => Some("a split"),
        _ => None,
    }
}

fn start_of(path: &Path) -> Option<Vec<u8>> {
    let there = fs::metadata(path).ok()?;
    let mut start = Vec::new();
    // A pipe would wait.
    let file = there.is_file().then(|| fs::File::open(path).ok())??;
    file.take(64).read_to_end(&mut start).ok()?;
    Some(start)
}

/// What this process has claimed.
static CLAIMED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
static REQUIRED: AtomicBool = AtomicBool::new(false);

/// From now on this process writes no result that is not claimed. For a program, in which a
/// command that forgot to claim would replace what it should not.
pub fn require() {
    REQUIRED.store(true, Ordering::Relaxed);
}

fn register(place: &Path) {
    let mut all = CLAIMED.lock().unwrap_or_else(|error| error.into_inner());
    all.push(place.to_path_buf());
}

/// Whether `path` may be written: it is claimed, or in a folder that is.
pub(crate) fn check(path: &Path) -> Result<()> {
    if !REQUIRED.load(Ordering::Relaxed) {
        return Ok(());
    }
    let mut names = path.components();
    // What is in there gets its place by a claim.
    if names.any(|name| is_temporary_folder(&name.as_os_str().to_string_lossy())) {
        return Ok(());
    }
    let place = place(path)?;
    let all = CLAIMED.lock().unwrap_or_else(|error| error.into_inner());
    match all.iter().any(|claimed| place.starts_with(claimed)) {
        true => Ok(()),
        false => {
            let expected = "a claim before the work; please report this as a bug of rbgpu";
            Err(Error::input(path, "output", "no claim", expected))
        }
    }
}
