//! An architecture at one input size: every layer's name, output shape and
//! parameters. Names are those that Keras gives (conv2d, conv2d_1, …).

use std::collections::HashMap;
use std::path::Path;

use super::architecture::{Architecture, Layer};
use crate::engine::Shape;
use crate::ops::Padding;
use crate::ops::window::sliding;
use crate::{Error, Result};

/// What a parameter starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Init {
    /// Glorot & Bengio 2010: uniform within ±√(6 / (fan in + fan out)).
    GlorotUniform {
        /// Inputs that one output sums.
        fan_in: usize,
        /// Outputs that one input reaches.
        fan_out: usize,
    },
    /// All 0.
    Zeros,
    /// All 1.
    Ones,
}

/// One parameter to be.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterPlan {
    /// "conv2d/kernel", "batch_normalization/moving_mean", …
    pub name: String,
    /// In Keras' layout.
    pub shape: Shape,
    /// What it starts from.
    pub init: Init,
    /// Whether Adam moves it; moving statistics are not.
    pub trainable: bool,
}

/// One layer at one input size.
#[derive(Clone, Debug)]
pub struct LayerPlan {
    /// Keras' name for it.
    pub name: String,
    /// The layer.
    pub layer: Layer,
    /// (H, W, C) or (units), without the batch.
    pub output: Shape,
    /// Its parameters, in Keras' order.
    pub parameters: Vec<ParameterPlan>,
    /// Whether training leaves it as it is: see [`Model::freeze`](super::Model::freeze).
    pub frozen: bool,
}

/// A network at one input size.
#[derive(Clone, Debug)]
pub struct Plan {
    /// (H, W, C).
    pub input: [usize; 3],
    /// In order.
    pub layers: Vec<LayerPlan>,
}

impl Plan {
    /// Lays `architecture` out for cutouts of `input` (H, W, C).
    pub fn new(architecture: &Architecture, input: [usize; 3]) -> Result<Plan> {
        limited("cutout", &input)?;
        let mut shape = Shape::from(input);
        let mut counts: HashMap<&str, usize> = HashMap::new();
        let mut layers = Vec::new();
        for (i, layer) in architecture.layers.iter().enumerate() {
            let base = keras_name(layer);
            let count = counts.entry(base).or_default();
            let name = if *count == 0 {
                base.to_string()
            } else {
                format!("{base}_{count}")
            };
            *count += 1;
            let laid_out = lay_out(layer, &shape).and_then(|laid_out| {
                limited("output", &laid_out.0)?;
                Ok(laid_out)
            });
            let (output, parameters) = laid_out.map_err(|problem| {
                Error::input(
                    Path::new(&architecture.name),
                    format!("layer {} ({name}) on {shape}", i + 1),
                    problem.to_string(),
                    format!("a layer that fits cutouts of {input:?} (H, W, C)"),
                )
            })?;
            let parameters = parameters
                .into_iter()
                .map(|mut p| {
                    p.name = format!("{name}/{}", p.name);
                    p
                })
                .collect();
            layers.push(LayerPlan {
                name,
                layer: layer.clone(),
                output: output.clone(),
                parameters,
                frozen: false,
            });
            shape = output;
        }
        Ok(Plan { input, layers })
    }

    /// Every parameter in order.
    pub fn parameters(&self) -> impl Iterator<Item = &ParameterPlan> {
        self.layers.iter().flat_map(|layer| &layer.parameters)
    }

    /// Numbers that training moves.
    pub fn trainable(&self) -> usize {
        self.parameters()
            .filter(|p| p.trainable)
            .map(|p| p.shape.len())
            .sum()
    }

    /// Numbers that training does not move: moving statistics.
    pub fn not_trainable(&self) -> usize {
        self.parameters()
            .filter(|p| !p.trainable)
            .map(|p| p.shape.len())
            .sum()
    }
}

fn keras_name(layer: &Layer) -> &'static str {
    match layer {
        Layer::Conv2d { .. } => "conv2d",
        Layer::BatchNorm { .. } => "batch_normalization",
        Layer::MaxPool { .. } => "max_pooling2d",
        Layer::AvgPool { .. } => "average_pooling2d",
        Layer::Dropout { .. } => "dropout",
        Layer::Relu {} => "re_lu",
        Layer::LeakyRelu { .. } => "leaky_re_lu",
        Layer::Rescaling { .. } => "rescaling",
        Layer::Flatten {} => "flatten",
        Layer::Dense { .. } => "dense",
    }
}

fn parameter(name: &str, shape: impl Into<Shape>, init: Init) -> ParameterPlan {
    ParameterPlan {
        name: name.into(),
        shape: shape.into(),
        init,
        trainable: true,
    }
}

/// Elements that one tensor may have: what f32 of a gpu's buffer can address, and far
/// beyond any network of this kind.
const LARGEST: usize = 1 << 31;

/// Whether a tensor of these axes is no larger than [`LARGEST`].
fn limited(what: &'static str, axes: &[usize]) -> Result<()> {
    let product = axes.iter().try_fold(1_usize, |p, n| p.checked_mul(*n));
    match product {
        Some(product) if product <= LARGEST => Ok(()),
        _ => {
            let problem = format!("more than {LARGEST} elements");
            Err(Error::shape(what, problem, &[axes]))
        }
    }
}

/// The output's shape and the parameters of one layer, all without the batch.
fn lay_out(layer: &Layer, input: &Shape) -> Result<(Shape, Vec<ParameterPlan>)> {
    let image = |op| match input[..] {
        [h, w, c] => Ok((Shape::from([1, h, w, c]), c)),
        _ => Err(Error::shape(
            op,
            "needs images, before any flatten",
            &[input],
        )),
    };
    let pool = |op, window: [usize; 2], stride: Option<[usize; 2]>| {
        let (image, channels) = image(op)?;
        limited(op, &window)?;
        let at = sliding(op, &image, window, stride.unwrap_or(window), Padding::Valid)?;
        Ok((
            Shape::from([at.rows.output, at.columns.output, channels]),
            Vec::new(),
        ))
    };
    match layer {
        Layer::Conv2d {
            filters,
            kernel,
            stride,
            padding,
            ..
        } => {
            let (image, channels) = image("conv2d")?;
            let [a, b] = kernel.0;
            limited("conv2d", &[a, b, channels, *filters])?;
            let at = sliding("conv2d", &image, kernel.0, stride.0, *padding)?;
            let init = Init::GlorotUniform {
                fan_in: a * b * channels,
                fan_out: a * b * filters,
            };
            let parameters = vec![
                parameter("kernel", [a, b, channels, *filters], init),
                parameter("bias", [*filters], Init::Zeros),
            ];
            Ok((
                Shape::from([at.rows.output, at.columns.output, *filters]),
                parameters,
            ))
        }
        Layer::BatchNorm { .. } => {
            let channels = [input.channels()];
            let still = |p: ParameterPlan| ParameterPlan {
                trainable: false,
                ..p
            };
            let parameters = vec![
                parameter("gamma", channels, Init::Ones),
                parameter("beta", channels, Init::Zeros),
                still(parameter("moving_mean", channels, Init::Zeros)),
                still(parameter("moving_variance", channels, Init::Ones)),
            ];
            Ok((input.clone(), parameters))
        }
        Layer::MaxPool { window, stride } => pool("max_pool", window.0, stride.map(|s| s.0)),
        Layer::AvgPool { window, stride } => pool("avg_pool", window.0, stride.map(|s| s.0)),
        Layer::Dropout { .. }
        | Layer::Relu {}
        | Layer::LeakyRelu { .. }
        | Layer::Rescaling { .. } => Ok((input.clone(), Vec::new())),
        Layer::Flatten {} => Ok((Shape::from([input.len()]), Vec::new())),
        Layer::Dense { units, .. } => {
            let [inputs] = input[..] else {
                return Err(Error::shape("dense", "needs a flatten before it", &[input]));
            };
            limited("dense", &[inputs, *units])?;
            let init = Init::GlorotUniform {
                fan_in: inputs,
                fan_out: *units,
            };
            let parameters = vec![
                parameter("kernel", [inputs, *units], init),
                parameter("bias", [*units], Init::Zeros),
            ];
            Ok((Shape::from([*units]), parameters))
        }
    }
}
