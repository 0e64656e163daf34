//! Compiled kernels on disk, so that a second start compiles nothing. A cache that
//! cannot be read or written is no error: kernels are compiled then.

use std::hash::Hasher;
use std::path::{Path, PathBuf};

use super::adapter::AdapterDescription;

const MAGIC: &[u8; 8] = b"rbgpukc1";

/// Compiled kernels of one adapter and driver.
#[derive(Debug)]
pub(super) struct Cache {
    path: PathBuf,
    pub driver: wgpu::PipelineCache,
}

impl Cache {
    /// What an earlier run left for this adapter and driver, or an empty cache. `None`
    /// where there is no folder for it.
    pub fn open(device: &wgpu::Device, adapter: &AdapterDescription) -> Option<Cache> {
        let path = folder()?.join(file_name(adapter));
        let data = std::fs::read(&path).ok();
        let data = data.as_deref().and_then(unsealed);
        let descriptor = wgpu::PipelineCacheDescriptor {
            label: Some("kernels"),
            data,
            fallback: true,
        };
        // SAFETY: the checksum says that these bytes are what `get_data` returned, on
        // the same adapter with the same driver.
        let driver = unsafe { device.create_pipeline_cache(&descriptor) };
        Some(Cache { path, driver })
    }

    /// Writes what the driver has to disk: to a file of its own first, which then takes
    /// the other's place, so that no reader sees half of it.
    pub fn save(&self) {
        let Some(data) = self.driver.get_data() else {
            return;
        };
        // Nothing is lost but time if any of this fails.
        let _ = write(&self.path, &sealed(&data));
    }
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&temporary, bytes)
        .and_then(|()| std::fs::rename(&temporary, path))
        .inspect_err(|_| {
            let _ = std::fs::remove_file(&temporary);
        })
}

fn folder() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let base = named("XDG_CACHE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| named("LOCALAPPDATA"))
        .or_else(|| named("HOME").map(|home| home.join(".cache")))?;
    Some(base.join("rbgpu"))
}

fn file_name(adapter: &AdapterDescription) -> String {
    let text = format!("{}-{}-{}", adapter.backend, adapter.name, adapter.driver);
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' {
            c
        } else {
            '_'
        }
    };
    format!("{}.kernels", text.chars().map(plain).collect::<String>())
}

fn checksum(data: &[u8]) -> [u8; 8] {
    // The same for the same program; for another one the cache is begun anew.
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(data);
    hasher.finish().to_le_bytes()
}

fn sealed(data: &[u8]) -> Vec<u8> {
    [&MAGIC[..], &checksum(data), data].concat()
}

/// The data, if it is whole.
fn unsealed(bytes: &[u8]) -> Option<&[u8]> {
    let (sum, data) = bytes.strip_prefix(MAGIC)?.split_at_checked(8)?;
    (sum == checksum(data)).then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_cache_is_ignored() {
        let whole = sealed(b"kernels");
        assert_eq!(unsealed(&whole), Some(&b"kernels"[..]));
        for len in 0..whole.len() {
            assert_eq!(unsealed(&whole[..len]), None);
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert_eq!(unsealed(&damaged), None);
        }
    }

    #[test]
    fn adapters_and_drivers_have_files_of_their_own() {
        let adapter = |driver: &str| AdapterDescription {
            name: "NVIDIA H100/80".into(),
            backend: "Vulkan".into(),
            kind: super::super::AdapterKind::Discrete,
            driver: driver.into(),
        };
        let name = file_name(&adapter("570.1"));
        assert_eq!(
            name,
            "Vulkan-NVIDIA_H100_80-570.1.kernels".replace('-', "_")
        );
        assert_ne!(name, file_name(&adapter("570.2")));
    }
}
