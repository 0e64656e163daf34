//! Convolution on the native device: blocks of output pixels are gathered into
//! a matrix of windows (im2col) and multiplied by the kernel, which in HWIO
//! already is the matrix (A·B·C, O).

use std::ops::Range;

use rayon::prelude::*;

use super::{Conv2d, Geometry};
use crate::backend::gemm::{Matrix, gemm};
use crate::backend::parallel::column_sums;
use crate::backend::{Cpu, Real};
use crate::engine::{CpuOp, Saved, View, ViewMut};

/// Output pixels per block: the windows of a block (256 · 1,152 · 4 bytes for
/// O'TRAIN's widest layer) stay in the second-level cache.
const BLOCK: usize = 256;

/// Partial sums of the kernel's gradient. Fixed, so that the result does not
/// depend on the number of cores.
const PARTIALS: usize = 16;

impl<T: Real> CpuOp<T> for Conv2d {
    fn forward(&self, cpu: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let [x, kernel, bias] = [inputs[0], inputs[1], inputs[2]];
        let g = self
            .geometry(x.shape, kernel.shape)
            .expect("checked before");
        let (depth, filters) = (g.depth(), g.filters);
        let blocks = outputs[0]
            .data
            .par_chunks_mut((BLOCK * filters).max(1))
            .enumerate();
        blocks.for_each(|(block, y)| {
            y.chunks_mut(filters)
                .for_each(|y| y.copy_from_slice(bias.data));
            let pixels = y.len() / filters;
            with_windows(cpu, &g, x.data, block * BLOCK, pixels, |windows| {
                gemm(
                    pixels,
                    depth,
                    filters,
                    windows,
                    Matrix::rows(depth),
                    kernel.data,
                    Matrix::rows(filters),
                    T::one(),
                    y,
                );
            });
        });
    }

    fn backward(&self, cpu: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        let (x, kernel) = (saved.inputs[0], saved.inputs[1]);
        let g = self
            .geometry(x.shape, kernel.shape)
            .expect("checked before");
        let dy = saved.grad.data;
        if let Some(dx) = &mut grads[0] {
            backward_input(cpu, &g, kernel.data, dy, dx.data);
        }
        if let Some(dkernel) = &mut grads[1] {
            backward_kernel(cpu, &g, x.data, dy, dkernel.data);
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

/// dx = dy · kernelᵀ, each window's row added back where it was gathered.
/// One task per image, so that no two add to one pixel.
fn backward_input<T: Real>(cpu: &Cpu, g: &Geometry, kernel: &[T], dy: &[T], dx: &mut [T]) {
    let (depth, filters) = (g.depth(), g.filters);
    let image = g.at.rows.input * g.at.columns.input * g.channels;
    let outputs = g.at.rows.output * g.at.columns.output;
    dx.par_chunks_mut(image.max(1))
        .enumerate()
        .for_each(|(n, dx)| {
            dx.fill(T::zero());
            let mut windows = cpu.allocate::<T>(BLOCK * depth);
            for first in (n * outputs..(n + 1) * outputs).step_by(BLOCK) {
                let pixels = BLOCK.min((n + 1) * outputs - first);
                gemm(
                    pixels,
                    filters,
                    depth,
                    &dy[first * filters..],
                    Matrix::rows(filters),
                    kernel,
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
        });
}

/// dkernel = windowsᵀ · dy: blocks of pixels are shared out among a fixed number
/// of partial sums, which are then added in order.
fn backward_kernel<T: Real>(cpu: &Cpu, g: &Geometry, x: &[T], dy: &[T], dkernel: &mut [T]) {
    let (depth, filters) = (g.depth(), g.filters);
    let blocks = g.pixels().div_ceil(BLOCK);
    let share = blocks.div_ceil(PARTIALS).max(1);
    let partials: Vec<_> = (0..blocks.div_ceil(share))
        .into_par_iter()
        .map(|part| {
            let mut sum = cpu.allocate::<T>(depth * filters);
            let mut beta = T::zero();
            for block in part * share..blocks.min((part + 1) * share) {
                let first = block * BLOCK;
                let pixels = BLOCK.min(g.pixels() - first);
                with_windows(cpu, g, x, first, pixels, |windows| {
                    gemm(
                        depth,
                        pixels,
                        filters,
                        windows,
                        Matrix::transposed(depth),
                        &dy[first * filters..],
                        Matrix::rows(filters),
                        beta,
                        &mut sum,
                    );
                });
                beta = T::one();
            }
            sum
        })
        .collect();
    const SLICE: usize = 4096;
    dkernel
        .par_chunks_mut(SLICE)
        .enumerate()
        .for_each(|(i, out)| {
            out.fill(T::zero());
            for partial in &partials {
                let from = &partial[i * SLICE..];
                out.iter_mut()
                    .zip(from)
                    .for_each(|(out, from)| *out += *from);
            }
        });
}
