//! Devices: what memory they have and how work is put on them. Nothing here
//! knows of an op.

pub mod buffer;
pub mod cpu;
pub mod gpu;
pub mod host;
mod open;
pub mod parallel;
pub mod profile;
pub mod simd;
pub(crate) mod tile;

use std::sync::Arc;

pub use buffer::Storage;
pub use cpu::{Cpu, HostBuffer, Precision, Real};
pub use gpu::{Gpu, GpuPrecision};
pub use profile::Profile;
pub use simd::Isa;

/// Where tensors live and ops run.
///
/// `Reference` runs every op's plain f64 formula on ndarray: slow, and the
/// specification of the other two.
#[derive(Clone, Debug)]
pub enum Device {
    /// The plain f64 formulas.
    Reference,
    /// The fast native device, in f32 or f64.
    Cpu(Arc<Cpu>),
    /// A WGSL device: f32 in memory, products in f32 or f16.
    Gpu(Arc<Gpu>),
}

impl Device {
    /// The native device in f32, as used for training.
    pub fn cpu() -> Device {
        Device::Cpu(Arc::new(Cpu::new(Precision::F32)))
    }

    /// The native device in f64, as used for finite differences.
    pub fn cpu_f64() -> Device {
        Device::Cpu(Arc::new(Cpu::new(Precision::F64)))
    }

    /// Whether a tensor of one is a tensor of the other.
    pub fn is(&self, other: &Device) -> bool {
        match (self, other) {
            (Device::Reference, Device::Reference) => true,
            (Device::Cpu(a), Device::Cpu(b)) => a.precision() == b.precision(),
            (Device::Gpu(a), Device::Gpu(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// Hands the work recorded so far to the device without waiting for it. Only a
    /// gpu records; the others have done it already.
    pub fn submit(&self) -> crate::Result<()> {
        match self {
            Device::Gpu(gpu) => gpu.submit(),
            _ => Ok(()),
        }
    }

    /// Waits until all that was recorded has run.
    pub fn wait(&self) -> crate::Result<()> {
        match self {
            Device::Gpu(gpu) => gpu.wait(),
            _ => Ok(()),
        }
    }

    /// Bytes held for tensors, in use or kept for reuse; 0 on the reference.
    pub fn allocated_bytes(&self) -> u64 {
        match self {
            Device::Reference => 0,
            Device::Cpu(cpu) => cpu.allocated_bytes() as u64,
            Device::Gpu(gpu) => gpu.allocated_bytes(),
        }
    }

    /// From now on tensors may take so many bytes in all; a step that needs more is
    /// done in parts. `None` leaves it to the system.
    pub fn limit_memory(&self, bytes: Option<u64>) {
        match self {
            Device::Reference => {}
            Device::Cpu(cpu) => {
                cpu.limit_memory(bytes.map(|b| usize::try_from(b).unwrap_or(usize::MAX)))
            }
            Device::Gpu(gpu) => gpu.limit_memory(bytes),
        }
    }

    /// Where its time goes; the reference is not timed.
    pub fn profile(&self) -> Option<&Profile> {
        match self {
            Device::Reference => None,
            Device::Cpu(cpu) => Some(cpu.profile()),
            Device::Gpu(gpu) => Some(gpu.profile()),
        }
    }

    /// The adapter's name, or "cpu" or "reference".
    pub fn name(&self) -> String {
        match self {
            Device::Reference => "reference".into(),
            Device::Cpu(cpu) => cpu.name().into(),
            Device::Gpu(gpu) => gpu.name().into(),
        }
    }
}
