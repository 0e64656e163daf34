//! Adam's update as Keras writes it (Kingma & Ba 2015, with ε outside the bias
//! correction):
//!
//! m' = β₁ m + (1 − β₁) g, v' = β₂ v + (1 − β₂) g², w' = w − a m' / (√v' + ε),
//! a = η √(1 − β₂ᵗ) / (1 − β₁ᵗ) at step t = 1, 2, …
//!
//! Any shape. Not differentiated.

use ndarray::{ArrayD, ArrayViewD, Zip};
use rayon::prelude::*;

use super::network_shapes::PARAMETERS;
use crate::backend::gpu::{Bind, Shader};
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;
use crate::{Error, Result};

/// One update. Inputs: w, m, v, g of one shape; outputs: w', m', v'.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// a: the learning rate with its bias correction; see [`step_size`].
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
    let mut all = vec![
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
        let [w, m, v, g] = expect_inputs("adam", inputs)?;
        if m != w || v != w || g != w {
            return Err(Error::shape("adam", "the shapes differ", &[&w, &m, &v, &g]));
        }
        Ok(vec![w, m, v])
    }

    fn differentiable(&self, _: usize) -> bool {
        false
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        let (w, g) = (&inputs[0], &inputs[3]);
        let m = &inputs[1] * self.beta1 + g * (1.0 - self.beta1);
        let v = &inputs[2] * self.beta2 + (g * g) * (1.0 - self.beta2);
        let mut new = w.to_owned();
        Zip::from(&mut new).and(&m).and(&v).for_each(|w, m, v| {
            *w -= self.step_size * m / (v.sqrt() + self.epsilon);
        });
        vec![new, m, v]
    }

    fn reference_backward(
        &self,
        _: Saved<ArrayViewD<f64>>,
        _: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        vec![None; 4]
    }
}

impl<T: Real> CpuOp<T> for Adam {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let [a, b1, b2, epsilon] =
            [self.step_size, self.beta1, self.beta2, self.epsilon].map(T::of);
        let (c1, c2) = (T::of(1.0 - self.beta1), T::of(1.0 - self.beta2));
        let [w, m, v, g] = [0, 1, 2, 3].map(|i| inputs[i].data);
        let [w_new, m_new, v_new] = outputs else {
            unreachable!("Adam has three outputs")
        };
        const CHUNK: usize = 16 * 1024;
        let old = (
            w.par_chunks(CHUNK),
            m.par_chunks(CHUNK),
            v.par_chunks(CHUNK),
        );
        let new = (
            w_new.data.par_chunks_mut(CHUNK),
            m_new.data.par_chunks_mut(CHUNK),
            v_new.data.par_chunks_mut(CHUNK),
        );
        let chunks = new.into_par_iter().zip(old.into_par_iter());
        chunks
            .zip(g.par_chunks(CHUNK))
            .for_each(|(((w_new, m_new, v_new), (w, m, v)), g)| {
                for i in 0..g.len() {
                    m_new[i] = b1 * m[i] + c1 * g[i];
                    v_new[i] = b2 * v[i] + c2 * g[i] * g[i];
                    w_new[i] = w[i] - a * m_new[i] / (v_new[i].sqrt() + epsilon);
                }
            });
    }

    fn backward(&self, _: &Cpu, _: Saved<View<T>>, _: &mut [Option<ViewMut<T>>]) {}
}

const SHADER: Shader = Shader {
    op: "adam",
    source: include_str!("../../shaders/adam.wgsl"),
};

impl GpuOp for Adam {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let elements = inputs[0].shape.len();
        let reads = inputs.iter().map(|input| Bind::Read(input.buffer));
        let binds: Vec<Bind> = reads
            .chain(outputs.iter().map(|output| Bind::Write(output.buffer)))
            .collect();
        let parameters = parameters![
            elements,
            self.step_size,
            self.beta1,
            1.0 - self.beta1,
            self.beta2,
            1.0 - self.beta2,
            self.epsilon,
        ];
        gpu.dispatch_items(&SHADER.kernel("adam_forward"), &binds, parameters, elements)
    }

    fn backward(&self, _: &Gpu, _: Saved<GpuView>, _: &[Option<GpuView>]) -> Result<()> {
        Ok(())
    }
}
