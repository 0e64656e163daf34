//! Results of several files, which nobody may find half old and half new: a [`Family`] of files
//! side by side, and a folder of them, such as a report's.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::atomic::{
    Temporary, folder_beside, folder_in, folder_of, is_device, is_temporary_folder, resolved,
    sync_folder,
};
use super::{claims, lock};
use crate::{Error, Result};

/// Files that mean something together only: a model with its split and history, the three arrays
/// of a DES triple. All are written under hidden names and brought to the disk; [`put`](Self::put)
/// then gives them their names.
///
/// The last of them is the *key*, without which nobody takes the others for a result. It is the
/// first that goes away and the last that is put there. A process that is killed at any moment
/// therefore leaves the old files, the new ones, or no key.
#[derive(Debug, Default)]
pub struct Family {
    places: Vec<(PathBuf, Temporary)>,
    /// Where each is, and where it goes.
    files: Vec<(PathBuf, PathBuf)>,
    gone: Vec<PathBuf>,
}

impl Family {
    /// No file yet.
    pub fn new() -> Family {
        Family::default()
    }

    /// Writes the file that goes to `path`: `write` gets the path where it is until then. Errors
    /// name `path`.
    pub fn write<T>(
        &mut self,
        path: impl AsRef<Path>,
        write: impl FnOnce(&Path) -> Result<T>,
    ) -> Result<T> {
        let path = path.as_ref();
        if is_device(path) {
            return write(path);
        }
        let target = resolved(path)?;
        claims::check(&target)?;
        let folder = folder_of(&target);
        if !self.places.iter().any(|(known, _)| known == folder) {
            let made = folder_beside(&target)?;
            self.places.push((folder.to_path_buf(), made));
        }
        let mut places = self.places.iter();
        let (_, place) = places
            .find(|(known, _)| known == folder)
            .expect("made above");
        let at = place.path().join(target.file_name().unwrap_or_default());
        let value = write(&at).map_err(|error| renamed(error, &at, path))?;
        self.files.push((at, target));
        Ok(value)
    }

    /// There is no file `path` in this family: one that is there goes away with the old key.
    pub fn without(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        claims::check(path)?;
        self.gone.push(path.to_path_buf());
        Ok(())
    }

    /// Gives all files their names.
    pub fn put(self) -> Result<()> {
        let Some(((key_at, key), others)) = self.files.split_last() else {
            return Ok(());
        };
        let sync = || {
            self.places
                .iter()
                .for_each(|(folder, _)| sync_folder(folder))
        };
        remove(key)?;
        sync();
        self.gone.iter().try_for_each(|path| remove(path))?;
        let mut steps = others.iter();
        steps.try_for_each(|(at, to)| fs::rename(at, to).map_err(Error::io("write", to)))?;
        sync();
        fs::rename(key_at, key).map_err(Error::io("write", key))?;
        sync();
        Ok(())
    }
}

/// An error about a file at, or in, the hidden place `made`, which names `to` instead.
pub fn renamed(mut error: Error, made: &Path, to: &Path) -> Error {
    if let Error::Io { path, .. } | Error::Input { path, .. } = &mut error
        && let Ok(rest) = path.strip_prefix(made)
    {
        *path = match rest.as_os_str().is_empty() {
            true => to.into(),
            false => to.join(rest),
        };
    }
    error
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("replace", path)(error))
        }
        _ => Ok(()),
    }
}

/// A file in a folder whose contents are being replaced, for people and for the next run.
pub const UNFINISHED: &str = "UNFINISHED";

const WARNING: &str = "rbgpu was stopped while it put a report into this folder. What is here is \
                       not whole: run the command again.\n";

/// Refuses, before long work, a folder that cannot be written: one that is or holds an input, is a
/// file, or holds something and is not `ours`; `of` says of what it may be: "an earlier report".
pub fn check(dir: &Path, inputs: &[PathBuf], ours: bool, of: &str) -> Result<()> {
    let whole = |path: &Path| fs::canonicalize(path).ok();
    let own = whole(dir);
    let inside = |input: &&PathBuf| match (&own, whole(input)) {
        (Some(own), Some(input)) => input.starts_with(own),
        _ => false,
    };
    if let Some(input) = inputs.iter().find(inside) {
        let found = format!("{}, which holds {}", dir.display(), input.display());
        let expected = "another folder than that of an input, which it might replace";
        return Err(Error::config("--out", found, expected));
    }
    if dir.exists() && !dir.is_dir() {
        let found = format!("{}, which is a file,", dir.display());
        return Err(Error::config("--out", found, "a folder, there or not yet"));
    }
    match fs::read_dir(dir) {
        Ok(entries) => {
            let known = ours || dir.join(UNFINISHED).exists();
            // What a run left that was killed before it put anything there.
            let hidden = |name: &str| name == lock::SUFFIX || is_temporary_folder(name);
            let mut names = entries.flatten().map(|entry| entry.file_name());
            if !known && names.any(|name| !name.to_str().is_some_and(hidden)) {
                let found = format!("{}, which holds other things", dir.display());
                let expected = format!("a new folder, an empty one, or that of {of}");
                return Err(Error::config("--out", found, expected));
            }
            folder_in(dir).map(drop).map_err(Error::io("write", dir))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // It can be made where it is to stand.
            folder_beside(dir).map(drop)
        }
        Err(error) => Err(Error::io("open the folder", dir)(error)),
    }
}

/// An empty folder in `dir`, which is made if it is not there, for what [`put`] puts there.
pub fn place_in(dir: &Path) -> Result<Temporary> {
    claims::check(dir)?;
    fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    folder_in(dir).map_err(Error::io("create", dir))
}

/// Puts `entries` of the folder `made` into `dir`, in their order: what is there is replaced, also
/// by nothing, what else is there is not touched. All that is old is away before anything new
/// comes, and a file [`UNFINISHED`] is there meanwhile.
pub fn put<'a>(made: &Path, dir: &Path, entries: impl IntoIterator<Item = &'a str>) -> Result<()> {
    claims::check(dir)?;
    fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    let unfinished = dir.join(UNFINISHED);
    create(&unfinished, |out| out.write_all(WARNING.as_bytes()))?;
    sync_folder(dir);
    let entries: Vec<&str> = entries.into_iter().collect();
    for entry in entries.iter().rev() {
        let to = dir.join(entry);
        let removed = match fs::symlink_metadata(&to) {
            Ok(there) if there.is_dir() => fs::remove_dir_all(&to),
            Ok(_) => fs::remove_file(&to),
            Err(_) => Ok(()),
        };
        removed.map_err(Error::io("replace", &to))?;
    }
    for entry in entries {
        let (from, to) = (made.join(entry), dir.join(entry));
        if from.exists() {
            fs::rename(&from, &to).map_err(Error::io("write", &to))?;
        }
    }
    sync_folder(dir);
    remove(&unfinished)
}

/// Writes a file of a folder that nobody sees before it is whole.
pub fn create(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<()> {
    let file = File::create(path).map_err(Error::io("create", path))?;
    let mut file = BufWriter::with_capacity(1 << 20, file);
    let written = write(&mut file).and_then(|()| file.flush());
    written.map_err(Error::io("write", path))
}
