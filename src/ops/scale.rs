//! Scale and offset: y = factor · x + offset, and dx = factor · dy. Any shape.
//!
//! The product is rounded before the sum, as in TensorFlow's Rescaling.

use ndarray::{ArrayD, ArrayViewD};

use crate::Result;
use crate::backend::gpu::{Bind, Shader};
use crate::backend::parallel::map;
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;

/// factor · x + offset, element by element.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// The factor.
    pub factor: f64,
    /// Added to the product.
    pub offset: f64,
}

impl Scale {
    /// factor · x.
    pub fn by(factor: f64) -> Scale {
        Scale {
            factor,
            offset: 0.0,
        }
    }
}

const TOLERANCE: Tolerance = Tolerance {
    absolute: 0.0,
    relative: 2e-7,
    reason: "one rounding of the input, of the factor and of the product",
};

const WITH_OFFSET: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 3e-7,
    reason: "one rounding of the input, of both numbers, of the product and of the sum; \
             absolute where product and offset nearly cancel",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, shape: Vec<usize>, factor| {
        let input = (Shape::from(shape), Fill::Normal(1.0));
        Case::new(name, Scale::by(factor), vec![input], TOLERANCE)
    };
    let with_offset = |name: &str, shape: Vec<usize>, factor, offset| {
        let input = (Shape::from(shape), Fill::Normal(1.0));
        Case::new(name, Scale { factor, offset }, vec![input], WITH_OFFSET)
    };
    vec![
        case("scalar", vec![], 64.0),
        case("odd shape", vec![3, 5, 7, 3], -0.3),
        case("by zero", vec![4, 2], 0.0),
        case("des1 first layer", vec![8, 51, 51, 80], 0.1).large(),
        with_offset("scalar with offset", vec![], 64.0, 1.0),
        with_offset("bytes to ±1", vec![3, 5, 7, 3], 1.0 / 127.5, -1.0),
        with_offset("a constant", vec![4, 2], 0.0, 0.5),
        with_offset("des1 input", vec![8, 51, 51, 3], 0.1, -0.3).large(),
    ]
}

impl Formula for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [x] = expect_inputs("scale", inputs)?;
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
        vec![&inputs[0] * self.factor + self.offset]
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        _: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        vec![Some(saved.grad * self.factor)]
    }
}

impl<T: Real> CpuOp<T> for Scale {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let (factor, offset) = (T::of(self.factor), T::of(self.offset));
        map(outputs[0].data, inputs[0].data, |x| factor * x + offset);
    }

    fn backward(&self, _: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        if let Some(dx) = &mut grads[0] {
            let factor = T::of(self.factor);
            map(dx.data, saved.grad.data, |dy| factor * dy);
        }
    }
}

const SHADER: Shader = Shader {
    op: "scale",
    source: include_str!("../../shaders/scale.wgsl"),
};

impl GpuOp for Scale {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let elements = inputs[0].shape.len();
        let binds = [Bind::Read(inputs[0].buffer), Bind::Write(outputs[0].buffer)];
        let parameters = parameters![elements, self.factor, self.offset];
        gpu.dispatch_items(
            &SHADER.kernel("scale_forward"),
            &binds,
            parameters,
            elements,
        )
    }

    fn backward(&self, gpu: &Gpu, saved: Saved<GpuView>, grads: &[Option<GpuView>]) -> Result<()> {
        let Some(dx) = &grads[0] else { return Ok(()) };
        let elements = dx.shape.len();
        let binds = [Bind::Read(saved.grad.buffer), Bind::Write(dx.buffer)];
        let parameters = parameters![elements, self.factor, self.offset];
        gpu.dispatch_items(
            &SHADER.kernel("scale_backward_input"),
            &binds,
            parameters,
            elements,
        )
    }
}
