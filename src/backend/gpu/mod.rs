//! The WGSL device (being written).

use crate::Result;

/// A WGSL device.
#[derive(Debug)]
pub struct Gpu {
    name: String,
}

/// Device memory of one tensor.
#[derive(Debug)]
pub struct GpuBuffer {}

impl Gpu {
    /// The adapter's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Memory for `len` f32, from the pool or new, with any contents.
    pub fn allocate(&self, _len: usize) -> Result<GpuBuffer> {
        todo!()
    }

    /// Copies `values` into `buffer`, after all work recorded so far.
    pub fn upload(&self, _buffer: &GpuBuffer, _values: &[f32]) -> Result<()> {
        todo!()
    }

    /// Submits what is recorded, waits, and reads `buffer` back.
    pub fn download(&self, _buffer: &GpuBuffer) -> Result<Vec<f32>> {
        todo!()
    }
}
