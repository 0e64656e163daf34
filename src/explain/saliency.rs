//! Saliency (Simonyan et al. 2013): the gradient of a class' number with respect to every
//! pixel that the network is given. Its sign says whether a brighter pixel speaks for the class
//! or against it; its size summed over an image, which of the images the network looked at.

use super::{Class, Maps, Of, check_count, gradient};
use crate::engine::Tensor;
use crate::nn::{Mode, Model};
use crate::{Result, ops};

/// The gradient for each candidate, and how it is shared among the images.
#[derive(Clone, Debug, PartialEq)]
pub struct Saliency {
    /// (N, H, W, C), signed, each from -1 to 1 and `largest` its largest |value|: per unit of
    /// the network's input, that is after normalisation.
    pub maps: Maps,
    /// (N, C): Σ |gradient| over image c as a part of that over all; 0 where all is 0.
    pub shares: Vec<f64>,
}

/// Saliency for the class that `classes` names of each of the cutouts `x` (N, H, W, C), as the
/// network takes them.
pub fn saliency(model: &Model, x: Tensor, classes: &[Class], of: Of) -> Result<Saliency> {
    check_count(&x, classes)?;
    let model = model.clone().single_ops();
    let shape = model.plan().input;
    let mut tape = ops::tape(model.device());
    let x = tape.parameter(x);
    let logits = model.forward(&mut tape, x, Mode::Inference)?.logits;
    let (gradients, factors) = gradient(&model, tape, x, logits, (classes, of))?;
    let mut maps = Maps::empty(shape);
    let mut shares = Vec::with_capacity(classes.len() * shape[2]);
    let each = gradients.chunks(shape.iter().product());
    for (gradient, factor) in each.zip(factors) {
        maps.push_divided(gradient, factor);
        shares.extend(shares_of(gradient, shape, 1));
    }
    Ok(Saliency { maps, shares })
}

/// Σ |value| over each image of a map (H, W, C) as parts of all; 0 where all is 0. Where `across`
/// images stand side by side in each of the C, these are told apart: C · `across` parts.
pub fn shares_of(map: &[f64], [_, width, channels]: [usize; 3], across: usize) -> Vec<f64> {
    let mut sums = vec![0.0; channels * across];
    let one = (width / across).max(1);
    for (i, value) in map.iter().enumerate() {
        let (column, channel) = (i / channels % width, i % channels);
        sums[channel * across + (column / one).min(across - 1)] += value.abs();
    }
    let all: f64 = sums.iter().sum();
    let scale = if all > 0.0 { all } else { 1.0 };
    sums.iter().map(|sum| sum / scale).collect()
}

#[cfg(test)]
mod tests {
    use super::shares_of;

    #[test]
    fn shares_by_image_wherever_it_stands() {
        let map = [1.0, -3.0, 0.0, 4.0];
        assert_eq!(shares_of(&map, [1, 2, 2], 1), [0.125, 0.875]);
        assert_eq!(shares_of(&map, [1, 4, 1], 2), [0.5, 0.5]);
        assert_eq!(shares_of(&[0.0; 4], [1, 4, 1], 2), [0.0, 0.0]);
    }
}
