//! Dense layers on the native device: blocks of columns or rows of the result,
//! each a product of its own.

use rayon::prelude::*;

use super::Dense;
use crate::backend::parallel::column_sums;
use crate::backend::simd::lanes;
use crate::backend::tile::{Product, Right, Start, pack, padded};
use crate::backend::{Cpu, HostBuffer, Real};
use crate::engine::{CpuOp, Saved, View, ViewMut};

/// Rows, or columns, of a task.
const BLOCK: usize = 64;

/// Terms summed before the sums go back to memory: as many rows of the kernel as
/// stay in the second-level cache.
const TERMS: usize = 256;

impl<T: Real> CpuOp<T> for Dense {
    fn forward(&self, cpu: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let [x, kernel, bias] = [inputs[0], inputs[1], inputs[2]];
        let (n, terms, units) = (x.shape[0], x.shape[1], bias.data.len());
        let step = padded::<T>(cpu.isa(), units);
        let kernel = whole_vectors(cpu, kernel.data, units);
        let mut whole = cpu.allocate::<T>(step);
        whole[..units].copy_from_slice(bias.data);
        whole[units..].fill(T::zero());
        let blocks: Vec<HostBuffer<T>> = (0..units.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                let first = block * BLOCK;
                let columns = BLOCK.min(units - first);
                let mut y = cpu.allocate::<T>(n * columns);
                let to: Vec<usize> = (0..n).map(|i| i * columns).collect();
                // Even without terms there is the bias.
                for term in (0..terms.max(1)).step_by(TERMS) {
                    let rows: Vec<usize> = (0..n).map(|i| i * terms + term).collect();
                    let count = TERMS.min(terms - term);
                    Product {
                        a: x.data,
                        rows: &rows,
                        runs: [1, count],
                        a_run: 0,
                        a_step: 1,
                        b: &kernel.as_slice()[(term * step + first).min(terms * step)..],
                        right: Right::Rows { step, run: 0 },
                        c: &mut y,
                        to: &to,
                        columns,
                        start: match term {
                            0 => Start::Row(&whole[first..]),
                            _ => Start::Sum,
                        },
                        relu: false,
                    }
                    .compute(cpu.isa());
                }
                y
            })
            .collect();
        for (block, from) in blocks.iter().enumerate() {
            let columns = BLOCK.min(units - block * BLOCK);
            for (y, from) in outputs[0].data.chunks_mut(units).zip(from.chunks(columns)) {
                y[block * BLOCK..][..columns].copy_from_slice(from);
            }
        }
    }

    fn backward(&self, cpu: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        let (x, kernel, dy) = (saved.inputs[0], saved.inputs[1], saved.grad.data);
        let (terms, units) = (kernel.shape[0], kernel.shape[1]);
        if let Some(dx) = &mut grads[0] {
            backward_input(cpu, kernel.data, dy, units, dx.data);
        }
        if let Some(dkernel) = &mut grads[1] {
            backward_kernel(cpu, x.data, dy, [terms, units], dkernel.data);
        }
        if let Some(dbias) = &mut grads[2] {
            column_sums(dbias.data, dy);
        }
    }
}

/// A matrix whose rows are whole vectors: as it is, or a copy.
enum Whole<'a, T: Real> {
    Own(HostBuffer<T>),
    Given(&'a [T]),
}

impl<T: Real> Whole<'_, T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Whole::Own(copy) => copy,
            Whole::Given(matrix) => matrix,
        }
    }
}

fn whole_vectors<'a, T: Real>(cpu: &Cpu, matrix: &'a [T], columns: usize) -> Whole<'a, T> {
    if columns.is_multiple_of(lanes::<T>(cpu.isa())) {
        return Whole::Given(matrix);
    }
    let step = padded::<T>(cpu.isa(), columns);
    let mut copy = cpu.allocate::<T>(matrix.len() / columns * step);
    for (to, from) in copy.chunks_mut(step).zip(matrix.chunks(columns)) {
        to[..columns].copy_from_slice(from);
        to[columns..].fill(T::zero());
    }
    Whole::Own(copy)
}

/// dx = dy · kernelᵀ, computed as (kernel · dyᵀ)ᵀ: the kernel is the larger, and is
/// read once as it lies.
fn backward_input<T: Real>(cpu: &Cpu, kernel: &[T], dy: &[T], units: usize, dx: &mut [T]) {
    let isa = cpu.isa();
    let (n, terms) = (dy.len() / units, kernel.len() / units);
    if n == 0 {
        return;
    }
    let mut turned = cpu.allocate::<T>(dy.len());
    for (i, dy) in dy.chunks(units).enumerate() {
        let places = turned[i..].iter_mut().step_by(n);
        places.zip(dy).for_each(|(to, from)| *to = *from);
    }
    let mut packed = cpu.allocate::<T>(units * padded::<T>(isa, n));
    pack(isa, &turned, n, &mut packed);
    let blocks: Vec<HostBuffer<T>> = kernel
        .par_chunks(BLOCK * units)
        .map(|kernel| {
            let rows: Vec<usize> = (0..kernel.len()).step_by(units).collect();
            let to: Vec<usize> = (0..rows.len()).map(|i| i * n).collect();
            let mut turned = cpu.allocate::<T>(rows.len() * n);
            Product {
                a: kernel,
                rows: &rows,
                runs: [1, units],
                a_run: 0,
                a_step: 1,
                b: &packed,
                right: Right::Packed,
                c: &mut turned,
                to: &to,
                columns: n,
                start: Start::Zero,
                relu: false,
            }
            .compute(isa);
            turned
        })
        .collect();
    dx.par_chunks_mut(terms).enumerate().for_each(|(i, dx)| {
        for (dx, turned) in dx.chunks_mut(BLOCK).zip(&blocks) {
            let values = turned[i..].iter().step_by(n);
            dx.iter_mut().zip(values).for_each(|(to, from)| *to = *from);
        }
    });
}

/// dkernel = xᵀ · dy, by blocks of rows.
fn backward_kernel<T: Real>(
    cpu: &Cpu,
    x: &[T],
    dy: &[T],
    [terms, units]: [usize; 2],
    dkernel: &mut [T],
) {
    let (n, step) = (dy.len() / units, padded::<T>(cpu.isa(), units));
    let dy = whole_vectors(cpu, dy, units);
    let blocks = dkernel.par_chunks_mut(BLOCK * units).enumerate();
    blocks.for_each(|(block, dkernel)| {
        let count = dkernel.len() / units;
        // The block's columns of x side by side: a power of two apart they would
        // fight for the same lines of the cache.
        let mut columns = cpu.allocate::<T>(n * count);
        for (to, x) in columns.chunks_mut(count).zip(x.chunks(terms)) {
            to.copy_from_slice(&x[block * BLOCK..][..count]);
        }
        let rows: Vec<usize> = (0..count).collect();
        let to: Vec<usize> = rows.iter().map(|i| i * units).collect();
        Product {
            a: &columns,
            rows: &rows,
            runs: [1, n],
            a_run: 0,
            a_step: count,
            b: dy.as_slice(),
            right: Right::Rows { step, run: 0 },
            c: dkernel,
            to: &to,
            columns: units,
            start: Start::Zero,
            relu: false,
        }
        .compute(cpu.isa());
    });
}
