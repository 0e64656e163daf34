//! NEON, which every 64-bit ARM has.

use std::arch::aarch64::*;

use super::lane::{first_of, lane, write_first};
use super::{Kernel, Lane};

lane!(
    /// 128 bits; NEON is always there.
    F32x4: [f32; 4] in float32x4_t, 32 of "neon",
    vdupq_n_f32, vld1q_f32, vst1q_f32, vaddq_f32, vsubq_f32, vmulq_f32, vmaxq_f32,
    |sum, a, b| vfmaq_f32(sum, a, b),
    |from, count| vld1q_f32(first_of::<f32, 4>(from, count).as_ptr()),
    |value, to, count| {
        let mut all = [0.0; 4];
        vst1q_f32(all.as_mut_ptr(), value);
        write_first(&all, to, count)
    }
);
lane!(
    /// 128 bits; NEON is always there.
    F64x2: [f64; 2] in float64x2_t, 32 of "neon",
    vdupq_n_f64, vld1q_f64, vst1q_f64, vaddq_f64, vsubq_f64, vmulq_f64, vmaxq_f64,
    |sum, a, b| vfmaq_f64(sum, a, b),
    |from, count| vld1q_f64(first_of::<f64, 2>(from, count).as_ptr()),
    |value, to, count| {
        let mut all = [0.0; 2];
        vst1q_f64(all.as_mut_ptr(), value);
        write_first(&all, to, count)
    }
);
