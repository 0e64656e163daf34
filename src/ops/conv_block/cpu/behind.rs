//! Forward, behind the convolution: normalise and pool one image.

use rayon::prelude::*;

use crate::backend::Real;
use crate::backend::simd::Work;
use crate::engine::Shape;
use crate::ops::conv_block::Pool;
use crate::ops::window::Sliding;

/// What stands behind the convolution, and its sizes.
#[derive(Debug)]
pub(super) struct Behind {
    pub pool: Option<Pool>,
    /// How the pooling's window slides over y.
    pub at: Option<Sliding>,
    pub channels: usize,
    /// Elements of y per image.
    pub y_image: usize,
    /// Elements of the value per image.
    pub value_image: usize,
    /// For each place of the window, how far from its corner it is in an image of y.
    pub offsets: Vec<usize>,
}

/// (y − centre) · scale + shift per channel.
#[derive(Debug)]
pub(super) struct Affine<T> {
    centre: Vec<T>,
    scale: Vec<T>,
    shift: Vec<T>,
}

impl<T: Real> Affine<T> {
    pub fn new(gamma: &[T], beta: &[T], mean: &[T], variance: &[T], epsilon: f64) -> Affine<T> {
        let scale = |(gamma, variance): (&T, &T)| *gamma / (*variance + T::of(epsilon)).sqrt();
        Affine {
            centre: mean.to_vec(),
            scale: gamma.iter().zip(variance).map(scale).collect(),
            shift: beta.to_vec(),
        }
    }

    pub fn identity(channels: usize) -> Affine<T> {
        Affine {
            centre: vec![T::zero(); channels],
            scale: vec![T::one(); channels],
            shift: vec![T::zero(); channels],
        }
    }
}

/// Channels first .. first + W of a row, as an array that stays in registers.
#[inline(always)]
pub(super) fn load<T: Real, const W: usize>(row: &[T], first: usize) -> [T; W] {
    let mut lanes = [T::zero(); W];
    lanes.copy_from_slice(&row[first..first + W]);
    lanes
}

/// Calls `$body!(W, c)` for channels in steps as wide as can be.
macro_rules! each_lane {
    ($channels:expr, |$c:ident, $w:ident| $body:block) => {{
        let channels = $channels;
        let mut $c = 0;
        while $c + 16 <= channels {
            const $w: usize = 16;
            $body
            $c += $w;
        }
        while $c + 4 <= channels {
            const $w: usize = 4;
            $body
            $c += $w;
        }
        while $c < channels {
            const $w: usize = 1;
            $body
            $c += $w;
        }
    }};
}
pub(super) use each_lane;

impl Behind {
    pub fn new(pool: Option<Pool>, at: Option<Sliding>, y: &Shape) -> Behind {
        let channels = y[3];
        let (value_image, offsets) = match at {
            None => (y[1] * y[2] * channels, vec![0]),
            Some(at) => {
                let place =
                    |p: usize| (p / at.columns.window * y[2] + p % at.columns.window) * channels;
                let offsets = (0..at.rows.window * at.columns.window).map(place).collect();
                (at.rows.output * at.columns.output * channels, offsets)
            }
        };
        Behind {
            pool,
            at,
            channels,
            y_image: y[1] * y[2] * channels,
            value_image,
            offsets,
        }
    }

    /// Calls `f(n, value, place)` for every image; `place` may be empty.
    pub fn each_image<T: Real>(
        &self,
        value: &mut [T],
        place: &mut [T],
        f: impl Fn(usize, &mut [T], &mut [T]) + Sync,
    ) {
        self.each_images(1, value, place, f);
    }

    /// The same for groups of `images` images.
    pub fn each_images<T: Real>(
        &self,
        images: usize,
        value: &mut [T],
        place: &mut [T],
        f: impl Fn(usize, &mut [T], &mut [T]) + Sync,
    ) {
        let size = (images * self.value_image).max(1);
        let values = value.par_chunks_mut(size).enumerate();
        if place.is_empty() {
            values.for_each(|(task, value)| f(task, value, &mut []));
        } else {
            let both = values.zip(place.par_chunks_mut(size));
            both.for_each(|((task, value), place)| f(task, value, place));
        }
    }

    /// One image from y to its value, and what is kept of the windows if `place` is
    /// not empty.
    #[inline(always)]
    pub fn forward<T: Real>(&self, y: &[T], affine: &Affine<T>, value: &mut [T], place: &mut [T]) {
        let channels = self.channels;
        let Some(at) = self.at else {
            for (y, value) in y
                .chunks_exact(channels)
                .zip(value.chunks_exact_mut(channels))
            {
                for (c, value) in value.iter_mut().enumerate() {
                    *value = (y[c] - affine.centre[c]) * affine.scale[c] + affine.shift[c];
                }
            }
            return;
        };
        let average = matches!(self.pool, Some(Pool::Avg(..)));
        for i in 0..at.rows.output {
            for j in 0..at.columns.output {
                let corner =
                    (i * at.rows.stride * at.columns.input + j * at.columns.stride) * channels;
                let to = (i * at.columns.output + j) * channels;
                let value = &mut value[to..to + channels];
                let place = match place.is_empty() {
                    true => &mut [][..],
                    false => &mut place[to..to + channels],
                };
                if average {
                    self.average(&y[corner..], affine, value, place);
                } else {
                    self.largest(&y[corner..], affine, value, place);
                }
            }
        }
    }

    #[inline(always)]
    fn largest<T: Real>(&self, y: &[T], affine: &Affine<T>, value: &mut [T], place: &mut [T]) {
        each_lane!(self.channels, |c, W| {
            let centre = load::<T, W>(&affine.centre, c);
            let scale = load::<T, W>(&affine.scale, c);
            let shift = load::<T, W>(&affine.shift, c);
            let first = load::<T, W>(y, c);
            let mut best = [T::zero(); W];
            let mut at = [T::zero(); W];
            for l in 0..W {
                best[l] = (first[l] - centre[l]) * scale[l];
            }
            for (p, offset) in self.offsets.iter().enumerate().skip(1) {
                let pixel = load::<T, W>(y, offset + c);
                let code = T::of(p as f64);
                for l in 0..W {
                    let candidate = (pixel[l] - centre[l]) * scale[l];
                    let larger = candidate > best[l];
                    best[l] = if larger { candidate } else { best[l] };
                    at[l] = if larger { code } else { at[l] };
                }
            }
            for l in 0..W {
                best[l] += shift[l];
            }
            value[c..c + W].copy_from_slice(&best);
            if !place.is_empty() {
                place[c..c + W].copy_from_slice(&at);
            }
        });
    }

    #[inline(always)]
    fn average<T: Real>(&self, y: &[T], affine: &Affine<T>, value: &mut [T], place: &mut [T]) {
        let share = T::of(1.0 / self.offsets.len() as f64);
        each_lane!(self.channels, |c, W| {
            let centre = load::<T, W>(&affine.centre, c);
            let scale = load::<T, W>(&affine.scale, c);
            let shift = load::<T, W>(&affine.shift, c);
            let mut sum = [T::zero(); W];
            let mut signs = [T::zero(); W];
            let mut bit = T::one();
            for offset in &self.offsets {
                let pixel = load::<T, W>(y, offset + c);
                for l in 0..W {
                    sum[l] += (pixel[l] - centre[l]) * scale[l];
                    signs[l] += if pixel[l] > T::zero() { bit } else { T::zero() };
                }
                bit = bit + bit;
            }
            for l in 0..W {
                sum[l] = sum[l] * share + shift[l];
            }
            value[c..c + W].copy_from_slice(&sum);
            if !place.is_empty() {
                place[c..c + W].copy_from_slice(&signs);
            }
        });
    }
}

/// [`Behind::forward`] with its arguments.
pub(super) struct ImageForward<'a, T>(
    pub &'a Behind,
    pub &'a [T],
    pub &'a Affine<T>,
    pub &'a mut [T],
    pub &'a mut [T],
);

impl<T: Real> Work for ImageForward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn work(self) {
        self.0.forward(self.1, self.2, self.3, self.4);
    }
}
