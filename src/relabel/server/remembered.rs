//! The port and the token of the last start with the same journal, so that a page that is
//! still open goes on after rbgpu was killed and started again.
//!
//! They are in a file that only this user can read, in the folder of caches. Where there is
//! none, or it cannot be written, every start has others.

use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use rand::TryRng;
use rand::rngs::SysRng;
use serde::{Deserialize, Serialize};

/// Port and token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remembered {
    /// The port; 0 if there was none yet.
    pub port: u16,
    /// 32 hexadecimal digits.
    pub token: String,
}

/// 128 bits of the operating system's randomness, in hexadecimal digits.
pub fn random() -> String {
    let mut bytes = [0; 16];
    SysRng
        .try_fill_bytes(&mut bytes)
        .expect("an operating system that has random numbers");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Remembered {
    /// Those of the last start with `journal`, else new ones.
    pub fn of(journal: &Path) -> Remembered {
        let read = place(journal).and_then(|path| read(&path));
        read.unwrap_or_else(|| Remembered {
            port: 0,
            token: random(),
        })
    }

    /// Keeps them for the next start, if that can be done.
    pub fn keep(&self, journal: &Path) {
        let Some(path) = place(journal) else { return };
        // Nothing depends on it but that an open page goes on by itself.
        let _ = write(&path, self);
    }
}

fn place(journal: &Path) -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let base = named("XDG_CACHE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| named("LOCALAPPDATA"))
        .or_else(|| named("HOME").map(|home| home.join(".cache")))?;
    let mut hasher = DefaultHasher::new();
    std::path::absolute(journal).ok()?.hash(&mut hasher);
    let name = format!("{:016x}.json", hasher.finish());
    Some(base.join("rbgpu/relabel").join(name))
}

fn read(path: &Path) -> Option<Remembered> {
    let file = File::open(path).ok()?;
    if !is_private(&file) {
        return None;
    }
    let found: Remembered = serde_json::from_reader(file).ok()?;
    let digits = found.token.bytes().all(|b| b.is_ascii_hexdigit());
    (found.token.len() == 32 && digits).then_some(found)
}

/// Whether nobody else could have read or written it.
#[cfg(unix)]
fn is_private(file: &File) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let there = file.metadata();
    there.is_ok_and(|there| there.is_file() && there.permissions().mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(_: &File) -> bool {
    true
}

fn write(path: &Path, value: &Remembered) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let written = options
        .open(&temporary)
        .and_then(|mut file| file.write_all(&serde_json::to_vec(value)?))
        .and_then(|()| std::fs::rename(&temporary, path));
    written.inspect_err(|_| {
        let _ = std::fs::remove_file(&temporary);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_random_is_long_and_new() {
        assert!(random().len() == 32 && random() != random());
    }

    #[test]
    fn what_was_kept_is_there_again_unless_others_could_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/a.json");
        let kept = Remembered {
            port: 8123,
            token: random(),
        };
        write(&path, &kept).unwrap();
        assert_eq!(read(&path), Some(kept));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let open = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(&path, open).unwrap();
            assert_eq!(read(&path), None);
        }
        std::fs::write(&path, "{\"port\":1,\"token\":\"short\"}").unwrap();
        assert_eq!(read(&path), None);
        assert_eq!(read(folder.path()), None);
    }
}
