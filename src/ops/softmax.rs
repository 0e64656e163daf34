//! Softmax over the last axis: yₖ = e^{xₖ} / Σⱼ e^{xⱼ}, and
//! dxₖ = yₖ (dyₖ − Σⱼ yⱼ dyⱼ).

use ndarray::{ArrayD, ArrayViewD, Axis, Zip};

use crate::Result;
use crate::backend::gpu::{Bind, Shader};
use crate::backend::parallel::for_rows;
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;

/// Softmax over the last axis.
#[derive(Clone, Copy, Debug)]
pub struct Softmax;

/// A WGSL exp may be off by (3 + 2|x|) ulp of a value of at most 1.
const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 1e-6,
    reason: "WGSL's exp: 3 + 2|x| ulp",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, shape: [usize; 2], fill| {
        Case::new(name, Softmax, vec![(Shape::from(shape), fill)], TOLERANCE)
    };
    vec![
        case("one class", [3, 1], Fill::Normal(1.0)),
        case("two classes", [9, 2], Fill::Normal(2.0)),
        case("five classes", [4, 5], Fill::Normal(2.0)),
        case("far apart", [7, 3], Fill::Uniform(-90.0, 90.0)),
        case("many rows", [1 << 16, 2], Fill::Normal(2.0)).large(),
    ]
}

impl Formula for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [x] = expect_inputs("softmax", inputs)?;
        Ok(vec![x])
    }

    fn differentiable(&self, _: usize) -> bool {
        true
    }

    fn backward_reads_input(&self, _: usize) -> bool {
        false
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        let mut y = inputs[0].to_owned();
        for mut row in y.lanes_mut(Axis(inputs[0].ndim() - 1)) {
            let top = row.fold(f64::NEG_INFINITY, |a, b| a.max(*b));
            row.mapv_inplace(|x| (x - top).exp());
            let sum = row.sum();
            row /= sum;
        }
        vec![y]
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        _: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        let y = &saved.outputs[0];
        let last = Axis(y.ndim() - 1);
        let mut dx = ArrayD::zeros(y.raw_dim());
        Zip::from(dx.lanes_mut(last))
            .and(y.lanes(last))
            .and(saved.grad.lanes(last))
            .for_each(|mut dx, y, dy| {
                let along = (&y * &dy).sum();
                Zip::from(&mut dx)
                    .and(y)
                    .and(dy)
                    .for_each(|dx, y, dy| *dx = y * (dy - along));
            });
        vec![Some(dx)]
    }
}

impl<T: Real> CpuOp<T> for Softmax {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let classes = inputs[0].shape.channels();
        for_rows(outputs[0].data, classes, |n, y| {
            let x = &inputs[0].data[n * classes..][..classes];
            let top = x.iter().fold(T::neg_infinity(), |a, b| a.max(*b));
            y.iter_mut().zip(x).for_each(|(y, x)| *y = (*x - top).exp());
            let sum: T = y.iter().copied().sum();
            y.iter_mut().for_each(|y| *y = *y / sum);
        });
    }

    fn backward(&self, _: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        let Some(dx) = &mut grads[0] else { return };
        let classes = dx.shape.channels();
        for_rows(dx.data, classes, |n, dx| {
            let y = &saved.outputs[0].data[n * classes..][..classes];
            let dy = &saved.grad.data[n * classes..][..classes];
            let along: T = y.iter().zip(dy).map(|(y, dy)| *y * *dy).sum();
            dx.iter_mut()
                .zip(y.iter().zip(dy))
                .for_each(|(dx, (y, dy))| *dx = *y * (*dy - along));
        });
    }
}

const SHADER: Shader = Shader {
    op: "softmax",
    source: include_str!("../../shaders/softmax.wgsl"),
};

impl GpuOp for Softmax {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let classes = inputs[0].shape.channels();
        let rows = inputs[0].shape.len() / classes.max(1);
        gpu.check_loops("softmax", 3 * classes)?;
        let binds = [Bind::Read(inputs[0].buffer), Bind::Write(outputs[0].buffer)];
        let parameters = parameters![rows, classes];
        gpu.dispatch_items(&SHADER.kernel("softmax_forward"), &binds, parameters, rows)
    }

    fn backward(&self, gpu: &Gpu, saved: Saved<GpuView>, grads: &[Option<GpuView>]) -> Result<()> {
        let Some(dx) = &grads[0] else { return Ok(()) };
        let classes = dx.shape.channels();
        let rows = dx.shape.len() / classes.max(1);
        let binds = [
            Bind::Read(saved.outputs[0].buffer),
            Bind::Read(saved.grad.buffer),
            Bind::Write(dx.buffer),
        ];
        let parameters = parameters![rows, classes];
        gpu.dispatch_items(
            &SHADER.kernel("softmax_backward_input"),
            &binds,
            parameters,
            rows,
        )
    }
}
