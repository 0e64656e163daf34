//! A network as a list of layers, read from TOML. The published networks are such
//! files too: `src/nn/networks/*.toml`.

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use super::pair::Pair;
pub use crate::ops::Padding;
use crate::{Error, Result};

/// What follows a layer's linear part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// Nothing.
    #[default]
    Linear,
    /// max(x, 0).
    Relu,
    /// 1 / (1 + e⁻ˣ): only at the end, on one unit.
    Sigmoid,
    /// e^{xₖ} / Σ e^{xⱼ}: only at the end, on two units.
    Softmax,
}

fn one() -> Pair {
    Pair([1, 1])
}

fn same() -> Padding {
    Padding::Same
}

/// Keras' default.
fn keras_epsilon() -> f64 {
    1e-3
}

/// Keras' default.
fn keras_momentum() -> f64 {
    0.99
}

/// Keras' default.
fn keras_slope() -> f64 {
    0.3
}

fn unchanged() -> f64 {
    1.0
}

/// One layer. Names and meanings are Keras'.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Layer {
    /// Convolution with bias, then the activation.
    Conv2d {
        /// Output channels.
        filters: usize,
        /// Pixels of the window.
        kernel: Pair,
        /// Pixels from one position to the next.
        #[serde(default = "one")]
        stride: Pair,
        /// What stands beyond the border.
        #[serde(default = "same")]
        padding: Padding,
        /// What follows.
        #[serde(default)]
        activation: Activation,
    },
    /// Batch normalisation over the last axis.
    BatchNorm {
        /// Added to the variance.
        #[serde(default = "keras_epsilon")]
        epsilon: f64,
        /// Weight of the past in the moving statistics.
        #[serde(default = "keras_momentum")]
        momentum: f64,
    },
    /// The largest pixel of each window, without padding.
    MaxPool {
        /// Pixels of the window.
        window: Pair,
        /// Pixels between windows; the window itself where nothing is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<Pair>,
    },
    /// The mean of each window, without padding.
    AvgPool {
        /// Pixels of the window.
        window: Pair,
        /// Pixels between windows; the window itself where nothing is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<Pair>,
    },
    /// Drops a share of the values in training.
    Dropout {
        /// The share.
        rate: f64,
    },
    /// max(x, 0), where it does not stand as a layer's activation.
    Relu {},
    /// x, or slope · x where x is below 0.
    LeakyRelu {
        /// The slope.
        #[serde(default = "keras_slope")]
        slope: f64,
    },
    /// scale · x + offset.
    Rescaling {
        /// The factor.
        #[serde(default = "unchanged")]
        scale: f64,
        /// What is added.
        #[serde(default)]
        offset: f64,
    },
    /// (H, W, C) to one axis.
    // Not a unit variant: serde would let those have any field.
    Flatten {},
    /// A fully connected layer with bias, then the activation.
    Dense {
        /// Output units.
        units: usize,
        /// What follows.
        #[serde(default)]
        activation: Activation,
    },
}

/// How the network's authors trained it: the defaults of `rbgpu train`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// Adam's η.
    pub learning_rate: f64,
    /// Halve η every so many epochs; 0 keeps it.
    pub halve_every: usize,
    /// Candidates per step.
    pub batch_size: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Epochs without a lower validation loss before training stops; 0 never stops.
    pub patience: usize,
    /// Training/validation[/test], in per cent.
    pub split: String,
    /// How pixels are scaled.
    pub normalisation: String,
    /// Training candidates of the authors, where the learning rate is for so many only: with
    /// fewer a larger one is taken. A model does not have it: what goes on from one keeps the rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates: Option<usize>,
}

impl Default for Training {
    fn default() -> Training {
        Training {
            learning_rate: 1e-3,
            halve_every: 0,
            batch_size: 64,
            epochs: 30,
            patience: 5,
            split: "85/15".into(),
            normalisation: "standard".into(),
            candidates: None,
        }
    }
}

/// A network, described.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// What to call it.
    pub name: String,
    /// (H, W, C) that it was published for; any other size that fits will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<[usize; 3]>,
    /// How it was trained.
    #[serde(default)]
    pub training: Training,
    /// From the pixels to P(real).
    pub layers: Vec<Layer>,
}

/// Name and description of every published network.
const PUBLISHED: [(&str, &str); 5] = [
    ("des1", include_str!("networks/des1.toml")),
    ("des2", include_str!("networks/des2.toml")),
    ("des3", include_str!("networks/des3.toml")),
    ("des4", include_str!("networks/des4.toml")),
    ("otrain", include_str!("networks/otrain.toml")),
];

impl Architecture {
    /// The names that [`Architecture::named`] knows.
    pub fn published() -> impl Iterator<Item = &'static str> {
        PUBLISHED.iter().map(|(name, _)| *name)
    }

    /// A published network by its name, or one read from a `.toml` file.
    pub fn named(name: &str) -> Result<Architecture> {
        if let Some((name, text)) = PUBLISHED.iter().find(|(known, _)| *known == name) {
            return Architecture::parse(text, Path::new(name));
        }
        if Architecture::is_file(name) {
            let text = std::fs::read_to_string(name).map_err(Error::io("read", name))?;
            return Architecture::parse(&text, Path::new(name));
        }
        let known: Vec<&str> = Architecture::published().collect();
        let expected = format!("{}, or a .toml file that describes one", known.join(", "));
        Err(Error::config("network", format!("'{name}'"), expected))
    }

    /// Whether `name` is a file for [`Architecture::named`], not a published network.
    pub fn is_file(name: &str) -> bool {
        name.ends_with(".toml")
    }

    /// Reads a description; `path` is named in errors.
    pub fn parse(text: &str, path: &Path) -> Result<Architecture> {
        let architecture: Architecture = toml::from_str(text).map_err(|e| {
            let (place, problem) = locate(text, &e);
            let expected = "a network as README.md describes it (name, [[layers]] with a kind)";
            Error::input(path, place, problem, expected)
        })?;
        architecture.check(path)?;
        Ok(architecture)
    }

    /// The same with every dropout layer's rate replaced.
    pub fn with_dropout(mut self, new: f64) -> Architecture {
        for layer in &mut self.layers {
            if let Layer::Dropout { rate } = layer {
                *rate = new;
            }
        }
        self
    }

    /// The same network with a `by`-th of the filters of every convolution (rounded down, at
    /// least 4), named so: one that learns the same things, less well, in about a `by`-th of
    /// `by`-th of the time. By 1 it is the network itself.
    pub fn narrowed(mut self, by: usize) -> Architecture {
        if by <= 1 {
            return self;
        }
        for layer in &mut self.layers {
            if let Layer::Conv2d { filters, .. } = layer {
                *filters = (*filters / by).max(4);
            }
        }
        self.name = format!("{}-narrow{by}", self.name);
        self
    }

    /// The activation of the last layer: sigmoid (one unit, P(real)) or softmax
    /// (two units, of which class 1 is real).
    pub fn head(&self) -> Activation {
        match self.layers.last() {
            Some(Layer::Dense { activation, .. }) => *activation,
            _ => Activation::Linear,
        }
    }

    /// Outputs before the head: 1 or 2.
    pub fn outputs(&self) -> usize {
        if self.head() == Activation::Softmax {
            2
        } else {
            1
        }
    }

    /// Whether the layers make a network; `path` is named in errors.
    pub fn check(&self, path: &Path) -> Result<()> {
        let wrong = |i: usize, found: String, expected: &str| {
            Err(Error::input(
                path,
                format!("layer {}", i + 1),
                found,
                expected,
            ))
        };
        for (i, layer) in self.layers.iter().enumerate() {
            let last = i + 1 == self.layers.len();
            match layer {
                Layer::Dropout { rate } if !(0.0..1.0).contains(rate) => {
                    return wrong(i, format!("rate {rate}"), "at least 0 and below 1");
                }
                Layer::LeakyRelu { slope } if !f32_holds(*slope) => {
                    return wrong(i, format!("slope {slope}"), "a finite number, in f32 too");
                }
                Layer::Rescaling { scale, offset } if !f32_holds(*scale) || !f32_holds(*offset) => {
                    let found = format!("scale {scale}, offset {offset}");
                    return wrong(i, found, "finite numbers, in f32 too");
                }
                Layer::Conv2d { filters: 0, .. } | Layer::Dense { units: 0, .. } => {
                    return wrong(i, "no output".into(), "at least one filter or unit");
                }
                Layer::BatchNorm { epsilon, momentum }
                    if !(*epsilon >= f64::from(f32::MIN_POSITIVE)
                        && (0.0..=1.0).contains(momentum)) =>
                {
                    let found = format!("epsilon {epsilon}, momentum {momentum}");
                    return wrong(
                        i,
                        found,
                        "epsilon above 0, as f32 has it, and momentum from 0 to 1",
                    );
                }
                Layer::Conv2d {
                    activation: Activation::Sigmoid | Activation::Softmax,
                    ..
                } => {
                    return wrong(i, "a sigmoid or softmax".into(), "it at the end only");
                }
                Layer::Dense {
                    activation: Activation::Sigmoid | Activation::Softmax,
                    ..
                } if !last => {
                    return wrong(i, "a sigmoid or softmax".into(), "it at the end only");
                }
                _ => {}
            }
        }
        match self.layers.last() {
            Some(
                Layer::Dense {
                    units: 1,
                    activation: Activation::Sigmoid,
                }
                | Layer::Dense {
                    units: 2,
                    activation: Activation::Softmax,
                },
            ) => Ok(()),
            _ => wrong(
                self.layers.len().saturating_sub(1),
                "another end".into(),
                "a dense layer of 1 unit with sigmoid or of 2 units with softmax",
            ),
        }
    }
}

/// Whether `value` is finite in f32, too.
fn f32_holds(value: f64) -> bool {
    (value as f32).is_finite()
}

/// Where `text` goes wrong, and how. The parser's own place is right except within
/// layers, where it is often that where the first one begins. So the first layer
/// that cannot be read by itself is looked for: the mistake is not before it.
fn locate(text: &str, error: &toml::de::Error) -> (String, String) {
    #[derive(Deserialize)]
    struct Rough {
        layers: Vec<toml::Spanned<toml::Value>>,
    }
    let line = |at: usize| 1 + text.bytes().take(at).filter(|b| *b == b'\n').count();
    let layers = toml::from_str(text).map_or_else(|_| Vec::new(), |rough: Rough| rough.layers);
    let start = error.span().map(|span| span.start);
    for (i, layer) in layers.into_iter().enumerate() {
        let at = layer.span().start.max(start.unwrap_or(0));
        if let Err(problem) = Layer::deserialize(layer.into_inner()) {
            let place = format!("line {}, layer {}", line(at), i + 1);
            return (place, problem.message().into());
        }
    }
    let place = start.map_or("the file".into(), |at| format!("line {}", line(at)));
    (place, error.message().into())
}
