//! A fully connected layer: y = x · kernel + bias.
//!
//! x (N, I), kernel (I, O), bias (O), y (N, O): the layouts of Keras' `Dense`.

use ndarray::{ArrayD, ArrayViewD, Axis, Ix1, Ix2};

use crate::backend::cpu::{Matrix, column_sums, par_gemm};
use crate::backend::{Cpu, Real};
use crate::engine::op::expect_inputs;
use crate::engine::{Case, CpuOp, Fill, Formula, Saved, Shape, Tolerance, View, ViewMut};
use crate::{Error, Result};

/// x · kernel + bias. Inputs: x (N, I), kernel (I, O), bias (O).
#[derive(Clone, Copy, Debug)]
pub struct Dense;

/// As for convolution: f32 sums of up to 10⁴ products.
const TOLERANCE: Tolerance =
    Tolerance { absolute: 1e-6, relative: 1e-5, reason: "f32 sums of up to 10^4 products" };

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, n: usize, i: usize, o: usize| {
        let inputs = vec![
            (Shape::from([n, i]), Fill::Normal(1.0)),
            (Shape::from([i, o]), Fill::Normal(1.0 / (i as f64).sqrt())),
            (Shape::from([o]), Fill::Normal(0.3)),
        ];
        Case::new(name, Dense, inputs, TOLERANCE)
    };
    vec![
        case("one of each", 1, 1, 1),
        case("one sample", 1, 7, 5),
        case("odd sizes", 3, 13, 9),
        case("one unit", 5, 17, 1),
        case("wide", 2, 4, 33),
        case("otrain 1: 4096 to 512", 64, 4096, 512).large(),
        case("otrain 2: 512 to 256", 64, 512, 256).large(),
        case("otrain 3: 256 to 2", 64, 256, 2).large(),
        case("des1: 2880 to 51", 64, 2880, 51).large(),
        case("more than 65,535 inputs", 2, 70_000, 3).large(),
    ]
}

impl Formula for Dense {
    fn name(&self) -> &'static str {
        "dense"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [x, kernel, bias] = expect_inputs("dense", inputs)?;
        match (&x[..], &kernel[..], &bias[..]) {
            ([n, i], [rows, o], [b]) if i == rows && o == b => Ok(vec![Shape::from([*n, *o])]),
            _ => Err(Error::shape(
                "dense",
                "needs x (N, I), kernel (I, O) and bias (O)",
                &[&x, &kernel, &bias],
            )),
        }
    }

    fn differentiable(&self, _: usize) -> bool {
        true
    }

    fn flops(&self, inputs: &[&Shape]) -> u64 {
        2 * (inputs[0].len() * inputs[1].channels()) as u64
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        let (x, kernel) = (matrix(&inputs[0]), matrix(&inputs[1]));
        let bias = inputs[2].view().into_dimensionality::<Ix1>().expect("checked before");
        vec![(x.dot(&kernel) + bias).into_dyn()]
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        wanted: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        let (x, kernel) = (matrix(&saved.inputs[0]), matrix(&saved.inputs[1]));
        let dy = matrix(saved.grad);
        vec![
            wanted[0].then(|| dy.dot(&kernel.t()).into_dyn()),
            wanted[1].then(|| x.t().dot(&dy).into_dyn()),
            wanted[2].then(|| dy.sum_axis(Axis(0)).into_dyn()),
        ]
    }
}

fn matrix<'a>(array: &'a ArrayViewD<f64>) -> ndarray::ArrayView<'a, f64, Ix2> {
    array.view().into_dimensionality::<Ix2>().expect("checked before")
}

impl<T: Real> CpuOp<T> for Dense {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let [x, kernel, bias] = [inputs[0], inputs[1], inputs[2]];
        let (n, i, o) = (x.shape[0], x.shape[1], bias.data.len());
        let y = &mut *outputs[0].data;
        y.chunks_mut(o).for_each(|y| y.copy_from_slice(bias.data));
        let one = T::one();
        par_gemm(n, i, o, x.data, Matrix::rows(i), kernel.data, Matrix::rows(o), one, y);
    }

    fn backward(&self, _: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        let (x, kernel, dy) = (saved.inputs[0], saved.inputs[1], saved.grad.data);
        let (n, i, o) = (x.shape[0], x.shape[1], kernel.shape[1]);
        let (by_row, zero) = (Matrix::rows(o), T::zero());
        if let Some(dx) = &mut grads[0] {
            let kernel_t = Matrix::transposed(o);
            par_gemm(n, o, i, dy, by_row, kernel.data, kernel_t, zero, dx.data);
        }
        if let Some(dkernel) = &mut grads[1] {
            par_gemm(i, n, o, x.data, Matrix::transposed(i), dy, by_row, zero, dkernel.data);
        }
        if let Some(dbias) = &mut grads[2] {
            column_sums(dbias.data, dy);
        }
    }
}
