//! Pixels that live on a gpu: uploaded once, every batch is then picked, turned
//! and normalised there.

use std::fmt;
use std::str::FromStr;

use half::f16;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::backend::{Device, Gpu};
use crate::data::{CutoutShape, Dataset, Preprocess};
use crate::engine::{Tensor, run};
use crate::memory::zeros;
use crate::ops::gather::{Element, Gather};
use crate::{Error, Result};

/// Whether the pixels of a run stay where they are needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Residence {
    /// If they take no more than [`AUTOMATIC`] bytes, and fit.
    #[default]
    Auto,
    /// Yes; an error if they do not fit.
    Yes,
    /// No: they are read for every batch.
    No,
}

/// Bytes up to which pixels stay without being asked to.
pub const AUTOMATIC: u64 = 4 << 30;

/// Bytes of a tensor of words at most: uploading needs as much again on the host.
const SHARD: u64 = 512 << 20;

/// Candidates that f32 can count.
const COUNTABLE: usize = 1 << 24;

impl FromStr for Residence {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Residence::Auto),
            "yes" => Ok(Residence::Yes),
            "no" => Ok(Residence::No),
            _ => Err(Error::config(
                "--resident",
                format!("'{text}'"),
                "auto, yes or no",
            )),
        }
    }
}

/// The pixels of a data set on a gpu.
#[derive(Debug)]
pub struct Resident {
    op: Gather,
    /// (count, C, 3), for u8.
    affine: Option<Tensor>,
    /// (count, words of a candidate) each, in the candidates' order.
    shards: Vec<Tensor>,
}

impl fmt::Display for Resident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.op.element {
            Element::U8 => "u8",
            Element::F16 => "f16",
            Element::F32 => "f32",
        })
    }
}

/// How a data set would be kept, and in how many bytes.
fn layout(data: &Dataset, preprocess: Preprocess, half: bool) -> Result<(Gather, u64)> {
    let CutoutShape {
        height,
        width,
        channels,
    } = preprocess.output_shape(data.shape)?;
    let first = match data.is_empty() {
        true => None,
        false => data.pixels.bytes(0),
    };
    let zeros = vec![0.0; data.shape.len()];
    let affine = match preprocess {
        Preprocess::Plain(normalisation) => normalisation.affine(&zeros, data.shape).is_some(),
        _ => false,
    };
    let all_bytes = || (0..data.len()).all(|row| data.pixels.bytes(row).is_some());
    let element = match first {
        Some(_) if affine && all_bytes() => Element::U8,
        _ if half => Element::F16,
        _ => Element::F32,
    };
    let op = Gather {
        size: [height, width, channels],
        element,
    };
    let affine = match element {
        Element::U8 => 3 * channels as u64,
        _ => 0,
    };
    let bytes = data.len() as u64 * 4 * (op.words() as u64 + affine);
    Ok((op, bytes))
}

/// Bytes that pixels may take without being asked to: the network needs room too.
fn room(gpu: &Gpu) -> u64 {
    AUTOMATIC.min(gpu.memory_limit() / 2)
}

/// What a user should know where pixels might have stayed on the gpu and do not.
pub(super) fn notice_of_streaming(
    data: &Dataset,
    preprocess: Preprocess,
    gpu: &Gpu,
    half: bool,
) -> Result<String> {
    let (_, bytes) = layout(data, preprocess, half)?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    Ok(format!(
        "pixels are read for every batch: they take {:.1} MiB, and on {} {:.1} MiB are for pixels; \
         --resident yes keeps them there nevertheless",
        mib(bytes),
        gpu.name(),
        mib(room(gpu))
    ))
}

impl Resident {
    /// Uploads the pixels of `data`, normalised or to be normalised, as u8 where the
    /// file has them so and `preprocess` allows it, else as f16 if `half` is set,
    /// else as f32. `None` on a device that is no gpu, or if they do not fit and
    /// `residence` leaves it open.
    pub fn load(
        data: &Dataset,
        preprocess: Preprocess,
        device: &Device,
        half: bool,
        residence: Residence,
    ) -> Result<Option<Resident>> {
        let Device::Gpu(gpu) = device else {
            return Ok(None);
        };
        if residence == Residence::No || data.is_empty() || data.shape.is_empty() {
            return Ok(None);
        }
        let (op, bytes) = layout(data, preprocess, half)?;
        let asked = residence == Residence::Yes;
        let room = room(gpu);
        if data.len() >= COUNTABLE || (!asked && bytes > room) {
            return match asked {
                false => Ok(None),
                true => Err(Error::config(
                    "--resident",
                    format!("yes for {} candidates", data.len()),
                    format!("fewer than {COUNTABLE}, or no"),
                )),
            };
        }
        let resident = Resident::upload(data, preprocess, device, gpu, op);
        match resident {
            Err(error) if error.is_too_large() && !asked => Ok(None),
            other => other.map(Some),
        }
    }

    fn upload(
        data: &Dataset,
        preprocess: Preprocess,
        device: &Device,
        gpu: &Gpu,
        op: Gather,
    ) -> Result<Resident> {
        let (words, channels) = (op.words(), data.shape.channels);
        let made = preprocess.output_shape(data.shape)?;
        let longest = gpu.longest_tensor().min((SHARD / 4) as usize);
        let per_shard = (longest / words).clamp(1, data.len());
        let affine = match op.element {
            Element::U8 => data.len() * channels * 3,
            _ => 0,
        };
        let mut affine: Vec<f32> = zeros(affine, "the pixels' scales")?;
        let mut shards = Vec::new();
        for first in (0..data.len()).step_by(per_shard) {
            let count = per_shard.min(data.len() - first);
            let mut values: Vec<u32> = zeros(count * words, "pixels on their way to the gpu")?;
            let rows = values.par_chunks_exact_mut(words).enumerate();
            if op.element == Element::U8 {
                let affine = &mut affine[first * channels * 3..][..count * channels * 3];
                rows.zip(affine.par_chunks_exact_mut(channels * 3))
                    .try_for_each(|((row, words), affine)| {
                        bytes(data, preprocess, first + row, words, affine)
                    })?;
            } else {
                rows.try_for_each(|(row, words)| {
                    let mut pixels = vec![0.0; made.len()];
                    let read = |values: &mut [f32]| data.pixels.read(first + row, values);
                    preprocess.read(data.shape, &mut pixels, read)?;
                    pack(op.element, &pixels, words);
                    Ok::<(), Error>(())
                })?;
            }
            // A word is 32 bits of whatever; copying keeps them.
            let values: &[f32] = bytemuck::cast_slice(&values);
            shards.push(Tensor::new(device, [count, words], values)?);
        }
        let affine = match op.element {
            Element::U8 => Some(Tensor::new(device, [data.len(), channels, 3], &affine)?),
            _ => None,
        };
        Ok(Resident { op, affine, shards })
    }

    /// The candidates `indices`, each turned as `symmetries` says: (N, H, W, C),
    /// normalised.
    pub fn gather(&self, indices: &[usize], symmetries: &[u8]) -> Result<Tensor> {
        let device = self.shards[0].device();
        let pairs = indices.iter().zip(symmetries);
        let rows: Vec<f32> = pairs
            .flat_map(|(index, symmetry)| [*index as f32, f32::from(*symmetry)])
            .collect();
        let rows = Tensor::new(device, [indices.len(), 2], &rows)?;
        let inputs: Vec<&Tensor> = [&rows]
            .into_iter()
            .chain(&self.affine)
            .chain(&self.shards)
            .collect();
        Ok(run::forward(&self.op, &inputs)?.remove(0))
    }
}

/// A candidate's bytes as words, and what normalises it: (C, 3).
fn bytes(
    data: &Dataset,
    preprocess: Preprocess,
    row: usize,
    words: &mut [u32],
    affine: &mut [f32],
) -> Result<()> {
    let found = data.pixels.bytes(row).ok_or_else(|| {
        let found = format!("row {row} of another type than the first");
        Error::input(&data.source, "pixels", found, "bytes throughout")
    })?;
    for (word, four) in words.iter_mut().zip(found.chunks(4)) {
        let mut all = [0; 4];
        all[..four.len()].copy_from_slice(four);
        *word = u32::from_le_bytes(all);
    }
    let mut pixels = vec![0.0; data.shape.len()];
    data.pixels.read(row, &mut pixels)?;
    let Preprocess::Plain(normalisation) = preprocess else {
        unreachable!("bytes are kept of what is scaled where it stands");
    };
    let each = normalisation.affine(&pixels, data.shape);
    for (to, [centre, factor]) in affine.chunks_exact_mut(3).zip(each.into_iter().flatten()) {
        let whole = centre.round();
        to.copy_from_slice(&[whole as f32, (centre - whole) as f32, factor as f32]);
    }
    Ok(())
}

fn pack(element: Element, pixels: &[f32], words: &mut [u32]) {
    for (word, group) in words.iter_mut().zip(pixels.chunks(element.per_word())) {
        *word = match element {
            Element::F32 => group[0].to_bits(),
            _ => group.iter().rev().fold(0, |word, pixel| {
                word << 16 | u32::from(f16::from_f32(*pixel).to_bits())
            }),
        };
    }
}
