//! Devices: what memory they have and how work is put on them. Nothing here
//! knows of an op.

pub mod buffer;
pub mod cpu;
pub mod gemm;
pub mod gpu;
pub mod parallel;
pub mod profile;

use std::sync::Arc;

pub use buffer::Storage;
pub use cpu::{Cpu, Precision, Real};
pub use gpu::{Gpu, GpuPrecision};
pub use profile::Profile;

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
