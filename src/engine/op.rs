//! What an op is: one formula, written three ways.

use std::fmt::Debug;

use ndarray::{ArrayD, ArrayViewD};

use super::shape::Shape;
use crate::backend::gpu::GpuBuffer;
use crate::backend::{Cpu, Gpu, Real};
use crate::{Error, Result};

/// What backward may look at: the inputs, everything forward wrote, and the
/// gradient of the loss with respect to output 0.
#[derive(Clone, Copy, Debug)]
pub struct Saved<'a, V> {
    /// As they were given to forward.
    pub inputs: &'a [V],
    /// As forward wrote them: the value, then what the op keeps for backward.
    pub outputs: &'a [V],
    /// The gradient with respect to `outputs[0]`, of the same shape.
    pub grad: &'a V,
}

/// The mathematics of an op: shapes, and the plain f64 reference.
pub trait Formula: Debug + Send + Sync {
    /// The op's name, which is also its file's and its shader's.
    fn name(&self) -> &'static str;

    /// The outputs' shapes. Output 0 is the value and the only one that a
    /// gradient flows into; the others are kept for backward or for the caller
    /// (batch statistics, the place of a maximum).
    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>>;

    /// Whether the value can be differentiated with respect to this input.
    /// Labels, moving statistics and optimiser state cannot.
    fn differentiable(&self, input: usize) -> bool;

    /// Whether backward looks at the elements of this input, beside its shape.
    /// Memory of one that nothing looks at is free as soon as forward is done.
    fn backward_reads_input(&self, _input: usize) -> bool {
        true
    }

    /// Whether backward looks at the elements of this output.
    fn backward_reads_output(&self, _output: usize) -> bool {
        true
    }

    /// For an op that decides between numbers whose last digits may turn the decision
    /// (which is largest, what is above 0): the outputs that hold nothing but
    /// decisions. Where a device decided otherwise than the reference within a
    /// rounding, backward is right if it is right for what that device decided.
    fn decisions(&self) -> Option<Vec<usize>> {
        None
    }

    /// How many inputs, from the first, the outputs can take the memory of: output
    /// i that of input i. Such an op has a `forward_in_place`, with the same bits.
    fn in_place(&self) -> usize {
        0
    }

    /// Multiplications and additions of one forward pass, for GFLOP/s.
    fn flops(&self, inputs: &[&Shape]) -> u64 {
        inputs.iter().map(|shape| shape.len() as u64).sum()
    }

    /// Forward, as plain as the formula.
    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>>;

    /// Backward, as plain as the formula: for every input either its gradient,
    /// or `None` where `wanted` is false.
    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        wanted: &[bool],
    ) -> Vec<Option<ArrayD<f64>>>;
}

/// A tensor as the native device sees it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, T> {
    /// Axis lengths.
    pub shape: &'a Shape,
    /// Row-major elements.
    pub data: &'a [T],
}

/// A tensor that the native device fills. It starts with any contents.
#[derive(Debug)]
pub struct ViewMut<'a, T> {
    /// Axis lengths.
    pub shape: &'a Shape,
    /// Row-major elements.
    pub data: &'a mut [T],
}

/// The native version.
pub trait CpuOp<T: Real> {
    /// Fills every element of every output.
    fn forward(&self, cpu: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]);

    /// Fills every element of every gradient that is wanted (`Some`).
    fn backward(&self, cpu: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]);

    /// As forward, where `state` holds the first inputs and then the outputs.
    fn forward_in_place(&self, _cpu: &Cpu, _state: &mut [ViewMut<T>], _rest: &[View<T>]) {
        unreachable!("only called on an op that says it can: Formula::in_place")
    }
}

/// A tensor as a WGSL device sees it.
#[derive(Clone, Copy, Debug)]
pub struct GpuView<'a> {
    /// Axis lengths.
    pub shape: &'a Shape,
    /// Row-major f32 elements.
    pub buffer: &'a GpuBuffer,
}

/// The WGSL version: records dispatches, in order, and returns before they run.
pub trait GpuOp {
    /// Fills every element of every output.
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()>;

    /// Fills every element of every gradient that is wanted (`Some`).
    fn backward(&self, gpu: &Gpu, saved: Saved<GpuView>, grads: &[Option<GpuView>]) -> Result<()>;

    /// As forward, where `state` holds the first inputs and then the outputs.
    fn forward_in_place(&self, _gpu: &Gpu, _state: &[GpuView], _rest: &[GpuView]) -> Result<()> {
        unreachable!("only called on an op that says it can: Formula::in_place")
    }
}

/// An op: the formula, and its f32, f64 and WGSL versions.
pub trait Op: Formula + CpuOp<f32> + CpuOp<f64> + GpuOp {
    /// The WGSL version, told apart from the native one of the same method names.
    fn gpu(&self) -> &dyn GpuOp;
}

impl<O: Formula + CpuOp<f32> + CpuOp<f64> + GpuOp> Op for O {
    fn gpu(&self) -> &dyn GpuOp {
        self
    }
}

/// Checks how many inputs an op was given.
pub fn expect_inputs<const N: usize>(op: &'static str, inputs: &[&Shape]) -> Result<[Shape; N]> {
    let owned: Vec<Shape> = inputs.iter().map(|shape| (*shape).clone()).collect();
    owned.try_into().map_err(|given: Vec<Shape>| {
        let shapes: Vec<&[usize]> = given.iter().map(|s| &s[..]).collect();
        Error::shape(
            op,
            format!("takes {N} inputs, was given {}", given.len()),
            &shapes,
        )
    })
}
