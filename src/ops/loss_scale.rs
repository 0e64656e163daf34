//! Dynamic loss scaling (Micikevicius et al. 2018): in f16 small gradients would
//! be 0, so the loss is multiplied by a scale s that is as large as it can be.
//!
//! State (6): s, good steps since s changed, 1 − β₁ᵗ and 1 − β₂ᵗ over the steps t
//! that were taken, whether this one is to be taken (1 or 0), and the scale that
//! its gradients have. With n elements of the gradients not finite:
//!
//! - n > 0: the step is not taken, s' = s/2, and the good steps are 0 again;
//! - n = 0: it is taken, cₖ' = βₖ cₖ + (1 − βₖ), which is 1 − βₖᵗ without the
//!   cancellation; after `interval` good steps s' = 2s, up to 2³⁰.
//!
//! Besides the state there is s' alone, a scalar: the next step's gradient of the
//! loss to itself. The state stays on the device: nothing waits for it. Not differentiated.

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::backend::gpu::{Bind, Shader};
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;
use crate::{Error, Result};

/// Numbers in the state.
pub const STATE: usize = 6;
/// Place of 1 − β₁ᵗ in the state.
pub const CORRECTION1: usize = 2;
/// Place of 1 − β₂ᵗ.
pub const CORRECTION2: usize = 3;
/// Place of the 1 or 0 that says whether the step is taken.
pub const APPLY: usize = 4;
/// Place of the scale that the gradients were computed with.
pub const USED: usize = 5;

/// No scale grows beyond this.
const LARGEST: f64 = (1u64 << 30) as f64;

/// A scale is not halved below this: what is not finite then is so unscaled, and a
/// scale that became 0 would make every gradient look finite.
const SMALLEST: f64 = 1.0 / (1u64 << 14) as f64;

/// From one state to the next. Inputs: the state (6), and how many elements of
/// the gradients are not finite, a scalar; outputs: the state (6), the scale, a
/// scalar.
#[derive(Clone, Copy, Debug)]
pub struct LossScale {
    /// Adam's β₁.
    pub beta1: f64,
    /// Adam's β₂.
    pub beta2: f64,
    /// Good steps before the scale is doubled.
    pub interval: u32,
}

/// The state before the first step.
pub fn start(scale: f64) -> [f64; STATE] {
    [scale, 0.0, 0.0, 0.0, 0.0, scale]
}

const TOLERANCE: Tolerance = Tolerance {
    absolute: 0.0,
    relative: 2e-7,
    reason: "two roundings of numbers up to 1; the scale is a power of two",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, interval, not_finite| {
        let op = LossScale {
            beta1: 0.9,
            beta2: 0.999,
            interval,
        };
        let state = (Shape::from([STATE]), Fill::Uniform(0.0, 1.0));
        let count = (Shape::scalar(), Fill::Uniform(not_finite, not_finite));
        Case::new(name, op, vec![state, count], TOLERANCE)
    };
    vec![
        case("good", 2000, 0.0),
        case("good, and due to grow", 1, 0.0),
        case("overflow", 1, 3.0),
    ]
}

impl LossScale {
    fn next<T: Real>(&self, state: &[T], not_finite: T) -> [T; STATE] {
        let (zero, one, two) = (T::zero(), T::one(), T::of(2.0));
        let (scale, good) = (state[0], state[1]);
        if not_finite > zero {
            let smaller = (scale / two).max(T::of(SMALLEST));
            return [smaller, zero, state[2], state[3], zero, scale];
        }
        let grow = good + one >= T::of(f64::from(self.interval)) && scale < T::of(LARGEST);
        let correction = |at: usize, beta: f64| T::of(beta) * state[at] + T::of(1.0 - beta);
        [
            if grow { two * scale } else { scale },
            if grow { zero } else { good + one },
            correction(CORRECTION1, self.beta1),
            correction(CORRECTION2, self.beta2),
            one,
            scale,
        ]
    }
}

impl Formula for LossScale {
    fn name(&self) -> &'static str {
        "loss_scale"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [state, count] = expect_inputs("loss_scale", inputs)?;
        if state[..] != [STATE] || count.len() != 1 {
            let text = "needs a state (6) and one number";
            return Err(Error::shape("loss_scale", text, &[&state, &count]));
        }
        Ok(vec![state, Shape::scalar()])
    }

    fn differentiable(&self, _: usize) -> bool {
        false
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        let state: Vec<f64> = inputs[0].iter().copied().collect();
        let next = self.next(&state, inputs[1].sum());
        vec![
            ndarray::arr1(&next).into_dyn(),
            ArrayD::from_elem(IxDyn(&[]), next[0]),
        ]
    }

    fn reference_backward(
        &self,
        _: Saved<ArrayViewD<f64>>,
        _: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        vec![None, None]
    }
}

impl<T: Real> CpuOp<T> for LossScale {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let next = self.next(inputs[0].data, inputs[1].data[0]);
        outputs[0].data.copy_from_slice(&next);
        outputs[1].data[0] = next[0];
    }

    fn backward(&self, _: &Cpu, _: Saved<View<T>>, _: &mut [Option<ViewMut<T>>]) {}
}

const SHADER: Shader = Shader {
    op: "loss_scale",
    source: include_str!("../../shaders/loss_scale.wgsl"),
};

impl GpuOp for LossScale {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let binds = [
            Bind::Read(inputs[0].buffer),
            Bind::Read(inputs[1].buffer),
            Bind::Write(outputs[0].buffer),
            Bind::Write(outputs[1].buffer),
        ];
        let parameters = parameters![
            self.beta1,
            1.0 - self.beta1,
            self.beta2,
            1.0 - self.beta2,
            f64::from(self.interval),
            LARGEST,
        ];
        let kernel = SHADER.kernel("loss_scale_forward");
        gpu.dispatch_items(&kernel, &binds, parameters, 1)
    }

    fn backward(&self, _: &Gpu, _: Saved<GpuView>, _: &[Option<GpuView>]) -> Result<()> {
        Ok(())
    }
}
