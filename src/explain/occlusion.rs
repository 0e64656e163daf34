//! Occlusion (Zeiler & Fergus 2014): a square slides over the cutout, and what it hides is replaced
//! by that image's median. The map is by how much the class' number drops.

use super::{Class, Maps, Of, check_count, logits, output};
use crate::engine::Tensor;
use crate::nn::Model;
use crate::{Error, Result};

/// The square that slides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Its side in pixels of the network's input.
    pub size: usize,
    /// Pixels from one place to the next.
    pub stride: usize,
    /// The image that it hides; all of them unless given.
    pub channel: Option<usize>,
}

impl Patch {
    /// About an eighth of the shorter side of cutouts (H, W, C), moved by half of itself.
    pub fn for_input([height, width, _]: [usize; 3]) -> Patch {
        let size = (height.min(width) + 4) / 8;
        let size = size.max(1);
        Patch {
            size,
            stride: size.div_ceil(2),
            channel: None,
        }
    }

    /// An error where it does not fit into cutouts (H, W, C).
    pub fn check(self, [height, width, channels]: [usize; 3]) -> Result<()> {
        let side = height.min(width);
        if self.size == 0 || self.size > side {
            let expected = format!("from 1 to {side}, the side of the network's input");
            return Err(Error::config("--size", self.size.to_string(), expected));
        }
        if self.stride == 0 || self.stride > side {
            let expected = format!("from 1 to {side}, the side of the network's input");
            return Err(Error::config("--stride", self.stride.to_string(), expected));
        }
        if let Some(channel) = self.channel.filter(|&c| c >= channels) {
            let found = format!("image {channel}");
            let expected = format!("one of the {channels} that the network takes, from 0");
            return Err(Error::config("--hide", found, expected));
        }
        Ok(())
    }

    /// Where it begins along a side of `length` pixels: every `stride`, and at the end, so that
    /// each pixel is hidden at least once where `stride` is not above `size`.
    pub fn places(self, length: usize) -> Vec<usize> {
        let last = length - self.size;
        let mut places: Vec<usize> = (0..=last).step_by(self.stride).collect();
        if places.last() != Some(&last) {
            places.push(last);
        }
        places
    }

    /// (rows, columns) of the map of cutouts (H, W, C).
    pub fn map_shape(self, [height, width, _]: [usize; 3]) -> [usize; 2] {
        [self.places(height).len(), self.places(width).len()]
    }
}

/// A map (rows, columns) of `patch` at every pixel of cutouts (H, W, C): the mean over the places
/// of the square that hide it, 0 where none does.
pub fn spread(map: &[f32], patch: Patch, [height, width, _]: [usize; 3]) -> Vec<f32> {
    let (rows, columns) = (patch.places(height), patch.places(width));
    let (mut sums, mut counts) = (vec![0.0_f32; height * width], vec![0_u32; height * width]);
    let places = rows
        .iter()
        .flat_map(|row| columns.iter().map(move |column| (row, column)));
    for (value, (&top, &left)) in map.iter().zip(places) {
        for row in top..top + patch.size {
            for at in row * width + left..row * width + left + patch.size {
                sums[at] += value;
                counts[at] += 1;
            }
        }
    }
    let mean = |(sum, count): (&f32, &u32)| sum / (*count).max(1) as f32;
    sums.iter().zip(&counts).map(mean).collect()
}

/// By how much the number of `class` drops when `patch` hides a part of the cutout `x` (H, W, C),
/// as the network takes it: one map (rows, columns, 1) as it is, negative where hiding raises the
/// number. What is hidden becomes the image's median: the sky, after normalisation. `at_once` places
/// are tried at a time.
pub fn occlusion(
    model: &Model,
    x: &[f32],
    class: Class,
    of: Of,
    patch: Patch,
    at_once: usize,
) -> Result<Maps> {
    let shape @ [height, width, channels] = model.plan().input;
    patch.check(shape)?;
    let tensor = |values: &[f32]| {
        let count = values.len() / x.len().max(1);
        Tensor::new(model.device(), [count, height, width, channels], values)
    };
    let whole = tensor(x)?;
    check_count(&whole, &[class])?;
    let whole = output(&logits(model, whole)?, class, of);
    let fill: Vec<f32> = (0..channels).map(|c| median(x, channels, c)).collect();
    let columns = patch.places(width);
    let places: Vec<[usize; 2]> = patch
        .places(height)
        .iter()
        .flat_map(|&row| columns.iter().map(move |&column| [row, column]))
        .collect();
    let mut values = Vec::with_capacity(places.len());
    for places in places.chunks(at_once.max(1)) {
        let mut hidden = x.repeat(places.len());
        for (cutout, [top, left]) in hidden.chunks_mut(x.len()).zip(places) {
            for row in *top..top + patch.size {
                for column in *left..left + patch.size {
                    let pixel = &mut cutout[(row * width + column) * channels..][..channels];
                    match patch.channel {
                        Some(channel) => pixel[channel] = fill[channel],
                        None => pixel.copy_from_slice(&fill),
                    }
                }
            }
        }
        let logits = logits(model, tensor(&hidden)?)?;
        let each = logits.chunks(logits.len() / places.len());
        values.extend(each.map(|logits| (whole - output(logits, class, of)) as f32));
    }
    let [rows, columns] = patch.map_shape(shape);
    Ok(Maps {
        shape: [rows, columns, 1],
        values,
        largest: vec![1.0],
    })
}

/// The median of image `channel` of a cutout (H, W, C): of two in the middle the lower.
fn median(cutout: &[f32], channels: usize, channel: usize) -> f32 {
    let mut values: Vec<f32> = cutout[channel..]
        .iter()
        .step_by(channels)
        .copied()
        .collect();
    let middle = values.len().saturating_sub(1) / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_is_hidden() {
        let patch = |size, stride| Patch {
            size,
            stride,
            channel: None,
        };
        assert_eq!(patch(4, 2).places(11), [0, 2, 4, 6, 7]);
        assert_eq!(patch(4, 4).places(8), [0, 4]);
        assert_eq!(patch(5, 1).places(5), [0]);
        assert_eq!(Patch::for_input([63, 63, 3]), patch(8, 4));
        assert_eq!(Patch::for_input([32, 32, 1]), patch(4, 2));
        assert_eq!(Patch::for_input([1, 1, 1]), patch(1, 1));
    }

    #[test]
    fn a_pixel_has_the_mean_of_the_squares_over_it() {
        let patch = Patch {
            size: 2,
            stride: 1,
            channel: None,
        };
        // Three places across, one down.
        let spread = spread(&[1.0, 3.0, 5.0], patch, [2, 4, 1]);
        assert_eq!(spread, [1.0, 2.0, 4.0, 5.0, 1.0, 2.0, 4.0, 5.0]);
    }

    #[test]
    fn the_fill_is_the_median_of_its_own_image() {
        let cutout = [5.0, 1.0, 3.0, 2.0, 4.0, 9.0];
        assert_eq!((median(&cutout, 2, 0), median(&cutout, 2, 1)), (4.0, 2.0));
    }
}
