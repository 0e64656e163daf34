//! Sum of two tensors of one shape. The tape adds gradients up with it.

use ndarray::{ArrayD, ArrayViewD};

use crate::backend::gpu::{Bind, Shader};
use crate::backend::parallel::{map2, update};
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;
use crate::{Error, Result};

/// a + b, element by element.
#[derive(Clone, Copy, Debug)]
pub struct Add;

const TOLERANCE: Tolerance = Tolerance {
    absolute: 0.0,
    relative: 2e-7,
    reason: "one rounding of each input, one of the sum",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, shape: Vec<usize>| {
        let input = (Shape::from(shape), Fill::Normal(1.0));
        Case::new(name, Add, vec![input.clone(), input], TOLERANCE)
    };
    vec![
        case("scalar", vec![]),
        case("odd shape", vec![3, 5, 7, 3]),
        case("des1 first layer", vec![8, 51, 51, 80]).large(),
    ]
}

impl Formula for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [a, b] = expect_inputs("add", inputs)?;
        if a != b {
            return Err(Error::shape("add", "the shapes differ", &[&a, &b]));
        }
        Ok(vec![a])
    }

    fn differentiable(&self, _: usize) -> bool {
        true
    }

    fn backward_reads_input(&self, _: usize) -> bool {
        false
    }

    fn backward_reads_output(&self, _: usize) -> bool {
        false
    }

    fn in_place(&self) -> usize {
        1
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        vec![&inputs[0] + &inputs[1]]
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        wanted: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        wanted
            .iter()
            .map(|wanted| wanted.then(|| saved.grad.to_owned()))
            .collect()
    }
}

impl<T: Real> CpuOp<T> for Add {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        map2(outputs[0].data, inputs[0].data, inputs[1].data, |a, b| {
            a + b
        });
    }

    fn backward(&self, _: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        for gradient in grads.iter_mut().flatten() {
            gradient.data.copy_from_slice(saved.grad.data);
        }
    }

    fn forward_in_place(&self, _: &Cpu, state: &mut [ViewMut<T>], rest: &[View<T>]) {
        update(state[0].data, rest[0].data, |a, b| a + b);
    }
}

const SHADER: Shader = Shader {
    op: "add",
    source: include_str!("../../shaders/add.wgsl"),
};

impl GpuOp for Add {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let elements = outputs[0].shape.len();
        let binds = [
            Bind::Read(inputs[0].buffer),
            Bind::Read(inputs[1].buffer),
            Bind::Write(outputs[0].buffer),
        ];
        gpu.dispatch_items(
            &SHADER.kernel("add_forward"),
            &binds,
            parameters![elements],
            elements,
        )
    }

    fn backward(&self, gpu: &Gpu, saved: Saved<GpuView>, grads: &[Option<GpuView>]) -> Result<()> {
        let kernel = SHADER.kernel("add_backward_input");
        for dx in grads.iter().flatten() {
            let elements = dx.shape.len();
            let binds = [Bind::Read(saved.grad.buffer), Bind::Write(dx.buffer)];
            gpu.dispatch_items(&kernel, &binds, parameters![elements], elements)?;
        }
        Ok(())
    }

    fn forward_in_place(&self, gpu: &Gpu, state: &[GpuView], rest: &[GpuView]) -> Result<()> {
        let elements = state[0].shape.len();
        let binds = [Bind::Read(rest[0].buffer), Bind::Write(state[0].buffer)];
        let kernel = SHADER.kernel("add_in_place");
        gpu.dispatch_items(&kernel, &binds, parameters![elements], elements)
    }
}
