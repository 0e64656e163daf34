//! AVX-512 and AVX2.

use std::arch::x86_64::*;

use super::lane::{first_of, lane, write_first};
use super::{Kernel, Lane};

// Loops are unrolled by const sizes, so the mask of a partial vector is made once.
fn mask(count: usize) -> u16 {
    (1 << count) - 1
}

lane!(
    /// 512 bits. A value is only ever made where the machine has AVX-512, so the
    /// methods that take one may use it.
    F32x16: [f32; 16] in __m512, 32 of "avx512f,avx2,fma",
    _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps,
    _mm512_add_ps, _mm512_sub_ps, _mm512_mul_ps, _mm512_max_ps,
    |sum, a, b| _mm512_fmadd_ps(a, b, sum),
    |from, count| _mm512_maskz_loadu_ps(mask(count), from),
    |value, to, count| _mm512_mask_storeu_ps(to, mask(count), value)
);
lane!(
    /// 512 bits. A value is only ever made where the machine has AVX-512, so the
    /// methods that take one may use it.
    F64x8: [f64; 8] in __m512d, 32 of "avx512f,avx2,fma",
    _mm512_set1_pd, _mm512_loadu_pd, _mm512_storeu_pd,
    _mm512_add_pd, _mm512_sub_pd, _mm512_mul_pd, _mm512_max_pd,
    |sum, a, b| _mm512_fmadd_pd(a, b, sum),
    |from, count| _mm512_maskz_loadu_pd(mask(count) as u8, from),
    |value, to, count| _mm512_mask_storeu_pd(to, mask(count) as u8, value)
);

lane!(
    /// 256 bits. A value is only ever made where the machine has AVX2 and FMA, so the
    /// methods that take one may use them.
    F32x8: [f32; 8] in __m256, 16 of "avx2,fma",
    _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps,
    _mm256_add_ps, _mm256_sub_ps, _mm256_mul_ps, _mm256_max_ps,
    |sum, a, b| _mm256_fmadd_ps(a, b, sum),
    |from, count| _mm256_loadu_ps(first_of::<f32, 8>(from, count).as_ptr()),
    |value, to, count| {
        let mut all = [0.0; 8];
        _mm256_storeu_ps(all.as_mut_ptr(), value);
        write_first(&all, to, count)
    }
);
lane!(
    /// 256 bits. A value is only ever made where the machine has AVX2 and FMA, so the
    /// methods that take one may use them.
    F64x4: [f64; 4] in __m256d, 16 of "avx2,fma",
    _mm256_set1_pd, _mm256_loadu_pd, _mm256_storeu_pd,
    _mm256_add_pd, _mm256_sub_pd, _mm256_mul_pd, _mm256_max_pd,
    |sum, a, b| _mm256_fmadd_pd(a, b, sum),
    |from, count| _mm256_loadu_pd(first_of::<f64, 4>(from, count).as_ptr()),
    |value, to, count| {
        let mut all = [0.0; 4];
        _mm256_storeu_pd(all.as_mut_ptr(), value);
        write_first(&all, to, count)
    }
);
