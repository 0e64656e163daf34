//! Sums over pixels per channel, by the block and in a fixed order.

use crate::backend::Real;

/// Rows that are summed in the element type before the sum goes into f64: they fit
/// the first-level cache, and so few lose nothing.
const BLOCK: usize = 64;

/// Count, mean and sum of squares about the mean of each channel.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    fn none(channels: usize) -> Moments {
        Moments {
            count: 0.0,
            mean: vec![0.0; channels],
            squares: vec![0.0; channels],
        }
    }

    /// Chan, Golub & LeVeque 1983: the moments of both samples together.
    fn add(&mut self, count: f64, sums: impl Fn(usize) -> (f64, f64)) {
        let total = self.count + count;
        for (c, (mean, squares)) in self.mean.iter_mut().zip(&mut self.squares).enumerate() {
            let (other_mean, other_squares) = sums(c);
            let apart = other_mean - *mean;
            *mean += apart * count / total;
            *squares += other_squares + apart * apart * self.count * count / total;
        }
        self.count = total;
    }
}

/// The moments of y (rows, channels): within a block about the block's own mean, so
/// that a mean far from zero costs no digits.
#[inline(always)]
pub(super) fn moments<T: Real>(y: &[T], channels: usize) -> Moments {
    let mut all = Moments::none(channels);
    let mut mean = vec![T::zero(); channels];
    let mut squares = vec![T::zero(); channels];
    for block in y.chunks(BLOCK * channels) {
        let rows = block.len() / channels;
        let share = T::of(1.0 / rows as f64);
        mean.fill(T::zero());
        squares.fill(T::zero());
        for row in block.chunks_exact(channels) {
            mean.iter_mut().zip(row).for_each(|(sum, y)| *sum += *y);
        }
        mean.iter_mut().for_each(|sum| *sum = *sum * share);
        for row in block.chunks_exact(channels) {
            let both = squares.iter_mut().zip(&mean);
            both.zip(row).for_each(|((sum, mean), y)| {
                let d = *y - *mean;
                *sum += d * d;
            });
        }
        all.add(rows as f64, |c| (mean[c].as_f64(), squares[c].as_f64()));
    }
    all
}

/// Mean and biased variance of all samples together, added in order.
pub(super) fn total<T: Real>(parts: &[Moments], mean: &mut [T], variance: &mut [T]) {
    let mut all = Moments::none(mean.len());
    for part in parts {
        all.add(part.count, |c| (part.mean[c], part.squares[c]));
    }
    for (c, (mean, variance)) in mean.iter_mut().zip(variance).enumerate() {
        *mean = T::of(all.mean[c]);
        *variance = T::of(all.squares[c] / all.count);
    }
}

/// Adds the sum over the rows of a (rows, channels) to `sums` (channels).
#[inline(always)]
pub(super) fn add_columns<T: Real>(a: &[T], sums: &mut [f64]) {
    let channels = sums.len();
    let mut block_sums = vec![T::zero(); channels];
    for block in a.chunks((BLOCK * channels).max(1)) {
        block_sums.fill(T::zero());
        for row in block.chunks_exact(channels) {
            block_sums
                .iter_mut()
                .zip(row)
                .for_each(|(sum, a)| *sum += *a);
        }
        sums.iter_mut()
            .zip(&block_sums)
            .for_each(|(sum, block)| *sum += block.as_f64());
    }
}
