//! Sums over pixels per channel, by the block and in a fixed order.

use super::behind::{each_lane, load};
use crate::backend::Real;
use crate::backend::simd::Work;

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
    #[inline(always)]
    fn add(&mut self, count: f64, sums: impl Fn(usize) -> (f64, f64)) {
        let share = count / (self.count + count);
        let weight = self.count * share;
        for (c, (mean, squares)) in self.mean.iter_mut().zip(&mut self.squares).enumerate() {
            let (other_mean, other_squares) = sums(c);
            let apart = other_mean - *mean;
            *mean += apart * share;
            *squares += other_squares + apart * apart * weight;
        }
        self.count += count;
    }
}

/// Σ f(row) over the rows of a block (rows, channels), for W channels from `c` on. Four
/// sums take turns, so that one addition need not wait for the one before it.
#[inline(always)]
fn block_sum<T: Real, const W: usize>(
    block: &[T],
    channels: usize,
    c: usize,
    f: impl Fn([T; W]) -> [T; W],
) -> [T; W] {
    let mut sums = [[T::zero(); W]; 4];
    for rows in block.chunks(4 * channels) {
        for (sum, row) in sums.iter_mut().zip(rows.chunks_exact(channels)) {
            let terms = f(load::<T, W>(row, c));
            for l in 0..W {
                sum[l] += terms[l];
            }
        }
    }
    let [mut first, second, third, fourth] = sums;
    for l in 0..W {
        first[l] = (first[l] + second[l]) + (third[l] + fourth[l]);
    }
    first
}

/// The moments of y (rows, channels): within a block about the block's own mean, so
/// that a mean far from zero costs no digits.
pub(super) struct MomentsOf<'a, T>(pub &'a [T], pub usize);

impl<T: Real> Work for MomentsOf<'_, T> {
    type Output = Moments;

    #[inline(always)]
    fn work(self) -> Moments {
        moments(self.0, self.1)
    }
}

#[inline(always)]
fn moments<T: Real>(y: &[T], channels: usize) -> Moments {
    let mut all = Moments::none(channels);
    let mut mean = vec![T::zero(); channels];
    let mut squares = vec![T::zero(); channels];
    for block in y.chunks(BLOCK * channels) {
        let rows = block.len() / channels;
        let share = T::of(1.0 / rows as f64);
        each_lane!(channels, |c, W| {
            let mut centre = block_sum::<T, W>(block, channels, c, |y| y);
            centre.iter_mut().for_each(|sum| *sum = *sum * share);
            let about = block_sum::<T, W>(block, channels, c, |mut y| {
                for l in 0..W {
                    let apart = y[l] - centre[l];
                    y[l] = apart * apart;
                }
                y
            });
            mean[c..c + W].copy_from_slice(&centre);
            squares[c..c + W].copy_from_slice(&about);
        });
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
    for block in a.chunks((BLOCK * channels).max(1)) {
        each_lane!(channels, |c, W| {
            let sum = block_sum::<T, W>(block, channels, c, |a| a);
            for l in 0..W {
                sums[c + l] += sum[l].as_f64();
            }
        });
    }
}
