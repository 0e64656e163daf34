//! Convolution by Winograd's minimal filtering: tiles of 6x6 pixels and weights of
//! 3x3 (4x4) are transformed, multiplied point by point, and give 4x4 (3x3) pixels
//! with 36 products for each pair of channels instead of 144. The products of one
//! point over many tiles are one product of matrices.

use super::points::{POINTS, PRODUCTS};
use super::side::{Side, Square};
use super::transform::{Backwards, Forwards, From, Weights};
use crate::backend::simd::{lanes, vectorised};
use crate::backend::tile::{Product, Right, Start, padded};
use crate::backend::{Cpu, HostBuffer, Real};

/// Tiles of one block: transformed, they and their products are to stay in the
/// second-level cache.
const TILES: std::ops::RangeInclusive<usize> = 16..=128;
const CACHE: usize = 640 * 1024;

/// Columns multiplied at a time, so that their products stay there too.
const COLUMNS: usize = 128;

/// Where the tiles of a group of images are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiling {
    /// Tiles down and across an image.
    pub counts: [usize; 2],
    /// Folded pixels down and across that a tile gives.
    pub edge: usize,
}

impl Tiling {
    pub fn new(output: [usize; 2], window: usize) -> Tiling {
        let edge = POINTS + 1 - window;
        let counts = output.map(|output| output.div_ceil(edge));
        Tiling { counts, edge }
    }

    pub fn per_image(&self) -> usize {
        self.counts[0] * self.counts[1]
    }

    /// Tile `t` of all images, as a square of `edge` pixels.
    pub fn square(&self, t: usize, edge: usize) -> Square {
        let [down, across] = self.counts;
        let at = [t / across % down, t % across];
        Square {
            image: t / (down * across),
            at: at.map(|at| (at * self.edge) as isize),
            edge,
        }
    }

    /// `all` tiles in blocks of nearly equal size, of `numbers` per tile and point.
    pub fn block<T>(&self, all: usize, numbers: usize) -> usize {
        let most = CACHE / (PRODUCTS * numbers.max(1) * size_of::<T>());
        let most = most.clamp(*TILES.start(), *TILES.end());
        all.div_ceil(all.div_ceil(most).max(1)).max(1)
    }
}

/// One more vector than `numbers`: rows of all points a power of two apart would
/// fight for the same lines of the cache.
pub(super) fn apart<T: Real>(cpu: &Cpu, numbers: usize) -> usize {
    numbers + lanes::<T>(cpu.isa())
}

/// Transforms tiles `first ..` of `side` into `to` (PRODUCTS, tiles, padded depth),
/// `step` numbers from one product to the next.
#[allow(clippy::too_many_arguments)]
pub(super) fn transform<T: Real>(
    cpu: &Cpu,
    side: &Side,
    tiling: &Tiling,
    tile: From,
    images: &[T],
    tiles: std::ops::Range<usize>,
    to: &mut [T],
    step: usize,
) {
    let edge = match tile {
        From::Input => POINTS,
        From::Output(edge) => edge,
    };
    let isa = cpu.isa();
    let channels = padded::<T>(isa, side.depth());
    let mut copy = cpu.allocate::<T>(edge * edge * channels);
    for (row, t) in tiles.enumerate() {
        let square = tiling.square(t, edge);
        let (from, steps) = match side.inside(square, lanes::<T>(isa)) {
            Some(at) => (&images[at..], [side.size[1] * channels, channels]),
            None => {
                side.gather(images, square, channels, &mut copy);
                (&copy[..], [edge * channels, channels])
            }
        };
        let to = &mut to[row * channels..];
        let kernel = Forwards {
            tile,
            from,
            steps,
            channels,
            to,
            step,
        };
        vectorised(isa, kernel);
    }
}

/// A correlation of stride 1 over folded pixels, its weights transformed.
pub(super) struct Winograd<T: Real> {
    from: Side,
    to: Side,
    tiling: Tiling,
    /// (PRODUCTS, K, padded N), `step` numbers from one product to the next.
    weights: HostBuffer<T>,
    step: usize,
}

impl<T: Real> Winograd<T> {
    /// For weights (window, window, K, N) with N padded to whole vectors, which are
    /// overwritten. `output` is in folded pixels.
    pub fn new(
        cpu: &Cpu,
        from: Side,
        to: Side,
        output: [usize; 2],
        window: usize,
        weights: &mut [T],
    ) -> Self {
        let numbers = from.depth() * padded::<T>(cpu.isa(), to.depth());
        let step = apart::<T>(cpu, numbers);
        let mut products = cpu.allocate(PRODUCTS * step);
        let kernel = Weights {
            weights,
            window,
            numbers,
            products: &mut products,
            step,
            back: false,
        };
        vectorised(cpu.isa(), kernel);
        Winograd {
            from,
            to,
            tiling: Tiling::new(output, window),
            weights: products,
            step,
        }
    }

    /// y = correlation of x with the weights, plus bias (padded N).
    pub fn run(&self, cpu: &Cpu, x: &[T], bias: Option<&[T]>, relu: bool, y: &mut [T]) {
        let isa = cpu.isa();
        let (terms, lanes) = (self.from.depth(), lanes::<T>(isa));
        let depth = padded::<T>(isa, terms);
        let columns = padded::<T>(isa, self.to.depth());
        let share = columns
            .div_ceil(columns.div_ceil(COLUMNS))
            .next_multiple_of(lanes);
        let images = x.len() / self.from.image().max(1);
        let all = images * self.tiling.per_image();
        let block = self.tiling.block::<T>(all, depth + share);
        let (x_step, y_step) = (block * depth + lanes, block * share + lanes);
        let mut transformed = cpu.allocate::<T>(PRODUCTS * x_step);
        let mut products = cpu.allocate::<T>(PRODUCTS * y_step);
        let edge = self.tiling.edge;
        let mut copy = cpu.allocate::<T>(edge * edge * columns);
        let rows: Vec<usize> = (0..block).map(|i| i * depth).collect();
        for first in (0..all).step_by(block) {
            let tiles = first..all.min(first + block);
            transform(
                cpu,
                &self.from,
                &self.tiling,
                From::Input,
                x,
                tiles.clone(),
                &mut transformed,
                x_step,
            );
            for column in (0..columns).step_by(share) {
                let width = share.min(columns - column);
                let to: Vec<usize> = (0..block).map(|i| i * width).collect();
                for point in 0..PRODUCTS {
                    Product {
                        a: &transformed[point * x_step..],
                        rows: &rows[..tiles.len()],
                        runs: [1, terms],
                        a_run: 0,
                        a_step: 1,
                        b: &self.weights[point * self.step + column..(point + 1) * self.step],
                        right: Right::Rows {
                            step: columns,
                            run: 0,
                        },
                        c: &mut products[point * y_step..],
                        to: &to[..tiles.len()],
                        columns: width,
                        start: Start::Zero,
                        relu: false,
                    }
                    .compute(isa);
                }
                for (row, t) in tiles.clone().enumerate() {
                    let square = self.tiling.square(t, edge);
                    let inside = self.to.inside(square, lanes);
                    let (to, steps) = match inside {
                        Some(at) => (&mut y[at + column..], [self.to.size[1] * columns, columns]),
                        None => (&mut copy[column..], [edge * columns, columns]),
                    };
                    let kernel = Backwards {
                        from: &products[row * width..],
                        step: y_step,
                        channels: width,
                        edge,
                        to,
                        steps,
                        bias: bias.map(|bias| &bias[column..]),
                        relu,
                    };
                    vectorised(isa, kernel);
                    if inside.is_none() {
                        let only = column..column + width;
                        self.to.scatter(y, square, columns, &copy, &only);
                    }
                }
            }
        }
    }
}
