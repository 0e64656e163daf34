//! The one-dimensional transforms of Winograd's minimal filtering at the six
//! points 0, ±1/√2, ±√2 and ∞ (Lavin & Gray 2016 use 0, ±1, ±2, ∞).
//!
//! `r` weights and `m` results with m + r − 1 = 6: F(4, 3) and F(3, 4) share them.
//! y = Aᵀ[(G w) ⊙ (Bᵀ x)]. With p = 1/√2 and q = √2, p²q² = 1: every entry of Bᵀ
//! and A is between 1/√8 and √8, which keeps an f32 result as close to the f64 one
//! as a plain sum (largest error over largest value 1 to 2.5·10⁻⁶ at the networks'
//! shapes, where ±1 and ±2 give 4 to 11·10⁻⁶).

use crate::backend::Real;
use crate::backend::simd::Lane;

/// Points, and so products per tile along one axis.
pub(super) const POINTS: usize = 6;
/// Products per tile.
pub(super) const PRODUCTS: usize = POINTS * POINTS;

/// The transforms' constants in every lane.
#[derive(Clone, Copy)]
pub(super) struct Points<L> {
    zero: L,
    /// p, p³, q, q³.
    odd: [L; 4],
    /// p², q².
    squares: [L; 2],
    /// −p², −q², −p² − q².
    minus: [L; 3],
    /// 1 / Π (p − other points), the same for q.
    weights: [L; 2],
}

/// # Safety
/// The machine must have the instructions of `L`.
#[inline(always)]
unsafe fn splat<L: Lane>(value: f64) -> L {
    // SAFETY: the caller's.
    unsafe { L::splat(L::Elem::of(value)) }
}

impl<L: Lane> Points<L> {
    /// # Safety
    /// The machine must have the instructions of `L`.
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        let (p, q) = (std::f64::consts::FRAC_1_SQRT_2, std::f64::consts::SQRT_2);
        // SAFETY: the caller's.
        unsafe {
            Points {
                zero: splat(0.0),
                odd: [splat(p), splat(p * p * p), splat(q), splat(q * q * q)],
                squares: [splat(0.5), splat(2.0)],
                minus: [splat(-0.5), splat(-2.0), splat(-2.5)],
                weights: [splat(-2.0 / 3.0), splat(1.0 / 6.0)],
            }
        }
    }

    /// Bᵀ x: a tile of the input.
    #[inline(always)]
    pub(super) fn input(&self, x: [L; 6]) -> [L; 6] {
        let [p, _, q, _] = self.odd;
        let [half, two, both] = self.minus;
        let even_p = x[4].add_product(two, x[2]);
        let even_q = x[4].add_product(half, x[2]);
        let odd_p = x[3].add_product(two, x[1]).mul(p);
        let odd_q = x[3].add_product(half, x[1]).mul(q);
        [
            x[0].add(x[4]).add_product(both, x[2]),
            even_p.add(odd_p),
            even_p.sub(odd_p),
            even_q.add(odd_q),
            even_q.sub(odd_q),
            x[1].add(x[5]).add_product(both, x[3]),
        ]
    }

    /// A y: the values at the points of the polynomial with coefficients y.
    #[inline(always)]
    pub(super) fn values<const N: usize>(&self, y: [L; N]) -> [L; 6] {
        let [p, p3, q, q3] = self.odd;
        let [half, two] = self.squares;
        let even_p = y[0].add_product(half, y[2]);
        let even_q = y[0].add_product(two, y[2]);
        let (mut odd_p, mut odd_q) = (y[1].mul(p), y[1].mul(q));
        if N > 3 {
            odd_p = odd_p.add_product(p3, y[N - 1]);
            odd_q = odd_q.add_product(q3, y[N - 1]);
        }
        [
            y[0],
            even_p.add(odd_p),
            even_p.sub(odd_p),
            even_q.add(odd_q),
            even_q.sub(odd_q),
            y[N - 1],
        ]
    }

    /// Aᵀ z: the transpose of [`values`](Self::values).
    #[inline(always)]
    pub(super) fn sums<const N: usize>(&self, z: [L; 6]) -> [L; N] {
        let [p, p3, q, q3] = self.odd;
        let (even_p, odd_p) = (z[1].add(z[2]), z[1].sub(z[2]));
        let (even_q, odd_q) = (z[3].add(z[4]), z[3].sub(z[4]));
        let mut out = [self.zero; N];
        out[0] = z[0].add(even_p.add(even_q));
        out[1] = odd_p.mul(p).add_product(q, odd_q);
        let [half, two] = self.squares;
        out[2] = even_p.mul(half).add_product(two, even_q);
        if N > 3 {
            out[N - 1] = odd_p.mul(p3).add_product(q3, odd_q);
        }
        out[N - 1] = out[N - 1].add(z[5]);
        out
    }

    /// The diagonal that turns A into G and, before it, Aᵀ into Gᵀ.
    #[inline(always)]
    pub(super) fn weighted(&self, z: [L; 6]) -> [L; 6] {
        let [p, q] = self.weights;
        [
            z[0],
            z[1].mul(p),
            z[2].mul(p),
            z[3].mul(q),
            z[4].mul(q),
            z[5],
        ]
    }
}
