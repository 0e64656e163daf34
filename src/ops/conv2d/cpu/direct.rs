//! Convolution without a matrix of windows: an image is copied once into a frame of
//! zeros, in which every row of a window is one run of memory.

use super::super::Geometry;
use crate::backend::tile::{Product, Right, Start, pack, padded};
use crate::backend::{Cpu, HostBuffer, Real};

/// One axis of a correlation: position i of the output sees the input's pixels from
/// `i · stride − before` on, 0 where there are none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// Pixels of the input.
    pub input: usize,
    /// Pixels of the window.
    pub window: usize,
    /// Pixels from one position to the next.
    pub stride: usize,
    /// Pixels of zeros before the first; less than none are left out.
    pub before: isize,
    /// Positions.
    pub output: usize,
}

impl Reach {
    /// Pixels that all positions together see.
    pub fn frame(&self) -> usize {
        match self.output {
            0 => 0,
            output => (output - 1) * self.stride + self.window,
        }
    }

    /// The frame's pixels that are the image's, and the first of those.
    fn image(&self) -> (std::ops::Range<usize>, usize) {
        let frame = self.frame() as isize;
        let low = self.before.clamp(0, frame);
        let high = (self.before + self.input as isize).clamp(low, frame);
        (low as usize..high as usize, (low - self.before) as usize)
    }
}

/// Both axes of an image of so many channels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Rows and columns.
    pub axes: [Reach; 2],
    pub channels: usize,
}

impl Frame {
    /// What a convolution's windows see of its images.
    pub fn of(g: &Geometry) -> Frame {
        let axes = [g.at.rows, g.at.columns].map(|axis| Reach {
            input: axis.input,
            window: axis.window,
            stride: axis.stride,
            before: axis.before as isize,
            output: axis.output,
        });
        Frame {
            axes,
            channels: g.channels,
        }
    }

    /// Numbers in an image.
    pub fn image(&self) -> usize {
        self.axes[0].input * self.axes[1].input * self.channels
    }

    /// Numbers in a line of the frame.
    pub fn line(&self) -> usize {
        self.axes[1].frame() * self.channels
    }

    /// Numbers in the frame.
    pub fn len(&self) -> usize {
        self.axes[0].frame() * self.line()
    }

    /// Copies an image into the frame.
    pub fn fill<T: Real>(&self, image: &[T], frame: &mut [T]) {
        let [(rows, top), (columns, left)] = [self.axes[0].image(), self.axes[1].image()];
        if rows.is_empty() || columns.is_empty() {
            return frame.fill(T::zero());
        }
        let (low, high) = (columns.start * self.channels, columns.end * self.channels);
        for (i, to) in frame.chunks_mut(self.line().max(1)).enumerate() {
            if !rows.contains(&i) {
                to.fill(T::zero());
                continue;
            }
            let row = (top + i - rows.start) * self.axes[1].input;
            let from = (row + left) * self.channels;
            to[..low].fill(T::zero());
            to[low..high].copy_from_slice(&image[from..from + high - low]);
            to[high..].fill(T::zero());
        }
    }

    /// Where each position's window starts in the frame.
    pub fn windows(&self) -> Vec<usize> {
        let [rows, columns] = self.axes;
        let step = columns.stride * self.channels;
        let all = (0..rows.output).flat_map(|i| {
            let first = i * rows.stride * self.line();
            (0..columns.output).map(move |j| first + j * step)
        });
        all.collect()
    }
}

/// A correlation with its weights packed.
pub(super) struct Direct<T: Real> {
    frame: Frame,
    columns: usize,
    weights: HostBuffer<T>,
    windows: Vec<usize>,
    /// Where each position's result goes in an image of `image` numbers.
    to: Vec<usize>,
    image: usize,
}

impl<T: Real> Direct<T> {
    /// For weights (A, B, C, columns); results go to `to` in images of `image`.
    pub fn new(
        cpu: &Cpu,
        frame: Frame,
        weights: &[T],
        columns: usize,
        to: Vec<usize>,
        image: usize,
    ) -> Self {
        let terms = frame.axes[0].window * frame.axes[1].window * frame.channels;
        let mut packed = cpu.allocate(terms * padded::<T>(cpu.isa(), columns));
        pack(cpu.isa(), weights, columns, &mut packed);
        Direct {
            windows: frame.windows(),
            frame,
            columns,
            weights: packed,
            to,
            image,
        }
    }

    /// y = correlation of x with the weights, plus bias (padded columns).
    pub fn run(&self, cpu: &Cpu, x: &[T], bias: Option<&[T]>, relu: bool, y: &mut [T]) {
        let [rows, columns] = self.frame.axes;
        let mut frame = cpu.allocate::<T>(self.frame.len());
        let images = x.chunks(self.frame.image().max(1));
        for (x, y) in images.zip(y.chunks_mut(self.image.max(1))) {
            self.frame.fill(x, &mut frame);
            Product {
                a: &frame,
                rows: &self.windows,
                runs: [rows.window, columns.window * self.frame.channels],
                a_run: self.frame.line(),
                a_step: 1,
                b: &self.weights,
                right: Right::Packed,
                c: y,
                to: &self.to,
                columns: self.columns,
                start: bias.map_or(Start::Zero, Start::Row),
                relu,
            }
            .compute(cpu.isa());
        }
    }
}
