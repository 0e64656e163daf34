//! Lock files: one process at a time writes an output, and who that is can be said.
//!
//! The lock is the operating system's, on an open file, so that it ends with its process, however
//! that ends. The file says who holds it. It is removed by its holder, while the lock is held;
//! whoever gets a lock makes sure that its file is still the one in the folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use same_file::Handle;

use crate::{Error, Result};

/// The end of a lock file's name.
pub(super) const SUFFIX: &str = ".rbgpu-lock";

/// Tries, and the time between them: who clears a folder holds a stale lock for a moment.
const TRIES: usize = 20;
const BETWEEN: Duration = Duration::from_millis(5);

/// A lock file that this process holds; it goes away with the value.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    file: File,
}

/// What came of asking for a lock.
#[derive(Debug)]
pub enum Asked {
    /// It is ours. On a file system without locks, with the system's words: then nobody is kept
    /// from writing.
    Ours(Lock, Option<io::Error>),
    /// Another one's: "process 4711 on nova".
    Theirs(String),
}

impl Lock {
    /// Asks for the lock file `path`, and does not wait while another process has it.
    pub fn ask(path: &Path) -> Result<Asked> {
        for again in 0.. {
            let mut options = OpenOptions::new();
            let options = options.read(true).write(true).create(true).truncate(false);
            let mut file = options.open(path).map_err(Error::io("create", path))?;
            let without = match file.try_lock() {
                Ok(()) if !is_at(&file, path) => continue,
                Ok(()) => None,
                Err(TryLockError::WouldBlock) if again < TRIES => {
                    std::thread::sleep(BETWEEN);
                    continue;
                }
                Err(TryLockError::WouldBlock) => return Ok(Asked::Theirs(holder(path))),
                Err(TryLockError::Error(error)) => Some(error),
            };
            // For people alone: without it the lock is as good.
            let _ = file
                .set_len(0)
                .and_then(|()| writeln!(file, "{}", myself()));
            let path = path.to_path_buf();
            held().push(path.clone());
            return Ok(Asked::Ours(Lock { path, file }, without));
        }
        unreachable!("tries have an end")
    }
}

/// The lock files of this process.
static HELD: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn held() -> MutexGuard<'static, Vec<PathBuf>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the lock files of a process that is about to end without dropping anything.
pub fn abandon() {
    for path in held().drain(..) {
        // The next run removes one that cannot be removed now.
        let _ = std::fs::remove_file(path);
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        held().retain(|path| *path != self.path);
        if is_at(&self.file, &self.path) {
            // One that cannot be removed is free, and the next run removes it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Locks a file or folder that was just made, for as long as it is open. `false` where another
/// process took it for a leftover in between.
pub(super) fn hold(file: &File, path: &Path) -> bool {
    match file.try_lock() {
        Ok(()) => is_at(file, path),
        Err(TryLockError::WouldBlock) => false,
        // Without locks nothing is ever taken for a leftover.
        Err(TryLockError::Error(_)) => true,
    }
}

/// Whether nobody holds what `file`, which is `path`, is; then it is ours until `file` is closed.
pub(super) fn is_abandoned(file: &File, path: &Path) -> bool {
    file.try_lock().is_ok() && is_at(file, path)
}

fn is_at(file: &File, path: &Path) -> bool {
    let own = file.try_clone().and_then(Handle::from_file);
    matches!((own, Handle::from_path(path)), (Ok(own), Ok(there)) if own == there)
}

fn myself() -> String {
    let process = std::process::id();
    match host() {
        Some(host) => format!("process {process} on {host}"),
        None => format!("process {process}"),
    }
}

/// Who holds the lock, as its file says.
fn holder(path: &Path) -> String {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(300).read_to_string(&mut text));
    match (read, text.trim()) {
        (Ok(_), text) if text.starts_with("process ") => text.to_string(),
        _ => "another process".into(),
    }
}

/// What this machine calls itself.
pub fn host() -> Option<String> {
    let read = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = read.or_else(|| std::env::var("COMPUTERNAME").ok())?;
    Some(name.trim().to_string()).filter(|name| !name.is_empty())
}
