//! Loops over all cores whose result does not depend on how many there are:
//! work is cut into pieces of fixed sizes, and sums are added up in a fixed order.

use rayon::prelude::*;

use super::cpu::Real;

/// Elements per task of an elementwise loop. Fixed, so that nothing depends on
/// the number of cores.
const CHUNK: usize = 16 * 1024;

/// `out[i] = f(a[i])`.
pub fn map<T: Real>(out: &mut [T], a: &[T], f: impl Fn(T) -> T + Sync) {
    out.par_chunks_mut(CHUNK)
        .zip(a.par_chunks(CHUNK))
        .for_each(|(out, a)| {
            out.iter_mut().zip(a).for_each(|(out, a)| *out = f(*a));
        });
}

/// `out[i] = f(a[i], b[i])`.
pub fn map2<T: Real>(out: &mut [T], a: &[T], b: &[T], f: impl Fn(T, T) -> T + Sync) {
    let inputs = a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK));
    out.par_chunks_mut(CHUNK)
        .zip(inputs)
        .for_each(|(out, (a, b))| {
            out.iter_mut()
                .zip(a.iter().zip(b))
                .for_each(|(out, (a, b))| *out = f(*a, *b));
        });
}

/// `a[i] = f(a[i], b[i])`.
pub fn update<T: Real>(a: &mut [T], b: &[T], f: impl Fn(T, T) -> T + Sync) {
    a.par_chunks_mut(CHUNK)
        .zip(b.par_chunks(CHUNK))
        .for_each(|(a, b)| a.iter_mut().zip(b).for_each(|(a, b)| *a = f(*a, *b)));
}

/// Calls `f(i, row)` for every row of `columns` elements, in parallel.
pub fn for_rows<T: Real>(out: &mut [T], columns: usize, f: impl Fn(usize, &mut [T]) + Sync) {
    if columns == 0 {
        return;
    }
    let rows_per_task = (CHUNK / columns).max(1);
    out.par_chunks_mut(rows_per_task * columns)
        .enumerate()
        .for_each(|(task, rows)| {
            for (i, row) in rows.chunks_mut(columns).enumerate() {
                f(task * rows_per_task + i, row);
            }
        });
}

/// Sums over all rows of `columns` sums each: `add(row, sums)` adds row number
/// `row` to its block's sums. Blocks are short, so that a sum of millions of f32
/// loses nothing, and are added up in f64 in a fixed order.
pub fn sum_rows<T: Real>(
    rows: usize,
    columns: usize,
    add: impl Fn(usize, &mut [T]) + Sync,
) -> Vec<f64> {
    const BLOCK: usize = 256;
    let blocks: Vec<Vec<T>> = (0..rows.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let mut sums = vec![T::zero(); columns];
            (block * BLOCK..rows.min((block + 1) * BLOCK)).for_each(|row| add(row, &mut sums));
            sums
        })
        .collect();
    let mut total = vec![0.0; columns];
    for block in &blocks {
        total
            .iter_mut()
            .zip(block)
            .for_each(|(total, sum)| *total += sum.as_f64());
    }
    total
}

/// `sum over rows of a[row, column]`.
pub fn sum_columns<T: Real>(a: &[T], columns: usize) -> Vec<f64> {
    sum_rows(a.len() / columns, columns, |row, sums: &mut [T]| {
        sums.iter_mut()
            .zip(&a[row * columns..])
            .for_each(|(sum, a)| *sum += *a);
    })
}

/// The same, rounded to `T`.
pub fn column_sums<T: Real>(out: &mut [T], a: &[T]) {
    let sums = sum_columns(a, out.len());
    out.iter_mut()
        .zip(sums)
        .for_each(|(out, sum)| *out = T::of(sum));
}
