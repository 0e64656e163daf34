//! Max pooling without padding: `y[n,i,j,c]` = max over the window of `x`.
//!
//! x (N,H,W,C) → y (N,I,J,C), I = ⌊(H − window) / stride⌋ + 1, and kept: the place
//! a·columns + b of the maximum in its window. Rows and columns that no window
//! covers get no gradient. Where several pixels are largest the gradient goes to
//! the first in row-major order, as in TensorFlow.

use ndarray::{Array4, ArrayD, ArrayViewD, Ix4};
use rayon::prelude::*;

use super::network_shapes::POOLED;
use super::window::{Padding, Sliding, sliding};
use crate::Result;
use crate::backend::gpu::{Bind, Shader};
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};

/// The largest pixel of each window. Input: x (N,H,W,C). Outputs: y, place.
#[derive(Clone, Copy, Debug)]
pub struct MaxPool {
    /// Pixels of the window, down and across.
    pub window: [usize; 2],
    /// Pixels from one window to the next.
    pub stride: [usize; 2],
}

const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-7,
    relative: 4e-7,
    reason: "a choice; gradients of overlapping windows are summed in f32",
};

/// A case that both kinds of pooling share: (name, image, window, stride, large).
pub(super) type Pooling = (&'static str, [usize; 4], [usize; 2], [usize; 2], bool);

const CASES: &[Pooling] = &[
    ("2x2", [2, 6, 4, 3], [2, 2], [2, 2], false),
    (
        "the window does not divide the image",
        [1, 7, 5, 2],
        [2, 2],
        [2, 2],
        false,
    ),
    ("3x3", [1, 8, 10, 1], [3, 3], [3, 3], false),
    ("overlapping", [2, 7, 6, 2], [3, 3], [2, 2], false),
    (
        "overlapping, not square",
        [1, 6, 7, 5],
        [2, 3],
        [1, 2],
        false,
    ),
    ("gaps between windows", [1, 9, 8, 2], [2, 2], [3, 3], false),
    ("the whole image", [2, 5, 3, 2], [5, 3], [1, 1], false),
    ("one pixel", [3, 4, 4, 1], [1, 1], [1, 1], false),
];

/// [`CASES`], and every pooling of the networks.
pub(super) fn shared_cases() -> impl Iterator<Item = Pooling> {
    let networks = POOLED.map(|(name, x, n)| (name, x, [n, n], [n, n], true));
    CASES.iter().copied().chain(networks)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |(name, shape, window, stride, large): Pooling, fill| {
        let inputs = vec![(Shape::from(shape), fill)];
        let case = Case::new(name, MaxPool { window, stride }, inputs, TOLERANCE);
        if large { case.large() } else { case }
    };
    let mut all: Vec<Case> = shared_cases().map(|c| case(c, Fill::Distinct)).collect();
    // Large, so that no finite difference is taken across a tie.
    let ties = ("ties go to the first", [2, 7, 6, 3], [3, 3], [2, 2], true);
    all.push(case(ties, Fill::Ties));
    all
}

impl MaxPool {
    fn sliding(&self, x: &Shape) -> Result<Sliding> {
        sliding("max_pool", x, self.window, self.stride, Padding::Valid)
    }
}

impl Formula for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [x] = expect_inputs("max_pool", inputs)?;
        let at = self.sliding(&x)?;
        let y = Shape::from([x[0], at.rows.output, at.columns.output, x[3]]);
        Ok(vec![y.clone(), y])
    }

    fn differentiable(&self, _: usize) -> bool {
        true
    }

    fn backward_reads_input(&self, _: usize) -> bool {
        false
    }

    fn backward_reads_output(&self, output: usize) -> bool {
        output == 1
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        let x = inputs[0]
            .view()
            .into_dimensionality::<Ix4>()
            .expect("checked before");
        let at = self
            .sliding(&Shape::from(x.shape()))
            .expect("checked before");
        let shape = (x.dim().0, at.rows.output, at.columns.output, x.dim().3);
        let mut y = Array4::zeros(shape);
        let place = Array4::from_shape_fn(shape, |(n, i, j, c)| {
            let mut best = 0;
            let value = |p: usize| {
                let (a, b) = (p / self.window[1], p % self.window[1]);
                x[[n, at.rows.pixel(i, a), at.columns.pixel(j, b), c]]
            };
            for p in 1..self.window[0] * self.window[1] {
                if value(p) > value(best) {
                    best = p;
                }
            }
            y[[n, i, j, c]] = value(best);
            best as f64
        });
        vec![y.into_dyn(), place.into_dyn()]
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        _: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        let at = self
            .sliding(&Shape::from(saved.inputs[0].shape()))
            .expect("checked before");
        let place = saved.outputs[1]
            .view()
            .into_dimensionality::<Ix4>()
            .expect("checked before");
        let mut dx = ArrayD::zeros(saved.inputs[0].raw_dim());
        for ((n, i, j, c), place) in place.indexed_iter() {
            let (a, b) = (
                *place as usize / self.window[1],
                *place as usize % self.window[1],
            );
            let pixel = [n, at.rows.pixel(i, a), at.columns.pixel(j, b), c];
            dx[&pixel[..]] += saved.grad[[n, i, j, c].as_slice()];
        }
        vec![Some(dx)]
    }
}

impl<T: Real> CpuOp<T> for MaxPool {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let x = inputs[0];
        let at = self.sliding(x.shape).expect("checked before");
        let channels = x.shape[3];
        let line = at.columns.output * channels;
        let [y, place] = outputs else {
            unreachable!("two outputs")
        };
        let lines = y
            .data
            .par_chunks_mut(line.max(1))
            .zip(place.data.par_chunks_mut(line.max(1)));
        lines.enumerate().for_each(|(line, (y, place))| {
            let (n, i) = (line / at.rows.output, line % at.rows.output);
            let pixels = y.chunks_mut(channels).zip(place.chunks_mut(channels));
            for (j, (y, place)) in pixels.enumerate() {
                for p in 0..self.window[0] * self.window[1] {
                    let (a, b) = (p / self.window[1], p % self.window[1]);
                    let row = n * x.shape[1] + at.rows.pixel(i, a);
                    let pixel = (row * x.shape[2] + at.columns.pixel(j, b)) * channels;
                    let x = &x.data[pixel..pixel + channels];
                    let code = T::of(p as f64);
                    for ((y, place), x) in y.iter_mut().zip(place.iter_mut()).zip(x) {
                        if p == 0 || *x > *y {
                            *y = *x;
                            *place = code;
                        }
                    }
                }
            }
        });
    }

    fn backward(&self, _: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        let Some(dx) = &mut grads[0] else { return };
        let at = self.sliding(dx.shape).expect("checked before");
        let (width, channels) = (dx.shape[2], dx.shape[3]);
        let image = dx.shape[1] * width * channels;
        let outputs = at.rows.output * at.columns.output;
        dx.data
            .par_chunks_mut(image.max(1))
            .enumerate()
            .for_each(|(n, dx)| {
                dx.fill(T::zero());
                for p in 0..outputs {
                    let (i, j) = (p / at.columns.output, p % at.columns.output);
                    let from = (n * outputs + p) * channels;
                    let dy = &saved.grad.data[from..from + channels];
                    let place = &saved.outputs[1].data[from..from + channels];
                    for c in 0..channels {
                        let place = place[c].as_f64() as usize;
                        let (a, b) = (place / self.window[1], place % self.window[1]);
                        let pixel = at.rows.pixel(i, a) * width + at.columns.pixel(j, b);
                        dx[pixel * channels + c] += dy[c];
                    }
                }
            });
    }
}

const SHADER: Shader = Shader {
    op: "max_pool",
    source: include_str!("../../shaders/max_pool.wgsl"),
};

impl GpuOp for MaxPool {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let at = self.sliding(inputs[0].shape)?;
        gpu.check_loops("max_pool", self.window[0] * (self.window[1] + 1))?;
        let elements = outputs[0].shape.len();
        let parameters = at.parameters(elements, inputs[0].shape.channels());
        let binds = [
            Bind::Read(inputs[0].buffer),
            Bind::Write(outputs[0].buffer),
            Bind::Write(outputs[1].buffer),
        ];
        gpu.dispatch_items(
            &SHADER.kernel("max_pool_forward"),
            &binds,
            &parameters,
            elements,
        )
    }

    fn backward(&self, gpu: &Gpu, saved: Saved<GpuView>, grads: &[Option<GpuView>]) -> Result<()> {
        let Some(dx) = &grads[0] else { return Ok(()) };
        let at = self.sliding(dx.shape)?;
        let elements = dx.shape.len();
        let parameters = at.parameters(elements, dx.shape.channels());
        let binds = [
            Bind::Read(saved.outputs[1].buffer),
            Bind::Read(saved.grad.buffer),
            Bind::Write(dx.buffer),
        ];
        gpu.dispatch_items(
            &SHADER.kernel("max_pool_backward_input"),
            &binds,
            &parameters,
            elements,
        )
    }
}
