//! Leaky rectifier: y = x where x > 0, else slope · x; and dx = dy where x > 0, else slope · dy.
//!
//! Any shape. At x = 0 the gradient is slope · dy, as in TensorFlow. (Maas et al. 2013, §2.1.)

use ndarray::{ArrayD, ArrayViewD};

use crate::Result;
use crate::backend::gpu::{Bind, Shader};
use crate::backend::parallel::{map, map2};
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;

/// x or slope · x, element by element.
#[derive(Clone, Copy, Debug)]
pub struct LeakyRelu {
    /// What values below 0 are multiplied by.
    pub slope: f64,
}

const TOLERANCE: Tolerance = Tolerance {
    absolute: 0.0,
    relative: 2e-7,
    reason: "one rounding of the input, of the slope and of the product",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, shape: Vec<usize>, slope| {
        let input = (Shape::from(shape), Fill::Distinct);
        Case::new(name, LeakyRelu { slope }, vec![input], TOLERANCE)
    };
    vec![
        case("one element", vec![1], 0.3),
        case("odd shape", vec![3, 5, 7, 3], 0.2),
        case("no leak", vec![4, 2], 0.0),
        case("slope above one", vec![2, 3, 3, 5], 1.5),
        case("negative slope", vec![7, 3], -0.25),
        case("des1 first layer", vec![8, 51, 51, 80], 0.3).large(),
    ]
}

impl Formula for LeakyRelu {
    fn name(&self) -> &'static str {
        "leaky_relu"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [x] = expect_inputs("leaky_relu", inputs)?;
        Ok(vec![x])
    }

    fn differentiable(&self, _: usize) -> bool {
        true
    }

    fn backward_reads_output(&self, _: usize) -> bool {
        false
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        vec![inputs[0].mapv(|x| if x < 0.0 { self.slope * x } else { x })]
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        _: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        let slopes = saved.inputs[0].mapv(|x| if x > 0.0 { 1.0 } else { self.slope });
        vec![Some(slopes * saved.grad)]
    }
}

impl<T: Real> CpuOp<T> for LeakyRelu {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let (zero, slope) = (T::zero(), T::of(self.slope));
        map(outputs[0].data, inputs[0].data, |x| {
            if x < zero { slope * x } else { x }
        });
    }

    fn backward(&self, _: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        if let Some(dx) = &mut grads[0] {
            let (zero, slope) = (T::zero(), T::of(self.slope));
            map2(dx.data, saved.inputs[0].data, saved.grad.data, |x, dy| {
                if x > zero { dy } else { slope * dy }
            });
        }
    }
}

const SHADER: Shader = Shader {
    op: "leaky_relu",
    source: include_str!("../../shaders/leaky_relu.wgsl"),
};

impl GpuOp for LeakyRelu {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let elements = inputs[0].shape.len();
        let binds = [Bind::Read(inputs[0].buffer), Bind::Write(outputs[0].buffer)];
        gpu.dispatch_items(
            &SHADER.kernel("leaky_relu_forward"),
            &binds,
            parameters![elements, self.slope],
            elements,
        )
    }

    fn backward(&self, gpu: &Gpu, saved: Saved<GpuView>, grads: &[Option<GpuView>]) -> Result<()> {
        let Some(dx) = &grads[0] else { return Ok(()) };
        let elements = dx.shape.len();
        let binds = [
            Bind::Read(saved.inputs[0].buffer),
            Bind::Read(saved.grad.buffer),
            Bind::Write(dx.buffer),
        ];
        let kernel = SHADER.kernel("leaky_relu_backward_input");
        gpu.dispatch_items(&kernel, &binds, parameters![elements, self.slope], elements)
    }
}
