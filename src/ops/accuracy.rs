//! How many predictions are right, counted on the device so that a training step
//! need not be read back.
//!
//! Logits (N, K) against targets (N, K). K = 1: logit ≥ 0 (P ≥ 0.5) against
//! label ≥ 0.5. K > 1: the place of the largest, the first where several are.
//! The value is a count. Not differentiated.

use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn};

use super::reduce::column_sums;
use crate::backend::gpu::{Bind, Shader};
use crate::backend::parallel::sum_rows;
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;
use crate::{Error, Result};

/// The number of right predictions. Inputs: logits (N, K), targets (N, K).
#[derive(Clone, Copy, Debug)]
pub struct Accuracy;

const TOLERANCE: Tolerance = Tolerance {
    absolute: 0.0,
    relative: 0.0,
    reason: "a count below 2^24 is exact in f32",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, shape: [usize; 2], logits, targets| {
        let inputs = vec![(Shape::from(shape), logits), (Shape::from(shape), targets)];
        Case::new(name, Accuracy, inputs, TOLERANCE)
    };
    vec![
        case("one sample", [1, 1], Fill::Distinct, Fill::Binary),
        case("sigmoid", [77, 1], Fill::Distinct, Fill::Binary),
        case("softmax", [77, 2], Fill::Distinct, Fill::OneHot),
        case("ties go to the first", [60, 3], Fill::Ties, Fill::OneHot),
        case("large batch", [1024, 2], Fill::Distinct, Fill::OneHot).large(),
    ]
}

impl Formula for Accuracy {
    fn name(&self) -> &'static str {
        "accuracy"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [logits, targets] = expect_inputs("accuracy", inputs)?;
        if logits.is_empty() || logits.len() != targets.len() || logits[..].len() != 2 {
            let text = "needs logits and targets of one shape (N, K)";
            return Err(Error::shape("accuracy", text, &[&logits, &targets]));
        }
        Ok(vec![Shape::scalar()])
    }

    fn differentiable(&self, _: usize) -> bool {
        false
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        let rows = inputs[0]
            .axis_iter(Axis(0))
            .zip(inputs[1].axis_iter(Axis(0)));
        let right = rows.filter(|(z, y)| {
            let (z, y): (Vec<f64>, Vec<f64>) =
                (z.iter().copied().collect(), y.iter().copied().collect());
            is_right(&z, &y)
        });
        vec![ArrayD::from_elem(IxDyn(&[]), right.count() as f64)]
    }

    fn reference_backward(
        &self,
        _: Saved<ArrayViewD<f64>>,
        _: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        vec![None, None]
    }
}

fn is_right<T: Real>(logits: &[T], targets: &[T]) -> bool {
    if let ([z], [y]) = (logits, targets) {
        return (*z >= T::zero()) == (*y >= T::of(0.5));
    }
    let first_largest =
        |row: &[T]| (1..row.len()).fold(0, |b, i| if row[i] > row[b] { i } else { b });
    first_largest(logits) == first_largest(targets)
}

impl<T: Real> CpuOp<T> for Accuracy {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let (logits, targets) = (inputs[0], inputs[1]);
        let (n, k) = (logits.shape[0], logits.shape[1]);
        let count = sum_rows(n, 1, |row, sum: &mut [T]| {
            let at = row * k..(row + 1) * k;
            if is_right(&logits.data[at.clone()], &targets.data[at]) {
                sum[0] += T::one();
            }
        });
        outputs[0].data[0] = T::of(count[0]);
    }

    fn backward(&self, _: &Cpu, _: Saved<View<T>>, _: &mut [Option<ViewMut<T>>]) {}
}

const SHADER: Shader = Shader {
    op: "accuracy",
    source: include_str!("../../shaders/accuracy.wgsl"),
};

impl GpuOp for Accuracy {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let (rows, classes) = (inputs[0].shape[0], inputs[0].shape[1]);
        gpu.check_loops("accuracy", classes)?;
        let right = gpu.allocate(rows)?;
        let binds = [
            Bind::Read(inputs[0].buffer),
            Bind::Read(inputs[1].buffer),
            Bind::Write(&right),
        ];
        let kernel = SHADER.kernel("accuracy_forward");
        gpu.dispatch_items(&kernel, &binds, parameters![rows, classes], rows)?;
        column_sums(gpu, &right, outputs[0].buffer, 1, 1.0)
    }

    fn backward(&self, _: &Gpu, _: Saved<GpuView>, _: &[Option<GpuView>]) -> Result<()> {
        Ok(())
    }
}
