//! Grad-CAM (Selvaraju et al. 2017; Makhlouf et al. 2022, Sect. 6.4).
//!
//! With A (h, w, K) the output of a layer and y the number of a class, the weight of map k is
//! α_k = mean over the map of ∂y/∂A_k, and Grad-CAM is max(0, Σ_k α_k A_k), divided by its
//! largest value. Positive is what speaks for the class.

use std::path::Path;

use super::{Class, Maps, Of, check_count, gradient};
use crate::engine::Tensor;
use crate::nn::{Layer, Model};
use crate::{Error, Result, ops};

/// The layers that have maps, in order: number, name, (h, w, K).
pub fn layers(model: &Model) -> Vec<(usize, &str, [usize; 3])> {
    let all = model.plan().layers.iter().enumerate();
    all.filter_map(|(i, plan)| match plan.output[..] {
        [h, w, k] => Some((i, plan.name.as_str(), [h, w, k])),
        _ => None,
    })
    .collect()
}

/// The number of the layer called `name`, which must have maps; the last convolution
/// if none is named. (O'TRAIN's is `conv2d_4`: 8×8 at cutouts of 32×32.)
pub fn layer(model: &Model, name: Option<&str>) -> Result<usize> {
    let with_maps = layers(model);
    let convolution = |i: usize| matches!(model.plan().layers[i].layer, Layer::Conv2d { .. });
    let found = match name {
        Some(name) => with_maps.iter().find(|(_, known, _)| *known == name),
        None => with_maps.iter().rfind(|(i, ..)| convolution(*i)),
    };
    if let Some((i, ..)) = found {
        return Ok(*i);
    }
    if with_maps.is_empty() {
        return Err(Error::input(
            Path::new(&model.architecture().name),
            "its layers",
            "none with a spatial map, which Grad-CAM needs",
            "a network with a convolution (saliency and occlusion need none)",
        ));
    }
    let known: Vec<String> = with_maps
        .iter()
        .map(|(_, name, [h, w, k])| format!("{name} ({h}x{w}x{k})"))
        .collect();
    let found = match name {
        None => "no convolution".to_string(),
        Some(name) => match model.plan().layers.iter().find(|l| l.name == name) {
            Some(plan) => format!("{name}, whose output {} is no map", plan.output),
            None => format!("'{name}'"),
        },
    };
    let expected = format!("one of {}", known.join(", "));
    Err(Error::config("--layer", found, expected))
}

/// Grad-CAM of layer number `layer` for the class that `classes` names of each of the cutouts
/// `x` (N, H, W, C): maps (N, h, w, 1) from 0 to 1, `largest` what each was divided by. One
/// without a positive value is 0 everywhere, and so is its `largest`.
pub fn grad_cam(model: &Model, x: Tensor, layer: usize, classes: &[Class], of: Of) -> Result<Maps> {
    check_count(&x, classes)?;
    let mut tape = ops::tape(model.device());
    let x = tape.constant(x);
    let watched = model.forward_watching(&mut tape, x, layer)?;
    let shape = tape.tensor(watched.output).shape().clone();
    let [_, h, w, channels] = shape[..] else {
        let problem = "its output is no map, which Grad-CAM needs";
        return Err(Error::shape("explain", problem, &[&shape]));
    };
    let activations = tape.tensor(watched.output).to_vec()?;
    let asked = (classes, of);
    let (gradients, factors) = gradient(model, tape, watched.output, watched.logits, asked)?;
    let size = h * w * channels;
    let mut maps = Maps::empty([h, w, 1]);
    let each = activations.chunks(size).zip(gradients.chunks(size));
    for ((activation, gradient), factor) in each.zip(factors) {
        let mut weights = vec![0.0; channels];
        for pixel in gradient.chunks(channels) {
            weights.iter_mut().zip(pixel).for_each(|(w, g)| *w += g);
        }
        weights
            .iter_mut()
            .for_each(|weight| *weight /= (h * w) as f64);
        let map: Vec<f64> = activation
            .chunks(channels)
            .map(|pixel| {
                let sum: f64 = weights.iter().zip(pixel).map(|(w, a)| w * a).sum();
                // Not max(): that would make 0 of NaN.
                if sum < 0.0 { 0.0 } else { sum }
            })
            .collect();
        maps.push_divided(&map, factor);
    }
    Ok(maps)
}
