//! The two-dimensional transforms of tiles, over vectors of channels.

// Indices that are constants once unrolled; iterators here are calls that may not be
// inlined into a function with the instructions.
#![allow(clippy::needless_range_loop)]

use super::points::{POINTS, PRODUCTS, Points};
use crate::backend::Real;
use crate::backend::simd::{Kernel, Lane};

/// What a tile is before its transform.
#[derive(Clone, Copy, Debug)]
pub(super) enum From {
    /// Six by six pixels of the input: Bᵀ x B.
    Input,
    /// So many by as many pixels of the output's gradient: A y Aᵀ.
    Output(usize),
}

/// Transforms one tile into [`PRODUCTS`] rows of channels.
pub(super) struct Forwards<'a, T> {
    /// Which transform.
    pub tile: From,
    /// Pixels, from the tile's first on.
    pub from: &'a [T],
    /// Numbers from one line, and from one pixel, to the next.
    pub steps: [usize; 2],
    /// Channels, a multiple of the vector's length.
    pub channels: usize,
    /// Where the first product's row goes, and what follows.
    pub to: &'a mut [T],
    /// Numbers from one product to the next.
    pub step: usize,
}

impl<T: Real> Kernel<T> for Forwards<'_, T> {
    #[inline(always)]
    unsafe fn run<L: Lane<Elem = T>>(self) {
        // SAFETY: passed on from the caller.
        unsafe {
            match self.tile {
                From::Input => forwards::<L, 6>(self),
                From::Output(4) => forwards::<L, 4>(self),
                From::Output(3) => forwards::<L, 3>(self),
                From::Output(edge) => unreachable!("no transform of {edge} pixels"),
            }
        }
    }
}

/// # Safety
/// The machine must have the instructions of `L`.
#[inline(always)]
unsafe fn forwards<L: Lane, const N: usize>(tile: Forwards<L::Elem>) {
    let [line, pixel] = tile.steps;
    let channels = tile.channels;
    assert!(channels.is_multiple_of(L::LANES), "transform: channels");
    assert!((N - 1) * (line + pixel) + channels <= tile.from.len());
    assert!((PRODUCTS - 1) * tile.step + channels <= tile.to.len());
    // SAFETY: the furthest addresses were checked; the caller has the instructions.
    unsafe {
        let points = Points::<L>::new();
        let mut c = 0usize;
        while c < channels {
            let from = tile.from.as_ptr().add(c);
            let to = tile.to.as_mut_ptr().add(c);
            let mut half = [[L::splat(L::Elem::default()); N]; POINTS];
            for j in 0..N {
                let mut column = [L::splat(L::Elem::default()); N];
                for i in 0..N {
                    let at = i.wrapping_mul(line).wrapping_add(j.wrapping_mul(pixel));
                    column[i] = L::load(from.add(at));
                }
                let column = once(&points, column);
                for i in 0..POINTS {
                    half[i][j] = column[i];
                }
            }
            for i in 0..POINTS {
                let row = once(&points, half[i]);
                for j in 0..POINTS {
                    let product = i.wrapping_mul(POINTS).wrapping_add(j);
                    row[j].store(to.add(product.wrapping_mul(tile.step)));
                }
            }
            c = c.wrapping_add(L::LANES);
        }
    }
}

/// Bᵀ x of six, A y of three or four.
#[inline(always)]
fn once<L: Lane, const N: usize>(points: &Points<L>, x: [L; N]) -> [L; POINTS] {
    if N == POINTS {
        points.input([x[0], x[1], x[2], x[3 % N], x[4 % N], x[5 % N]])
    } else {
        points.values(x)
    }
}

/// Turns [`PRODUCTS`] rows of channels into a tile: Aᵀ z A, plus bias.
pub(super) struct Backwards<'a, T> {
    /// The first product's row, and what follows.
    pub from: &'a [T],
    /// Numbers from one product to the next.
    pub step: usize,
    /// Channels, a multiple of the vector's length.
    pub channels: usize,
    /// Pixels of the tile down and across: 3 or 4.
    pub edge: usize,
    /// From the tile's first pixel on.
    pub to: &'a mut [T],
    /// Numbers from one line, and from one pixel, to the next.
    pub steps: [usize; 2],
    /// One number per channel, if anything is to be added.
    pub bias: Option<&'a [T]>,
    /// Whether negative results become 0.
    pub relu: bool,
}

impl<T: Real> Kernel<T> for Backwards<'_, T> {
    #[inline(always)]
    unsafe fn run<L: Lane<Elem = T>>(self) {
        // SAFETY: passed on from the caller.
        unsafe {
            match self.edge {
                4 => backwards::<L, 4>(self),
                3 => backwards::<L, 3>(self),
                edge => unreachable!("no tile of {edge} pixels"),
            }
        }
    }
}

/// # Safety
/// The machine must have the instructions of `L`.
#[inline(always)]
unsafe fn backwards<L: Lane, const N: usize>(tile: Backwards<L::Elem>) {
    let [line, pixel] = tile.steps;
    let channels = tile.channels;
    assert!(channels.is_multiple_of(L::LANES), "transform: channels");
    assert!((PRODUCTS - 1) * tile.step + channels <= tile.from.len());
    assert!((N - 1) * (line + pixel) + channels <= tile.to.len());
    assert!(tile.bias.is_none_or(|bias| channels <= bias.len()));
    // SAFETY: the furthest addresses were checked; the caller has the instructions.
    unsafe {
        let points = Points::<L>::new();
        let zero = L::splat(L::Elem::default());
        let mut c = 0usize;
        while c < channels {
            let from = tile.from.as_ptr().add(c);
            let to = tile.to.as_mut_ptr().add(c);
            let bias = match tile.bias {
                Some(bias) => L::load(bias.as_ptr().add(c)),
                None => zero,
            };
            let mut half = [[zero; POINTS]; N];
            for j in 0..POINTS {
                let mut column = [zero; POINTS];
                for i in 0..POINTS {
                    let product = i.wrapping_mul(POINTS).wrapping_add(j);
                    column[i] = L::load(from.add(product.wrapping_mul(tile.step)));
                }
                let column = points.sums::<N>(column);
                for i in 0..N {
                    half[i][j] = column[i];
                }
            }
            for i in 0..N {
                let row = points.sums::<N>(half[i]);
                for j in 0..N {
                    let mut value = row[j].add(bias);
                    if tile.relu {
                        // In this order NaN stays.
                        value = zero.max(value);
                    }
                    let at = i.wrapping_mul(line).wrapping_add(j.wrapping_mul(pixel));
                    value.store(to.add(at));
                }
            }
            c = c.wrapping_add(L::LANES);
        }
    }
}

/// The weights' transforms: G w Gᵀ, or its transpose.
pub(super) struct Weights<'a, T> {
    /// Weights (r, r, numbers): read for G w Gᵀ, added to for Gᵀ z G.
    pub weights: &'a mut [T],
    /// 3 or 4.
    pub window: usize,
    /// Numbers, a multiple of the vector's length.
    pub numbers: usize,
    /// Products, each of so many numbers.
    pub products: &'a mut [T],
    /// Numbers from one product to the next.
    pub step: usize,
    /// Whether to go from the products to the weights.
    pub back: bool,
}

impl<T: Real> Kernel<T> for Weights<'_, T> {
    #[inline(always)]
    unsafe fn run<L: Lane<Elem = T>>(self) {
        // SAFETY: passed on from the caller.
        unsafe {
            match self.window {
                4 => weights::<L, 4>(self),
                3 => weights::<L, 3>(self),
                window => unreachable!("no transform of {window} weights"),
            }
        }
    }
}

/// # Safety
/// The machine must have the instructions of `L`.
#[inline(always)]
unsafe fn weights<L: Lane, const N: usize>(all: Weights<L::Elem>) {
    let numbers = all.numbers;
    assert!(numbers.is_multiple_of(L::LANES), "transform: numbers");
    assert!(N * N * numbers <= all.weights.len());
    assert!((PRODUCTS - 1) * all.step + numbers <= all.products.len());
    // SAFETY: the furthest addresses were checked; the caller has the instructions.
    unsafe {
        let points = Points::<L>::new();
        let zero = L::splat(L::Elem::default());
        let mut c = 0usize;
        while c < numbers {
            let weights = all.weights.as_mut_ptr().add(c);
            let products = all.products.as_mut_ptr().add(c);
            if all.back {
                let mut half = [[zero; POINTS]; N];
                for j in 0..POINTS {
                    let mut column = [zero; POINTS];
                    for i in 0..POINTS {
                        let at = i.wrapping_mul(POINTS).wrapping_add(j);
                        column[i] = L::load(products.add(at.wrapping_mul(all.step)));
                    }
                    let column = points.sums::<N>(points.weighted(column));
                    for i in 0..N {
                        half[i][j] = column[i];
                    }
                }
                for i in 0..N {
                    let row = points.sums::<N>(points.weighted(half[i]));
                    for j in 0..N {
                        let at = i.wrapping_mul(N).wrapping_add(j);
                        let to = weights.add(at.wrapping_mul(numbers));
                        L::load(to).add(row[j]).store(to);
                    }
                }
            } else {
                let mut half = [[zero; N]; POINTS];
                for j in 0..N {
                    let mut column = [zero; N];
                    for i in 0..N {
                        let at = i.wrapping_mul(N).wrapping_add(j);
                        column[i] = L::load(weights.add(at.wrapping_mul(numbers)));
                    }
                    let column = points.weighted(points.values(column));
                    for i in 0..POINTS {
                        half[i][j] = column[i];
                    }
                }
                for i in 0..POINTS {
                    let row = points.weighted(points.values(half[i]));
                    for j in 0..POINTS {
                        let at = i.wrapping_mul(POINTS).wrapping_add(j);
                        row[j].store(products.add(at.wrapping_mul(all.step)));
                    }
                }
            }
            c = c.wrapping_add(L::LANES);
        }
    }
}
