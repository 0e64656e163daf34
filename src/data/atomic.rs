//! Files that are there whole or not at all.
//!
//! What is being written has a hidden name, and a lock for as long as its process lives. What a
//! killed process left is therefore known, and [`sweep`] removes it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{claims, lock};
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
    if is_device(path) {
        let file = OpenOptions::new().write(true).open(path);
        let mut file = BufWriter::new(file.map_err(Error::io("write", path))?);
        let value = write(&mut file)?;
        file.flush().map_err(Error::io("write", path))?;
        return Ok(value);
    }
    let target = resolved(path)?;
    claims::check(&target)?;
    let (file, temporary) = temporary(&target)
        .map_err(Error::io("create", path))?
        .into_parts();
    let mut file = BufWriter::with_capacity(1 << 20, file);
    let value = write(&mut file)?;
    file.flush().map_err(Error::io("write", path))?;
    file.get_ref()
        .sync_all()
        .map_err(Error::io("write", path))?;
    // Open until it is renamed, for its lock; but Windows does not rename an open file.
    #[cfg(windows)]
    drop(file);
    temporary
        .persist(&target)
        .map_err(|e| Error::io("write", path)(e.error))?;
    Ok(value)
}

/// Whether `path` is something that is written to as it is: a pipe, `/dev/null`.
pub(super) fn is_device(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
}

/// What `path` leads to, if it is a link.
pub(super) fn resolved(path: &Path) -> Result<PathBuf> {
    match path.is_symlink() {
        true => std::fs::canonicalize(path).map_err(Error::io("write", path)),
        false => Ok(path.to_path_buf()),
    }
}

/// A folder with a hidden name, to be filled and renamed; it goes away with the value.
#[derive(Debug)]
pub struct Temporary {
    // Removed before it is let go of: fields are dropped in this order.
    folder: tempfile::TempDir,
    _lock: Option<File>,
}

impl Temporary {
    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// An empty folder beside `path`, to be filled and renamed to it.
/// The folder that both are in must be there.
pub(crate) fn folder_beside(path: &Path) -> Result<Temporary> {
    folder_in(folder_of(path)).map_err(Error::io("create", path))
}

/// An empty folder in `folder`.
pub(super) fn folder_in(folder: &Path) -> io::Result<Temporary> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(FOLDER.0).suffix(FOLDER.1);
    // As for files: the usual mode, less the umask.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o777));
    }
    loop {
        let made = builder.tempdir_in(folder)?;
        // Windows opens no folder: there it has no lock, and is never taken for a leftover.
        let file = File::open(made.path()).ok();
        if file
            .as_ref()
            .is_none_or(|file| lock::hold(file, made.path()))
        {
            return Ok(Temporary {
                folder: made,
                _lock: file,
            });
        }
    }
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
        _ => match temporary(&resolved(path)?) {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::io("create", path)(error)),
        },
    }
}

/// Removes from `folder` the temporary files and folders, and the lock files, of processes that
/// were killed. What a live process is writing stays; so does everything on a file system without
/// locks, where that cannot be known.
pub fn sweep(folder: impl AsRef<Path>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let (Some(name), Ok(kind)) = (name.to_str(), entry.file_type()) else {
            continue;
        };
        let file = name.starts_with('.')
            && (name.ends_with(SUFFIX) || name.ends_with(lock::SUFFIX))
            && kind.is_file();
        let folder = kind.is_dir() && is_temporary_folder(name);
        if !file && !folder {
            continue;
        }
        let path = entry.path();
        let Ok(opened) = OpenOptions::new().read(true).write(file).open(&path) else {
            continue;
        };
        if lock::is_abandoned(&opened, &path) {
            // One that cannot be removed is in nobody's way.
            let _ = match file {
                true => std::fs::remove_file(&path),
                false => std::fs::remove_dir_all(&path),
            };
        }
    }
}

/// The end of every temporary file's name; it begins with the target's.
const SUFFIX: &str = ".rbgpu-tmp";
/// The beginning and the end of every temporary folder's name.
const FOLDER: (&str, &str) = (".rbgpu-", ".tmp");

/// Whether a folder of this name is one of ours.
pub(super) fn is_temporary_folder(name: &str) -> bool {
    name.starts_with(FOLDER.0) && name.ends_with(FOLDER.1)
}

/// The beginning of the hidden names that belong to `path`.
pub(super) fn prefix(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Names are 255 bytes at most on most systems, so a long one is cut; the hash
    // keeps those that begin alike apart.
    let hash = crc32fast::hash(name.as_bytes());
    let start: String = name.chars().take(40).collect();
    format!(".{start}.{hash:08x}")
}

/// The folder that `path` is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Brings the names in `folder` to the disk, where the system can; without it a loss of power, but
/// no kill, might bring them there in another order.
pub(super) fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// An empty file beside `path`, which goes away with the value.
fn temporary(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let prefix = format!("{}-", prefix(path));
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
    let made = || loop {
        let made = builder.tempfile_in(folder)?;
        if lock::hold(made.as_file(), made.path()) {
            return Ok(made);
        }
    };
    made().map_err(|error: io::Error| {
        // tempfile adds the temporary name, which means nothing to a user.
        let kind = error.kind();
        match kind {
            io::ErrorKind::NotFound if !folder.exists() => {
                io::Error::new(kind, format!("there is no folder {}", folder.display()))
            }
            io::ErrorKind::NotADirectory => {
                io::Error::new(kind, format!("{} is no folder", folder.display()))
            }
            _ => io::Error::new(kind, format!("{kind} in the folder {}", folder.display())),
        }
    })
}
