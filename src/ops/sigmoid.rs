//! Logistic function: y = 1 / (1 + e⁻ˣ), and dx = dy · y (1 − y). Any shape.

use ndarray::{ArrayD, ArrayViewD};

use crate::Result;
use crate::backend::gpu::{Bind, Shader};
use crate::backend::parallel::{map, map2};
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;

/// The logistic function, element by element.
#[derive(Clone, Copy, Debug)]
pub struct Sigmoid;

/// A WGSL exp may be off by (3 + 2|x|) ulp; here |x| is at most 90.
const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 1e-6,
    reason: "WGSL's exp: 3 + 2|x| ulp",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, n: usize, fill| {
        Case::new(name, Sigmoid, vec![(Shape::from([n, 1]), fill)], TOLERANCE)
    };
    vec![
        case("one", 1, Fill::Normal(1.0)),
        case("usual", 77, Fill::Normal(3.0)),
        case("saturated", 41, Fill::Uniform(-90.0, 90.0)),
        case("many", 1 << 18, Fill::Normal(3.0)).large(),
    ]
}

/// 1 / (1 + e⁻ˣ) without overflow on either side.
pub fn sigmoid<T: Real>(x: T) -> T {
    let e = (-x.abs()).exp();
    let small = e / (T::one() + e);
    if x < T::zero() {
        small
    } else {
        T::one() - small
    }
}

impl Formula for Sigmoid {
    fn name(&self) -> &'static str {
        "sigmoid"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [x] = expect_inputs("sigmoid", inputs)?;
        Ok(vec![x])
    }

    fn differentiable(&self, _: usize) -> bool {
        true
    }

    fn backward_reads_input(&self, _: usize) -> bool {
        false
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        vec![inputs[0].mapv(|x| 1.0 / (1.0 + (-x).exp()))]
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        _: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        vec![Some(saved.outputs[0].mapv(|y| y * (1.0 - y)) * saved.grad)]
    }
}

impl<T: Real> CpuOp<T> for Sigmoid {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        map(outputs[0].data, inputs[0].data, sigmoid);
    }

    fn backward(&self, _: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        if let Some(dx) = &mut grads[0] {
            map2(dx.data, saved.outputs[0].data, saved.grad.data, |y, dy| {
                dy * y * (T::one() - y)
            });
        }
    }
}

const SHADER: Shader = Shader {
    op: "sigmoid",
    source: include_str!("../../shaders/sigmoid.wgsl"),
};

impl GpuOp for Sigmoid {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let elements = inputs[0].shape.len();
        let binds = [Bind::Read(inputs[0].buffer), Bind::Write(outputs[0].buffer)];
        gpu.dispatch_items(
            &SHADER.kernel("sigmoid_forward"),
            &binds,
            parameters![elements],
            elements,
        )
    }

    fn backward(&self, gpu: &Gpu, saved: Saved<GpuView>, grads: &[Option<GpuView>]) -> Result<()> {
        let Some(dx) = &grads[0] else { return Ok(()) };
        let elements = dx.shape.len();
        let binds = [
            Bind::Read(saved.outputs[0].buffer),
            Bind::Read(saved.grad.buffer),
            Bind::Write(dx.buffer),
        ];
        let kernel = SHADER.kernel("sigmoid_backward_input");
        gpu.dispatch_items(&kernel, &binds, parameters![elements], elements)
    }
}
