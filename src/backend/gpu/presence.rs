//! Whether it is worth looking for a real gpu at all. Asking Vulkan loads every driver
//! that is installed, the software one too, which costs 25 ms and more where there is
//! nothing to find; the system's own list of devices costs nothing.

use std::path::Path;

/// How the device files of gpus begin on Linux, by the drivers that make them: NVIDIA's
/// (also those of its small boards), Windows' below WSL, Arm's, Qualcomm's,
/// Imagination's. All others are found as `dri/renderD*`.
const NODES: [&str; 7] = ["nvidia", "nvhost", "nvgpu", "dxg", "mali", "kgsl", "pvr"];

/// False only where there is surely no gpu. Where the system has no such list, or does
/// not show it, there may be one.
pub(super) fn possible() -> bool {
    !cfg!(target_os = "linux") || possible_in(Path::new("/dev"))
}

fn possible_in(dev: &Path) -> bool {
    let named = |folder: &Path, beginnings: &[&str]| -> Option<bool> {
        let entries = std::fs::read_dir(folder).ok()?;
        let mut names = entries.flatten().map(|entry| entry.file_name());
        Some(names.any(|name| {
            let name = name.to_string_lossy();
            beginnings
                .iter()
                .any(|beginning| name.starts_with(beginning))
        }))
    };
    let dri = dev.join("dri");
    named(dev, &NODES).unwrap_or(true)
        || (dri.exists() && named(&dri, &["renderD"]).unwrap_or(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_is_possible_where_its_device_file_is() {
        let dev = tempfile::tempdir().unwrap();
        let file = |name: &str| std::fs::write(dev.path().join(name), "").unwrap();
        assert!(possible_in(&dev.path().join("not there")));
        ["null", "tty0", "fb0"].iter().for_each(|name| file(name));
        assert!(!possible_in(dev.path()));
        std::fs::create_dir(dev.path().join("dri")).unwrap();
        // The screen of a virtual machine.
        file("dri/card0");
        assert!(!possible_in(dev.path()));
        file("dri/renderD128");
        assert!(possible_in(dev.path()));
        std::fs::remove_dir_all(dev.path().join("dri")).unwrap();
        file("nvidiactl");
        assert!(possible_in(dev.path()));
    }
}
