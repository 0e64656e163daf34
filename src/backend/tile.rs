//! The one inner loop of every product on the native device: a block of rows and
//! columns of the result in registers, each term a number of `a` times a vector
//! of `b`.
//!
//! `c[i, j] = start + Σ_r Σ_k a[rows[i] + r·a_run + k·a_step] · b[r, k, j]`
//!
//! Sums over runs make it a convolution without a matrix of windows: in NHWC a
//! window's row is one run of memory.

// Indices that are constants once unrolled; iterators here are calls that may not be
// inlined into a function with the instructions.
#![allow(clippy::needless_range_loop)]

use super::Real;
use super::simd::{Isa, Kernel, Lane, lanes, vectorised};

/// What the sums begin with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start<'a, T> {
    /// 0.
    Zero,
    /// One number per column, up to a multiple of the vector's length.
    Row(&'a [T]),
    /// What `c` holds.
    Sum,
}

/// How `b` lies in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Right {
    /// As [`pack`] leaves it.
    Packed,
    /// In rows of so many numbers, a multiple of the vector's length from one
    /// row to the next, and from one run to the next.
    Rows { step: usize, run: usize },
}

/// A product. See the module.
#[derive(Debug)]
pub(crate) struct Product<'a, T> {
    /// Terms.
    pub a: &'a [T],
    /// Where each row of the result starts in `a`.
    pub rows: &'a [usize],
    /// Runs, and terms of each.
    pub runs: [usize; 2],
    /// Numbers from one run, and from one term, to the next in `a`.
    pub a_run: usize,
    /// See `a_run`.
    pub a_step: usize,
    /// Vectors.
    pub b: &'a [T],
    /// How they lie.
    pub right: Right,
    /// The result.
    pub c: &'a mut [T],
    /// Where each row of it goes.
    pub to: &'a [usize],
    /// Columns of it.
    pub columns: usize,
    /// What the sums begin with.
    pub start: Start<'a, T>,
    /// Whether negative results become 0.
    pub relu: bool,
}

/// Vectors in each panel of columns: as equal as can be, and few enough that
/// [`height`] rows of them stay in registers.
#[inline(always)]
fn widths(registers: usize, vectors: usize) -> impl Iterator<Item = (usize, usize)> {
    let most = if registers >= 32 { 5 } else { 2 };
    let panels = vectors.div_ceil(most).max(1);
    (0..panels).map(move |p| {
        let (first, end) = (vectors * p / panels, vectors * (p + 1) / panels);
        (first, end - first)
    })
}

fn registers(isa: Isa) -> usize {
    match isa {
        Isa::Avx512 | Isa::Neon => 32,
        Isa::Avx2 | Isa::Portable => 16,
    }
}

/// `columns` rounded up to whole vectors.
pub(crate) fn padded<T: Real>(isa: Isa, columns: usize) -> usize {
    columns.next_multiple_of(lanes::<T>(isa))
}

/// The place of each vector of `b` when packed: calls `f(column, count, start, step)`
/// for each panel, whose `count` columns at term `k` go to `start + k · step`.
pub(crate) fn panels<T: Real>(
    isa: Isa,
    terms: usize,
    columns: usize,
    mut f: impl FnMut(usize, usize, usize, usize),
) {
    let lanes = lanes::<T>(isa);
    for (first, width) in widths(registers(isa), columns.div_ceil(lanes)) {
        let count = (width * lanes).min(columns - first * lanes);
        f(first * lanes, count, first * lanes * terms, width * lanes);
    }
}

/// Packs row-major `b` (terms, columns) into `to` (terms · padded columns).
pub(crate) fn pack<T: Real>(isa: Isa, b: &[T], columns: usize, to: &mut [T]) {
    let terms = b.len() / columns.max(1);
    to.fill(T::zero());
    panels::<T>(isa, terms, columns, |column, count, start, step| {
        for (k, row) in b.chunks(columns).enumerate() {
            to[start + k * step..][..count].copy_from_slice(&row[column..column + count]);
        }
    });
}

impl<T: Real> Product<'_, T> {
    /// Computes it on this thread.
    pub(crate) fn compute(self, isa: Isa) {
        vectorised(isa, self);
    }

    /// That every address the loops make lies in its slice.
    #[inline(always)]
    fn check(&self, lanes: usize) {
        let [runs, terms] = self.runs;
        let last = |offsets: &[usize]| offsets.iter().copied().max().unwrap_or(0);
        let padded = self.columns.next_multiple_of(lanes);
        assert_eq!(self.rows.len(), self.to.len(), "product: rows");
        if self.rows.is_empty() || self.columns == 0 {
            return;
        }
        assert!(last(self.to) + self.columns <= self.c.len(), "product: c");
        if let Start::Row(row) = self.start {
            assert!(padded <= row.len(), "product: start");
        }
        if runs * terms == 0 {
            return;
        }
        let end = last(self.rows) + (runs - 1) * self.a_run + (terms - 1) * self.a_step;
        assert!(end < self.a.len(), "product: a");
        let end = match self.right {
            Right::Packed => runs * terms * padded,
            Right::Rows { step, run } => (runs - 1) * run + (terms - 1) * step + padded,
        };
        assert!(end <= self.b.len(), "product: b");
    }
}

impl<T: Real> Kernel<T> for Product<'_, T> {
    #[inline(always)]
    unsafe fn run<L: Lane<Elem = T>>(self) {
        self.check(L::LANES);
        if self.columns == 0 {
            return;
        }
        let vectors = self.columns.div_ceil(L::LANES);
        let [runs, terms] = self.runs;
        for (first, width) in widths(L::REGISTERS, vectors) {
            let column = first * L::LANES;
            let (step, run, at) = match self.right {
                Right::Packed => {
                    let step = width * L::LANES;
                    (step, terms * step, column * runs * terms)
                }
                Right::Rows { step, run } => (step, run, column),
            };
            let panel = Panel::<T> {
                a: self.a.as_ptr(),
                rows: self.rows,
                runs,
                terms,
                a_run: self.a_run,
                a_step: self.a_step,
                b: self.b.as_ptr().wrapping_add(at),
                b_run: run,
                b_step: step,
                c: self.c.as_mut_ptr().wrapping_add(column),
                to: self.to,
                last: (self.columns - column).min(width * L::LANES) - (width - 1) * L::LANES,
                start: match self.start {
                    Start::Zero => std::ptr::null(),
                    Start::Row(row) => row.as_ptr().wrapping_add(column),
                    Start::Sum => std::ptr::null(),
                },
                add: matches!(self.start, Start::Sum),
                relu: self.relu,
            };
            // SAFETY: `check` held every address against its slice; the caller
            // has the instructions.
            unsafe {
                match width {
                    1 => L::call(Width::<T, 1>(panel)),
                    2 => L::call(Width::<T, 2>(panel)),
                    3 => L::call(Width::<T, 3>(panel)),
                    4 => L::call(Width::<T, 4>(panel)),
                    _ => L::call(Width::<T, 5>(panel)),
                }
            }
        }
    }
}

/// A panel of columns of a product, its sizes checked.
struct Panel<'a, T> {
    a: *const T,
    rows: &'a [usize],
    runs: usize,
    terms: usize,
    a_run: usize,
    a_step: usize,
    b: *const T,
    b_run: usize,
    b_step: usize,
    c: *mut T,
    to: &'a [usize],
    /// Columns in the last vector.
    last: usize,
    start: *const T,
    add: bool,
    relu: bool,
}

/// A panel of `V` vectors: a function of its own for each `V`.
struct Width<'a, T, const V: usize>(Panel<'a, T>);

impl<T: Real, const V: usize> Kernel<T> for Width<'_, T, V> {
    #[inline(always)]
    unsafe fn run<L: Lane<Elem = T>>(self) {
        let panel = &self.0;
        // Sums that fit into the registers beside V vectors of b and one of a.
        let most = match (L::REGISTERS, V) {
            (32.., 1..=3) => 8,
            (32.., 4) => 6,
            (32.., _) => 5,
            (_, 1) => 8,
            _ => 6,
        };
        let mut at = 0;
        while at < panel.rows.len() {
            let count = (panel.rows.len() - at).min(most);
            // SAFETY: passed on from the caller.
            unsafe {
                match count {
                    8 => block::<L, 8, V>(panel, at),
                    7 => block::<L, 7, V>(panel, at),
                    6 => block::<L, 6, V>(panel, at),
                    5 => block::<L, 5, V>(panel, at),
                    4 => block::<L, 4, V>(panel, at),
                    3 => block::<L, 3, V>(panel, at),
                    2 => block::<L, 2, V>(panel, at),
                    _ => block::<L, 1, V>(panel, at),
                }
            }
            at += count;
        }
    }
}

/// `M` rows of a panel, from row `at`.
///
/// # Safety
/// The panel's addresses must lie in their slices.
#[inline(always)]
unsafe fn block<L: Lane, const M: usize, const V: usize>(panel: &Panel<L::Elem>, at: usize) {
    // SAFETY: the caller's.
    unsafe {
        let mut a = [panel.a; M];
        let mut c = [panel.c; M];
        for i in 0..M {
            // With no terms it points nowhere, and is not read.
            a[i] = panel
                .a
                .wrapping_add(*panel.rows.get_unchecked(at.wrapping_add(i)));
            c[i] = panel.c.add(*panel.to.get_unchecked(at.wrapping_add(i)));
        }
        let mut sum = [[L::splat(L::Elem::default()); V]; M];
        if panel.add {
            for i in 0..M {
                for v in 0..V - 1 {
                    sum[i][v] = L::load(c[i].add(v * L::LANES));
                }
                let end = c[i].add((V - 1) * L::LANES);
                sum[i][V - 1] = if panel.last == L::LANES {
                    L::load(end)
                } else {
                    L::load_first(end, panel.last)
                };
            }
        } else if !panel.start.is_null() {
            for v in 0..V {
                let start = L::load(panel.start.add(v * L::LANES));
                for row in &mut sum {
                    row[v] = start;
                }
            }
        }
        let mut b_run = panel.b;
        for _ in 0..panel.runs {
            let mut b = b_run;
            let mut k = 0usize;
            for _ in 0..panel.terms {
                let mut vectors = [L::splat(L::Elem::default()); V];
                for v in 0..V {
                    vectors[v] = L::load(b.add(v * L::LANES));
                }
                for i in 0..M {
                    let number = L::splat(*a[i].add(k));
                    for v in 0..V {
                        sum[i][v] = sum[i][v].add_product(number, vectors[v]);
                    }
                }
                // Past the last term these point nowhere, and are not read.
                b = b.wrapping_add(panel.b_step);
                k = k.wrapping_add(panel.a_step);
            }
            for a in &mut a {
                *a = a.wrapping_add(panel.a_run);
            }
            b_run = b_run.wrapping_add(panel.b_run);
        }
        for i in 0..M {
            for v in 0..V {
                let value = if panel.relu {
                    // In this order NaN stays.
                    L::splat(L::Elem::default()).max(sum[i][v])
                } else {
                    sum[i][v]
                };
                let to = c[i].add(v * L::LANES);
                if v + 1 < V || panel.last == L::LANES {
                    value.store(to);
                } else {
                    value.store_first(to, panel.last);
                }
            }
        }
    }
}
