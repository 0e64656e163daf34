//! Categorical cross-entropy from logits, averaged over the batch:
//!
//! L = 1/N Σₙ wₙ [ln Σₖ e^{zₙₖ} · Σₖ yₙₖ − Σₖ yₙₖ zₙₖ],
//! dzₙₖ = wₙ (softmax(zₙ)ₖ Σⱼ yₙⱼ − yₙₖ) / N · dL.
//!
//! Logits z (N, K), targets y (N, K), usually one-hot; value a scalar. wₙ is the weight of the
//! row's class, 1 unless set: real where class 1 has a target of 0.5 or more.

use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn};

use super::ClassWeights;
use super::reduce::column_sums;
use crate::backend::gpu::{Bind, Shader};
use crate::backend::parallel::{for_rows, sum_rows};
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;
use crate::{Error, Result};

/// The mean loss. Inputs: logits (N, K), targets (N, K).
#[derive(Clone, Copy, Debug, Default)]
pub struct CategoricalCrossEntropy {
    /// What a candidate of each class counts.
    pub weights: ClassWeights,
}

/// The loss of a sample is a difference of logits: the error scales with them.
const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 2e-6,
    reason: "WGSL's exp: 3 + 2|x| ulp; log to 3 ulp",
};

pub(super) fn cases() -> Vec<Case> {
    let weighted = |name: &str, shape: [usize; 2], logits, weights| {
        let inputs = vec![
            (Shape::from(shape), logits),
            (Shape::from(shape), Fill::OneHot),
        ];
        Case::new(name, CategoricalCrossEntropy { weights }, inputs, TOLERANCE)
    };
    let case = |name: &str, shape, logits| weighted(name, shape, logits, ClassWeights::default());
    let rare = ClassWeights::balanced(3, 97);
    let double = ClassWeights {
        bogus: 1.0,
        real: 2.0,
    };
    vec![
        case("one sample", [1, 2], Fill::Normal(1.0)),
        case("odd batch", [37, 2], Fill::Normal(2.0)),
        case("five classes", [13, 5], Fill::Normal(2.0)),
        case("saturated", [64, 2], Fill::Uniform(-60.0, 60.0)),
        weighted("real counts twice", [37, 2], Fill::Normal(2.0), double),
        weighted("a rare class", [130, 2], Fill::Normal(2.0), rare),
        weighted("five classes, one rare", [13, 5], Fill::Normal(2.0), rare),
        case("large batch", [1024, 2], Fill::Normal(2.0)).large(),
    ]
}

impl Formula for CategoricalCrossEntropy {
    fn name(&self) -> &'static str {
        "categorical_cross_entropy"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [logits, targets] = expect_inputs("categorical_cross_entropy", inputs)?;
        if logits != targets || logits.is_empty() || logits[..].len() != 2 {
            let text = "needs logits and targets of one shape (N, K)";
            return Err(Error::shape(
                "categorical_cross_entropy",
                text,
                &[&logits, &targets],
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
        let rows = inputs[0]
            .axis_iter(Axis(0))
            .zip(inputs[1].axis_iter(Axis(0)));
        let losses = rows.map(|(z, y)| {
            let top = z.fold(f64::NEG_INFINITY, |a, b| a.max(*b));
            let log_sum = top + z.mapv(|z| (z - top).exp()).sum().ln();
            self.weight(y.iter().copied()) * (log_sum * y.sum() - (&z * &y).sum())
        });
        let mean = losses.sum::<f64>() / inputs[0].shape()[0] as f64;
        vec![ArrayD::from_elem(IxDyn(&[]), mean)]
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        wanted: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        let share = saved.grad.sum() / saved.inputs[0].shape()[0] as f64;
        let mut dz = saved.inputs[0].to_owned();
        for (mut z, y) in dz
            .axis_iter_mut(Axis(0))
            .zip(saved.inputs[1].axis_iter(Axis(0)))
        {
            let top = z.fold(f64::NEG_INFINITY, |a, b| a.max(*b));
            z.mapv_inplace(|z| (z - top).exp());
            let scale = y.sum() / z.sum();
            let share = self.weight(y.iter().copied()) * share;
            z.zip_mut_with(&y, |z, y| *z = (*z * scale - y) * share);
        }
        vec![wanted[0].then_some(dz), None]
    }
}

impl CategoricalCrossEntropy {
    /// wₙ of a row with these targets.
    fn weight<T: Real>(&self, mut targets: impl Iterator<Item = T>) -> T {
        self.weights.of(targets.nth(1).unwrap_or(T::zero()))
    }
}

impl<T: Real> CpuOp<T> for CategoricalCrossEntropy {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let (n, k) = (inputs[0].shape[0], inputs[0].shape[1]);
        let sum = sum_rows(n, 1, |row, sum: &mut [T]| {
            let z = &inputs[0].data[row * k..][..k];
            let y = &inputs[1].data[row * k..][..k];
            let top = z.iter().fold(T::neg_infinity(), |a, b| a.max(*b));
            let log_sum = z.iter().map(|z| (*z - top).exp()).sum::<T>().ln();
            // Σ y (top + log_sum − z), each difference formed before it is weighted:
            // a certain and right sample has a loss of nearly 0.
            let loss: T = z
                .iter()
                .zip(y)
                .map(|(z, y)| *y * ((top - *z) + log_sum))
                .sum();
            sum[0] += self.weight(y.iter().copied()) * loss;
        });
        outputs[0].data[0] = T::of(sum[0] / n as f64);
    }

    fn backward(&self, _: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        let Some(dz) = &mut grads[0] else { return };
        let (n, k) = (dz.shape[0], dz.shape[1]);
        let share = saved.grad.data[0] / T::of(n as f64);
        for_rows(dz.data, k, |row, dz| {
            let z = &saved.inputs[0].data[row * k..][..k];
            let y = &saved.inputs[1].data[row * k..][..k];
            let top = z.iter().fold(T::neg_infinity(), |a, b| a.max(*b));
            dz.iter_mut()
                .zip(z)
                .for_each(|(dz, z)| *dz = (*z - top).exp());
            let scale = y.iter().copied().sum::<T>() / dz.iter().copied().sum();
            let share = self.weight(y.iter().copied()) * share;
            dz.iter_mut()
                .zip(y)
                .for_each(|(dz, y)| *dz = (*dz * scale - *y) * share);
        });
    }
}

const SHADER: Shader = Shader {
    op: "categorical_cross_entropy",
    source: include_str!("../../shaders/categorical_cross_entropy.wgsl"),
};

impl GpuOp for CategoricalCrossEntropy {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let (rows, classes) = (inputs[0].shape[0], inputs[0].shape[1]);
        gpu.check_loops("categorical_cross_entropy", 3 * classes)?;
        let losses = gpu.allocate(rows)?;
        let binds = [
            Bind::Read(inputs[0].buffer),
            Bind::Read(inputs[1].buffer),
            Bind::Write(&losses),
        ];
        let kernel = SHADER.kernel("categorical_cross_entropy_forward");
        let ClassWeights { bogus, real } = self.weights;
        let parameters = parameters![rows, classes, bogus, real];
        gpu.dispatch_items(&kernel, &binds, parameters, rows)?;
        column_sums(gpu, &losses, outputs[0].buffer, 1, 1.0 / rows as f64)
    }

    fn backward(&self, gpu: &Gpu, saved: Saved<GpuView>, grads: &[Option<GpuView>]) -> Result<()> {
        let Some(dz) = &grads[0] else { return Ok(()) };
        let (rows, classes) = (dz.shape[0], dz.shape[1]);
        let binds = [
            Bind::Read(saved.inputs[0].buffer),
            Bind::Read(saved.inputs[1].buffer),
            Bind::Read(saved.grad.buffer),
            Bind::Write(dz.buffer),
        ];
        let kernel = SHADER.kernel("categorical_cross_entropy_backward_input");
        let ClassWeights { bogus, real } = self.weights;
        gpu.dispatch_items(
            &kernel,
            &binds,
            parameters![rows, classes, bogus, real],
            rows,
        )
    }
}
