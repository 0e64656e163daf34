//! What the system says of memory, and large memory that it may refuse.
//!
//! A small allocation that is refused ends the process. So large ones are asked for in a way
//! that can fail, and only granted while [`HEADROOM`] is left for the small ones.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Bytes that are left to the many small allocations when a large one is granted. A thread that
/// allocates for the first time takes 64 MiB of address space at once, for a heap of its own.
pub const HEADROOM: usize = 128 << 20;

/// Bytes from which an allocation is large.
pub const LARGE: usize = 1 << 20;

/// Memory that this process could still have, in bytes; known on Linux only. The least of what
/// the machine has free, what a container or a batch job (cgroup) allows, and what is left of
/// the address space (`ulimit -v`).
pub fn available_memory() -> Option<u64> {
    let machine = kilobytes("/proc/meminfo", "MemAvailable:");
    [machine, left_in_group(), left_of_address_space()]
        .into_iter()
        .flatten()
        .min()
}

/// The number of kB behind `name` in a file of /proc, in bytes.
pub(crate) fn kilobytes(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number = line.trim().strip_suffix("kB")?.trim();
    Some(number.parse::<u64>().ok()? * 1024)
}

/// `None` where there is no limit.
fn left_of_address_space() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|l| l.strip_prefix("Max address space"))?;
    let limit: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(limit.saturating_sub(kilobytes("/proc/self/status", "VmSize:")?))
}

/// What a cgroup, the process' own or one around it, leaves of its memory. Beyond it the system
/// does not refuse: it kills. `None` where there is no limit.
pub fn left_in_group() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    groups
        .lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next()?, parts.next()?);
            match controllers {
                "" => left_below(Path::new("/sys/fs/cgroup"), path, &V2),
                "memory" => left_below(Path::new("/sys/fs/cgroup/memory"), path, &V1),
                _ => None,
            }
        })
        .min()
}

/// The names of a version's files.
struct Names {
    limit: &'static str,
    used: &'static str,
    /// Of files' contents that can be let go, in memory.stat.
    cache: &'static str,
}

const V2: Names = Names {
    limit: "memory.max",
    used: "memory.current",
    cache: "inactive_file ",
};
const V1: Names = Names {
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    cache: "total_inactive_file ",
};

/// The least that the group at `path` and those around it leave. In a container the path may
/// be the host's; the group itself is then at `root`.
fn left_below(root: &Path, path: &str, names: &Names) -> Option<u64> {
    let mut group: PathBuf = root.join(path.trim_start_matches('/'));
    let mut least = None;
    loop {
        let read = |name: &str| std::fs::read_to_string(group.join(name)).ok();
        let number = |name: &str| read(name)?.trim().parse::<u64>().ok();
        // "max", or some 2^63, is no limit.
        if let Some(limit) = number(names.limit).filter(|limit| *limit < 1 << 60) {
            let used = number(names.used).unwrap_or(0);
            let stat = read("memory.stat").unwrap_or_default();
            let cache = stat.lines().find_map(|l| l.strip_prefix(names.cache));
            let cache = cache.and_then(|n| n.parse().ok()).unwrap_or(0);
            let left = limit.saturating_sub(used.saturating_sub(cache));
            least = Some(least.map_or(left, |least: u64| least.min(left)));
        }
        if group == root || !group.pop() {
            return least;
        }
    }
}

/// Whether the system would give `bytes` more now.
pub fn has_room(bytes: usize) -> bool {
    let mut room: Vec<u8> = Vec::new();
    // What is not written to is only lent, and costs two calls of the system.
    std::hint::black_box(&mut room)
        .try_reserve_exact(bytes)
        .is_ok()
}

/// `len` zeros; an error that says too large where the system does not give as much memory.
/// `what` is what they are for.
pub fn zeros<T: bytemuck::Zeroable>(len: usize, what: &str) -> Result<Vec<T>> {
    bytemuck::allocation::try_zeroed_vec(len)
        .map_err(|()| refused(what, (len as u64).saturating_mul(size_of::<T>() as u64)))
}

/// The system does not give `bytes` of memory for `what`.
pub fn refused(what: &str, bytes: u64) -> Error {
    Error::TooLarge {
        what: what.into(),
        device: "the system".into(),
        needed: bytes,
        limit: available_memory().unwrap_or(0),
        unit: "bytes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_is_is_an_error_that_says_too_large() {
        let error = zeros::<f64>(1 << 50, "a test").unwrap_err();
        assert!(error.is_too_large(), "{error}");
        assert_eq!(zeros::<f32>(3, "a test").unwrap(), [0.0; 3]);
    }

    #[test]
    fn a_group_leaves_what_it_and_those_around_it_do_not_use() {
        let root = tempfile::tempdir().unwrap();
        let (outer, inner) = (root.path().join("job"), root.path().join("job/step"));
        std::fs::create_dir_all(&inner).unwrap();
        let left = || left_below(root.path(), "/job/step", &V2);
        assert_eq!(left(), None);
        std::fs::write(inner.join("memory.max"), "max\n").unwrap();
        assert_eq!(left(), None);
        std::fs::write(outer.join("memory.max"), "1000\n").unwrap();
        std::fs::write(outer.join("memory.current"), "400\n").unwrap();
        std::fs::write(outer.join("memory.stat"), "anon 300\ninactive_file 100\n").unwrap();
        assert_eq!(left(), Some(700));
        std::fs::write(inner.join("memory.max"), "500\n").unwrap();
        assert_eq!(left(), Some(500));
        // A container that sees the path of its host.
        assert_eq!(left_below(root.path(), "/not/here", &V2), None);
        std::fs::write(root.path().join("memory.max"), "300\n").unwrap();
        assert_eq!(left_below(root.path(), "/not/here", &V2), Some(300));
    }
}
