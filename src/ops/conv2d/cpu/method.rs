//! Which way a convolution is computed, and its weights in the order that each wants.

use super::super::Geometry;
use super::direct::{Frame, Reach};
use super::side::Side;
use crate::backend::simd::Isa;
use crate::backend::tile::padded;
use crate::backend::{Cpu, HostBuffer, Real};

/// Channels, before any folding, that are worth it.
const FEWEST: usize = 4;

/// Channels and filters below which transforms cost more than they save.
const CHANNELS: usize = 8;
/// Winograd's products over the plain sum's, above which likewise.
const SHARE: [usize; 2] = [6, 10];

/// A convolution as Winograd's filtering sees it: strides folded away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Folded {
    /// Rows and columns in one folded pixel: the stride.
    pub fold: usize,
    /// Folded pixels of the window: 3 or 4.
    pub window: usize,
}

impl Folded {
    /// For square windows that fold to 3 or 4 pixels, where it saves work.
    pub fn of(g: &Geometry) -> Option<Folded> {
        let (rows, columns) = (g.at.rows, g.at.columns);
        let fold = rows.stride;
        if (rows.stride, rows.window) != (columns.stride, columns.window) {
            return None;
        }
        let window = rows.window.div_ceil(fold);
        if !(3..=4).contains(&window) {
            return None;
        }
        let depth = fold * fold * g.channels;
        // Folding the one to three channels of a cutout costs as much as it saves.
        if g.channels < FEWEST || depth < CHANNELS || g.filters < CHANNELS {
            return None;
        }
        let edge = 7 - window;
        let tiles = rows.output.div_ceil(edge) * columns.output.div_ceil(edge);
        let products = tiles * 36 * depth;
        let plain = rows.output * columns.output * g.depth();
        (products * SHARE[1] <= plain * SHARE[0]).then_some(Folded { fold, window })
    }

    /// The images' side.
    pub fn images(&self, g: &Geometry) -> Side {
        Side {
            size: [g.at.rows.input, g.at.columns.input],
            channels: g.channels,
            fold: self.fold,
            before: [g.at.rows.before as isize, g.at.columns.before as isize],
        }
    }

    /// The output's side.
    pub fn output(&self, g: &Geometry) -> Side {
        Side {
            size: [g.at.rows.output, g.at.columns.output],
            channels: g.filters,
            fold: 1,
            before: [0, 0],
        }
    }

    /// Sides and folded pixels of the input's gradient: from the output's to the
    /// images'.
    pub fn turned(&self, g: &Geometry) -> (Side, Side, [usize; 2]) {
        let (mut from, mut to) = (self.output(g), self.images(g));
        let mut output = [0; 2];
        for (axis, line) in [g.at.rows, g.at.columns].into_iter().enumerate() {
            // Folded pixels that lie wholly before the image have no gradient.
            let skipped = line.before / self.fold;
            let before = line.before - skipped * self.fold;
            from.before[axis] = self.window as isize - 1 - skipped as isize;
            to.before[axis] = before as isize;
            output[axis] = (line.input + before).div_ceil(self.fold);
        }
        (from, to, output)
    }

    /// Calls `f(place in the kernel (A,B,C,O), folded (row, column, channel))` for
    /// each row of O weights.
    pub fn each(&self, g: &Geometry, mut f: impl FnMut(usize, [usize; 3])) {
        let (rows, columns, fold) = (g.at.rows.window, g.at.columns.window, self.fold);
        for a in 0..rows {
            for b in 0..columns {
                for c in 0..g.channels {
                    let at = ((a * columns + b) * g.channels + c) * g.filters;
                    let channel = (a % fold * fold + b % fold) * g.channels + c;
                    f(at, [a / fold, b / fold, channel]);
                }
            }
        }
    }

    /// The kernel folded: (window, window, depth, padded O).
    pub fn weights<T: Real>(&self, cpu: &Cpu, g: &Geometry, kernel: &[T]) -> HostBuffer<T> {
        let depth = self.fold * self.fold * g.channels;
        let step = padded::<T>(cpu.isa(), g.filters);
        let mut all = cpu.allocate(self.window * self.window * depth * step);
        all.fill(T::zero());
        self.each(g, |from, [a, b, c]| {
            let to = ((a * self.window + b) * depth + c) * step;
            all[to..to + g.filters].copy_from_slice(&kernel[from..from + g.filters]);
        });
        all
    }

    /// The kernel folded, turned by half a circle and transposed: (window, window,
    /// O, padded depth).
    pub fn turned_weights<T: Real>(&self, cpu: &Cpu, g: &Geometry, kernel: &[T]) -> HostBuffer<T> {
        let depth = self.fold * self.fold * g.channels;
        let step = padded::<T>(cpu.isa(), depth);
        let mut all = cpu.allocate(self.window * self.window * g.filters * step);
        all.fill(T::zero());
        let last = self.window - 1;
        self.each(g, |from, [a, b, c]| {
            let to = ((last - a) * self.window + last - b) * g.filters * step + c;
            let places = all[to..].iter_mut().step_by(step);
            let weights = &kernel[from..from + g.filters];
            places.zip(weights).for_each(|(to, from)| *to = *from);
        });
        all
    }

    /// Adds folded weights (window, window, depth, padded O) to a kernel.
    pub fn unfold<T: Real>(&self, isa: Isa, g: &Geometry, weights: &[T], kernel: &mut [T]) {
        let depth = self.fold * self.fold * g.channels;
        let step = padded::<T>(isa, g.filters);
        self.each(g, |to, [a, b, c]| {
            let from = ((a * self.window + b) * depth + c) * step;
            let to = kernel[to..to + g.filters].iter_mut();
            to.zip(&weights[from..]).for_each(|(to, from)| *to += *from);
        });
    }
}

/// Pixels of the images that one phase of the input's gradient fills along an axis:
/// with a stride of s, pixel h only sees offsets a of the window where
/// a ≡ h + before (mod s).
#[derive(Clone, Copy, Debug)]
pub(super) struct Phase {
    /// The first such offset; the others follow a stride apart.
    pub offset: usize,
    /// The first pixel; the others follow a stride apart.
    pub first: usize,
    /// What it sees of the output's gradient.
    pub reach: Reach,
}

/// The phases along an axis.
pub(super) fn phases(axis: super::super::super::window::Axis) -> Vec<Phase> {
    let stride = axis.stride;
    let each = (0..stride).map(|offset| {
        let first = (stride + offset - axis.before % stride) % stride;
        let window = axis.window.saturating_sub(offset).div_ceil(stride);
        let place = (first + axis.before - offset) / stride;
        Phase {
            offset,
            first,
            reach: Reach {
                input: axis.output,
                window,
                stride: 1,
                before: window as isize - 1 - place as isize,
                output: axis.input.saturating_sub(first).div_ceil(stride),
            },
        }
    });
    // A stride beyond the image leaves phases without a pixel.
    each.filter(|phase| phase.reach.output > 0).collect()
}

/// A phase's weights, turned by half a circle and transposed: (rows, columns, O, C).
pub(super) fn phase_weights<T: Real>(
    cpu: &Cpu,
    g: &Geometry,
    kernel: &[T],
    [down, across]: [Phase; 2],
) -> HostBuffer<T> {
    let [rows, columns] = [down, across].map(|phase| phase.reach.window);
    let mut all = cpu.allocate(rows * columns * g.filters * g.channels);
    for i in 0..rows {
        for j in 0..columns {
            let a = down.offset + (rows - 1 - i) * g.at.rows.stride;
            let b = across.offset + (columns - 1 - j) * g.at.columns.stride;
            let from = (a * g.at.columns.window + b) * g.channels * g.filters;
            let to = (i * columns + j) * g.channels * g.filters;
            for (c, weights) in kernel[from..]
                .chunks(g.filters)
                .take(g.channels)
                .enumerate()
            {
                for (o, weight) in weights.iter().enumerate() {
                    all[to + o * g.channels + c] = *weight;
                }
            }
        }
    }
    all
}

/// The frame of a phase, and where its results go in an image.
pub(super) fn phase_frame(g: &Geometry, [down, across]: [Phase; 2]) -> (Frame, Vec<usize>) {
    let frame = Frame {
        axes: [down.reach, across.reach],
        channels: g.filters,
    };
    let (strides, columns) = ([g.at.rows.stride, g.at.columns.stride], g.at.columns.input);
    let to = (0..down.reach.output).flat_map(|i| {
        let row = (down.first + i * strides[0]) * columns;
        (0..across.reach.output).map(move |j| (row + across.first + j * strides[1]) * g.channels)
    });
    (frame, to.collect())
}
