//! Runs an op on the device that its tensors live on.

use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use super::op::{CpuOp, GpuView, Op, Saved, View, ViewMut};
use super::shape::Shape;
use super::tensor::Tensor;
use crate::backend::cpu::{HostBuffer, or_too_large};
use crate::backend::gpu::GpuBuffer;
use crate::backend::{Cpu, Device, Gpu, Precision, Real, Storage};
use crate::{Error, Result};

/// The op's outputs: the value, then what it keeps.
pub fn forward(op: &dyn Op, inputs: &[&Tensor]) -> Result<Vec<Tensor>> {
    let shapes: Vec<&Shape> = inputs.iter().map(|t| t.shape()).collect();
    let shapes = op.output_shapes(&shapes)?;
    let device = common_device(op, inputs)?;
    let storages = match device {
        Device::Reference => {
            let views: Vec<_> = inputs.iter().map(|t| reference_view(t)).collect();
            op.reference_forward(&views)
                .into_iter()
                .map(reference_storage)
                .collect()
        }
        Device::Cpu(cpu) => {
            let about = || (format!("{} forward", op.name()), flops(op, inputs));
            cpu.profile().time(about, || match cpu.precision() {
                Precision::F32 => cpu_forward::<f32>(op, cpu, inputs, &shapes),
                Precision::F64 => cpu_forward::<f64>(op, cpu, inputs, &shapes),
            })?
        }
        Device::Gpu(gpu) => gpu_forward(op, gpu, inputs, &shapes)?,
    };
    Ok(wrap(shapes, storages, device))
}

/// As [`forward`], where nobody needs `state` afterwards: if the op can, and no
/// clone of them is left, the outputs take their memory. The bits are the same.
pub fn forward_in_place(
    op: &dyn Op,
    mut state: Vec<Tensor>,
    rest: &[&Tensor],
) -> Result<Vec<Tensor>> {
    let all: Vec<&Tensor> = state.iter().chain(rest.iter().copied()).collect();
    let shapes: Vec<&Shape> = all.iter().map(|t| t.shape()).collect();
    let shapes = op.output_shapes(&shapes)?;
    let device = common_device(op, &all)?.clone();
    let fits = op.in_place() == state.len()
        && shapes
            .iter()
            .zip(&state)
            .all(|(shape, t)| shape == t.shape());
    let alone = |t: &mut Tensor| t.storage_mut().is_unshared();
    if matches!(device, Device::Reference) || !fits || !state.iter_mut().all(alone) {
        let all: Vec<&Tensor> = state.iter().chain(rest.iter().copied()).collect();
        return forward(op, &all);
    }
    match &device {
        Device::Cpu(cpu) => match cpu.precision() {
            Precision::F32 => cpu_in_place::<f32>(op, cpu, &mut state, rest),
            Precision::F64 => cpu_in_place::<f64>(op, cpu, &mut state, rest),
        }?,
        Device::Gpu(gpu) => {
            let views: Vec<GpuView> = state.iter().map(gpu_view).collect();
            let rest: Vec<GpuView> = rest.iter().map(|t| gpu_view(t)).collect();
            op.gpu().forward_in_place(gpu, &views, &rest)?;
        }
        Device::Reference => unreachable!("handled above"),
    }
    Ok(state)
}

fn cpu_in_place<T: Host>(
    op: &dyn Op,
    cpu: &Cpu,
    state: &mut [Tensor],
    rest: &[&Tensor],
) -> Result<()> {
    let rest: Vec<View<T>> = rest.iter().map(|t| cpu_view(t)).collect();
    let shapes: Vec<Shape> = state.iter().map(|t| t.shape().clone()).collect();
    let mut views: Vec<ViewMut<T>> = shapes
        .iter()
        .zip(state)
        .map(|(shape, t)| ViewMut {
            shape,
            data: T::slice_mut(t.storage_mut()),
        })
        .collect();
    or_too_large(|| T::op(op).forward_in_place(cpu, &mut views, &rest))
}

/// The gradient for every input that is wanted.
pub fn backward(
    op: &dyn Op,
    inputs: &[&Tensor],
    outputs: &[Tensor],
    gradient: &Tensor,
    wanted: &[bool],
) -> Result<Vec<Option<Tensor>>> {
    let device = common_device(op, inputs)?;
    let storages: Vec<Option<Storage>> = match device {
        Device::Reference => {
            let ins: Vec<_> = inputs.iter().map(|t| reference_view(t)).collect();
            let outs: Vec<_> = outputs.iter().map(reference_view).collect();
            let grad = reference_view(gradient);
            let saved = Saved {
                inputs: &ins,
                outputs: &outs,
                grad: &grad,
            };
            let gradients = op.reference_backward(saved, wanted);
            gradients
                .into_iter()
                .map(|g| g.map(reference_storage))
                .collect()
        }
        Device::Cpu(cpu) => {
            let about = || (format!("{} backward", op.name()), 2 * flops(op, inputs));
            cpu.profile().time(about, || match cpu.precision() {
                Precision::F32 => cpu_backward::<f32>(op, cpu, inputs, outputs, gradient, wanted),
                Precision::F64 => cpu_backward::<f64>(op, cpu, inputs, outputs, gradient, wanted),
            })?
        }
        Device::Gpu(gpu) => gpu_backward(op, gpu, inputs, outputs, gradient, wanted)?,
    };
    assert_eq!(
        storages.len(),
        inputs.len(),
        "{}: one gradient slot per input",
        op.name()
    );
    let tensors = storages
        .into_iter()
        .zip(inputs)
        .zip(wanted)
        .map(|((storage, input), wanted)| {
            assert_eq!(
                storage.is_some(),
                *wanted,
                "{}: a gradient where one is wanted",
                op.name()
            );
            storage.map(|s| Tensor::from_storage(input.shape().clone(), s, device))
        });
    Ok(tensors.collect())
}

/// Of one forward pass; the gradients of a product are two such products.
fn flops(op: &dyn Op, inputs: &[&Tensor]) -> u64 {
    let shapes: Vec<&Shape> = inputs.iter().map(|t| t.shape()).collect();
    op.flops(&shapes)
}

fn wrap(shapes: Vec<Shape>, storages: Vec<Storage>, device: &Device) -> Vec<Tensor> {
    let pairs = shapes.into_iter().zip(storages);
    pairs
        .map(|(shape, storage)| Tensor::from_storage(shape, storage, device))
        .collect()
}

fn common_device<'a>(op: &dyn Op, inputs: &[&'a Tensor]) -> Result<&'a Device> {
    let first = inputs[0].device();
    match inputs.iter().find(|t| !t.device().is(first)) {
        None => Ok(first),
        Some(other) => Err(Error::Device {
            device: other.device().name(),
            doing: op.name().into(),
            problem: format!("another input lives on {}", first.name()),
        }),
    }
}

fn reference_view(tensor: &Tensor) -> ArrayViewD<'_, f64> {
    let Storage::F64(buffer) = tensor.storage() else {
        unreachable!("the reference device holds f64 only")
    };
    ArrayViewD::from_shape(IxDyn(tensor.shape()), buffer)
        .expect("a tensor has as many elements as its shape says")
}

fn reference_storage(array: ArrayD<f64>) -> Storage {
    let mut buffer = HostBuffer::unpooled(array.len());
    buffer
        .iter_mut()
        .zip(array.iter())
        .for_each(|(to, from)| *to = *from);
    Storage::F64(Arc::new(buffer))
}

/// Host memory of the element type that a device of type `T` uses.
trait Host: Real {
    fn slice(storage: &Storage) -> &[Self];
    /// Of storage that nothing shares.
    fn slice_mut(storage: &mut Storage) -> &mut [Self];
    fn storage(buffer: HostBuffer<Self>) -> Storage;
    fn op(op: &dyn Op) -> &dyn CpuOp<Self>;
}

macro_rules! host {
    ($type:ty, $variant:ident) => {
        impl Host for $type {
            fn slice(storage: &Storage) -> &[Self] {
                match storage {
                    Storage::$variant(buffer) => buffer,
                    _ => unreachable!("a cpu device holds one element type only"),
                }
            }
            fn slice_mut(storage: &mut Storage) -> &mut [Self] {
                match storage {
                    Storage::$variant(buffer) => {
                        Arc::get_mut(buffer).expect("checked: nothing shares it")
                    }
                    _ => unreachable!("a cpu device holds one element type only"),
                }
            }
            fn storage(buffer: HostBuffer<Self>) -> Storage {
                Storage::$variant(Arc::new(buffer))
            }
            fn op(op: &dyn Op) -> &dyn CpuOp<Self> {
                op
            }
        }
    };
}
host!(f32, F32);
host!(f64, F64);

fn cpu_view<T: Host>(tensor: &Tensor) -> View<'_, T> {
    View {
        shape: tensor.shape(),
        data: T::slice(tensor.storage()),
    }
}

fn cpu_forward<T: Host>(
    op: &dyn Op,
    cpu: &Cpu,
    inputs: &[&Tensor],
    shapes: &[Shape],
) -> Result<Vec<Storage>> {
    let views: Vec<View<T>> = inputs.iter().map(|t| cpu_view(t)).collect();
    let room = |shape: &Shape| cpu.allocate_tensor(shape.len());
    let mut buffers: Vec<HostBuffer<T>> = shapes.iter().map(room).collect::<Result<_>>()?;
    let mut outputs: Vec<ViewMut<T>> = shapes
        .iter()
        .zip(&mut buffers)
        .map(|(shape, data)| ViewMut {
            shape,
            data: &mut data[..],
        })
        .collect();
    or_too_large(|| T::op(op).forward(cpu, &views, &mut outputs))?;
    Ok(buffers.into_iter().map(T::storage).collect())
}

fn cpu_backward<T: Host>(
    op: &dyn Op,
    cpu: &Cpu,
    inputs: &[&Tensor],
    outputs: &[Tensor],
    gradient: &Tensor,
    wanted: &[bool],
) -> Result<Vec<Option<Storage>>> {
    let ins: Vec<View<T>> = inputs.iter().map(|t| cpu_view(t)).collect();
    let outs: Vec<View<T>> = outputs.iter().map(cpu_view).collect();
    let grad = cpu_view(gradient);
    let mut buffers: Vec<Option<HostBuffer<T>>> = inputs
        .iter()
        .zip(wanted)
        .map(|(t, wanted)| {
            let room = wanted.then(|| cpu.allocate_tensor(t.shape().len()));
            room.transpose()
        })
        .collect::<Result<_>>()?;
    let mut grads: Vec<Option<ViewMut<T>>> = inputs
        .iter()
        .zip(&mut buffers)
        .map(|(t, b)| {
            b.as_mut().map(|b| ViewMut {
                shape: t.shape(),
                data: &mut b[..],
            })
        })
        .collect();
    let saved = Saved {
        inputs: &ins,
        outputs: &outs,
        grad: &grad,
    };
    or_too_large(|| T::op(op).backward(cpu, saved, &mut grads))?;
    Ok(buffers.into_iter().map(|b| b.map(T::storage)).collect())
}

fn gpu_view(tensor: &Tensor) -> GpuView<'_> {
    let Storage::Gpu(buffer) = tensor.storage() else {
        unreachable!("a gpu device holds gpu buffers only")
    };
    GpuView {
        shape: tensor.shape(),
        buffer,
    }
}

fn gpu_forward(
    op: &dyn Op,
    gpu: &Gpu,
    inputs: &[&Tensor],
    shapes: &[Shape],
) -> Result<Vec<Storage>> {
    let views: Vec<GpuView> = inputs.iter().map(|t| gpu_view(t)).collect();
    let buffers: Vec<GpuBuffer> = shapes
        .iter()
        .map(|s| gpu.allocate(s.len()))
        .collect::<Result<_>>()?;
    let outputs: Vec<GpuView> = shapes
        .iter()
        .zip(&buffers)
        .map(|(shape, buffer)| GpuView { shape, buffer })
        .collect();
    op.gpu().forward(gpu, &views, &outputs)?;
    Ok(buffers
        .into_iter()
        .map(|b| Storage::Gpu(Arc::new(b)))
        .collect())
}

fn gpu_backward(
    op: &dyn Op,
    gpu: &Gpu,
    inputs: &[&Tensor],
    outputs: &[Tensor],
    gradient: &Tensor,
    wanted: &[bool],
) -> Result<Vec<Option<Storage>>> {
    let ins: Vec<GpuView> = inputs.iter().map(|t| gpu_view(t)).collect();
    let outs: Vec<GpuView> = outputs.iter().map(gpu_view).collect();
    let grad = gpu_view(gradient);
    let buffers: Vec<Option<GpuBuffer>> = inputs
        .iter()
        .zip(wanted)
        .map(|(t, wanted)| wanted.then(|| gpu.allocate(t.shape().len())).transpose())
        .collect::<Result<_>>()?;
    let grads: Vec<Option<GpuView>> = inputs
        .iter()
        .zip(&buffers)
        .map(|(t, b)| {
            b.as_ref().map(|buffer| GpuView {
                shape: t.shape(),
                buffer,
            })
        })
        .collect();
    let saved = Saved {
        inputs: &ins,
        outputs: &outs,
        grad: &grad,
    };
    op.gpu().backward(gpu, saved, &grads)?;
    Ok(buffers
        .into_iter()
        .map(|b| b.map(|b| Storage::Gpu(Arc::new(b))))
        .collect())
}
