//! Sums and means: over everything, y = Σ x, or over all axes but the last,
//! y_c = Σ x[…, c]; divided by the number of terms for a mean.
//!
//! x (…, C) → y () or (C). Every term's gradient is dy, or dy / terms.

use ndarray::{Array1, Array2, ArrayD, ArrayViewD, Axis, IxDyn};

use crate::backend::gpu::{Bind, GpuBuffer, Shader};
use crate::backend::parallel::{for_rows, sum_columns};
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;
use crate::{Error, Result};

/// What becomes of the terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They are added.
    Sum,
    /// They are averaged.
    Mean,
}

/// A sum or mean. Input: x (…, C).
#[derive(Clone, Copy, Debug)]
pub struct Reduce {
    /// Sum or mean.
    pub kind: Kind,
    /// One result per channel instead of one in all.
    pub keep_channels: bool,
}

/// Sums are formed in blocks: the error stays at a few ulp of Σ|x|, which for
/// normal x is √terms times the sum's own scale.
const TOLERANCE: Tolerance = Tolerance {
    absolute: 2e-4,
    relative: 1e-6,
    reason: "Σ of 10^6 normal terms, in blocks",
};

pub(super) fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for kind in [Kind::Sum, Kind::Mean] {
        for keep_channels in [false, true] {
            let case = |what: &str, shape: Vec<usize>| {
                let name = format!("{kind:?}, keep_channels {keep_channels}, {what}");
                let input = (Shape::from(shape), Fill::Normal(1.0));
                Case::new(
                    name,
                    Reduce {
                        kind,
                        keep_channels,
                    },
                    vec![input],
                    TOLERANCE,
                )
            };
            let small = [
                case("one element", vec![1]),
                case("odd shape", vec![3, 5, 4, 7]),
            ];
            let large = case("more than 65,535 rows", vec![32, 51, 51, 8]).large();
            all.extend(small);
            all.push(large);
        }
    }
    all
}

/// x as a matrix (R, C).
pub(super) fn rows(x: &ArrayViewD<f64>) -> Array2<f64> {
    let channels = x.shape()[x.ndim() - 1];
    let shape = (x.len() / channels, channels);
    x.to_shape(shape).expect("row-major").into_owned()
}

impl Reduce {
    /// Groups that x is cut into (1, or C), and the factor of each term.
    pub(crate) fn plan(&self, x: &Shape) -> (usize, f64) {
        let groups = if self.keep_channels { x.channels() } else { 1 };
        match self.kind {
            Kind::Sum => (groups, 1.0),
            Kind::Mean => (groups, groups as f64 / x.len() as f64),
        }
    }
}

impl Formula for Reduce {
    fn name(&self) -> &'static str {
        "reduce"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [x] = expect_inputs("reduce", inputs)?;
        if x.is_empty() {
            return Err(Error::shape("reduce", "there is nothing to reduce", &[&x]));
        }
        Ok(vec![if self.keep_channels {
            Shape::from([x.channels()])
        } else {
            Shape::scalar()
        }])
    }

    fn differentiable(&self, _: usize) -> bool {
        true
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        let (_, factor) = self.plan(&Shape::from(inputs[0].shape()));
        let sums = rows(&inputs[0]).sum_axis(Axis(0)) * factor;
        if self.keep_channels {
            return vec![sums.into_dyn()];
        }
        vec![ArrayD::from_elem(IxDyn(&[]), sums.sum())]
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        _: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        let x = &saved.inputs[0];
        let (_, factor) = self.plan(&Shape::from(x.shape()));
        let each: Array1<f64> = saved.grad.iter().map(|dy| dy * factor).collect();
        let dx = each
            .into_dyn()
            .broadcast(x.raw_dim())
            .expect("checked before")
            .to_owned();
        vec![Some(dx)]
    }
}

impl<T: Real> CpuOp<T> for Reduce {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let x = inputs[0];
        let (_, factor) = self.plan(x.shape);
        let channels = x.shape.channels();
        let sums = sum_columns(x.data, channels);
        let y = &mut *outputs[0].data;
        if self.keep_channels {
            y.iter_mut()
                .zip(sums)
                .for_each(|(y, sum)| *y = T::of(sum * factor));
        } else {
            y[0] = T::of(sums.iter().sum::<f64>() * factor);
        }
    }

    fn backward(&self, _: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        let Some(dx) = &mut grads[0] else { return };
        let (groups, factor) = self.plan(dx.shape);
        let each: Vec<T> = saved
            .grad
            .data
            .iter()
            .map(|dy| *dy * T::of(factor))
            .collect();
        for_rows(dx.data, groups, |_, dx| dx.copy_from_slice(&each));
    }
}

const SHADER: Shader = Shader {
    op: "reduce",
    source: include_str!("../../shaders/reduce.wgsl"),
};

impl GpuOp for Reduce {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let (columns, factor) = self.plan(inputs[0].shape);
        column_sums(gpu, inputs[0].buffer, outputs[0].buffer, columns, factor)
    }

    fn backward(&self, gpu: &Gpu, saved: Saved<GpuView>, grads: &[Option<GpuView>]) -> Result<()> {
        let Some(dx) = &grads[0] else { return Ok(()) };
        let (columns, factor) = self.plan(dx.shape);
        let elements = dx.shape.len();
        let binds = [Bind::Read(saved.grad.buffer), Bind::Write(dx.buffer)];
        let parameters = parameters![elements, columns, factor];
        gpu.dispatch_items(
            &SHADER.kernel("reduce_backward_input"),
            &binds,
            parameters,
            elements,
        )
    }
}

/// How many slices the rows are shared out to: enough to keep a gpu busy, and so
/// many that no invocation sums more than 16,384 terms, nor the second stage.
pub(super) fn slices(rows: usize) -> usize {
    rows.div_ceil(64).clamp(1, 4096).max(rows.div_ceil(16_384))
}

/// total (columns) = factor · the sum over the rows of x (rows, columns), in two
/// stages and always in the same order. Other ops sum with it too.
pub(super) fn column_sums(
    gpu: &Gpu,
    x: &GpuBuffer,
    total: &GpuBuffer,
    columns: usize,
    factor: f64,
) -> Result<()> {
    let rows = x.len() / columns.max(1);
    let slices = slices(rows);
    let partial = gpu.allocate(slices * columns)?;
    let binds = [Bind::Read(x), Bind::Write(&partial)];
    let parameters = parameters![rows, columns, slices];
    gpu.dispatch_items(
        &SHADER.kernel("reduce_forward"),
        &binds,
        parameters,
        slices * columns,
    )?;
    combine(gpu, &partial, total, factor)
}

/// The second stage: total (columns) = factor · the sum over partial (slices, columns).
pub(super) fn combine(
    gpu: &Gpu,
    partial: &GpuBuffer,
    total: &GpuBuffer,
    factor: f64,
) -> Result<()> {
    let columns = total.len();
    let slices = partial.len() / columns.max(1);
    let kernel = SHADER.kernel("reduce_combine");
    let binds = [Bind::Read(partial), Bind::Write(total)];
    let workgroups = gpu.covering(&kernel, columns, 1)?;
    gpu.dispatch(
        &kernel,
        &binds,
        parameters![columns, slices, factor],
        workgroups,
    )
}
