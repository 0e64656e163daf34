//! Files that are there whole or not at all.

use std::fs::File;
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
    atomic_try(path, true, |file| {
        write(file).map_err(Error::io("write", path))
    })
}

/// As [`atomic_write`], for a `write` that has errors of its own. Without
/// `sync` the file is not forced onto the disk, for folders of many small
/// files, where a crash loses some of them anyway.
pub fn atomic_try<T>(
    path: impl AsRef<Path>,
    sync: bool,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T>,
) -> Result<T> {
    let path = path.as_ref();
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".rbgpu-").suffix(".tmp");
    // tempfile makes files that only the owner may read, which is right for
    // /tmp but not for a result; this asks for the usual mode, less the umask.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let (file, temporary) = builder
        .tempfile_in(folder)
        .map_err(Error::io("create", path))?
        .into_parts();
    let mut file = BufWriter::with_capacity(1 << 20, file);
    let value = write(&mut file)?;
    file.flush().map_err(Error::io("write", path))?;
    if sync {
        file.get_ref()
            .sync_all()
            .map_err(Error::io("write", path))?;
    }
    // Windows does not rename an open file.
    drop(file);
    temporary
        .persist(path)
        .map_err(|e| Error::io("write", path)(e.error))?;
    Ok(value)
}
