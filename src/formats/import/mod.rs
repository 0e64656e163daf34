//! Models that were trained elsewhere, made rbgpu's.
//!
//! | file | what it reads |
//! |---|---|
//! | `keras`, `config`, `layers`, `options`, `weights`, `hdf5` | Keras' HDF5, JSON with weights, .keras |
//! | `file` | what a file is, and what may be done with bytes that nobody vouches for |
//! | `pytorch`, `order` | state dicts, as .pth or safetensors |
//!
//! A network is taken over exactly or not at all: what rbgpu does not have is an error
//! that names the layer. Inside rbgpu the sigmoid, or class 1 of the softmax, is
//! P(real); the weights of the last layer are turned here where a network has it the
//! other way round.

mod config;
mod file;
mod hdf5;
mod keras;
mod layers;
mod options;
mod order;
mod pytorch;
mod weights;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde_json::json;

use self::file::{guarded, read_whole, recognise};
use super::model::{CHANNELS_GUESSED, ModelFile, Provenance};
use crate::backend::Device;
use crate::data::channels::{each_once, names};
use crate::data::kind::FileKind;
use crate::data::{Channel, CutoutShape, Normalisation, Preprocess};
use crate::nn::{Activation, Architecture, Model, Plan};
use crate::{Error, Result};

/// Which output of a network means real.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RealOutput {
    /// This class of a softmax; 0 for a sigmoid, whose one output is P(real).
    Output(usize),
    /// A sigmoid is P(artifact), as in the networks of the Dark Energy Survey; of a
    /// softmax, class 0 is real.
    Inverted,
}

impl FromStr for RealOutput {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match (text, text.parse()) {
            ("inverted", _) => Ok(RealOutput::Inverted),
            (_, Ok(class @ (0 | 1))) => Ok(RealOutput::Output(class)),
            _ => Err(Error::config(
                "--real-output",
                format!("'{text}'"),
                "0, 1 or inverted",
            )),
        }
    }
}

impl fmt::Display for RealOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RealOutput::Output(class) => write!(f, "{class}"),
            RealOutput::Inverted => f.write_str("inverted"),
        }
    }
}

/// What a file does not say of its network.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportOptions {
    /// Which output means real; the recipe's own if `preprocess` has one, else a guess
    /// that is among the notices.
    pub real_output: Option<RealOutput>,
    /// What is done to cutouts: a name that [`Preprocess`] knows, or `otrain` (pixels as
    /// they are, class 1 is real).
    pub preprocess: Option<String>,
    /// The images that the network takes, in their order; those of `preprocess` if it
    /// has any, else for three images a guess that is among the notices.
    pub channels: Option<Vec<Channel>>,
    /// A candidate is real when P(real) is at least this, from 0 to 1.
    pub threshold: f64,
    /// What to call the network; the file's name if nothing is said.
    pub network_name: Option<String>,
    /// For PyTorch: the architecture, as [`Architecture::named`] takes it.
    pub network: Option<String>,
    /// (H, W, C) of the network's input, where the file leaves it open.
    pub input: Option<[usize; 3]>,
}

impl Default for ImportOptions {
    /// A threshold of 0.5, and nothing said.
    fn default() -> Self {
        ImportOptions {
            real_output: None,
            preprocess: None,
            channels: None,
            threshold: 0.5,
            network_name: None,
            network: None,
            input: None,
        }
    }
}

/// A network on its way in: as its file has it.
struct Network {
    architecture: Architecture,
    /// (H, W, C).
    input: [usize; 3],
    /// Of every parameter, in the plan's order.
    values: Vec<Vec<f32>>,
    /// "Keras 2.2.4-tf HDF5", ….
    kind: String,
    /// rbgpu's name of a layer, and that in the file.
    origins: Vec<(String, String)>,
    notices: Vec<String>,
}

/// Reads a network from `path`: Keras' HDF5 or .keras, PyTorch's .pth or safetensors
/// with [`ImportOptions::network`], or an architecture as JSON with its `weights`.
/// Returns it on the cpu, with what a user should know.
///
/// # Errors
/// If a file is none of these, damaged, or holds what rbgpu does not have; the error
/// names the layer.
pub fn import(
    path: &Path,
    weights: Option<&Path>,
    options: &ImportOptions,
) -> Result<(ModelFile, Vec<String>)> {
    if !(0.0..=1.0).contains(&options.threshold) {
        let found = options.threshold.to_string();
        return Err(Error::config("--threshold", found, "from 0 to 1"));
    }
    let recipe = recipe(options.preprocess.as_deref())?;
    let network = read(path, weights, options)?;
    finish(path, network, recipe, options)
}

fn read(path: &Path, weights: Option<&Path>, options: &ImportOptions) -> Result<Network> {
    use FileKind::{Hdf5, Json, Keras, Safetensors};
    let kind = recognise(path)?;
    let Some(weights) = weights else {
        return match kind {
            Hdf5 => keras::whole_h5(path, options),
            Keras => keras::zipped(path, options),
            Safetensors => pytorch::safetensors(path, options),
            Json => Err(Error::input(
                path,
                "weights",
                "an architecture only",
                "its weights beside it: rbgpu import ARCHITECTURE.json WEIGHTS.h5",
            )),
            _ => pytorch::pickled(path, options),
        };
    };
    match (kind, recognise(weights)?) {
        (Json, Hdf5) => keras::json_and_h5(path, weights, options),
        (Hdf5, Json) => keras::json_and_h5(weights, path, options),
        (_, other) => Err(Error::input(
            weights,
            "file",
            format!("{} beside {}", other.words(), kind.words()),
            "one file, or an architecture as JSON with weights in HDF5",
        )),
    }
}

/// The plan of `architecture`. A layer that does not fit is named by `place`.
fn plan_named(
    path: &Path,
    architecture: &Architecture,
    input: [usize; 3],
    place: impl Fn(usize) -> String,
) -> Result<Plan> {
    architecture.check(path)?;
    let problem = match Plan::new(architecture, input) {
        Ok(plan) => return Ok(plan),
        Err(problem) => problem,
    };
    let fits = |layers: usize| {
        let mut part = architecture.clone();
        part.layers.truncate(layers);
        Plan::new(&part, input).is_ok()
    };
    // The first layer that does not fit on what is before it.
    let wrong = (0..architecture.layers.len()).find(|i| !fits(i + 1));
    let [h, w, c] = input;
    let expected = format!("a layer that fits on cutouts of {h}x{w}x{c}");
    let found = match &problem {
        Error::Input { found, .. } => found.clone(),
        other => other.to_string(),
    };
    Err(Error::input(
        path,
        wrong.map_or("input".into(), place),
        found,
        expected,
    ))
}

/// What `--preprocess` names, and which output is real if the name says it.
fn recipe(name: Option<&str>) -> Result<Option<(Preprocess, Option<RealOutput>)>> {
    let Some(name) = name else {
        return Ok(None);
    };
    Ok(Some(match (name, name.parse()) {
        // O'TRAIN gives its networks the pixels as the cutouts have them.
        ("otrain", _) => (Normalisation::None.into(), Some(RealOutput::Output(1))),
        (
            _,
            Err(Error::Config {
                what,
                found,
                expected,
            }),
        ) => {
            return Err(Error::config(what, found, format!("{expected}, otrain")));
        }
        (_, known) => match known? {
            recipe @ (Preprocess::BraaiD6m7 | Preprocess::Braai | Preprocess::DiaNodia) => {
                (recipe, Some(RealOutput::Output(0)))
            }
            plain @ Preprocess::Plain(_) => (plain, None),
        },
    }))
}

/// Turns the network so that its score is P(real), and stores what belongs to it.
fn finish(
    path: &Path,
    network: Network,
    recipe: Option<(Preprocess, Option<RealOutput>)>,
    options: &ImportOptions,
) -> Result<(ModelFile, Vec<String>)> {
    let Network {
        mut architecture,
        input,
        mut values,
        kind,
        origins,
        mut notices,
    } = network;
    let (preprocess, own) = recipe.unwrap_or_else(|| {
        notices.push(
            "--preprocess was not said: pixels go in as they are (none), NaN as the median of their image"
                .into(),
        );
        (Normalisation::None.into(), None)
    });
    let [height, width, channels] = input;
    let input_shape = CutoutShape {
        height,
        width,
        channels,
    };
    let cutouts = preprocess.cutouts_for(input_shape)?;
    if preprocess == Preprocess::DiaNodia && cutouts.height != cutouts.width {
        let found = format!("'{preprocess}' for a network that takes {input_shape}");
        let expected = "a network of three square images side by side, (H, 3H, 1): the recipe \
                        makes cutouts into that, so that no score would come out of this one";
        return Err(Error::config("--preprocess", found, expected));
    }
    let given = channels_of(preprocess, cutouts, options.channels.as_ref())?;
    let (channels, channels_guessed) = match given {
        Some(given) => (Some(given), false),
        None => guess(cutouts.channels, &mut notices),
    };
    if let Preprocess::Plain(normalisation) = preprocess {
        architecture.training.normalisation = normalisation.name().into();
    }
    if let Some(name) = &options.network_name {
        architecture.name.clone_from(name);
    }
    let softmax = architecture.head() == Activation::Softmax;
    // A recipe speaks of the head that its own network has.
    let own = own.filter(|_| match preprocess {
        Preprocess::BraaiD6m7 | Preprocess::Braai => !softmax,
        _ => softmax,
    });
    let (real, guessed) = match (options.real_output.or(own), softmax) {
        (Some(said), _) => (said, false),
        (None, true) => (RealOutput::Output(1), true),
        (None, false) => (RealOutput::Output(0), true),
    };
    if guessed {
        notices.push(match softmax {
            true => "which class is real was not said: GUESSED class 1, as O'TRAIN has it; if it is class 0, import again with --real-output 0".into(),
            false => "what the sigmoid means was not said: GUESSED P(real); if it is P(artifact), as DES has it, import again with --real-output inverted".to_string(),
        });
    }
    turn(&mut values, softmax, real)?;
    let mut provenance = Provenance {
        version: env!("CARGO_PKG_VERSION").into(),
        data: path.display().to_string(),
        settings: json!({
            "imported_from": kind,
            "real_output": real.to_string(),
            "real_output_guessed": guessed,
            "layers": origins.iter().map(|(ours, theirs)| json!({"name": ours, "was": theirs})).collect::<Vec<_>>(),
        }),
        ..Provenance::default()
    };
    if channels_guessed {
        provenance.note(CHANNELS_GUESSED, true.into());
    }
    let device = Device::cpu();
    let model = Model::with_values(architecture, input, &device, |i, _| Ok(values[i].clone()))?;
    let file = ModelFile {
        model,
        preprocess,
        channels,
        calibration: None,
        threshold: options.threshold,
        provenance,
    };
    Ok((file, notices))
}

/// The images that a network of `count` takes, where nobody said it, and whether they are a
/// guess. A single image has no order.
fn guess(count: usize, notices: &mut Vec<String>) -> (Option<Vec<Channel>>, bool) {
    use Channel::{Difference, Search, Template};
    match count {
        0 | 1 => (None, false),
        3 => {
            let guess = vec![Search, Template, Difference];
            notices.push(format!(
                "which images the network takes was not said: GUESSED {}, as ZTF's networks have \
                 them; if the order is another, import again with it, such as --channels \
                 template,search,difference",
                names(&guess)
            ));
            (Some(guess), true)
        }
        n => {
            notices.push(format!(
                "which {n} images the network takes was not said: cutouts with names will be \
                 refused; import again with --channels NAME,…"
            ));
            (None, false)
        }
    }
}

/// The images that the network takes, as far as they are known.
fn channels_of(
    preprocess: Preprocess,
    cutouts: CutoutShape,
    asked: Option<&Vec<Channel>>,
) -> Result<Option<Vec<Channel>>> {
    each_once("--channels", asked.map_or(&[], Vec::as_slice))?;
    let own = preprocess.channels().map(|channels| channels.to_vec());
    match (own, asked) {
        (Some(own), Some(asked)) if own != *asked => {
            let expected = format!("{}, as '{preprocess}' has them", names(&own));
            Err(Error::config("--channels", names(asked), expected))
        }
        (None, Some(asked)) if asked.len() != cutouts.channels => {
            let expected = format!("{}, as the network takes", cutouts.channels);
            Err(Error::config("--channels", names(asked), expected))
        }
        (own, asked) => Ok(own.or_else(|| asked.cloned())),
    }
}

/// Makes the last dense layer (kernel (in, units) and bias, the last two of `values`)
/// say P(real). Exact: signs and places change, no number does.
fn turn(values: &mut [Vec<f32>], softmax: bool, real: RealOutput) -> Result<()> {
    let wrong = |found: &str, expected: &str| Err(Error::config("--real-output", found, expected));
    let turned = match (softmax, real) {
        (true, RealOutput::Output(1)) | (false, RealOutput::Output(0)) => false,
        (true, RealOutput::Output(0) | RealOutput::Inverted) | (false, RealOutput::Inverted) => {
            true
        }
        (true, RealOutput::Output(_)) => return wrong("another class", "0 or 1 of two classes"),
        (false, RealOutput::Output(_)) => {
            return wrong(
                "1 for a network that ends in a sigmoid",
                "0 (its one output is P(real)) or inverted (it is P(artifact))",
            );
        }
    };
    let last = values.len().saturating_sub(2);
    for values in values[last..].iter_mut().filter(|_| turned) {
        match softmax {
            true => values.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1)),
            false => values.iter_mut().for_each(|value| *value = -*value),
        }
    }
    Ok(())
}
