//! Storage of one tensor's elements on one device, reused between steps.

use std::any::TypeId;
use std::sync::Arc;

use super::Device;
use super::cpu::{HostBuffer, Precision, Real};
use super::gpu::GpuBuffer;
use crate::Result;

/// The elements of a tensor. Cloning shares them, and what is shared is never
/// written again once an op has filled it.
#[derive(Clone, Debug)]
pub enum Storage {
    /// On the native device, in f32.
    F32(Arc<HostBuffer<f32>>),
    /// On the native device in f64, or on the reference.
    F64(Arc<HostBuffer<f64>>),
    /// On a WGSL device, in f32.
    Gpu(Arc<GpuBuffer>),
}

impl Storage {
    /// Copies `values` to `device`, in the device's own precision.
    pub fn upload<S: Real>(device: &Device, values: &[S]) -> Result<Storage> {
        fn host<S: Real, T: Real>(buffer: Option<HostBuffer<T>>, values: &[S]) -> HostBuffer<T> {
            let mut buffer = buffer.unwrap_or_else(|| HostBuffer::unpooled(values.len()));
            match same_type(values) {
                Some(values) => buffer.copy_from_slice(values),
                None => {
                    let cast = |(to, from): (&mut T, &S)| *to = T::of(from.as_f64());
                    buffer.iter_mut().zip(values).for_each(cast);
                }
            }
            buffer
        }
        Ok(match device {
            Device::Reference => Storage::F64(Arc::new(host(None, values))),
            Device::Cpu(cpu) => match cpu.precision() {
                Precision::F32 => Storage::F32(Arc::new(host(
                    Some(cpu.allocate_tensor(values.len())?),
                    values,
                ))),
                Precision::F64 => Storage::F64(Arc::new(host(
                    Some(cpu.allocate_tensor(values.len())?),
                    values,
                ))),
            },
            Device::Gpu(gpu) => {
                let buffer = gpu.allocate(values.len())?;
                match same_type(values) {
                    Some(values) => gpu.upload(&buffer, values)?,
                    None => {
                        let values: Vec<f32> = values.iter().map(|v| v.as_f64() as f32).collect();
                        gpu.upload(&buffer, &values)?;
                    }
                }
                Storage::Gpu(Arc::new(buffer))
            }
        })
    }

    /// Whether this is the only tensor with these elements, so that an op may
    /// write over them.
    pub fn is_unshared(&mut self) -> bool {
        match self {
            Storage::F32(buffer) => Arc::get_mut(buffer).is_some(),
            Storage::F64(buffer) => Arc::get_mut(buffer).is_some(),
            Storage::Gpu(buffer) => Arc::get_mut(buffer).is_some(),
        }
    }

    /// Reads the elements back, widened to f64. On a gpu this waits for all
    /// work recorded so far.
    pub fn download(&self, device: &Device) -> Result<Vec<f64>> {
        Ok(match (self, device) {
            (Storage::F32(buffer), _) => buffer.iter().map(|v| f64::from(*v)).collect(),
            (Storage::F64(buffer), _) => buffer.to_vec(),
            (Storage::Gpu(buffer), Device::Gpu(gpu)) => {
                gpu.download(buffer)?.into_iter().map(f64::from).collect()
            }
            (Storage::Gpu(_), _) => unreachable!("gpu storage is only ever made by a gpu device"),
        })
    }
}

/// `values` as they are, if they already are of type `T`.
fn same_type<S: Real, T: Real>(values: &[S]) -> Option<&[T]> {
    (TypeId::of::<S>() == TypeId::of::<T>()).then(|| bytemuck::cast_slice(values))
}
