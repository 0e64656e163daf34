//! Matrix products on the native device, by the crate `matrixmultiply`, which
//! chooses AVX-512, AVX2 or NEON when the program runs.

use rayon::prelude::*;

use super::cpu::Real;

/// A matrix in memory: pointer offset is the slice's start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix {
    /// Elements from one row to the next.
    pub(crate) row_stride: usize,
    /// Elements from one column to the next.
    pub(crate) column_stride: usize,
}

impl Matrix {
    /// Row-major with `columns` columns.
    pub(crate) fn rows(columns: usize) -> Matrix {
        Matrix {
            row_stride: columns,
            column_stride: 1,
        }
    }

    /// The transpose of a row-major matrix that has `columns` columns as stored.
    pub(crate) fn transposed(columns: usize) -> Matrix {
        Matrix {
            row_stride: 1,
            column_stride: columns,
        }
    }

    fn last(self, rows: usize, columns: usize) -> usize {
        (rows - 1) * self.row_stride + (columns - 1) * self.column_stride
    }
}

/// `c = a b + beta c` for a (m, k), b (k, n) and row-major c (m, n), on this thread.
///
/// # Panics
/// When a slice is shorter than its shape and strides say.
#[allow(clippy::too_many_arguments)]
pub(crate) fn gemm<T: Real>(
    m: usize,
    k: usize,
    n: usize,
    a: &[T],
    la: Matrix,
    b: &[T],
    lb: Matrix,
    beta: T,
    c: &mut [T],
) {
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        c[..m * n].iter_mut().for_each(|v| *v = *v * beta);
        return;
    }
    assert!(la.last(m, k) < a.len(), "gemm: a is too short");
    assert!(lb.last(k, n) < b.len(), "gemm: b is too short");
    assert!(m * n <= c.len(), "gemm: c is too short");
    // SAFETY: the last element of each matrix was checked to be inside its slice,
    // and strides are not negative.
    unsafe {
        T::raw_gemm(
            m,
            k,
            n,
            a.as_ptr(),
            la.row_stride as isize,
            la.column_stride as isize,
            b.as_ptr(),
            lb.row_stride as isize,
            lb.column_stride as isize,
            beta,
            c.as_mut_ptr(),
            n as isize,
            1,
        );
    }
}

/// A pointer into memory that tasks write disjoint parts of.
struct Shared<T>(*mut T);
// SAFETY: every user writes a block of its own.
unsafe impl<T> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shared<T> {}

/// [`gemm`] over all cores: `c` (m, n) is cut along its longer side into blocks
/// of a fixed size, each of which is one sum in one order.
#[allow(clippy::too_many_arguments)]
pub(crate) fn par_gemm<T: Real>(
    m: usize,
    k: usize,
    n: usize,
    a: &[T],
    la: Matrix,
    b: &[T],
    lb: Matrix,
    beta: T,
    c: &mut [T],
) {
    const BLOCK: usize = 64;
    if m >= n {
        let rows = BLOCK.max(m.div_ceil(32));
        c[..m * n]
            .par_chunks_mut((rows * n).max(1))
            .enumerate()
            .for_each(|(i, c)| {
                gemm(
                    c.len() / n,
                    k,
                    n,
                    &a[i * rows * la.row_stride..],
                    la,
                    b,
                    lb,
                    beta,
                    c,
                );
            });
        return;
    }
    assert!(m * n <= c.len(), "gemm: c is too short");
    if m == 0 || k == 0 {
        return gemm(m, k, n, a, la, b, lb, beta, c);
    }
    assert!(la.last(m, k) < a.len(), "gemm: a is too short");
    assert!(lb.last(k, n) < b.len(), "gemm: b is too short");
    let columns = BLOCK.max(n.div_ceil(32));
    let c = Shared(c.as_mut_ptr());
    let c = &c;
    (0..n.div_ceil(columns)).into_par_iter().for_each(move |i| {
        let first = i * columns;
        let width = columns.min(n - first);
        // SAFETY: the sizes were checked above; block i writes the columns from
        // `first` to `first + width` of c only.
        unsafe {
            T::raw_gemm(
                m,
                k,
                width,
                a.as_ptr(),
                la.row_stride as isize,
                la.column_stride as isize,
                b.as_ptr().add(first * lb.column_stride),
                lb.row_stride as isize,
                lb.column_stride as isize,
                beta,
                c.0.add(first),
                n as isize,
                1,
            );
        }
    });
}
