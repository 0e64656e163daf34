//! Adam's update as Keras writes it (Kingma & Ba 2015, with ε outside the bias
//! correction):
//!
//! m' = β₁ m + (1 − β₁) g, v' = β₂ v + (1 − β₂) g², w' = w − a m' / (√v' + ε),
//! a = η √(1 − β₂ᵗ) / (1 − β₁ᵗ) at step t = 1, 2, …
//!
//! Any shape. Not differentiated.
//!
//! In mixed precision there is a fifth input, the state (6) of
//! [`LossScale`](super::loss_scale::LossScale): g is then divided by the scale
//! that it was computed with, the bias correction is the state's, which counts
//! the steps that were taken, and nothing moves in a step that is to be skipped.
//! No number need come back from the device for that.

use ndarray::{ArrayD, ArrayViewD, Zip};
use rayon::prelude::*;

use super::loss_scale::{APPLY, CORRECTION1, CORRECTION2, STATE, USED};
use super::network_shapes::PARAMETERS;
use crate::backend::gpu::{Bind, Shader};
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;
use crate::{Error, Result};

/// One update. Inputs: w, m, v, g of one shape, and perhaps the state (6) of a
/// loss scale; outputs: w', m', v'.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// a: the learning rate with its bias correction; see [`step_size`]. With a loss
    /// scale, which has the bias correction, the learning rate itself.
    pub step_size: f64,
    /// β₁.
    pub beta1: f64,
    /// β₂.
    pub beta2: f64,
    /// ε.
    pub epsilon: f64,
}

/// a = η √(1 − β₂ᵗ) / (1 − β₁ᵗ), for step t counted from 1.
pub fn step_size(learning_rate: f64, beta1: f64, beta2: f64, t: u64) -> f64 {
    let t = t as f64;
    learning_rate * (1.0 - beta2.powf(t)).sqrt() / (1.0 - beta1.powf(t))
}

/// w' is of order 1 and moves by about 10⁻³; WGSL's sqrt and division are off by
/// a few ulp of the move.
const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-8,
    relative: 3e-7,
    reason: "each term rounded; sqrt to 3 ulp",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, n: usize, t, gradient| {
        let shape = Shape::from([n]);
        let step_size = step_size(1e-3, 0.9, 0.999, t);
        let op = Adam {
            step_size,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-7,
        };
        let inputs = vec![
            (shape.clone(), Fill::Normal(1.0)),
            (shape.clone(), Fill::Normal(0.1)),
            (shape.clone(), Fill::Uniform(1e-3, 1.0)),
            (shape, gradient),
        ];
        Case::new(name, op, inputs, TOLERANCE)
    };
    let scaled = |name: &str, n: usize, apply: f64| {
        let mut case = case(name, n, 1, Fill::Normal(65536.0));
        // All numbers of the state are the same, so that one says what happens: with
        // 1 and 1/4 a step is taken, with 0 it is not.
        case.inputs
            .push((Shape::from([STATE]), Fill::Uniform(apply, apply)));
        case
    };
    let mut all = vec![
        scaled("scaled", 100, 1.0),
        scaled("scaled, another scale", 100, 0.25),
        scaled("scaled, skipped", 100, 0.0),
        case("first step", 1, 1, Fill::Normal(1.0)),
        case("step 1000, odd length", 1001, 1000, Fill::Normal(0.01)),
        case("no gradient", 5, 3, Fill::Uniform(0.0, 0.0)),
    ];
    all.extend(PARAMETERS.map(|(name, n)| case(name, n, 10, Fill::Normal(0.01)).large()));
    all
}

impl Formula for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let (inputs, control) = inputs.split_at(inputs.len().min(4));
        let [w, m, v, g] = expect_inputs("adam", inputs)?;
        if let Some(state) = control.iter().find(|state| state[..] != [STATE]) {
            let text = "a fifth input is the state (6) of a loss scale";
            return Err(Error::shape("adam", text, &[&w, state]));
        }
        if m != w || v != w || g != w {
            return Err(Error::shape("adam", "the shapes differ", &[&w, &m, &v, &g]));
        }
        Ok(vec![w, m, v])
    }

    fn differentiable(&self, _: usize) -> bool {
        false
    }

    fn in_place(&self) -> usize {
        3
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        let control = inputs
            .get(4)
            .map(|c| c.iter().copied().collect::<Vec<f64>>());
        let step = Coefficients::new(self, control.as_deref());
        if step.skip {
            return inputs[..3].iter().map(|input| input.to_owned()).collect();
        }
        let (w, g) = (&inputs[0], &(&inputs[3] * step.unscale));
        let m = &inputs[1] * self.beta1 + g * (1.0 - self.beta1);
        let v = &inputs[2] * self.beta2 + (g * g) * (1.0 - self.beta2);
        let mut new = w.to_owned();
        Zip::from(&mut new).and(&m).and(&v).for_each(|w, m, v| {
            *w -= step.a * m / (v.sqrt() + self.epsilon);
        });
        vec![new, m, v]
    }

    fn reference_backward(
        &self,
        _: Saved<ArrayViewD<f64>>,
        wanted: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        vec![None; wanted.len()]
    }
}

/// What an update needs besides the tensors.
#[derive(Clone, Copy)]
struct Coefficients<T> {
    a: T,
    /// What gradients are multiplied with.
    unscale: T,
    beta1: T,
    complement1: T,
    beta2: T,
    complement2: T,
    epsilon: T,
    /// Nothing is to move.
    skip: bool,
}

impl<T: Real> Coefficients<T> {
    fn new(adam: &Adam, state: Option<&[T]>) -> Coefficients<T> {
        let mut a = T::of(adam.step_size);
        let mut unscale = T::one();
        if let Some(state) = state {
            a = a * (state[CORRECTION2].sqrt() / state[CORRECTION1]);
            unscale = T::one() / state[USED];
        }
        Coefficients {
            a,
            unscale,
            beta1: T::of(adam.beta1),
            complement1: T::of(1.0 - adam.beta1),
            beta2: T::of(adam.beta2),
            complement2: T::of(1.0 - adam.beta2),
            epsilon: T::of(adam.epsilon),
            skip: state.is_some_and(|state| state[APPLY] == T::zero()),
        }
    }

    /// One element; 1 x g is g, so without a scale nothing is rounded.
    fn update(&self, w: &mut T, m: &mut T, v: &mut T, g: T) {
        let g = self.unscale * g;
        *m = self.beta1 * *m + self.complement1 * g;
        *v = self.beta2 * *v + self.complement2 * g * g;
        *w = *w - self.a * *m / ((*v).sqrt() + self.epsilon);
    }

    fn piece(&self, w: &mut [T], m: &mut [T], v: &mut [T], g: &[T]) {
        let pairs = w.iter_mut().zip(m.iter_mut());
        for ((w, m), (v, g)) in pairs.zip(v.iter_mut().zip(g)) {
            self.update(w, m, v, *g);
        }
    }

    /// All elements, in one pass over memory.
    fn run(&self, w: &mut [T], m: &mut [T], v: &mut [T], g: &[T]) {
        const CHUNK: usize = 16 * 1024;
        if self.skip {
            return;
        }
        // Most parameters are biases: handing them to other threads takes longer.
        if g.len() <= CHUNK {
            return self.piece(w, m, v, g);
        }
        w.par_chunks_mut(CHUNK)
            .zip(m.par_chunks_mut(CHUNK))
            .zip(v.par_chunks_mut(CHUNK).zip(g.par_chunks(CHUNK)))
            .for_each(|((w, m), (v, g))| self.piece(w, m, v, g));
    }
}

impl<T: Real> CpuOp<T> for Adam {
    fn forward(&self, cpu: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        for (output, input) in outputs.iter_mut().zip(inputs) {
            output.data.copy_from_slice(input.data);
        }
        CpuOp::forward_in_place(self, cpu, outputs, &inputs[3..]);
    }

    fn backward(&self, _: &Cpu, _: Saved<View<T>>, _: &mut [Option<ViewMut<T>>]) {}

    fn forward_in_place(&self, _: &Cpu, state: &mut [ViewMut<T>], rest: &[View<T>]) {
        let [w, m, v] = state else {
            unreachable!("Adam moves three tensors")
        };
        let step = Coefficients::new(self, rest.get(1).map(|control| control.data));
        step.run(w.data, m.data, v.data, rest[0].data);
    }
}

const SHADER: Shader = Shader {
    op: "adam",
    source: include_str!("../../shaders/adam.wgsl"),
};

impl Adam {
    fn record(
        &self,
        gpu: &Gpu,
        entry: &'static str,
        writes: &[GpuView],
        reads: &[GpuView],
    ) -> Result<()> {
        let elements = writes[0].shape.len();
        let writes = writes.iter().map(|view| Bind::Write(view.buffer));
        let reads = reads.iter().map(|view| Bind::Read(view.buffer));
        let binds: Vec<Bind> = writes.chain(reads).collect();
        let parameters = parameters![
            elements,
            self.step_size,
            self.beta1,
            1.0 - self.beta1,
            self.beta2,
            1.0 - self.beta2,
            self.epsilon,
        ];
        gpu.dispatch_items(&SHADER.kernel(entry), &binds, parameters, elements)
    }
}

impl GpuOp for Adam {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let entry = match inputs.len() {
            4 => "adam_forward",
            _ => "adam_scaled",
        };
        self.record(gpu, entry, outputs, inputs)
    }

    fn backward(&self, _: &Gpu, _: Saved<GpuView>, _: &[Option<GpuView>]) -> Result<()> {
        Ok(())
    }

    fn forward_in_place(&self, gpu: &Gpu, state: &[GpuView], rest: &[GpuView]) -> Result<()> {
        let entry = match rest.len() {
            1 => "adam_in_place",
            _ => "adam_scaled_in_place",
        };
        self.record(gpu, entry, state, rest)
    }
}
