//! Files that are there whole or not at all.

use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::{Error, Result};

/// Writes `path` by way of a temporary file in the same folder: `write` fills
/// it, then it is flushed to the disk and renamed. If anything fails (a full
/// disk, an error in `write`), the temporary file is removed and whatever
/// stood at `path` before is untouched.
///
/// An I/O error inside `write` comes back with `path`, not with the temporary
/// name. Missing folders are not made.
pub fn atomic_write<T>(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<T>,
) -> Result<T> {
    let path = path.as_ref();
    atomic_try(path, |file| write(file).map_err(Error::io("write", path)))
}

/// As [`atomic_write`], for a `write` that has errors of its own.
///
/// A link is followed, and what is no file (a pipe, `/dev/null`) is written to
/// as it is: renaming over it would put a file in its place.
pub fn atomic_try<T>(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T>,
) -> Result<T> {
    let path = path.as_ref();
    let mut target = path.to_path_buf();
    if let Ok(there) = std::fs::metadata(path) {
        if !there.is_file() && !there.is_dir() {
            let file = OpenOptions::new().write(true).open(path);
            let mut file = BufWriter::new(file.map_err(Error::io("write", path))?);
            let value = write(&mut file)?;
            file.flush().map_err(Error::io("write", path))?;
            return Ok(value);
        }
        if path.is_symlink() {
            target = std::fs::canonicalize(path).map_err(Error::io("write", path))?;
        }
    }
    let (file, temporary) = temporary(&target)
        .map_err(Error::io("create", path))?
        .into_parts();
    let mut file = BufWriter::with_capacity(1 << 20, file);
    let value = write(&mut file)?;
    file.flush().map_err(Error::io("write", path))?;
    file.get_ref()
        .sync_all()
        .map_err(Error::io("write", path))?;
    // Windows does not rename an open file.
    drop(file);
    temporary
        .persist(&target)
        .map_err(|e| Error::io("write", path)(e.error))?;
    Ok(value)
}

/// An empty folder beside `path`, to be filled and renamed to it; it goes away with the value.
/// The folder that both are in must be there.
pub(crate) fn folder_beside(path: &Path) -> Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".rbgpu-").suffix(".tmp");
    // As for files: the usual mode, less the umask.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o777));
    }
    let made = builder.tempdir_in(folder_of(path));
    made.map_err(Error::io("create", path))
}

/// Whether `path` could be written now, for what is to be written after long
/// work: its folder is there and takes files, and it is no folder itself.
pub fn check_writable(path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    match std::fs::metadata(path) {
        Ok(there) if there.is_dir() => {
            let folder = io::Error::new(io::ErrorKind::IsADirectory, "it is a folder");
            Err(Error::io("write", path)(folder))
        }
        // A pipe or a device.
        Ok(there) if !there.is_file() => Ok(()),
        _ => match temporary(path) {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::io("create", path)(error)),
        },
    }
}

/// Removes the temporary files that a killed program left beside `path` when it
/// was writing it. Nothing else may be writing `path` meanwhile.
pub fn remove_leftovers(path: impl AsRef<Path>) {
    let path = path.as_ref();
    let prefix = prefix(path);
    let Ok(entries) = std::fs::read_dir(folder_of(path)) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&prefix) && name.ends_with(SUFFIX) {
            // One that cannot be removed is in nobody's way.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// The end of every temporary file's name; it begins with the target's.
const SUFFIX: &str = ".rbgpu-tmp";

fn prefix(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Names are 255 bytes at most on most systems, so a long one is cut; the hash
    // keeps those that begin alike apart.
    let mut hash = DefaultHasher::new();
    name.hash(&mut hash);
    let start: String = name.chars().take(40).collect();
    format!(".{start}.{:08x}-", hash.finish() as u32)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// An empty file beside `path`, which goes away with the value.
fn temporary(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let prefix = prefix(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(SUFFIX);
    // tempfile makes files that only the owner may read, which is right for
    // /tmp but not for a result; this asks for the usual mode, less the umask.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let folder = folder_of(path);
    builder.tempfile_in(folder).map_err(|error| {
        // tempfile adds the temporary name, which means nothing to a user.
        let kind = error.kind();
        match kind {
            io::ErrorKind::NotFound => {
                io::Error::new(kind, format!("there is no folder {}", folder.display()))
            }
            io::ErrorKind::NotADirectory => {
                io::Error::new(kind, format!("{} is no folder", folder.display()))
            }
            _ => io::Error::new(kind, format!("{kind} in the folder {}", folder.display())),
        }
    })
}
