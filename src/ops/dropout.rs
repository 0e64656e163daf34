//! Dropout (Srivastava et al. 2014), inverted: y = x · mask / (1 − rate).
//!
//! Any shape. The mask is a function of (seed, step, stream, element) alone:
//! element i is kept when word i mod 4 of Philox-4×32-10 (Salmon et al. 2011) with
//! counter (⌊i/4⌋, step, stream, 0) and key = seed is at least rate · 2³². Forward
//! and backward compute it anew, and every device computes the same one.

use ndarray::{ArrayD, ArrayViewD};
use rayon::prelude::*;

use super::network_shapes::DROPPED;
use crate::backend::gpu::{Bind, Shader};
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;
use crate::{Error, Result};

/// Sets a share of the elements to zero and scales the rest up.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    /// Share that is dropped, in [0, 1).
    pub rate: f64,
    /// The run's seed.
    pub seed: u64,
    /// Which dropout layer this is.
    pub stream: u32,
    /// Which training step.
    pub step: u32,
}

const TOLERANCE: Tolerance = Tolerance {
    absolute: 0.0,
    relative: 2e-7,
    reason: "one product; the masks are equal bit by bit",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, shape: Vec<usize>, rate, seed, stream, step| {
        let op = Dropout {
            rate,
            seed,
            stream,
            step,
        };
        Case::new(
            name,
            op,
            vec![(Shape::from(shape), Fill::Normal(1.0))],
            TOLERANCE,
        )
    };
    let mut all = vec![
        case("one element", vec![1], 0.3, 1, 0, 0),
        case(
            "length not a multiple of 4",
            vec![3, 5, 7],
            0.3,
            20_261_122,
            1,
            7,
        ),
        case(
            "large seed and step",
            vec![999],
            0.5,
            u64::MAX - 3,
            4_000_000_000,
            3_999_999_999,
        ),
        case("nothing is dropped", vec![33], 0.0, 5, 0, 1),
    ];
    all.extend(DROPPED.map(|(name, x, rate)| case(name, x.to_vec(), rate, 5, 0, 1).large()));
    all
}

/// Blocks whose words are computed side by side: as many as a vector holds.
const TOGETHER: usize = 16;

/// Philox-4×32 with ten rounds.
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    philox_side_by_side(counter.map(|word| [word]), key).map(|[word]| word)
}

/// The same for several counters at once, word by word.
#[inline(always)]
fn philox_side_by_side<const N: usize>(counters: [[u32; N]; 4], key: [u32; 2]) -> [[u32; N]; 4] {
    const M: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
    const W: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
    let ([mut a, mut b, mut c, mut d], [mut k, mut l]) = (counters, key);
    for _ in 0..10 {
        for i in 0..N {
            let (p, q) = (M[0] * u64::from(a[i]), M[1] * u64::from(c[i]));
            (a[i], b[i], c[i], d[i]) = (
                (q >> 32) as u32 ^ b[i] ^ k,
                q as u32,
                (p >> 32) as u32 ^ d[i] ^ l,
                p as u32,
            );
        }
        (k, l) = (k.wrapping_add(W[0]), l.wrapping_add(W[1]));
    }
    [a, b, c, d]
}

impl Dropout {
    /// rate · 2³²: words below it drop their element.
    pub(crate) fn threshold(&self) -> u32 {
        (self.rate * 4_294_967_296.0) as u32
    }

    /// 1 / (1 − rate).
    pub(crate) fn gain(&self) -> f64 {
        1.0 / (1.0 - self.rate)
    }

    /// The four masks of elements 4·block .. 4·block + 4.
    fn kept(&self, block: usize) -> [bool; 4] {
        let key = [self.seed as u32, (self.seed >> 32) as u32];
        let words = philox([block as u32, self.step, self.stream, 0], key);
        words.map(|word| word >= self.threshold())
    }

    fn reference(&self, x: &ArrayViewD<f64>) -> ArrayD<f64> {
        let mut i = 0;
        x.mapv(|x| {
            let kept = self.kept(i / 4)[i % 4];
            i += 1;
            if kept { x * self.gain() } else { 0.0 }
        })
    }

    fn apply<T: Real>(&self, out: &mut [T], x: &[T]) {
        const CHUNK: usize = 4096;
        out.par_chunks_mut(CHUNK)
            .zip(x.par_chunks(CHUNK))
            .enumerate()
            .for_each(|(chunk, (out, x))| self.apply_chunk(chunk * CHUNK / 4, out, x));
    }

    /// The elements from 4·`block` on.
    fn apply_chunk<T: Real>(&self, block: usize, out: &mut [T], x: &[T]) {
        let (gain, threshold) = (T::of(self.gain()), self.threshold());
        let many = out.chunks_mut(4 * TOGETHER).zip(x.chunks(4 * TOGETHER));
        for (i, (out, x)) in many.enumerate() {
            let words = self.words(block + i * TOGETHER);
            for (b, (out, x)) in out.chunks_mut(4).zip(x.chunks(4)).enumerate() {
                for (w, (out, x)) in out.iter_mut().zip(x).enumerate() {
                    let kept = words[w][b] >= threshold;
                    *out = if kept { *x * gain } else { T::zero() };
                }
            }
        }
    }

    /// The words of [`TOGETHER`] blocks from `first` on, side by side.
    fn words(&self, first: usize) -> [[u32; TOGETHER]; 4] {
        let counter = std::array::from_fn(|i| (first + i) as u32);
        let rest = [self.step, self.stream, 0].map(|word| [word; TOGETHER]);
        let [step, stream, zero] = rest;
        let key = [self.seed as u32, (self.seed >> 32) as u32];
        philox_side_by_side([counter, step, stream, zero], key)
    }
}

impl Formula for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [x] = expect_inputs("dropout", inputs)?;
        if !(0.0..1.0).contains(&self.rate) {
            let text = format!("the rate must be at least 0 and below 1, not {}", self.rate);
            return Err(Error::shape("dropout", text, &[&x]));
        }
        Ok(vec![x])
    }

    fn differentiable(&self, _: usize) -> bool {
        true
    }

    fn backward_reads_input(&self, _: usize) -> bool {
        false
    }

    fn backward_reads_output(&self, _: usize) -> bool {
        false
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        vec![self.reference(&inputs[0])]
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        _: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        vec![Some(self.reference(saved.grad))]
    }
}

impl<T: Real> CpuOp<T> for Dropout {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        self.apply(outputs[0].data, inputs[0].data);
    }

    fn backward(&self, _: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        if let Some(dx) = &mut grads[0] {
            self.apply(dx.data, saved.grad.data);
        }
    }
}

const SHADER: Shader = Shader {
    op: "dropout",
    source: include_str!("../../shaders/dropout.wgsl"),
};

impl GpuOp for Dropout {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        self.record(gpu, "dropout_forward", inputs[0], outputs[0])
    }

    fn backward(&self, gpu: &Gpu, saved: Saved<GpuView>, grads: &[Option<GpuView>]) -> Result<()> {
        match &grads[0] {
            Some(dx) => self.record(gpu, "dropout_backward_input", *saved.grad, *dx),
            None => Ok(()),
        }
    }
}

impl Dropout {
    fn record(&self, gpu: &Gpu, entry: &'static str, x: GpuView, y: GpuView) -> Result<()> {
        let elements = x.shape.len();
        let parameters = parameters![
            elements,
            self.threshold(),
            self.gain(),
            self.seed as u32,
            (self.seed >> 32) as u32,
            self.stream,
            self.step,
        ];
        let binds = [Bind::Read(x.buffer), Bind::Write(y.buffer)];
        // One invocation per block of four words.
        gpu.dispatch_items(
            &SHADER.kernel(entry),
            &binds,
            parameters,
            elements.div_ceil(4),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::philox;

    /// The known answers that Salmon et al. publish with Random123 (kat_vectors).
    #[test]
    fn philox_gives_the_published_words() {
        assert_eq!(
            philox([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }
}
