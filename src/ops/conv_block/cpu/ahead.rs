//! Backward, from the value's gradient to the convolution's: through pooling, batch
//! norm and rectifier at once.

use rayon::prelude::*;

use super::behind::{Behind, each_lane, load};
use super::sums::add_columns;
use crate::backend::simd::{Work, compiled_for};
use crate::backend::{Isa, Real};
use crate::engine::{Saved, View};
use crate::ops::conv_block::{ConvBlock, Norm, Pool};
use crate::ops::window::Sliding;

/// What batch norm's backward needs of each channel.
#[derive(Debug)]
struct Normal<T> {
    mean: Vec<T>,
    /// γ / √(σ² + ε).
    scale: Vec<T>,
    /// dβ / R, with R pixels.
    even: Vec<T>,
    /// dγ / R / √(σ² + ε).
    tilt: Vec<T>,
    dgamma: Vec<T>,
    dbeta: Vec<T>,
}

/// The way from the value's gradient to the convolution's.
#[derive(Debug)]
pub(super) struct Ahead<'a, T> {
    behind: &'a Behind,
    grad: &'a [T],
    value: &'a [T],
    /// Empty where none is kept.
    place: &'a [T],
    /// Empty without batch norm.
    y: &'a [T],
    normal: Option<Normal<T>>,
}

impl<'a, T: Real> Ahead<'a, T> {
    pub fn new(
        block: &ConvBlock,
        isa: Isa,
        behind: &'a Behind,
        saved: &Saved<'a, View<'a, T>>,
    ) -> Ahead<'a, T> {
        let kept = block.kept();
        let mut ahead = Ahead {
            behind,
            grad: saved.grad.data,
            value: saved.outputs[0].data,
            place: kept.place.map_or(&[], |i| saved.outputs[i].data),
            y: kept.batch.map_or(&[], |[_, _, y]| saved.outputs[y].data),
            normal: None,
        };
        if let (Some([mean, variance, _]), Some(Norm::Batch { epsilon })) = (kept.batch, block.norm)
        {
            let [mean, variance] = [mean, variance].map(|i| saved.outputs[i].data);
            let gamma = saved.inputs[3].data;
            ahead.normal = Some(ahead.normal(isa, gamma, mean, variance, epsilon));
        }
        ahead
    }

    /// dγ and dβ, if there are any.
    pub fn of_norm(&self) -> impl Iterator<Item = &[T]> {
        self.normal
            .iter()
            .flat_map(|n| [&n.dgamma[..], &n.dbeta[..]])
    }

    fn normal(&self, isa: Isa, gamma: &[T], mean: &[T], variance: &[T], epsilon: f64) -> Normal<T> {
        let channels = gamma.len();
        let value_image = self.behind.value_image.max(1);
        let images: Vec<Vec<f64>> = self
            .grad
            .par_chunks(value_image)
            .enumerate()
            .map(|(n, grad)| compiled_for::<T, _>(isa, ImageSums(self, n, grad, mean)))
            .collect();
        let mut sums = vec![0.0; 2 * channels];
        for image in &images {
            sums.iter_mut()
                .zip(image)
                .for_each(|(sum, image)| *sum += image);
        }
        let pixels = (self.y.len() / channels) as f64;
        let inverse = |c: usize| 1.0 / (variance[c].as_f64() + epsilon).sqrt();
        let each = |f: &dyn Fn(usize) -> f64| (0..channels).map(|c| T::of(f(c))).collect();
        let dgamma = |c: usize| sums[channels + c] * inverse(c);
        Normal {
            mean: mean.to_vec(),
            scale: each(&|c| gamma[c].as_f64() * inverse(c)),
            even: each(&|c| sums[c] / pixels),
            tilt: each(&|c| dgamma(c) / pixels * inverse(c)),
            dgamma: each(&dgamma),
            dbeta: each(&|c| sums[c]),
        }
    }

    /// Σ grad and Σ grad (y − mean) of image `n` per channel, one after the other.
    #[inline(always)]
    fn sums(&self, n: usize, grad: &[T], mean: &[T]) -> Vec<f64> {
        /// Pooled pixels that are summed in the element type.
        const BLOCK: usize = 64;
        let (behind, channels) = (self.behind, self.behind.channels);
        let y = &self.y[n * behind.y_image..][..behind.y_image];
        let place = match self.place.is_empty() {
            true => &[][..],
            false => &self.place[n * behind.value_image..][..behind.value_image],
        };
        let average = matches!(behind.pool, Some(Pool::Avg(..)));
        let share = T::of(1.0 / behind.offsets.len() as f64);
        let mut all = vec![0.0; 2 * channels];
        let mut sums = vec![T::zero(); 2 * channels];
        for (block, grad) in grad.chunks(BLOCK * channels).enumerate() {
            sums.fill(T::zero());
            let (sum, product) = sums.split_at_mut(channels);
            for (q, grad) in grad.chunks_exact(channels).enumerate() {
                let q = block * BLOCK + q;
                let corner = corner(behind.at, q, channels);
                each_lane!(channels, |c, W| {
                    let grad = load::<T, W>(grad, c);
                    let mean = load::<T, W>(mean, c);
                    let mut pixel = load::<T, W>(y, corner + c);
                    if !place.is_empty() {
                        let place = load::<T, W>(place, q * channels + c);
                        for (p, offset) in behind.offsets.iter().enumerate().skip(1) {
                            let other = load::<T, W>(y, corner + offset + c);
                            let code = T::of(p as f64);
                            for l in 0..W {
                                pixel[l] = if place[l] == code { other[l] } else { pixel[l] };
                            }
                        }
                    } else if average {
                        for l in 0..W {
                            pixel[l] = pixel[l] - mean[l];
                        }
                        for offset in &behind.offsets[1..] {
                            let other = load::<T, W>(y, corner + offset + c);
                            for l in 0..W {
                                pixel[l] += other[l] - mean[l];
                            }
                        }
                        for l in 0..W {
                            pixel[l] = pixel[l] * share + mean[l];
                        }
                    }
                    for l in 0..W {
                        sum[c + l] += grad[l];
                        product[c + l] += grad[l] * (pixel[l] - mean[l]);
                    }
                });
            }
            all.iter_mut()
                .zip(&sums)
                .for_each(|(all, sum)| *all += sum.as_f64());
        }
        all
    }

    /// Fills the gradient of image `n`'s convolution.
    #[inline(always)]
    pub fn image(&self, n: usize, dy: &mut [T]) {
        let behind = self.behind;
        let tiles = behind.at.is_none_or(|at| {
            at.rows.stride == at.rows.window && at.columns.stride == at.columns.window
        });
        let y = match self.normal {
            Some(_) => &self.y[n * behind.y_image..][..behind.y_image],
            None => self.y,
        };
        // Pixels that no window covers, or that several do.
        if !tiles {
            dy.fill(T::zero());
        } else if let Some(at) = behind.at {
            let line = at.columns.input * behind.channels;
            let covered = at.columns.output * at.columns.window * behind.channels;
            let rows = at.rows.output * at.rows.window;
            for row in 0..at.rows.input {
                let from = row * line + if row < rows { covered } else { 0 };
                let rest = &mut dy[from..(row + 1) * line];
                rest.fill(T::zero());
                if let Some(normal) = &self.normal {
                    normal.finish(&y[from..(row + 1) * line], rest);
                }
            }
        }
        let first = n * behind.value_image;
        let grad = &self.grad[first..first + behind.value_image];
        // Normalised, it is y that says where the rectifier was open.
        let value = match self.normal {
            Some(_) => grad,
            None => &self.value[first..first + behind.value_image],
        };
        let place = match self.place.is_empty() {
            true => &[][..],
            false => &self.place[first..first + behind.value_image],
        };
        let channels = behind.channels;
        for q in 0..behind.value_image / channels {
            let at = q * channels..(q + 1) * channels;
            let place = if place.is_empty() {
                place
            } else {
                &place[at.clone()]
            };
            let corner = corner(behind.at, q, channels);
            let y = if y.is_empty() { y } else { &y[corner..] };
            self.window(
                &grad[at.clone()],
                &value[at],
                place,
                y,
                &mut dy[corner..],
                tiles,
            );
        }
        if let (Some(normal), false) = (&self.normal, tiles) {
            normal.finish(y, dy);
        }
    }

    /// One pooled pixel's gradient to the pixels of its window, and where the windows
    /// are tiles on through batch norm.
    #[inline(always)]
    fn window(&self, grad: &[T], value: &[T], place: &[T], y: &[T], dy: &mut [T], tiles: bool) {
        let behind = self.behind;
        let average = matches!(behind.pool, Some(Pool::Avg(..)));
        let rectify = self.normal.is_none();
        let share = T::of(1.0 / behind.offsets.len() as f64);
        each_lane!(behind.channels, |c, W| {
            let mut grad = load::<T, W>(grad, c);
            if average {
                grad.iter_mut().for_each(|grad| *grad = *grad * share);
            } else if rectify {
                let value = load::<T, W>(value, c);
                for l in 0..W {
                    grad[l] = if value[l] > T::zero() {
                        grad[l]
                    } else {
                        T::zero()
                    };
                }
            }
            let mut signs = [T::zero(); W];
            if !place.is_empty() {
                signs = load::<T, W>(place, c);
            }
            for (p, offset) in behind.offsets.iter().enumerate() {
                let to = &mut dy[offset + c..offset + c + W];
                let mut part = grad;
                if !place.is_empty() {
                    let code = T::of(p as f64);
                    for l in 0..W {
                        let passes = if average {
                            // The lowest bit: the number is whole.
                            let half = (signs[l] * T::of(0.5)).floor();
                            let odd = signs[l] - (half + half) > T::zero();
                            signs[l] = half;
                            odd
                        } else {
                            signs[l] == code
                        };
                        part[l] = if passes { grad[l] } else { T::zero() };
                    }
                }
                if tiles {
                    if let Some(normal) = &self.normal {
                        part = normal.passed::<W>(c, load::<T, W>(y, offset + c), part);
                    }
                    to.copy_from_slice(&part);
                } else {
                    to.iter_mut().zip(part).for_each(|(to, part)| *to += part);
                }
            }
        });
    }
}

/// [`Ahead::sums`] with its arguments.
struct ImageSums<'a, T>(&'a Ahead<'a, T>, usize, &'a [T], &'a [T]);

impl<T: Real> Work for ImageSums<'_, T> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn work(self) -> Vec<f64> {
        self.0.sums(self.1, self.2, self.3)
    }
}

/// Fills the gradients of the images from this one on, and adds their sums per channel
/// to the last.
pub(super) struct ImagesBack<'a, T>(
    pub &'a Ahead<'a, T>,
    pub usize,
    pub &'a mut [T],
    pub &'a mut [f64],
);

impl<T: Real> Work for ImagesBack<'_, T> {
    type Output = ();

    #[inline(always)]
    fn work(self) {
        let ImagesBack(ahead, first, dy, bias) = self;
        let images = dy.chunks_mut(ahead.behind.y_image.max(1));
        for (n, dy) in images.enumerate() {
            ahead.image(first + n, dy);
            add_columns(dy, bias);
        }
    }
}

impl<T: Real> Normal<T> {
    /// From the gradient of the normalised y to that of the convolution.
    #[inline(always)]
    fn finish(&self, y: &[T], dy: &mut [T]) {
        let channels = self.mean.len();
        for (y, dy) in y.chunks_exact(channels).zip(dy.chunks_exact_mut(channels)) {
            each_lane!(channels, |c, W| {
                let passed = self.passed::<W>(c, load::<T, W>(y, c), load::<T, W>(dy, c));
                dy[c..c + W].copy_from_slice(&passed);
            });
        }
    }

    /// The same for W channels of a pixel, from `c` on.
    #[inline(always)]
    fn passed<const W: usize>(&self, c: usize, y: [T; W], mut dy: [T; W]) -> [T; W] {
        let even = load::<T, W>(&self.even, c);
        let mean = load::<T, W>(&self.mean, c);
        let tilt = load::<T, W>(&self.tilt, c);
        let scale = load::<T, W>(&self.scale, c);
        for l in 0..W {
            let centred = dy[l] - even[l] - (y[l] - mean[l]) * tilt[l];
            let passed = centred * scale[l];
            dy[l] = if y[l] > T::zero() { passed } else { T::zero() };
        }
        dy
    }
}

/// Where in an image of y the window of pooled pixel `q` begins.
#[inline(always)]
fn corner(at: Option<Sliding>, q: usize, channels: usize) -> usize {
    match at {
        None => q * channels,
        Some(at) => {
            let (i, j) = (q / at.columns.output, q % at.columns.output);
            (i * at.rows.stride * at.columns.input + j * at.columns.stride) * channels
        }
    }
}
