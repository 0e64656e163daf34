//! NEON, which every 64-bit ARM has.

use std::arch::aarch64::*;

use super::{Kernel, Lane};

macro_rules! neon {
    ($name:ident, $elem:ty, $vector:ty, $lanes:literal, $splat:ident, $load:ident, $store:ident,
     $add:ident, $sub:ident, $mul:ident, $fma:ident, $max:ident) => {
        /// 128 bits.
        #[derive(Clone, Copy)]
        pub struct $name($vector);

        // SAFETY: each method touches what it says; NEON is always there.
        unsafe impl Lane for $name {
            type Elem = $elem;
            const LANES: usize = $lanes;
            const REGISTERS: usize = 32;

            #[inline(always)]
            unsafe fn splat(value: $elem) -> Self {
                // SAFETY: the caller's.
                Self(unsafe { $splat(value) })
            }
            #[inline(always)]
            unsafe fn load(from: *const $elem) -> Self {
                // SAFETY: the caller's.
                Self(unsafe { $load(from) })
            }
            #[inline(always)]
            unsafe fn load_first(from: *const $elem, count: usize) -> Self {
                let mut all = [0.0; $lanes];
                // SAFETY: the caller's; the array holds a whole vector.
                unsafe {
                    std::ptr::copy_nonoverlapping(from, all.as_mut_ptr(), count);
                    Self($load(all.as_ptr()))
                }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $elem) {
                // SAFETY: the caller's.
                unsafe { $store(to, self.0) }
            }
            #[inline(always)]
            unsafe fn store_first(self, to: *mut $elem, count: usize) {
                let mut all = [0.0; $lanes];
                // SAFETY: the caller's; the array holds a whole vector.
                unsafe {
                    $store(all.as_mut_ptr(), self.0);
                    std::ptr::copy_nonoverlapping(all.as_ptr(), to, count);
                }
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                // SAFETY: that there is a value proves the instructions.
                Self(unsafe { $add(self.0, other.0) })
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                // SAFETY: that there is a value proves the instructions.
                Self(unsafe { $sub(self.0, other.0) })
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                // SAFETY: that there is a value proves the instructions.
                Self(unsafe { $mul(self.0, other.0) })
            }
            #[inline(always)]
            fn add_product(self, a: Self, b: Self) -> Self {
                // SAFETY: that there is a value proves the instructions.
                Self(unsafe { $fma(self.0, a.0, b.0) })
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // SAFETY: that there is a value proves the instructions.
                Self(unsafe { $max(self.0, other.0) })
            }
            unsafe fn call<K: Kernel<$elem>>(kernel: K) {
                // SAFETY: NEON is always there.
                unsafe { kernel.run::<$name>() }
            }
        }
    };
}

neon!(
    F32x4,
    f32,
    float32x4_t,
    4,
    vdupq_n_f32,
    vld1q_f32,
    vst1q_f32,
    vaddq_f32,
    vsubq_f32,
    vmulq_f32,
    vfmaq_f32,
    vmaxq_f32
);
neon!(
    F64x2,
    f64,
    float64x2_t,
    2,
    vdupq_n_f64,
    vld1q_f64,
    vst1q_f64,
    vaddq_f64,
    vsubq_f64,
    vmulq_f64,
    vfmaq_f64,
    vmaxq_f64
);
