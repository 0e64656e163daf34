//! The kernel's gradient by Winograd's minimal filtering, which is the transpose of
//! the convolution's: tiles of the images and of the output's gradient are
//! transformed and multiplied point by point, the products summed over all tiles,
//! and the sums transformed once at the end.

use super::points::PRODUCTS;
use super::side::Side;
use super::transform::{From, Weights};
use super::winograd::{Tiling, apart, transform};
use crate::backend::simd::{lanes, vectorised};
use crate::backend::tile::{Product, Right, Start, padded};
use crate::backend::{Cpu, HostBuffer, Real};

/// A partial sum over tiles.
pub(super) struct WinogradKernel<T: Real> {
    x: Side,
    dy: Side,
    tiling: Tiling,
    window: usize,
    /// (PRODUCTS, C, padded O), `step` numbers from one product to the next.
    sums: HostBuffer<T>,
    step: usize,
    /// Whether nothing was added yet: `sums` may hold anything.
    empty: bool,
}

impl<T: Real> WinogradKernel<T> {
    pub fn new(cpu: &Cpu, x: Side, dy: Side, output: [usize; 2], window: usize) -> Self {
        let numbers = x.depth() * padded::<T>(cpu.isa(), dy.depth());
        let step = apart::<T>(cpu, numbers);
        let sums = cpu.allocate(PRODUCTS * step);
        WinogradKernel {
            x,
            dy,
            tiling: Tiling::new(output, window),
            window,
            sums,
            step,
            empty: true,
        }
    }

    pub fn add(&mut self, cpu: &Cpu, x: &[T], dy: &[T]) {
        let isa = cpu.isa();
        let channels = self.x.depth();
        let (depth, columns) = (
            padded::<T>(isa, channels),
            padded::<T>(isa, self.dy.depth()),
        );
        let images = x.len() / self.x.image().max(1);
        let all = images * self.tiling.per_image();
        let block = self.tiling.block::<T>(all, depth + columns);
        let lanes = lanes::<T>(isa);
        let (x_step, dy_step) = (block * depth + lanes, block * columns + lanes);
        let mut inputs = cpu.allocate::<T>(PRODUCTS * x_step);
        let mut outputs = cpu.allocate::<T>(PRODUCTS * dy_step);
        let rows: Vec<usize> = (0..channels).collect();
        let to: Vec<usize> = rows.iter().map(|c| c * columns).collect();
        for first in (0..all).step_by(block) {
            let tiles = first..all.min(first + block);
            let tiling = &self.tiling;
            let (input, output) = (From::Input, From::Output(tiling.edge));
            let range = tiles.clone();
            transform(cpu, &self.x, tiling, input, x, range, &mut inputs, x_step);
            let range = tiles.clone();
            transform(
                cpu,
                &self.dy,
                tiling,
                output,
                dy,
                range,
                &mut outputs,
                dy_step,
            );
            for point in 0..PRODUCTS {
                Product {
                    a: &inputs[point * x_step..],
                    rows: &rows,
                    runs: [1, tiles.len()],
                    a_run: 0,
                    a_step: depth,
                    b: &outputs[point * dy_step..],
                    right: Right::Rows {
                        step: columns,
                        run: 0,
                    },
                    c: &mut self.sums[point * self.step..],
                    to: &to,
                    columns,
                    start: if self.empty { Start::Zero } else { Start::Sum },
                    relu: false,
                }
                .compute(isa);
            }
            self.empty = false;
        }
    }

    /// The sum's kernel (window, window, C, padded O).
    pub fn kernel(&mut self, cpu: &Cpu) -> HostBuffer<T> {
        let numbers = self.x.depth() * padded::<T>(cpu.isa(), self.dy.depth());
        let mut weights = cpu.allocate(self.window * self.window * numbers);
        weights.fill(T::zero());
        if self.empty {
            return weights;
        }
        let kernel = Weights {
            weights: &mut weights,
            window: self.window,
            numbers,
            products: &mut self.sums,
            step: self.step,
            back: true,
        };
        vectorised(cpu.isa(), kernel);
        weights
    }
}
