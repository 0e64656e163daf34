//! A fully connected layer: y = x · kernel + bias.
//!
//! x (N, I), kernel (I, O), bias (O), y (N, O): the layouts of Keras' `Dense`.

use ndarray::{ArrayD, ArrayViewD, Axis, Ix1, Ix2};

use super::conv2d::Geometry;
use super::conv2d::gpu::{record_backward_input, record_backward_kernel, record_forward};
use super::network_shapes::DENSE;
use super::reduce::column_sums as column_sums_on_gpu;
use crate::backend::Gpu;
use crate::backend::gpu::{Bind, Body, GpuBuffer, Shader};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, Fill, Formula, GpuOp, Saved, Shape, Tolerance};
use crate::parameters;
use crate::{Error, Result};

mod cpu;

/// x · kernel + bias. Inputs: x (N, I), kernel (I, O), bias (O).
#[derive(Clone, Copy, Debug)]
pub struct Dense;

/// As for convolution: f32 sums of up to 10⁴ products.
const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 1e-5,
    reason: "f32 sums of up to 10^4 products",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, n: usize, i: usize, o: usize| {
        let inputs = vec![
            (Shape::from([n, i]), Fill::Normal(1.0)),
            (Shape::from([i, o]), Fill::Normal(1.0 / (i as f64).sqrt())),
            (Shape::from([o]), Fill::Normal(0.3)),
        ];
        Case::new(name, Dense, inputs, TOLERANCE)
    };
    let mut all = vec![
        case("one of each", 1, 1, 1),
        case("one sample", 1, 7, 5),
        case("odd sizes", 3, 13, 9),
        case("one unit", 5, 17, 1),
        case("wide", 2, 4, 33),
        case("more than 65,535 inputs", 2, 70_000, 3).large(),
    ];
    all.extend(DENSE.map(|(name, i, o)| case(name, 64, i, o).large()));
    all
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

    fn backward_reads_input(&self, input: usize) -> bool {
        input < 2
    }

    fn backward_reads_output(&self, _: usize) -> bool {
        false
    }

    fn flops(&self, inputs: &[&Shape]) -> u64 {
        2 * (inputs[0].len() * inputs[1].channels()) as u64
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        let (x, kernel) = (matrix(&inputs[0]), matrix(&inputs[1]));
        let bias = inputs[2]
            .view()
            .into_dimensionality::<Ix1>()
            .expect("checked before");
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
    array
        .view()
        .into_dimensionality::<Ix2>()
        .expect("checked before")
}

const SHADER: Shader = Shader {
    op: "dense",
    source: include_str!("../../shaders/dense.wgsl"),
};

impl GpuOp for Dense {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let [x, kernel, bias] = [0, 1, 2].map(|i| inputs[i]);
        let (rows, terms, columns) = (x.shape[0], x.shape[1], kernel.shape[1]);
        if let Some(g) = as_convolution(gpu, rows, terms, columns) {
            let y = outputs[0].buffer;
            return record_forward(gpu, &g, x.buffer, kernel.buffer, bias.buffer, false, y);
        }
        let product = Product {
            entry: "dense_forward",
            size: [rows, columns, terms],
            left: (x.buffer, [terms, 1]),
            right: (kernel.buffer, [columns, 1]),
        };
        product.record(gpu, Some(bias.buffer), outputs[0].buffer)
    }

    fn backward(&self, gpu: &Gpu, saved: Saved<GpuView>, grads: &[Option<GpuView>]) -> Result<()> {
        let (x, kernel, dy) = (saved.inputs[0], saved.inputs[1], saved.grad);
        let (rows, terms, columns) = (x.shape[0], x.shape[1], kernel.shape[1]);
        let convolution = as_convolution(gpu, rows, terms, columns);
        if let (Some(dx), Some(g)) = (&grads[0], &convolution) {
            record_backward_input(gpu, g, dy.buffer, kernel.buffer, dx.buffer)?;
        } else if let Some(dx) = &grads[0] {
            let product = Product {
                entry: "dense_backward_input",
                size: [rows, terms, columns],
                left: (dy.buffer, [columns, 1]),
                right: (kernel.buffer, [1, columns]),
            };
            product.record(gpu, None, dx.buffer)?;
        }
        if let (Some(dkernel), Some(g)) = (&grads[1], &convolution) {
            record_backward_kernel(gpu, g, x.buffer, dy.buffer, dkernel.buffer)?;
        } else if let Some(dkernel) = &grads[1] {
            let product = Product {
                entry: "dense_backward_kernel",
                size: [terms, columns, rows],
                left: (x.buffer, [1, terms]),
                right: (dy.buffer, [columns, 1]),
            };
            product.record(gpu, None, dkernel.buffer)?;
        }
        match &grads[2] {
            Some(dbias) => column_sums_on_gpu(gpu, dy.buffer, dbias.buffer, columns, 1.0),
            None => Ok(()),
        }
    }
}

/// A dense layer is a convolution of images of one pixel. On a gpu, whose bodies have
/// tiles, it is one; the direct body of its own is better at long sums of few pixels.
fn as_convolution(gpu: &Gpu, samples: usize, inputs: usize, units: usize) -> Option<Geometry> {
    (gpu.body() != Body::Direct).then(|| Geometry::of_dense(samples, inputs, units))
}

/// A product of matrices: (M, N) = (M, K) (K, N).
struct Product<'a> {
    entry: &'static str,
    /// M, N, K.
    size: [usize; 3],
    /// The left matrix, and elements from one [row, term] to the next.
    left: (&'a GpuBuffer, [usize; 2]),
    /// The right matrix, and elements from one [term, column] to the next.
    right: (&'a GpuBuffer, [usize; 2]),
}

impl Product<'_> {
    fn record(&self, gpu: &Gpu, bias: Option<&GpuBuffer>, out: &GpuBuffer) -> Result<()> {
        let [rows, columns, terms] = self.size;
        let blocks = rows.div_ceil(4) * columns.div_ceil(4);
        // Enough invocations to keep a gpu busy, but none with fewer than 64 terms
        // or more than 16,384.
        let slices = (16_384 / blocks.max(1)).clamp(1, terms.div_ceil(64).max(1));
        let slices = slices.max(terms.div_ceil(16_384));
        let share = terms.div_ceil(slices);
        let parameters = parameters![
            rows,
            columns,
            terms,
            slices,
            share,
            self.left.1[0],
            self.left.1[1],
            self.right.1[0],
            self.right.1[1],
        ];
        let kernel = SHADER.kernel(self.entry);
        let reads = [Bind::Read(self.left.0), Bind::Read(self.right.0)];
        if slices == 1 && bias.is_none() {
            let binds = [reads[0], reads[1], Bind::Write(out)];
            return gpu.dispatch_items(&kernel, &binds, parameters, blocks);
        }
        let partial = gpu.allocate(slices * rows * columns)?;
        let binds = [reads[0], reads[1], Bind::Write(&partial)];
        gpu.dispatch_items(&kernel, &binds, parameters, blocks * slices)?;
        let binds = [
            Bind::Read(&partial),
            Bind::Read(bias.unwrap_or(&partial)),
            Bind::Write(out),
        ];
        let parameters = parameters![rows * columns, columns, slices, bias.is_some()];
        gpu.dispatch_items(
            &SHADER.kernel("dense_combine"),
            &binds,
            parameters,
            rows * columns,
        )
    }
}
