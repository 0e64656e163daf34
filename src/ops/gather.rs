//! A batch from pixels that live on the device: picked, turned, normalised.
//!
//! x[n, y, x, c] = (p − whole − fraction) · factor, where p is the pixel of
//! candidate i = rows[n, 0] that symmetry rows[n, 1] of the square brings to
//! (y, x): bit 0 flips left and right, bit 1 top and bottom, bit 2 then exchanges
//! rows and columns (`data/augment.rs`). Not differentiated.
//!
//! A resident tensor is made of words of 32 bits, so that no device needs to know
//! smaller ones: four u8, two f16 or one f32, the first in the lowest bits. The
//! u8 are the file's own, and (whole, fraction, factor) is what normalising does
//! to an image of a candidate; its centre in two parts, so that u8 − whole is
//! exact. The f16 and f32 are normalised already, and there is no affine.

use half::f16;
use ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::backend::gpu::{Bind, Shader};
use crate::backend::parallel::for_rows;
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::GpuView;
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;
use crate::{Error, Result};

/// What a word of a resident tensor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// Four pixels as the file has them; an affine normalises them.
    U8,
    /// Two normalised pixels.
    F16,
    /// One normalised pixel.
    F32,
}

impl Element {
    /// Pixels in a word.
    pub fn per_word(self) -> usize {
        match self {
            Element::U8 => 4,
            Element::F16 => 2,
            Element::F32 => 1,
        }
    }

    /// Pixel `i` of those in `word`.
    fn pixel(self, word: u32, i: usize) -> f64 {
        match self {
            Element::U8 => f64::from((word >> (8 * i)) as u8),
            Element::F16 => f16::from_bits((word >> (16 * i)) as u16).to_f64(),
            Element::F32 => f64::from(f32::from_bits(word)),
        }
    }
}

/// Picks a batch. Inputs: rows (N, 2) of candidate and symmetry; for
/// [`Element::U8`] the affine (count, C, 3); then one tensor of words (count of
/// its candidates, words of a candidate) or several, which share the candidates
/// among them in their order. Output: (N, H, W, C).
#[derive(Clone, Copy, Debug)]
pub struct Gather {
    /// (H, W, C).
    pub size: [usize; 3],
    /// What the words hold.
    pub element: Element,
}

const TOLERANCE: Tolerance = Tolerance {
    absolute: 0.0,
    relative: 5e-7,
    reason: "two differences and a product, each rounded, of inputs rounded to f32",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, n: usize, size: [usize; 3], element: Element, shards: &[usize]| {
        let op = Gather { size, element };
        let count = shards.iter().sum();
        let rows = (Shape::from([n, 2]), Fill::Below(count));
        let affine = (Shape::from([count, size[2], 3]), Fill::Normal(1.0));
        let words = match element {
            Element::F16 => Fill::Halves,
            _ => Fill::Normal(1.0),
        };
        let shard = |count: &usize| (Shape::from([*count, op.words()]), words);
        let mut inputs = vec![rows];
        inputs.extend((element == Element::U8).then_some(affine));
        inputs.extend(shards.iter().map(shard));
        Case::new(name, op, inputs, TOLERANCE)
    };
    use Element::{F16, F32, U8};
    vec![
        case("one pixel", 1, [1, 1, 1], F32, &[8]),
        case("f32, three images", 13, [5, 5, 3], F32, &[9]),
        case("f32 in parts, not square", 20, [4, 7, 2], F32, &[3, 1, 5]),
        case("u8", 13, [6, 6, 1], U8, &[11]),
        case("u8, a last word that is not full", 13, [5, 5, 3], U8, &[9]),
        case("u8 in parts, not square", 20, [3, 5, 2], U8, &[4, 6]),
        case("f16", 13, [6, 6, 2], F16, &[11]),
        case(
            "f16 in parts, a last word that is not full",
            20,
            [5, 5, 3],
            F16,
            &[7, 2],
        ),
        case("des1", 32, [51, 51, 3], U8, &[100]).large(),
        case("otrain", 1024, [32, 32, 1], F32, &[2000]).large(),
    ]
}

impl Gather {
    /// Words of a candidate.
    pub fn words(&self) -> usize {
        let [h, w, c] = self.size;
        (h * w * c).div_ceil(self.element.per_word())
    }

    /// How many inputs there are before the words.
    fn before(&self) -> usize {
        match self.element {
            Element::U8 => 2,
            _ => 1,
        }
    }

    /// Where the pixel comes from that element `at` of a turned candidate is.
    fn source(&self, symmetry: usize, at: usize) -> usize {
        let [height, width, channels] = self.size;
        let (y, x, c) = (at / channels / width, at / channels % width, at % channels);
        let transpose = symmetry & 4 != 0 && height == width;
        let (mut row, mut column) = if transpose { (x, y) } else { (y, x) };
        if symmetry & 2 != 0 {
            row = height - 1 - row;
        }
        if symmetry & 1 != 0 {
            column = width - 1 - column;
        }
        (row * width + column) * channels + c
    }
}

impl Formula for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [h, w, c] = self.size;
        let wrong = |problem: &str| {
            let shapes: Vec<&[usize]> = inputs.iter().map(|shape| &shape[..]).collect();
            Err(Error::shape("gather", problem, &shapes))
        };
        let before = self.before();
        if inputs.len() <= before || inputs[0].len() != 2 * inputs[0][0] {
            return wrong("needs rows (N, 2) and words");
        }
        if inputs[before..]
            .iter()
            .any(|shard| shard[..] != [shard[0], self.words()])
        {
            return wrong("every tensor of words is (candidates, words of one)");
        }
        let count: usize = inputs[before..].iter().map(|shard| shard[0]).sum();
        if before == 2 && inputs[1][..] != [count, c, 3] {
            return wrong("the affine is (candidates, C, 3)");
        }
        Ok(vec![Shape::from([inputs[0][0], h, w, c])])
    }

    fn differentiable(&self, _: usize) -> bool {
        false
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        let [h, w, c] = self.size;
        let shards = &inputs[self.before()..];
        let rows = &inputs[0];
        let batch = rows.shape()[0];
        let x = ArrayD::from_shape_fn(IxDyn(&[batch, h, w, c]), |at| {
            let (candidate, symmetry) = (rows[[at[0], 0]] as usize, rows[[at[0], 1]] as usize);
            let from = self.source(symmetry, (at[1] * w + at[2]) * c + at[3]);
            let (mut shard, mut within) = (0, candidate);
            while within >= shards[shard].shape()[0] {
                within -= shards[shard].shape()[0];
                shard += 1;
            }
            let per_word = self.element.per_word();
            let word = (shards[shard][[within, from / per_word]] as f32).to_bits();
            let pixel = self.element.pixel(word, from % per_word);
            match self.element {
                Element::U8 => {
                    let affine = |i: usize| inputs[1][[candidate, at[3], i]];
                    (pixel - affine(0) - affine(1)) * affine(2)
                }
                _ => pixel,
            }
        });
        vec![x]
    }

    fn reference_backward(
        &self,
        _: Saved<ArrayViewD<f64>>,
        wanted: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        vec![None; wanted.len()]
    }
}

/// The bits of a word, which as a number may be anything.
fn bits<T: Real>(word: T) -> u32 {
    bytemuck::try_cast(word).unwrap_or_else(|_| (word.as_f64() as f32).to_bits())
}

impl<T: Real> CpuOp<T> for Gather {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let (shards, words) = (&inputs[self.before()..], self.words());
        let [.., channels] = self.size;
        let per_word = self.element.per_word();
        let length = self.size.iter().product();
        for_rows(outputs[0].data, length, |n, out| {
            let row = &inputs[0].data[2 * n..2 * n + 2];
            let (candidate, symmetry) = (row[0].as_f64() as usize, row[1].as_f64() as usize);
            let (mut shard, mut within) = (0, candidate);
            while within >= shards[shard].shape[0] {
                within -= shards[shard].shape[0];
                shard += 1;
            }
            let words = &shards[shard].data[within * words..][..words];
            for (at, out) in out.iter_mut().enumerate() {
                let from = self.source(symmetry, at);
                let pixel = self
                    .element
                    .pixel(bits(words[from / per_word]), from % per_word);
                let pixel = T::of(pixel);
                *out = match self.element {
                    Element::U8 => {
                        let at = (candidate * channels + at % channels) * 3;
                        let affine = &inputs[1].data[at..at + 3];
                        (pixel - affine[0] - affine[1]) * affine[2]
                    }
                    _ => pixel,
                };
            }
        });
    }

    fn backward(&self, _: &Cpu, _: Saved<View<T>>, _: &mut [Option<ViewMut<T>>]) {}
}

const SHADER: Shader = Shader {
    op: "gather",
    source: include_str!("../../shaders/gather.wgsl"),
};

impl GpuOp for Gather {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let [height, width, channels] = self.size;
        let elements = outputs[0].shape.len();
        let kernel = SHADER.kernel(match self.element {
            Element::U8 => "gather_u8",
            Element::F16 => "gather_f16",
            Element::F32 => "gather_f32",
        });
        let mut first = 0;
        for shard in &inputs[self.before()..] {
            let count = shard.shape[0];
            let mut binds = vec![Bind::Read(inputs[0].buffer), Bind::Read(shard.buffer)];
            binds.push(Bind::Write(outputs[0].buffer));
            if self.element == Element::U8 {
                binds.push(Bind::Read(inputs[1].buffer));
            }
            let words = self.words();
            let parameters = parameters![elements, height, width, channels, words, first, count];
            gpu.dispatch_items(&kernel, &binds, parameters, elements)?;
            first += count;
        }
        Ok(())
    }

    fn backward(&self, _: &Gpu, _: Saved<GpuView>, _: &[Option<GpuView>]) -> Result<()> {
        Ok(())
    }
}
