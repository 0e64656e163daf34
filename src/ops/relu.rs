//! Rectifier: y = max(x, 0), and dx = dy where y > 0.
//!
//! Any shape. At x = 0 the gradient is 0, as in TensorFlow.

use ndarray::{ArrayD, ArrayViewD};

use super::network_shapes::{NORMALISED, RECTIFIED};
use crate::Result;
use crate::backend::gpu::{Bind, Shader};
use crate::backend::parallel::{map, map2};
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;

/// max(x, 0), element by element.
#[derive(Clone, Copy, Debug)]
pub struct Relu;

const TOLERANCE: Tolerance = Tolerance {
    absolute: 0.0,
    relative: 1e-7,
    reason: "copies: only the input is rounded",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, shape: Vec<usize>| {
        Case::new(
            name,
            Relu,
            vec![(Shape::from(shape), Fill::Distinct)],
            TOLERANCE,
        )
    };
    let mut all = vec![
        case("one element", vec![1]),
        case("odd shape", vec![3, 5, 7, 3]),
    ];
    let shapes = NORMALISED.iter().chain(&RECTIFIED);
    all.extend(shapes.map(|(name, x)| case(name, x.to_vec()).large()));
    all
}

impl Formula for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [x] = expect_inputs("relu", inputs)?;
        Ok(vec![x])
    }

    fn differentiable(&self, _: usize) -> bool {
        true
    }

    fn backward_reads_input(&self, _: usize) -> bool {
        false
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        // Not f64::max, which would turn NaN into 0 and hide it.
        vec![inputs[0].mapv(|x| if x < 0.0 { 0.0 } else { x })]
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        _: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        let open = saved.outputs[0].mapv(|y| if y > 0.0 { 1.0 } else { 0.0 });
        vec![Some(open * saved.grad)]
    }
}

impl<T: Real> CpuOp<T> for Relu {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let zero = T::zero();
        map(outputs[0].data, inputs[0].data, |x| {
            if x < zero { zero } else { x }
        });
    }

    fn backward(&self, _: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        if let Some(dx) = &mut grads[0] {
            let zero = T::zero();
            map2(dx.data, saved.outputs[0].data, saved.grad.data, |y, dy| {
                if y > zero { dy } else { zero }
            });
        }
    }
}

const SHADER: Shader = Shader {
    op: "relu",
    source: include_str!("../../shaders/relu.wgsl"),
};

impl GpuOp for Relu {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let elements = inputs[0].shape.len();
        let binds = [Bind::Read(inputs[0].buffer), Bind::Write(outputs[0].buffer)];
        gpu.dispatch_items(
            &SHADER.kernel("relu_forward"),
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
        let kernel = SHADER.kernel("relu_backward_input");
        gpu.dispatch_items(&kernel, &binds, parameters![elements], elements)
    }
}
