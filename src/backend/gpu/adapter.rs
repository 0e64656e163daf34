//! Which adapters a machine has, which of them to open, and what is known to
//! be wrong with them.

use std::fmt;

use super::presence;
use crate::{Error, Result};

/// What an adapter is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdapterKind {
    /// A graphics card with memory of its own.
    Discrete,
    /// Shares memory with the processor.
    Integrated,
    /// Handed through to a virtual machine.
    Virtual,
    /// The driver does not say.
    Unknown,
    /// The processor itself, acting as a gpu: for tests.
    Software,
}

impl fmt::Display for AdapterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AdapterKind::Discrete => "discrete",
            AdapterKind::Integrated => "integrated",
            AdapterKind::Virtual => "virtual",
            AdapterKind::Unknown => "unknown",
            AdapterKind::Software => "software",
        })
    }
}

/// An adapter as it is listed for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterDescription {
    /// As the driver gives it.
    pub name: String,
    /// "Vulkan", "Metal" or "Dx12".
    pub backend: String,
    /// What it is made of.
    pub kind: AdapterKind,
    /// Driver and version.
    pub driver: String,
}

impl AdapterDescription {
    /// Whether it is the processor itself, acting as a gpu.
    pub fn is_software(&self) -> bool {
        self.kind == AdapterKind::Software
    }
}

impl fmt::Display for AdapterDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({}, {}; {})",
            self.name, self.kind, self.backend, self.driver
        )
    }
}

/// Which adapter to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A real gpu, never software: what "auto" asks for before it takes the cpu.
    Real,
    /// A real gpu if there is one, else software: for tests.
    Any,
    /// The best one with this in its name, whatever its case.
    Named(String),
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Choice::Real => f.write_str("gpu"),
            Choice::Any => f.write_str("any adapter"),
            Choice::Named(name) => f.write_str(name),
        }
    }
}

/// Something that an adapter cannot do or does wrongly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limitation {
    /// An invocation ends silently after this many loop iterations, nested and
    /// successive loops added up.
    LoopIterations(u32),
    /// `log` is only good to this relative error.
    InaccurateLog(f32),
    /// Comparisons and `max` do not see NaN.
    IgnoresNan,
}

/// One row of the table of known limitations.
struct Known {
    /// In the adapter's name.
    adapter: &'static str,
    /// In the driver's name and version.
    driver: &'static str,
    limitation: Limitation,
}

/// Found by a wrong number. Kernels are written so that none of it matters;
/// the table says why they are written so.
const KNOWN: &[Known] = &[
    Known {
        adapter: "llvmpipe",
        driver: "Mesa 22.",
        limitation: Limitation::LoopIterations(65_535),
    },
    Known {
        adapter: "llvmpipe",
        driver: "Mesa 22.",
        limitation: Limitation::InaccurateLog(2.6e-5),
    },
    Known {
        adapter: "llvmpipe",
        driver: "Mesa 22.",
        limitation: Limitation::IgnoresNan,
    },
];

/// What is known to be wrong with an adapter.
pub fn limitations(adapter: &AdapterDescription) -> Vec<Limitation> {
    KNOWN
        .iter()
        .filter(|known| {
            adapter.name.contains(known.adapter) && adapter.driver.contains(known.driver)
        })
        .map(|known| known.limitation)
        .collect()
}

/// Every adapter of this machine that can run the kernels, best first. Does not fail:
/// none is an empty list.
pub fn adapters() -> Vec<AdapterDescription> {
    let able = enumerate().into_iter().filter(can_run);
    able.map(|adapter| describe(&adapter)).collect()
}

/// The GPU interfaces that could run the kernels: OpenGL could not, and some of its drivers
/// write to stderr.
const INTERFACES: wgpu::Backends = wgpu::Backends::VULKAN
    .union(wgpu::Backends::METAL)
    .union(wgpu::Backends::DX12);

/// The GPU interfaces that this build has code for, by name.
pub fn compiled() -> Vec<String> {
    let all = wgpu::Instance::enabled_backend_features() & INTERFACES;
    all.iter_names()
        .map(|(name, _)| name.to_lowercase())
        .collect()
}

fn enumerate() -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    descriptor.backends &= INTERFACES;
    let instance = wgpu::Instance::new(descriptor);
    let mut found = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    found.sort_by_key(|adapter| describe(adapter).kind);
    found
}

/// Sizes reach the kernels as immediates.
fn can_run(adapter: &wgpu::Adapter) -> bool {
    adapter.features().contains(wgpu::Features::IMMEDIATES)
}

fn describe(adapter: &wgpu::Adapter) -> AdapterDescription {
    let info = adapter.get_info();
    // Some software drivers do not own up to being one.
    let software = ["llvmpipe", "SwiftShader", "Microsoft Basic Render"];
    let kind = match info.device_type {
        _ if software.iter().any(|name| info.name.contains(name)) => AdapterKind::Software,
        wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
        wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
        wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
        wgpu::DeviceType::Other => AdapterKind::Unknown,
        wgpu::DeviceType::Cpu => AdapterKind::Software,
    };
    AdapterDescription {
        name: info.name,
        backend: format!("{:?}", info.backend),
        kind,
        driver: format!("{} {}", info.driver, info.driver_info)
            .trim()
            .to_owned(),
    }
}

/// The best adapter that fits `choice` and can run the kernels.
pub(super) fn choose(choice: &Choice) -> Result<(wgpu::Adapter, AdapterDescription)> {
    if *choice == Choice::Real && !presence::possible() {
        return Err(Error::NoDevice {
            wanted: choice.to_string(),
            problem: "this machine has no device file of one".into(),
        });
    }
    let all = enumerate();
    let fits = |adapter: &AdapterDescription| match choice {
        Choice::Real => adapter.kind != AdapterKind::Software,
        Choice::Any => true,
        Choice::Named(part) => adapter.name.to_lowercase().contains(&part.to_lowercase()),
    };
    let mut listed = Vec::new();
    for adapter in all {
        let description = describe(&adapter);
        let able = can_run(&adapter);
        if able && fits(&description) {
            return Ok((adapter, description));
        }
        listed.push(match able {
            true => description.to_string(),
            false => format!("{description}, which lacks immediates"),
        });
    }
    let problem = match listed.as_slice() {
        [] => "no adapter at all was found; is a Vulkan, Metal or DX12 driver installed?".into(),
        _ => format!("found only {}", listed.join("; ")),
    };
    Err(Error::NoDevice {
        wanted: choice.to_string(),
        problem,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limitations_go_by_adapter_and_driver() {
        let adapter = |name: &str, driver: &str| AdapterDescription {
            name: name.into(),
            backend: "Vulkan".into(),
            kind: AdapterKind::Software,
            driver: driver.into(),
        };
        let old = adapter(
            "llvmpipe (LLVM 15.0.6, 256 bits)",
            "llvmpipe Mesa 22.3.6 (LLVM 15.0.6)",
        );
        assert!(limitations(&old).contains(&Limitation::LoopIterations(65_535)));
        assert_eq!(
            limitations(&adapter("llvmpipe", "llvmpipe Mesa 26.1.6")),
            []
        );
        assert_eq!(limitations(&adapter("NVIDIA H100", "NVIDIA 570.1")), []);
    }
}
