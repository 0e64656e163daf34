//! AVX-512 and AVX2.

use std::arch::x86_64::*;

use super::{Kernel, Lane};

// Loops are unrolled by const sizes, so the mask of a partial vector is made once.
fn mask(count: usize) -> u16 {
    (1 << count) - 1
}

macro_rules! avx512 {
    ($name:ident, $elem:ty, $vector:ty, $lanes:literal, $mask:ty, $splat:ident, $load:ident,
     $load_mask:ident, $store:ident, $store_mask:ident, $add:ident, $sub:ident, $mul:ident,
     $fma:ident, $max:ident) => {
        /// 512 bits. A value is only ever made where the machine has AVX-512, so
        /// the methods that take one may use it.
        #[derive(Clone, Copy)]
        pub struct $name($vector);

        // SAFETY: each method touches what it says; arithmetic touches nothing and
        // its operands prove that the instructions are there.
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
                // SAFETY: the caller's.
                Self(unsafe { $load_mask(mask(count) as $mask, from) })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $elem) {
                // SAFETY: the caller's.
                unsafe { $store(to, self.0) }
            }
            #[inline(always)]
            unsafe fn store_first(self, to: *mut $elem, count: usize) {
                // SAFETY: the caller's.
                unsafe { $store_mask(to, mask(count) as $mask, self.0) }
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
                Self(unsafe { $fma(a.0, b.0, self.0) })
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // SAFETY: that there is a value proves the instructions.
                Self(unsafe { $max(self.0, other.0) })
            }
            unsafe fn call<K: Kernel<$elem>>(kernel: K) {
                #[target_feature(enable = "avx512f,avx2,fma")]
                fn compiled<K: Kernel<$elem>>(kernel: K) {
                    // SAFETY: this function has the instructions.
                    unsafe { kernel.run::<$name>() }
                }
                // SAFETY: the caller's.
                unsafe { compiled(kernel) }
            }
        }
    };
}

avx512!(
    F32x16,
    f32,
    __m512,
    16,
    u16,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_maskz_loadu_ps,
    _mm512_storeu_ps,
    _mm512_mask_storeu_ps,
    _mm512_add_ps,
    _mm512_sub_ps,
    _mm512_mul_ps,
    _mm512_fmadd_ps,
    _mm512_max_ps
);
avx512!(
    F64x8,
    f64,
    __m512d,
    8,
    u8,
    _mm512_set1_pd,
    _mm512_loadu_pd,
    _mm512_maskz_loadu_pd,
    _mm512_storeu_pd,
    _mm512_mask_storeu_pd,
    _mm512_add_pd,
    _mm512_sub_pd,
    _mm512_mul_pd,
    _mm512_fmadd_pd,
    _mm512_max_pd
);

macro_rules! avx2 {
    ($name:ident, $elem:ty, $vector:ty, $lanes:literal, $splat:ident, $load:ident,
     $store:ident, $add:ident, $sub:ident, $mul:ident, $fma:ident, $max:ident) => {
        /// 256 bits. A value is only ever made where the machine has AVX2 and FMA,
        /// so the methods that take one may use them.
        #[derive(Clone, Copy)]
        pub struct $name($vector);

        // SAFETY: each method touches what it says; arithmetic touches nothing and
        // its operands prove that the instructions are there.
        unsafe impl Lane for $name {
            type Elem = $elem;
            const LANES: usize = $lanes;
            const REGISTERS: usize = 16;

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
                Self(unsafe { $fma(a.0, b.0, self.0) })
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // SAFETY: that there is a value proves the instructions.
                Self(unsafe { $max(self.0, other.0) })
            }
            unsafe fn call<K: Kernel<$elem>>(kernel: K) {
                #[target_feature(enable = "avx2,fma")]
                fn compiled<K: Kernel<$elem>>(kernel: K) {
                    // SAFETY: this function has the instructions.
                    unsafe { kernel.run::<$name>() }
                }
                // SAFETY: the caller's.
                unsafe { compiled(kernel) }
            }
        }
    };
}

avx2!(
    F32x8,
    f32,
    __m256,
    8,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_add_ps,
    _mm256_sub_ps,
    _mm256_mul_ps,
    _mm256_fmadd_ps,
    _mm256_max_ps
);
avx2!(
    F64x4,
    f64,
    __m256d,
    4,
    _mm256_set1_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_add_pd,
    _mm256_sub_pd,
    _mm256_mul_pd,
    _mm256_fmadd_pd,
    _mm256_max_pd
);
