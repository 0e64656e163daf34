//! How many elements of some tensors are infinite or NaN: what tells a step in
//! mixed precision whose gradients overflowed. A count; not differentiated.
//!
//! The bits are looked at, since WGSL compilers may assume that NaN does not occur.

use ndarray::{ArrayD, ArrayViewD, IxDyn};
use rayon::prelude::*;

use super::reduce::column_sums;
use crate::backend::gpu::{Bind, Shader};
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::GpuView;
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;
use crate::{Error, Result};

/// The number of elements that are not finite. Inputs: one tensor or more, of any
/// shapes; output: a scalar.
#[derive(Clone, Copy, Debug)]
pub struct NotFinite;

/// Elements that one invocation looks at.
const SLICE: usize = 64;

const TOLERANCE: Tolerance = Tolerance {
    absolute: 0.0,
    relative: 0.0,
    reason: "0 is exact, and so is a count below 2^24",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, lens: &[usize]| {
        let inputs = lens.iter().map(|n| (Shape::from([*n]), Fill::Normal(1.0)));
        Case::new(name, NotFinite, inputs.collect(), TOLERANCE)
    };
    let odd = (Shape::from([1000]), Fill::NotAlwaysFinite);
    let even = (Shape::from([3, 77]), Fill::NotAlwaysFinite);
    let all = vec![odd, (Shape::from([5]), Fill::Normal(1.0)), even];
    vec![
        case("one number", &[1]),
        case("several tensors", &[130, 64, 1]),
        Case::new("some are not finite", NotFinite, all, TOLERANCE),
        case("otrain's dense kernel", &[4096 * 512, 512]).large(),
    ]
}

impl Formula for NotFinite {
    fn name(&self) -> &'static str {
        "not_finite"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        if inputs.is_empty() || inputs.iter().any(|shape| shape.is_empty()) {
            let shapes: Vec<&[usize]> = inputs.iter().map(|shape| &shape[..]).collect();
            return Err(Error::shape("not_finite", "needs elements", &shapes));
        }
        Ok(vec![Shape::scalar()])
    }

    fn differentiable(&self, _: usize) -> bool {
        false
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        let all = inputs.iter().flat_map(|input| input.iter());
        let count = all.filter(|value| !value.is_finite()).count();
        vec![ArrayD::from_elem(IxDyn(&[]), count as f64)]
    }

    fn reference_backward(
        &self,
        _: Saved<ArrayViewD<f64>>,
        wanted: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        vec![None; wanted.len()]
    }
}

impl<T: Real> CpuOp<T> for NotFinite {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let count = |values: &[T]| values.iter().filter(|value| !value.is_finite()).count();
        let all = inputs.par_iter();
        let count: usize = all
            .map(|input| input.data.par_chunks(1 << 14).map(count).sum::<usize>())
            .sum();
        outputs[0].data[0] = T::of(count as f64);
    }

    fn backward(&self, _: &Cpu, _: Saved<View<T>>, _: &mut [Option<ViewMut<T>>]) {}
}

const SHADER: Shader = Shader {
    op: "not_finite",
    source: include_str!("../../shaders/not_finite.wgsl"),
};

impl GpuOp for NotFinite {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let slices = |view: &GpuView| view.shape.len().div_ceil(SLICE);
        let counts = gpu.allocate(inputs.iter().map(slices).sum())?;
        let kernel = SHADER.kernel("not_finite_forward");
        let mut first = 0;
        for input in inputs {
            let (elements, slices) = (input.shape.len(), slices(input));
            let binds = [Bind::Read(input.buffer), Bind::Write(&counts)];
            gpu.dispatch_items(
                &kernel,
                &binds,
                parameters![elements, slices, first],
                slices,
            )?;
            first += slices;
        }
        column_sums(gpu, &counts, outputs[0].buffer, 1, 1.0)
    }

    fn backward(&self, _: &Gpu, _: Saved<GpuView>, _: &[Option<GpuView>]) -> Result<()> {
        Ok(())
    }
}
