//! Images cut into tiles, for either side of a convolution.
//!
//! A stride of s is taken away by folding: s·s neighbouring pixels become one with
//! s·s·C channels, over which the same convolution has stride 1 and a window of
//! ⌈A/s⌉ pixels. Nothing is moved for it: a folded pixel's line is one run of s·C
//! numbers in NHWC.

use std::ops::Range;

use crate::backend::Real;

/// The images of one side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    /// Rows and columns of an image.
    pub size: [usize; 2],
    /// Channels of an image.
    pub channels: usize,
    /// Rows, and columns, in one folded pixel.
    pub fold: usize,
    /// Rows and columns of zeros (less than none: of the image left out) before
    /// folded pixel 0.
    pub before: [isize; 2],
}

/// A square of folded pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Square {
    /// The image.
    pub image: usize,
    /// Its first folded pixel's row and column.
    pub at: [isize; 2],
    /// Its folded pixels down and across.
    pub edge: usize,
}

impl Side {
    /// Numbers in an image.
    pub fn image(&self) -> usize {
        self.size[0] * self.size[1] * self.channels
    }

    /// Channels of a folded pixel.
    pub fn depth(&self) -> usize {
        self.fold * self.fold * self.channels
    }

    /// Where a square starts in memory, if it lies wholly inside one image whose
    /// pixels are whole vectors of `lanes`; else it must go by way of a copy.
    pub fn inside(&self, square: Square, lanes: usize) -> Option<usize> {
        if self.fold != 1 || !self.channels.is_multiple_of(lanes) {
            return None;
        }
        let place = |axis: usize| {
            let first = usize::try_from(square.at[axis] - self.before[axis]).ok()?;
            (first + square.edge <= self.size[axis]).then_some(first)
        };
        let at = [place(0)?, place(1)?];
        let pixel = (square.image * self.size[0] + at[0]) * self.size[1] + at[1];
        Some(pixel * self.channels)
    }

    /// Walks a square in runs: `run(place in the images, place in the copy)` with
    /// the copy's pixels `step` numbers apart. Pixels outside the image are skipped.
    #[inline]
    fn runs(&self, square: Square, step: usize, mut run: impl FnMut(Range<usize>, usize)) {
        let fold = self.fold;
        let width = fold as isize;
        let columns = self.size[1] as isize;
        for i in 0..square.edge * fold {
            let row = (square.at[0]) * width - self.before[0] + i as isize;
            if row < 0 || row >= self.size[0] as isize {
                continue;
            }
            let line = square.image * self.size[0] + row as usize;
            for j in 0..square.edge {
                let first = (square.at[1] + j as isize) * width - self.before[1];
                let (low, high) = (first.max(0), (first + width).min(columns));
                if low >= high {
                    continue;
                }
                let from = (line * self.size[1] + low as usize) * self.channels;
                let count = (high - low) as usize * self.channels;
                let to = (i / fold * square.edge + j) * step
                    + (i % fold * fold + (low - first) as usize) * self.channels;
                run(from..from + count, to);
            }
        }
    }

    /// Copies a square of `images` into `to` (edge, edge, step), 0 outside.
    pub fn gather<T: Real>(&self, images: &[T], square: Square, step: usize, to: &mut [T]) {
        to[..square.edge * square.edge * step].fill(T::zero());
        self.runs(square, step, |from, at| {
            to[at..at + from.len()].copy_from_slice(&images[from]);
        });
    }

    /// Copies the channels `only` of `from` (edge, edge, step) to their place in
    /// `images`, as far as that is.
    pub fn scatter<T: Real>(
        &self,
        images: &mut [T],
        square: Square,
        step: usize,
        from: &[T],
        only: &Range<usize>,
    ) {
        self.runs(square, step, |to, at| {
            let first = at % step;
            let low = only.start.max(first);
            let high = only.end.min(first + to.len());
            if low < high {
                let to = &mut images[to.start + low - first..to.start + high - first];
                to.copy_from_slice(&from[at + low - first..at + high - first]);
            }
        });
    }
}
