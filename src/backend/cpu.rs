//! The native device: pooled host memory, GEMM, and loops over all cores whose
//! result does not depend on how many cores there are.

use std::collections::HashMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, Weak};

use num_traits::Float;
use rayon::prelude::*;

/// Element type of the native device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit, for training and scoring.
    F32,
    /// 64-bit, so that whole networks can be checked by finite differences.
    F64,
}

/// A matrix in memory: pointer offset is the slice's start.
#[derive(Clone, Copy, Debug)]
pub struct Matrix {
    /// Elements from one row to the next.
    pub row_stride: usize,
    /// Elements from one column to the next.
    pub column_stride: usize,
}

impl Matrix {
    /// Row-major with `columns` columns.
    pub fn rows(columns: usize) -> Matrix {
        Matrix {
            row_stride: columns,
            column_stride: 1,
        }
    }

    /// The transpose of a row-major matrix that has `columns` columns as stored.
    pub fn transposed(columns: usize) -> Matrix {
        Matrix {
            row_stride: 1,
            column_stride: columns,
        }
    }

    fn last(self, rows: usize, columns: usize) -> usize {
        (rows - 1) * self.row_stride + (columns - 1) * self.column_stride
    }
}

/// The two element types of the native device.
pub trait Real:
    Float + Default + fmt::Debug + Send + Sync + std::iter::Sum + std::ops::AddAssign + 'static
{
    /// From f64, rounded.
    fn of(value: f64) -> Self;
    /// Widened to f64.
    fn as_f64(self) -> f64;
    /// The pool of this type in `cpu`.
    fn pool(cpu: &Cpu) -> &Arc<Pool<Self>>;
    /// The raw GEMM of the crate `matrixmultiply`; see [`gemm`].
    ///
    /// # Safety
    /// Every element that the sizes and strides reach must lie in its allocation.
    #[allow(clippy::too_many_arguments)]
    unsafe fn raw_gemm(
        m: usize,
        k: usize,
        n: usize,
        a: *const Self,
        rsa: isize,
        csa: isize,
        b: *const Self,
        rsb: isize,
        csb: isize,
        beta: Self,
        c: *mut Self,
        rsc: isize,
        csc: isize,
    );
}

macro_rules! real {
    ($type:ty, $pool:ident, $gemm:path) => {
        impl Real for $type {
            fn of(value: f64) -> Self {
                value as $type
            }
            fn as_f64(self) -> f64 {
                f64::from(self)
            }
            fn pool(cpu: &Cpu) -> &Arc<Pool<Self>> {
                &cpu.$pool
            }
            unsafe fn raw_gemm(
                m: usize,
                k: usize,
                n: usize,
                a: *const Self,
                rsa: isize,
                csa: isize,
                b: *const Self,
                rsb: isize,
                csb: isize,
                beta: Self,
                c: *mut Self,
                rsc: isize,
                csc: isize,
            ) {
                // SAFETY: passed on from the caller.
                unsafe { $gemm(m, k, n, 1.0, a, rsa, csa, b, rsb, csb, beta, c, rsc, csc) }
            }
        }
    };
}
real!(f32, pool_f32, matrixmultiply::sgemm);
real!(f64, pool_f64, matrixmultiply::dgemm);

/// `c = a b + beta c` for a (m, k), b (k, n) and row-major c (m, n), on this thread.
///
/// # Panics
/// When a slice is shorter than its shape and strides say.
#[allow(clippy::too_many_arguments)]
pub fn gemm<T: Real>(
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

/// Free blocks of one element type, by exact length.
#[derive(Default)]
pub struct Pool<T> {
    free: Mutex<HashMap<usize, Vec<Vec<T>>>>,
}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

/// Host memory of one tensor; goes back to its pool when dropped.
#[derive(Debug)]
pub struct HostBuffer<T: Real> {
    data: Vec<T>,
    pool: Weak<Pool<T>>,
}

impl<T: Real> HostBuffer<T> {
    /// Zeroed memory that belongs to no pool.
    pub fn unpooled(len: usize) -> HostBuffer<T> {
        HostBuffer {
            data: vec![T::zero(); len],
            pool: Weak::new(),
        }
    }
}

impl<T: Real> Deref for HostBuffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.data
    }
}

impl<T: Real> DerefMut for HostBuffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.data
    }
}

impl<T: Real> Drop for HostBuffer<T> {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            let data = std::mem::take(&mut self.data);
            let mut free = pool
                .free
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            free.entry(data.len()).or_default().push(data);
        }
    }
}

/// The native device.
#[derive(Debug)]
pub struct Cpu {
    precision: Precision,
    pool_f32: Arc<Pool<f32>>,
    pool_f64: Arc<Pool<f64>>,
}

impl Cpu {
    /// A device of its own pools in `precision`. All share rayon's threads.
    pub fn new(precision: Precision) -> Cpu {
        Cpu {
            precision,
            pool_f32: Arc::default(),
            pool_f64: Arc::default(),
        }
    }

    /// "cpu", or "cpu-f64".
    pub fn name(&self) -> &'static str {
        match self.precision {
            Precision::F32 => "cpu",
            Precision::F64 => "cpu-f64",
        }
    }

    /// The element type that tensors on this device have.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Memory of `len` elements with any contents: from the pool, or new.
    pub fn allocate<T: Real>(&self, len: usize) -> HostBuffer<T> {
        let pool = T::pool(self);
        let reused = pool
            .free
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .get_mut(&len)
            .and_then(Vec::pop);
        let data = reused.unwrap_or_else(|| vec![T::zero(); len]);
        HostBuffer {
            data,
            pool: Arc::downgrade(pool),
        }
    }
}

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

/// `sum over rows of a[row, column]`, rounded to `T`.
pub fn column_sums<T: Real>(out: &mut [T], a: &[T]) {
    let columns = out.len();
    let sums = sum_rows(a.len() / columns, columns, |row, sums: &mut [T]| {
        sums.iter_mut()
            .zip(&a[row * columns..])
            .for_each(|(sum, a)| *sum += *a);
    });
    out.iter_mut()
        .zip(sums)
        .for_each(|(out, sum)| *out = T::of(sum));
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
pub fn par_gemm<T: Real>(
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
