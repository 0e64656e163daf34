//! Keras' moving statistics: y = momentum · moving + (1 − momentum) · batch.
//!
//! Not differentiated: no loss depends on it.

use ndarray::{ArrayD, ArrayViewD};

use crate::backend::gpu::{Bind, Shader};
use crate::backend::parallel::{map2, update};
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;
use crate::{Error, Result};

/// One step of a moving average. Inputs: moving, batch, of one shape.
#[derive(Clone, Copy, Debug)]
pub struct MovingAverage {
    /// Weight of the past.
    pub momentum: f64,
}

/// 1 − momentum is formed in f64 and rounded once.
const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-8,
    relative: 3e-7,
    reason: "two products and a sum, each rounded",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, n: usize, momentum| {
        let input = (Shape::from([n]), Fill::Normal(1.0));
        Case::new(
            name,
            MovingAverage { momentum },
            vec![input.clone(), input],
            TOLERANCE,
        )
    };
    vec![
        case("one channel", 1, 0.99),
        case("80 channels", 80, 0.99),
        case("forget", 7, 0.0),
        case("many channels", 1 << 16, 0.99).large(),
    ]
}

impl Formula for MovingAverage {
    fn name(&self) -> &'static str {
        "moving_average"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [moving, batch] = expect_inputs("moving_average", inputs)?;
        if moving != batch {
            return Err(Error::shape(
                "moving_average",
                "the shapes differ",
                &[&moving, &batch],
            ));
        }
        Ok(vec![moving])
    }

    fn differentiable(&self, _: usize) -> bool {
        false
    }

    fn in_place(&self) -> usize {
        1
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        vec![&inputs[0] * self.momentum + &inputs[1] * (1.0 - self.momentum)]
    }

    fn reference_backward(
        &self,
        _: Saved<ArrayViewD<f64>>,
        _: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        vec![None, None]
    }
}

impl<T: Real> CpuOp<T> for MovingAverage {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let (past, now) = (T::of(self.momentum), T::of(1.0 - self.momentum));
        map2(outputs[0].data, inputs[0].data, inputs[1].data, |a, b| {
            past * a + now * b
        });
    }

    fn backward(&self, _: &Cpu, _: Saved<View<T>>, _: &mut [Option<ViewMut<T>>]) {}

    fn forward_in_place(&self, _: &Cpu, state: &mut [ViewMut<T>], rest: &[View<T>]) {
        let (past, now) = (T::of(self.momentum), T::of(1.0 - self.momentum));
        update(state[0].data, rest[0].data, |a, b| past * a + now * b);
    }
}

const SHADER: Shader = Shader {
    op: "moving_average",
    source: include_str!("../../shaders/moving_average.wgsl"),
};

impl GpuOp for MovingAverage {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let elements = outputs[0].shape.len();
        let binds = [
            Bind::Read(inputs[0].buffer),
            Bind::Read(inputs[1].buffer),
            Bind::Write(outputs[0].buffer),
        ];
        let parameters = parameters![elements, self.momentum, 1.0 - self.momentum];
        gpu.dispatch_items(
            &SHADER.kernel("moving_average_forward"),
            &binds,
            parameters,
            elements,
        )
    }

    fn backward(&self, _: &Gpu, _: Saved<GpuView>, _: &[Option<GpuView>]) -> Result<()> {
        Ok(())
    }

    fn forward_in_place(&self, gpu: &Gpu, state: &[GpuView], rest: &[GpuView]) -> Result<()> {
        let elements = state[0].shape.len();
        let binds = [Bind::Read(rest[0].buffer), Bind::Write(state[0].buffer)];
        let parameters = parameters![elements, self.momentum, 1.0 - self.momentum];
        let kernel = SHADER.kernel("moving_average_in_place");
        gpu.dispatch_items(&kernel, &binds, parameters, elements)
    }
}
