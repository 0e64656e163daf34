//! Average pooling without padding: `y[n,i,j,c]` = mean over the window of `x`.
//!
//! x (N,H,W,C) → y (N,I,J,C), I = ⌊(H − window) / stride⌋ + 1. Each pixel of a
//! window gets dy / (pixels of the window); rows and columns that no window
//! covers get none.

use ndarray::{Array4, ArrayD, ArrayViewD, Ix4};
use rayon::prelude::*;

use super::max_pool;
use super::window::{Padding, Sliding, sliding};
use crate::Result;
use crate::backend::gpu::{Bind, Shader};
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};

/// The mean of each window. Input: x (N,H,W,C).
#[derive(Clone, Copy, Debug)]
pub struct AvgPool {
    /// Pixels of the window, down and across.
    pub window: [usize; 2],
    /// Pixels from one window to the next.
    pub stride: [usize; 2],
}

const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-7,
    relative: 1e-6,
    reason: "an f32 sum over one window",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |(name, shape, window, stride, large): max_pool::Pooling| {
        let inputs = vec![(Shape::from(shape), Fill::Normal(1.0))];
        let case = Case::new(name, AvgPool { window, stride }, inputs, TOLERANCE);
        if large { case.large() } else { case }
    };
    max_pool::shared_cases().map(case).collect()
}

impl AvgPool {
    fn sliding(&self, x: &Shape) -> Result<Sliding> {
        sliding("avg_pool", x, self.window, self.stride, Padding::Valid)
    }

    fn share(&self) -> f64 {
        1.0 / (self.window[0] * self.window[1]) as f64
    }
}

impl Formula for AvgPool {
    fn name(&self) -> &'static str {
        "avg_pool"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [x] = expect_inputs("avg_pool", inputs)?;
        let at = self.sliding(&x)?;
        Ok(vec![Shape::from([
            x[0],
            at.rows.output,
            at.columns.output,
            x[3],
        ])])
    }

    fn differentiable(&self, _: usize) -> bool {
        true
    }

    fn backward_reads_input(&self, _: usize) -> bool {
        false
    }

    fn backward_reads_output(&self, _: usize) -> bool {
        false
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
        let y = Array4::from_shape_fn(shape, |(n, i, j, c)| {
            let mut sum = 0.0;
            for a in 0..self.window[0] {
                for b in 0..self.window[1] {
                    sum += x[[n, at.rows.pixel(i, a), at.columns.pixel(j, b), c]];
                }
            }
            sum * self.share()
        });
        vec![y.into_dyn()]
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        _: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        let at = self
            .sliding(&Shape::from(saved.inputs[0].shape()))
            .expect("checked before");
        let dy = saved
            .grad
            .view()
            .into_dimensionality::<Ix4>()
            .expect("checked before");
        let mut dx = ArrayD::zeros(saved.inputs[0].raw_dim());
        for ((n, i, j, c), dy) in dy.indexed_iter() {
            for a in 0..self.window[0] {
                for b in 0..self.window[1] {
                    let pixel = [n, at.rows.pixel(i, a), at.columns.pixel(j, b), c];
                    dx[&pixel[..]] += dy * self.share();
                }
            }
        }
        vec![Some(dx)]
    }
}

impl<T: Real> CpuOp<T> for AvgPool {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let x = inputs[0];
        let at = self.sliding(x.shape).expect("checked before");
        let channels = x.shape[3];
        let share = T::of(self.share());
        let line = (at.columns.output * channels).max(1);
        outputs[0]
            .data
            .par_chunks_mut(line)
            .enumerate()
            .for_each(|(line, y)| {
                let (n, i) = (line / at.rows.output, line % at.rows.output);
                for (j, y) in y.chunks_mut(channels).enumerate() {
                    y.fill(T::zero());
                    for a in 0..self.window[0] {
                        let row = n * x.shape[1] + at.rows.pixel(i, a);
                        for b in 0..self.window[1] {
                            let pixel = (row * x.shape[2] + at.columns.pixel(j, b)) * channels;
                            y.iter_mut()
                                .zip(&x.data[pixel..])
                                .for_each(|(y, x)| *y += *x);
                        }
                    }
                    y.iter_mut().for_each(|y| *y = *y * share);
                }
            });
    }

    fn backward(&self, _: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        let Some(dx) = &mut grads[0] else { return };
        let at = self.sliding(dx.shape).expect("checked before");
        let (width, channels) = (dx.shape[2], dx.shape[3]);
        let image = dx.shape[1] * width * channels;
        let outputs = at.rows.output * at.columns.output;
        let share = T::of(self.share());
        dx.data
            .par_chunks_mut(image.max(1))
            .enumerate()
            .for_each(|(n, dx)| {
                dx.fill(T::zero());
                for p in 0..outputs {
                    let (i, j) = (p / at.columns.output, p % at.columns.output);
                    let dy = &saved.grad.data[(n * outputs + p) * channels..][..channels];
                    for a in 0..self.window[0] {
                        for b in 0..self.window[1] {
                            let pixel = at.rows.pixel(i, a) * width + at.columns.pixel(j, b);
                            let dx = &mut dx[pixel * channels..][..channels];
                            dx.iter_mut()
                                .zip(dy)
                                .for_each(|(dx, dy)| *dx += *dy * share);
                        }
                    }
                }
            });
    }
}

const SHADER: Shader = Shader {
    op: "avg_pool",
    source: include_str!("../../shaders/avg_pool.wgsl"),
};

impl GpuOp for AvgPool {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let at = self.sliding(inputs[0].shape)?;
        gpu.check_loops("avg_pool", self.window[0] * (self.window[1] + 1))?;
        let elements = outputs[0].shape.len();
        let parameters = at.parameters(elements, inputs[0].shape.channels());
        let binds = [Bind::Read(inputs[0].buffer), Bind::Write(outputs[0].buffer)];
        gpu.dispatch_items(
            &SHADER.kernel("avg_pool_forward"),
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
        let binds = [Bind::Read(saved.grad.buffer), Bind::Write(dx.buffer)];
        gpu.dispatch_items(
            &SHADER.kernel("avg_pool_backward_input"),
            &binds,
            &parameters,
            elements,
        )
    }
}
