//! The kernel's gradient without a matrix of windows: its row (a, b, c) is the sum
//! over positions of one number of the frame times the gradient's channels.

use super::direct::Frame;
use crate::backend::tile::{Product, Right, Start, padded};
use crate::backend::{Cpu, HostBuffer, Real};

/// Positions summed before the sums go back to memory: their gradients stay in the
/// first-level cache.
const POSITIONS: usize = 96;

/// A partial sum.
pub(super) struct DirectKernel<T: Real> {
    frame: Frame,
    filters: usize,
    /// Where each row of the kernel's windows starts in the frame.
    rows: Vec<usize>,
    to: Vec<usize>,
    /// (A·B·C, O).
    pub sum: HostBuffer<T>,
}

impl<T: Real> DirectKernel<T> {
    pub fn new(cpu: &Cpu, frame: Frame, filters: usize) -> Self {
        let width = frame.axes[1].window * frame.channels;
        let rows: Vec<usize> = (0..frame.axes[0].window)
            .flat_map(|a| (0..width).map(move |k| a * frame.line() + k))
            .collect();
        let to: Vec<usize> = (0..rows.len()).map(|i| i * filters).collect();
        let mut sum = cpu.allocate(rows.len() * filters);
        sum.fill(T::zero());
        DirectKernel {
            frame,
            filters,
            rows,
            to,
            sum,
        }
    }

    pub fn add(&mut self, cpu: &Cpu, x: &[T], dy: &[T]) {
        let isa = cpu.isa();
        let [rows, columns] = self.frame.axes;
        let step = padded::<T>(isa, self.filters);
        let positions = rows.output * columns.output;
        let mut frame = cpu.allocate::<T>(self.frame.len());
        let mut copy = cpu.allocate::<T>(positions * step);
        copy.fill(T::zero());
        let line = rows.stride * self.frame.line();
        let lines = (POSITIONS / columns.output.max(1)).max(1);
        let images = x.chunks(self.frame.image().max(1));
        for (x, dy) in images.zip(dy.chunks((positions * self.filters).max(1))) {
            self.frame.fill(x, &mut frame);
            let dy = if step == self.filters {
                dy
            } else {
                for (to, from) in copy.chunks_mut(step).zip(dy.chunks(self.filters)) {
                    to[..self.filters].copy_from_slice(from);
                }
                &copy
            };
            for first in (0..rows.output).step_by(lines) {
                Product {
                    a: &frame[first * line..],
                    rows: &self.rows,
                    runs: [lines.min(rows.output - first), columns.output],
                    a_run: line,
                    a_step: columns.stride * self.frame.channels,
                    b: &dy[first * columns.output * step..],
                    right: Right::Rows {
                        step,
                        run: columns.output * step,
                    },
                    c: &mut self.sum,
                    to: &self.to,
                    columns: self.filters,
                    start: Start::Sum,
                    relu: false,
                }
                .compute(isa);
            }
        }
    }
}
