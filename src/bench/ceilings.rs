//! What a device can do at best: the two ceilings of a roofline, measured with the
//! same memory and the same kernels as everything else.

use std::time::{Duration, Instant};

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::does_not_fit;
use crate::Result;
use crate::backend::Device;
use crate::engine::{Op, Tensor, run};
use crate::memory;
use crate::ops::Padding;
use crate::ops::conv2d::Conv2d;
use crate::ops::dense::Dense;
use crate::ops::scale::Scale;

/// The most that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ceilings {
    /// Of a matrix product in f32, as a dense layer or as a 1x1 convolution.
    pub gemm_gflops: f64,
    /// Rows, columns and depth of that product.
    pub gemm_size: usize,
    /// Read and written, of a pass that multiplies every element by one.
    pub copy_gb_per_s: f64,
    /// f32s of that pass.
    pub copy_elements: usize,
}

/// Products and copies are made larger until one takes this long, so that neither a
/// launch nor a cache makes up the number.
const LONG_ENOUGH: f64 = 0.02;
const GEMM_SIZES: [usize; 5] = [512, 1024, 1536, 4096, 8192];
/// 2 MiB to 1 GiB.
const COPY_SIZES: [usize; 4] = [1 << 19, 1 << 23, 1 << 25, 1 << 28];

impl Ceilings {
    /// Measures for about `budget`, half of it for either.
    pub fn measure(device: &Device, budget: Duration) -> Result<Ceilings> {
        let half = budget / 2;
        let (gemm_size, gemm_gflops) = largest(&GEMM_SIZES, half, |n, budget| {
            let numbers = noise(n, n)?;
            let matrix = Tensor::new(device, [n, n], &numbers)?;
            let rows = matrix.reshape([n, 1, 1, n])?;
            let kernel = matrix.reshape([1, 1, n, n])?;
            let bias = Tensor::full(device, [n], 0.0)?;
            let convolution = Conv2d {
                stride: [1, 1],
                padding: Padding::Same,
            };
            let seconds = [
                best(&Dense, &[&matrix, &matrix, &bias], budget / 2)?,
                best(&convolution, &[&rows, &kernel, &bias], budget / 2)?,
            ];
            let seconds = seconds[0].min(seconds[1]);
            Ok((seconds, 2.0 * (n as f64).powi(3) / seconds / 1e9))
        })?;
        let (copy_elements, copy_gb_per_s) = largest(&COPY_SIZES, half, |n, budget| {
            let x = Tensor::full(device, [n], 1.0)?;
            let seconds = best(&Scale::by(1.0), &[&x], budget)?;
            Ok((seconds, 8.0 * n as f64 / seconds / 1e9))
        })?;
        Ok(Ceilings {
            gemm_gflops,
            gemm_size,
            copy_gb_per_s,
            copy_elements,
        })
    }
}

/// Measures briefly at growing sizes until one takes long enough or does not fit, and
/// the best of the last two with what is left of the budget. `measure(size, budget)`
/// gives (seconds, rate).
fn largest(
    sizes: &[usize],
    budget: Duration,
    mut measure: impl FnMut(usize, Duration) -> Result<(f64, f64)>,
) -> Result<(usize, f64)> {
    let start = Instant::now();
    let mut found = (sizes[0], 0.0);
    for (i, &size) in sizes.iter().enumerate() {
        let (seconds, rate) = match measure(size, budget / 8) {
            Ok(measured) => measured,
            Err(error) if i > 0 && does_not_fit(&error) => break,
            Err(error) => return Err(error),
        };
        // What fits into a cache is copied faster than memory can be.
        found = (size, rate);
        if seconds >= LONG_ENOUGH {
            break;
        }
    }
    let left = budget.saturating_sub(start.elapsed());
    let (_, rate) = measure(found.0, left)?;
    Ok((found.0, found.1.max(rate)))
}

/// The shortest time of one pass of `op` within `budget`, after one that does not count.
fn best(op: &dyn Op, inputs: &[&Tensor], budget: Duration) -> Result<f64> {
    let once = || -> Result<f64> {
        let start = Instant::now();
        let output = run::forward(op, inputs)?;
        inputs[0].device().wait()?;
        drop(output);
        Ok(start.elapsed().as_secs_f64())
    };
    once()?;
    let start = Instant::now();
    let mut best = once()?;
    while start.elapsed() < budget {
        best = best.min(once()?);
    }
    Ok(best)
}

/// `rows` times `columns` uniform numbers between -0.5 and 0.5, always the same.
pub(super) fn noise(rows: usize, columns: usize) -> Result<Vec<f32>> {
    let mut values = memory::zeros(rows.saturating_mul(columns), "random data")?;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let number = || (rng.next_u32() >> 8) as f32 / (1 << 24) as f32 - 0.5;
    values.fill_with(number);
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_native_device_has_ceilings() {
        let found = Ceilings::measure(&Device::cpu(), Duration::from_millis(200)).unwrap();
        assert!(
            found.gemm_gflops > 0.1 && found.gemm_gflops < 1e6,
            "{found:?}"
        );
        assert!(
            found.copy_gb_per_s > 0.1 && found.copy_gb_per_s < 1e5,
            "{found:?}"
        );
    }

    #[test]
    fn a_size_that_does_not_fit_ends_the_search() {
        let measure = |size, _| match size {
            1 | 2 => Ok((1e-9, size as f64)),
            _ => Err(crate::Error::TooLarge {
                what: "a tensor".into(),
                device: "x".into(),
                needed: 2,
                limit: 1,
                unit: "bytes",
            }),
        };
        assert_eq!(
            largest(&[1, 2, 3], Duration::ZERO, measure).unwrap(),
            (2, 2.0)
        );
    }
}
