//! Binary cross-entropy from logits, averaged over the batch:
//!
//! L = 1/N Σ w(y) [max(z, 0) − z y + ln(1 + e^{−|z|})], dz = w(y) (σ(z) − y) / N · dL.
//!
//! Logits z (N, 1), labels y (N, 1) in [0, 1], value a scalar; w(y) is the weight of the label's
//! class, 1 unless set, real from y = 0.5 on. Starting from the
//! logits keeps it exact where the sigmoid saturates, as Keras' compiled loss does.

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use super::ClassWeights;
use super::reduce::column_sums;
use super::sigmoid::sigmoid;
use crate::backend::gpu::{Bind, Shader};
use crate::backend::parallel::{map2, sum_rows};
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;
use crate::{Error, Result};

/// The mean loss. Inputs: logits (N, 1), labels (N, 1).
#[derive(Clone, Copy, Debug, Default)]
pub struct BinaryCrossEntropy {
    /// What a candidate of each class counts.
    pub weights: ClassWeights,
}

/// exp and log to a few ulp each; the sum over a batch is short.
const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-7,
    relative: 2e-6,
    reason: "WGSL's exp: 3 + 2|x| ulp; log to 3 ulp",
};

pub(super) fn cases() -> Vec<Case> {
    let weighted = |name: &str, n: usize, logits, weights| {
        let shape = Shape::from([n, 1]);
        let inputs = vec![(shape.clone(), logits), (shape, Fill::Binary)];
        Case::new(name, BinaryCrossEntropy { weights }, inputs, TOLERANCE)
    };
    let case = |name: &str, n, logits| weighted(name, n, logits, ClassWeights::default());
    let rare = ClassWeights::balanced(3, 97);
    let double = ClassWeights {
        bogus: 1.0,
        real: 2.0,
    };
    vec![
        case("one sample", 1, Fill::Normal(1.0)),
        case("odd batch", 37, Fill::Normal(2.0)),
        case("saturated", 64, Fill::Uniform(-120.0, 120.0)),
        case("nearly certain", 64, Fill::Uniform(-15.0, 15.0)),
        weighted("real counts twice", 37, Fill::Normal(2.0), double),
        weighted("a rare class", 130, Fill::Normal(2.0), rare),
        weighted(
            "saturated, a rare class",
            64,
            Fill::Uniform(-120.0, 120.0),
            rare,
        ),
        case("large batch", 1000, Fill::Normal(2.0)).large(),
    ]
}

impl Formula for BinaryCrossEntropy {
    fn name(&self) -> &'static str {
        "binary_cross_entropy"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [logits, labels] = expect_inputs("binary_cross_entropy", inputs)?;
        if logits != labels || logits.is_empty() {
            let text = "needs logits and labels of one shape (N, 1)";
            return Err(Error::shape(
                "binary_cross_entropy",
                text,
                &[&logits, &labels],
            ));
        }
        Ok(vec![Shape::scalar()])
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn backward_reads_output(&self, _: usize) -> bool {
        false
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        let rows = inputs[0].iter().zip(&inputs[1]);
        let losses = rows.map(|(z, y)| self.weights.of(*y) * loss(*z, *y));
        let mean = losses.sum::<f64>() / inputs[0].len() as f64;
        vec![ArrayD::from_elem(IxDyn(&[]), mean)]
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        wanted: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        let (z, y) = (&saved.inputs[0], &saved.inputs[1]);
        let share = saved.grad.sum() / z.len() as f64;
        let weights = y.mapv(|y| self.weights.of(y));
        vec![
            wanted[0].then(|| (z.mapv(|z| 1.0 / (1.0 + (-z).exp())) - y) * weights * share),
            None,
        ]
    }
}

fn loss<T: Real>(z: T, y: T) -> T {
    z.max(T::zero()) - z * y + (-z.abs()).exp().ln_1p()
}

impl<T: Real> CpuOp<T> for BinaryCrossEntropy {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let (logits, labels) = (inputs[0].data, inputs[1].data);
        let sum = sum_rows(logits.len(), 1, |i, sum: &mut [T]| {
            sum[0] += self.weights.of(labels[i]) * loss(logits[i], labels[i]);
        });
        outputs[0].data[0] = T::of(sum[0] / logits.len() as f64);
    }

    fn backward(&self, _: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        if let Some(dz) = &mut grads[0] {
            let share = saved.grad.data[0] / T::of(dz.data.len() as f64);
            map2(
                dz.data,
                saved.inputs[0].data,
                saved.inputs[1].data,
                |z, y| (sigmoid(z) - y) * (self.weights.of(y) * share),
            );
        }
    }
}

const SHADER: Shader = Shader {
    op: "binary_cross_entropy",
    source: include_str!("../../shaders/binary_cross_entropy.wgsl"),
};

impl GpuOp for BinaryCrossEntropy {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let rows = inputs[0].shape.len();
        let losses = gpu.allocate(rows)?;
        let binds = [
            Bind::Read(inputs[0].buffer),
            Bind::Read(inputs[1].buffer),
            Bind::Write(&losses),
        ];
        let kernel = SHADER.kernel("binary_cross_entropy_forward");
        let ClassWeights { bogus, real } = self.weights;
        gpu.dispatch_items(&kernel, &binds, parameters![rows, bogus, real], rows)?;
        column_sums(gpu, &losses, outputs[0].buffer, 1, 1.0 / rows as f64)
    }

    fn backward(&self, gpu: &Gpu, saved: Saved<GpuView>, grads: &[Option<GpuView>]) -> Result<()> {
        let Some(dz) = &grads[0] else { return Ok(()) };
        let rows = dz.shape.len();
        let binds = [
            Bind::Read(saved.inputs[0].buffer),
            Bind::Read(saved.inputs[1].buffer),
            Bind::Read(saved.grad.buffer),
            Bind::Write(dz.buffer),
        ];
        let kernel = SHADER.kernel("binary_cross_entropy_backward_input");
        let ClassWeights { bogus, real } = self.weights;
        gpu.dispatch_items(&kernel, &binds, parameters![rows, bogus, real], rows)
    }
}
