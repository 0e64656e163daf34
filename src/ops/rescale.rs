//! Rescaling: y = scale · x + offset, and dx = scale · dy. Any shape.
//!
//! The product is rounded before the sum, as in TensorFlow.

use ndarray::{ArrayD, ArrayViewD};

use crate::Result;
use crate::backend::gpu::{Bind, Shader};
use crate::backend::parallel::map;
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;

/// scale · x + offset, element by element.
#[derive(Clone, Copy, Debug)]
pub struct Rescale {
    /// What values are multiplied by.
    pub scale: f64,
    /// What is added then.
    pub offset: f64,
}

const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 3e-7,
    reason: "one rounding of the input, of both numbers, of the product and of the sum; \
             absolute where product and offset nearly cancel",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, shape: Vec<usize>, scale, offset| {
        let input = (Shape::from(shape), Fill::Normal(1.0));
        Case::new(name, Rescale { scale, offset }, vec![input], TOLERANCE)
    };
    vec![
        case("scalar", vec![], 64.0, 1.0),
        case("bytes to ±1", vec![3, 5, 7, 3], 1.0 / 127.5, -1.0),
        case("a constant", vec![4, 2], 0.0, 0.5),
        case("des1 input", vec![8, 51, 51, 3], 0.1, -0.3).large(),
    ]
}

impl Formula for Rescale {
    fn name(&self) -> &'static str {
        "rescale"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [x] = expect_inputs("rescale", inputs)?;
        Ok(vec![x])
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

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        vec![&inputs[0] * self.scale + self.offset]
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        _: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        vec![Some(saved.grad * self.scale)]
    }
}

impl<T: Real> CpuOp<T> for Rescale {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let (scale, offset) = (T::of(self.scale), T::of(self.offset));
        map(outputs[0].data, inputs[0].data, |x| scale * x + offset);
    }

    fn backward(&self, _: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        if let Some(dx) = &mut grads[0] {
            let scale = T::of(self.scale);
            map(dx.data, saved.grad.data, |dy| scale * dy);
        }
    }
}

const SHADER: Shader = Shader {
    op: "rescale",
    source: include_str!("../../shaders/rescale.wgsl"),
};

impl GpuOp for Rescale {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let elements = inputs[0].shape.len();
        let binds = [Bind::Read(inputs[0].buffer), Bind::Write(outputs[0].buffer)];
        let parameters = parameters![elements, self.scale, self.offset];
        gpu.dispatch_items(
            &SHADER.kernel("rescale_forward"),
            &binds,
            parameters,
            elements,
        )
    }

    fn backward(&self, gpu: &Gpu, saved: Saved<GpuView>, grads: &[Option<GpuView>]) -> Result<()> {
        let Some(dx) = &grads[0] else { return Ok(()) };
        let elements = dx.shape.len();
        let binds = [Bind::Read(saved.grad.buffer), Bind::Write(dx.buffer)];
        let parameters = parameters![elements, self.scale, self.offset];
        gpu.dispatch_items(
            &SHADER.kernel("rescale_backward_input"),
            &binds,
            parameters,
            elements,
        )
    }
}
