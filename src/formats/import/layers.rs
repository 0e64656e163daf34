//! Keras' layers as rbgpu's. What rbgpu does not do is an error that names the layer.

use std::path::Path;

use serde_json::{Value, json};

use super::config::{Holder, KerasModel};
use super::options::Options;
use crate::nn::{Activation, Layer, Pair};
use crate::ops::Padding;
use crate::{Error, Result};

/// The classes of Keras' layers that can be imported.
pub const KNOWN: [&str; 25] = [
    "InputLayer",
    "Conv2D",
    "BatchNormalization",
    "BatchNormalizationV1",
    "MaxPooling2D",
    "AveragePooling2D",
    "GlobalAveragePooling2D",
    "Dropout",
    "Flatten",
    "Dense",
    "Activation",
    "ReLU",
    "LeakyReLU",
    "Rescaling",
    "Softmax",
    // Those of TRAINING.
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "SpatialDropout2D",
    "ActivityRegularization",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "RandomContrast",
];

/// How many of [`KNOWN`], the last, do something in training only: to predict() they are the
/// identity.
const TRAINING: usize = 10;

/// The window of an average over the whole image, until its size is known.
pub const WHOLE: Pair = Pair([0, 0]);

/// A network as rbgpu has it, and where each layer comes from.
pub struct Network {
    /// In order.
    pub layers: Vec<Layer>,
    /// For each of `layers`, that of Keras.
    pub origins: Vec<Origin>,
    /// (H, W, C) as far as the file says it.
    pub input: [Option<usize>; 3],
    /// Path of every nested model, outermost first, even if none of its layers is imported.
    pub models: Vec<Vec<Holder>>,
    /// What a user should know.
    pub notices: Vec<String>,
}

/// A layer's origin.
pub struct Origin {
    /// "layer 7 (conv_conv_1), SeparableConv2D".
    pub place: String,
    /// The nested models around it, outermost first.
    pub within: Vec<Holder>,
    /// Keras' own name for it.
    pub name: String,
    /// Keras' class in lower case with underscores: what Keras 3 counts layers by in
    /// its files of weights.
    pub stem: &'static str,
    /// The parameters that it has, in Keras' order; those that are missing here do
    /// nothing.
    pub parameters: Vec<&'static str>,
}

/// Reads all layers of `model`; `path` is named in errors.
pub fn translate(path: &Path, model: &KerasModel) -> Result<Network> {
    let mut network = Network {
        layers: Vec::new(),
        origins: Vec::new(),
        input: [None; 3],
        models: Vec::new(),
        notices: Vec::new(),
    };
    if let Some(shape) = &model.built_for {
        network.input = cutout(path, "build_input_shape", shape)?;
    }
    let mut flat = false;
    for (i, layer) in model.layers.iter().enumerate() {
        let options = Options { path, layer };
        options.check_common(&mut network.notices)?;
        if !network.models.contains(&layer.within) {
            network.models.push(layer.within.clone());
        }
        let shape = ["batch_shape", "batch_input_shape"].map(|key| layer.config.get(key));
        if let Some(shape) = shape.into_iter().flatten().find(|s| s.is_array())
            && i == 0
        {
            network.input = cutout(path, &layer.place(), shape)?;
        }
        match layer.class.as_str() {
            // The input of a nested model is the output of the layer before it.
            "InputLayer" if i == 0 || !layer.within.is_empty() => {
                options.only("sparse", &[false.into()])?;
                options.only("ragged", &[false.into()])?;
            }
            "InputLayer" => {
                return Err(options.wrong("a second input", "one input"));
            }
            class if KNOWN[KNOWN.len() - TRAINING..].contains(&class) => {
                let place = layer.place();
                network.notices.push(format!(
                    "{place}: it changes nothing in predict() and is left out"
                ));
            }
            "GlobalAveragePooling2D" => {
                options.only("keepdims", &[false.into()])?;
                if flat {
                    return Err(options.wrong("it after a Flatten", "it before"));
                }
                flat = true;
                let average = Layer::AvgPool {
                    window: WHOLE,
                    stride: None,
                };
                for made in [average, Layer::Flatten {}] {
                    network.layers.push(made);
                    network.origins.push(Origin {
                        place: layer.place(),
                        within: layer.within.clone(),
                        name: layer.name.clone(),
                        stem: "global_average_pooling2d",
                        parameters: Vec::new(),
                    });
                }
            }
            "Activation" | "Softmax" | "ReLU" if options.fused(network.layers.last_mut())? => {}
            _ => {
                let (made, stem, parameters) = options.translate(flat, &mut network.notices)?;
                flat |= matches!(made, Layer::Flatten {});
                network.layers.push(made);
                network.origins.push(Origin {
                    place: layer.place(),
                    within: layer.within.clone(),
                    name: layer.name.clone(),
                    stem,
                    parameters,
                });
            }
        }
    }
    check_heads(path, &network)?;
    Ok(network)
}

/// `[null, H, W, C]`, with null where any size will do.
fn cutout(path: &Path, place: &str, shape: &Value) -> Result<[Option<usize>; 3]> {
    let number = |v: &Value| match v {
        Value::Null => Some(None),
        _ => v.as_u64().and_then(|n| usize::try_from(n).ok()).map(Some),
    };
    match shape.as_array().map(Vec::as_slice) {
        Some([_, size @ ..]) if size.len() == 3 => {
            let size: Option<Vec<_>> = size.iter().map(number).collect();
            size.and_then(|size| size.try_into().ok())
        }
        _ => None,
    }
    .ok_or_else(|| {
        let found = format!("input of shape {shape}");
        Error::input(path, place, found, "[null, height, width, channels]")
    })
}

/// A sigmoid or softmax ends the network and stands nowhere else.
fn check_heads(path: &Path, network: &Network) -> Result<()> {
    use Activation::{Sigmoid, Softmax};
    let wrong = |place: &str, found: String| {
        let expected =
            "Dense of 1 unit with sigmoid, or of 2 units with softmax, at the end and only there";
        Err(Error::input(path, place, found, expected))
    };
    let count = network.layers.len();
    for (i, (layer, origin)) in network.layers.iter().zip(&network.origins).enumerate() {
        let last = i + 1 == count;
        match layer {
            Layer::Dense {
                units: 1,
                activation: Sigmoid,
            }
            | Layer::Dense {
                units: 2,
                activation: Softmax,
            } if last => {}
            Layer::Dense {
                units,
                activation: activation @ (Sigmoid | Softmax),
            } => {
                let name = format!("{activation:?}").to_lowercase();
                return wrong(&origin.place, format!("{name} on {units} units"));
            }
            Layer::Conv2d {
                activation: activation @ (Sigmoid | Softmax),
                ..
            } => {
                let name = format!("{activation:?}").to_lowercase();
                return wrong(&origin.place, format!("{name} on a convolution"));
            }
            _ if last => return wrong(&origin.place, "the end of the network".into()),
            _ => {}
        }
    }
    match count {
        0 => wrong("architecture", "no layers".into()),
        _ => Ok(()),
    }
}

impl Options<'_> {
    /// Makes this activation that of the layer `before`, if it can have one and has none, and
    /// returns whether it did or the activation is the identity there.
    fn fused(&self, before: Option<&mut Layer>) -> Result<bool> {
        let new = self.activation_layer()?;
        match before {
            _ if new == Some(Activation::Linear) => Ok(true),
            Some(Layer::Conv2d { activation, .. } | Layer::Dense { activation, .. }) => {
                match new {
                    Some(new) if *activation == Activation::Linear => *activation = new,
                    Some(Activation::Relu) if *activation == Activation::Relu => {}
                    _ => return Ok(false),
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The layer with the stem of its name in Keras 3's files and its parameters.
    fn translate(
        &self,
        flat: bool,
        notices: &mut Vec<String>,
    ) -> Result<(Layer, &'static str, Vec<&'static str>)> {
        let class = self.layer.class.as_str();
        let images = matches!(class, "Conv2D" | "MaxPooling2D" | "AveragePooling2D");
        if images && flat {
            return Err(self.wrong("it after a Flatten", "it before"));
        }
        let mut weighted = || -> Result<Vec<&'static str>> {
            match self.flag("use_bias", true)? {
                true => Ok(vec!["kernel", "bias"]),
                false => {
                    let place = self.layer.place();
                    notices.push(format!("{place}: it has no bias; rbgpu gives it one of 0"));
                    Ok(vec!["kernel"])
                }
            }
        };
        let ones = [1.into(), json!([1, 1])];
        match class {
            "Conv2D" => {
                self.only("dilation_rate", &ones)?;
                self.only("groups", &ones[..1])?;
                self.only("padding", &["same".into(), "valid".into()])?;
                let valid = self.get("padding").and_then(Value::as_str) != Some("same");
                let layer = Layer::Conv2d {
                    filters: self.count("filters")?,
                    kernel: self.needed_pair("kernel_size")?,
                    stride: self.pair("strides")?.unwrap_or(Pair([1, 1])),
                    padding: if valid { Padding::Valid } else { Padding::Same },
                    activation: self.activation("activation")?,
                };
                Ok((layer, "conv2d", weighted()?))
            }
            "Dense" => {
                if !flat {
                    return Err(self.wrong("it on images", "a Flatten before it"));
                }
                let layer = Layer::Dense {
                    units: self.count("units")?,
                    activation: self.activation("activation")?,
                };
                Ok((layer, "dense", weighted()?))
            }
            "MaxPooling2D" | "AveragePooling2D" => {
                self.only("padding", &["valid".into()])?;
                let window = self.needed_pair("pool_size")?;
                let stride = self.pair("strides")?.filter(|stride| *stride != window);
                Ok(match class {
                    "MaxPooling2D" => (Layer::MaxPool { window, stride }, "max_pooling2d", vec![]),
                    _ => (
                        Layer::AvgPool { window, stride },
                        "average_pooling2d",
                        vec![],
                    ),
                })
            }
            "Dropout" => {
                self.only("noise_shape", &[])?;
                let rate = self.number("rate", f64::NAN)?;
                if !(0.0..1.0).contains(&rate) {
                    return Err(self.wrong(&format!("rate {rate}"), "at least 0 and below 1"));
                }
                Ok((Layer::Dropout { rate }, "dropout", Vec::new()))
            }
            "Flatten" => Ok((Layer::Flatten {}, "flatten", Vec::new())),
            "Activation" | "Softmax" | "ReLU" => match self.activation_layer()? {
                Some(Activation::Relu) => Ok((Layer::Relu {}, "re_lu", Vec::new())),
                None => {
                    let slope = self.number("negative_slope", 0.0)?;
                    Ok((Layer::LeakyRelu { slope }, "re_lu", Vec::new()))
                }
                Some(other) => {
                    let found = format!("{other:?} that does not follow a Dense directly");
                    let expected = "it after the last Dense, or as its activation";
                    Err(self.wrong(&found, expected))
                }
            },
            "LeakyReLU" => {
                // Keras 2 calls it alpha.
                let key = match self.get("alpha") {
                    Some(_) => "alpha",
                    None => "negative_slope",
                };
                let slope = self.number(key, 0.3)?;
                Ok((Layer::LeakyRelu { slope }, "leaky_re_lu", Vec::new()))
            }
            "Rescaling" => {
                let scale = self.number("scale", 1.0)?;
                let offset = self.number("offset", 0.0)?;
                Ok((Layer::Rescaling { scale, offset }, "rescaling", Vec::new()))
            }
            _ => self.batch_norm(flat),
        }
    }

    fn batch_norm(&self, flat: bool) -> Result<(Layer, &'static str, Vec<&'static str>)> {
        let last = if flat { 1 } else { 3 };
        let lasts = [(-1).into(), last.into(), json!([-1]), json!([last])];
        self.only("axis", &lasts)?;
        self.only("renorm", &[false.into()])?;
        self.only("virtual_batch_size", &[])?;
        let layer = Layer::BatchNorm {
            epsilon: self.number("epsilon", 1e-3)?,
            momentum: self.number("momentum", 0.99)?,
        };
        let mut parameters = Vec::new();
        parameters.extend(self.flag("scale", true)?.then_some("gamma"));
        parameters.extend(self.flag("center", true)?.then_some("beta"));
        parameters.extend(["moving_mean", "moving_variance"]);
        Ok((layer, "batch_normalization", parameters))
    }
}
