//! Convolution on the native device, a group of images at a time: every call
//! runs on one thread, so that a caller can keep a group in the cache through
//! several ops and share the groups out among its own tasks.

use std::ops::Range;

use rayon::prelude::*;

use super::{Conv2d, Geometry};
use crate::backend::gemm::{Matrix, gemm};
use crate::backend::parallel::column_sums;
use crate::backend::{Cpu, HostBuffer, Real};
use crate::engine::{CpuOp, Saved, View, ViewMut};

/// Output pixels per block: the windows of a block (256 · 1,152 · 4 bytes for
/// O'TRAIN's widest layer) stay in the second-level cache.
const BLOCK: usize = 256;

/// Partial sums of the kernel's gradient. Fixed, so that the result does not
/// depend on the number of cores.
const PARTIALS: usize = 16;

/// Images that make one good task: enough output pixels to reuse the weights.
pub(crate) fn images_per_task(g: &Geometry) -> usize {
    let pixels = (g.at.rows.output * g.at.columns.output).max(1);
    (512 / pixels).max(1)
}

/// Images per partial sum of the kernel's gradient, a multiple of
/// [`images_per_task`] and independent of the number of threads.
pub(crate) fn images_per_partial(g: &Geometry) -> usize {
    let task = images_per_task(g);
    g.images.div_ceil(PARTIALS).max(1).next_multiple_of(task)
}

/// Elements of one image of x and of one of y.
fn sizes(g: &Geometry) -> [usize; 2] {
    let (rows, columns) = (g.at.rows, g.at.columns);
    [
        rows.input * columns.input * g.channels,
        rows.output * columns.output * g.filters,
    ]
}

/// y = conv(x) + bias for any number of images, with the weights made ready once.
pub(crate) struct Forward<T: Real> {
    g: Geometry,
    kernel: HostBuffer<T>,
}

impl<T: Real> Forward<T> {
    /// Makes the weights of kernel (A,B,C,O) ready.
    pub(crate) fn new(cpu: &Cpu, g: &Geometry, kernel: &[T]) -> Self {
        let mut own = cpu.allocate(kernel.len());
        own.copy_from_slice(kernel);
        Forward { g: *g, kernel: own }
    }

    /// y (n,I,J,O) = conv(x (n,H,W,C)) + bias (O), then max(0, y) if `relu`.
    pub(crate) fn run(&self, cpu: &Cpu, x: &[T], bias: &[T], relu: bool, y: &mut [T]) {
        let (depth, filters) = (self.g.depth(), self.g.filters);
        for (block, y) in y.chunks_mut((BLOCK * filters).max(1)).enumerate() {
            y.chunks_mut(filters).for_each(|y| y.copy_from_slice(bias));
            let pixels = y.len() / filters;
            with_windows(cpu, &self.g, x, block * BLOCK, pixels, |windows| {
                let (a, b) = (Matrix::rows(depth), Matrix::rows(filters));
                gemm(
                    pixels,
                    depth,
                    filters,
                    windows,
                    a,
                    &self.kernel,
                    b,
                    T::one(),
                    y,
                );
            });
            if relu {
                y.iter_mut().for_each(|y| *y = y.max(T::zero()));
            }
        }
    }
}

/// dx = the gradient to the images, for any number of them.
pub(crate) struct BackwardInput<T: Real> {
    g: Geometry,
    kernel: HostBuffer<T>,
}

impl<T: Real> BackwardInput<T> {
    /// Makes the weights of kernel (A,B,C,O) ready.
    pub(crate) fn new(cpu: &Cpu, g: &Geometry, kernel: &[T]) -> Self {
        let mut own = cpu.allocate(kernel.len());
        own.copy_from_slice(kernel);
        BackwardInput { g: *g, kernel: own }
    }

    /// Fills dx (n,H,W,C) from dy (n,I,J,O).
    pub(crate) fn run(&self, cpu: &Cpu, dy: &[T], dx: &mut [T]) {
        let g = &self.g;
        let (depth, filters) = (g.depth(), g.filters);
        let image = sizes(g)[0];
        let outputs = g.at.rows.output * g.at.columns.output;
        dx.fill(T::zero());
        for (n, dx) in dx.chunks_mut(image.max(1)).enumerate() {
            let mut windows = cpu.allocate::<T>(BLOCK * depth);
            for first in (n * outputs..(n + 1) * outputs).step_by(BLOCK) {
                let pixels = BLOCK.min((n + 1) * outputs - first);
                gemm(
                    pixels,
                    filters,
                    depth,
                    &dy[first * filters..],
                    Matrix::rows(filters),
                    &self.kernel,
                    Matrix::transposed(filters),
                    T::zero(),
                    &mut windows,
                );
                for (i, window) in windows.chunks(depth).take(pixels).enumerate() {
                    each_piece(g, first + i, |range, pixel| {
                        let Some(pixel) = pixel else { return };
                        let to = &mut dx[pixel - n * image..][..range.len()];
                        to.iter_mut()
                            .zip(&window[range])
                            .for_each(|(to, from)| *to += *from);
                    });
                }
            }
        }
    }
}

/// A partial sum of the kernel's gradient.
pub(crate) struct BackwardKernel<T: Real> {
    g: Geometry,
    sum: HostBuffer<T>,
}

impl<T: Real> BackwardKernel<T> {
    /// An empty sum.
    pub(crate) fn new(cpu: &Cpu, g: &Geometry) -> Self {
        let mut sum = cpu.allocate(g.depth() * g.filters);
        sum.fill(T::zero());
        BackwardKernel { g: *g, sum }
    }

    /// Adds the terms of images x (n,H,W,C) with dy (n,I,J,O).
    pub(crate) fn add(&mut self, cpu: &Cpu, x: &[T], dy: &[T]) {
        let g = &self.g;
        let (depth, filters) = (g.depth(), g.filters);
        let all = dy.len() / filters;
        for first in (0..all).step_by(BLOCK) {
            let pixels = BLOCK.min(all - first);
            let sum = &mut self.sum;
            with_windows(cpu, g, x, first, pixels, |windows| {
                gemm(
                    depth,
                    pixels,
                    filters,
                    windows,
                    Matrix::transposed(depth),
                    &dy[first * filters..],
                    Matrix::rows(filters),
                    T::one(),
                    sum,
                );
            });
        }
    }

    /// To be called once after the last [`add`](Self::add), where a task ends: turns
    /// the sum into the kernel's own shape, which may be much smaller.
    pub(crate) fn seal(self, _: &Cpu) -> Self {
        self
    }

    /// Fills dkernel (A,B,C,O) with the sum of the partial sums, added in order.
    pub(crate) fn finish(cpu: &Cpu, partials: Vec<BackwardKernel<T>>, dkernel: &mut [T]) {
        dkernel.fill(T::zero());
        for partial in partials {
            let partial = partial.seal(cpu);
            let terms = dkernel.iter_mut().zip(partial.sum.iter());
            terms.for_each(|(sum, term)| *sum += *term);
        }
    }
}

impl<T: Real> CpuOp<T> for Conv2d {
    fn forward(&self, cpu: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let [x, kernel, bias] = [inputs[0], inputs[1], inputs[2]];
        let g = self
            .geometry(x.shape, kernel.shape)
            .expect("checked before");
        let [image, output] = sizes(&g).map(|size| (size * images_per_task(&g)).max(1));
        let forward = Forward::new(cpu, &g, kernel.data);
        outputs[0]
            .data
            .par_chunks_mut(output)
            .zip(x.data.par_chunks(image))
            .for_each(|(y, x)| forward.run(cpu, x, bias.data, false, y));
    }

    fn backward(&self, cpu: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        let (x, kernel) = (saved.inputs[0], saved.inputs[1]);
        let g = self
            .geometry(x.shape, kernel.shape)
            .expect("checked before");
        let dy = saved.grad.data;
        let task = images_per_task(&g);
        let [image, output] = sizes(&g);
        if let Some(dx) = &mut grads[0] {
            let backward = BackwardInput::new(cpu, &g, kernel.data);
            dx.data
                .par_chunks_mut((image * task).max(1))
                .zip(dy.par_chunks((output * task).max(1)))
                .for_each(|(dx, dy)| backward.run(cpu, dy, dx));
        }
        if let Some(dkernel) = &mut grads[1] {
            let share = images_per_partial(&g);
            let partials = x
                .data
                .par_chunks((image * share).max(1))
                .zip(dy.par_chunks((output * share).max(1)))
                .map(|(x, dy)| {
                    let mut partial = BackwardKernel::new(cpu, &g);
                    let groups = x.chunks((image * task).max(1));
                    for (x, dy) in groups.zip(dy.chunks((output * task).max(1))) {
                        partial.add(cpu, x, dy);
                    }
                    partial.seal(cpu)
                })
                .collect();
            BackwardKernel::finish(cpu, partials, dkernel.data);
        }
        if let Some(dbias) = &mut grads[2] {
            column_sums(dbias.data, dy);
        }
    }
}

/// Calls `f` with the windows (pixels, A·B·C) of output pixels `first ..
/// first + pixels`; a 1x1 kernel's windows are the image itself.
fn with_windows<T: Real>(
    cpu: &Cpu,
    g: &Geometry,
    x: &[T],
    first: usize,
    pixels: usize,
    f: impl FnOnce(&[T]),
) {
    let depth = g.depth();
    let (rows, columns) = (g.at.rows, g.at.columns);
    if (rows.window, columns.window, rows.stride, columns.stride) == (1, 1, 1, 1) {
        return f(&x[first * depth..(first + pixels) * depth]);
    }
    let mut windows = cpu.allocate::<T>(BLOCK * depth);
    for (i, window) in windows.chunks_mut(depth).take(pixels).enumerate() {
        each_piece(g, first + i, |range, pixel| match pixel {
            Some(pixel) => {
                let from = &x[pixel..pixel + range.len()];
                window[range].copy_from_slice(from);
            }
            None => window[range].fill(T::zero()),
        });
    }
    f(&windows[..pixels * depth]);
}

/// Walks the window of output pixel `p` in pieces: `piece(range of the window,
/// Some(start in x))` inside the image, `piece(range, None)` on the padding. A
/// window's row is one run of memory in NHWC.
fn each_piece(g: &Geometry, p: usize, mut piece: impl FnMut(Range<usize>, Option<usize>)) {
    let (rows, columns, channels) = (g.at.rows, g.at.columns, g.channels);
    let j = p % columns.output;
    let i = p / columns.output % rows.output;
    let n = p / (columns.output * rows.output);
    let width = columns.window * channels;
    let (down, across) = (rows.inside(i), columns.inside(j));
    for a in 0..rows.window {
        let at = a * width;
        if !down.contains(&a) || across.is_empty() {
            piece(at..at + width, None);
            continue;
        }
        let (low, high) = (at + across.start * channels, at + across.end * channels);
        let line = n * rows.input + rows.pixel(i, a);
        let pixel = (line * columns.input + columns.pixel(j, across.start)) * channels;
        piece(at..low, None);
        piece(low..high, Some(pixel));
        piece(high..at + width, None);
    }
}
