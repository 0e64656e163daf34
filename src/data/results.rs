//! A folder of results, such as a report's: checked before long work, filled beside its place,
//! then put there.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::atomic::folder_beside;
use crate::{Error, Result};

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
    match fs::read_dir(dir) {
        Ok(mut entries) => {
            if entries.next().is_some() && !ours {
                let found = format!("{}, which holds other things", dir.display());
                let expected = format!("a new folder, an empty one, or that of {of}");
                return Err(Error::config("--out", found, expected));
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io("open the folder", dir)(error)),
    }
    // It can be made where it is to stand.
    folder_beside(dir).map(drop)
}

/// Puts `entries` of the folder `made` into `dir`, in their order: what is there is replaced, also
/// by nothing, what else is there is not touched.
pub fn put<'a>(made: &Path, dir: &Path, entries: impl IntoIterator<Item = &'a str>) -> Result<()> {
    fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    for entry in entries {
        let (from, to) = (made.join(entry), dir.join(entry));
        let removed = match fs::symlink_metadata(&to) {
            Ok(there) if there.is_dir() => fs::remove_dir_all(&to),
            Ok(_) => fs::remove_file(&to),
            Err(_) => Ok(()),
        };
        removed.map_err(Error::io("replace", &to))?;
        if from.exists() {
            fs::rename(&from, &to).map_err(Error::io("write", &to))?;
        }
    }
    Ok(())
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
