//! Models for other programs: ONNX, Keras, plain safetensors. Every format carries
//! the same facts beside the weights, so that nobody has to guess what a score
//! means or what is to be done to the pixels.

mod facts;
mod keras;
mod onnx;
mod plain;

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::str::FromStr;

pub use facts::pixels;

use super::ModelFile;
use super::tensors::NamedTensor;
use crate::data::atomic::atomic_write;
use crate::data::{Normalisation, Preprocess};
use crate::judge::Calibration;
use crate::{Error, Result};

/// A kind of file that another program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// ONNX, opset 17: cutouts (N, H, W, C) in, `p_real` (N) out.
    Onnx,
    /// Keras' HDF5 file of model and weights, which Keras 2 (`tf_keras`) and 3 load.
    KerasH5,
    /// Keras 3's weights alone, for `load_weights` of a model that is there.
    KerasWeights,
    /// Keras 3's zip of model and weights.
    Keras,
    /// The weights under Keras' names, with metadata of plain texts.
    Safetensors,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 5] = [
        Format::Onnx,
        Format::KerasH5,
        Format::KerasWeights,
        Format::Keras,
        Format::Safetensors,
    ];

    /// Its name on the command line, which is the ending of its files too.
    pub fn name(self) -> &'static str {
        match self {
            Format::Onnx => "onnx",
            Format::KerasH5 => "h5",
            Format::KerasWeights => "weights.h5",
            Format::Keras => "keras",
            Format::Safetensors => "safetensors",
        }
    }

    /// What the ending of `path` says.
    pub fn of(path: &Path) -> Result<Format> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_lowercase();
        // The longest first: .weights.h5 is an .h5 too.
        let mut formats = Format::ALL;
        formats.sort_by_key(|format| std::cmp::Reverse(format.name().len()));
        let fits = |format: &Format| name.ends_with(&format!(".{}", format.name()));
        formats.into_iter().find(fits).ok_or_else(|| {
            let expected = format!("a name that ends in one of {}, or --format", endings());
            Error::config("--out", format!("'{}'", path.display()), expected)
        })
    }
}

fn endings() -> String {
    Format::ALL.map(|f| format!(".{}", f.name())).join(", ")
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Format::ALL
            .into_iter()
            .find(|f| f.name() == text)
            .ok_or_else(|| {
                let names = Format::ALL.map(Format::name).join(", ");
                Error::config("--format", format!("'{text}'"), format!("one of {names}"))
            })
    }
}

/// The weights of a network whose own P(real) is the calibrated one: a temperature divides the
/// logits, so it divides the kernel and the bias of the last layer. Other maps are no network.
fn calibrated(mut weights: Vec<NamedTensor>, model: &ModelFile) -> Result<Vec<NamedTensor>> {
    match &model.calibration {
        None => {}
        Some(Calibration::Temperature { temperature }) => {
            let plan = model.model.plan();
            let last = plan.layers.last().map_or(0, |layer| layer.parameters.len());
            let first = weights.len() - last;
            for tensor in &mut weights[first..] {
                for value in &mut tensor.values {
                    *value = (f64::from(*value) / temperature) as f32;
                }
            }
        }
        Some(Calibration::Isotonic { .. }) => {
            let expected = "none, or a temperature, which goes into the weights; export the model \
                            that it was calibrated from";
            return Err(Error::config(
                "the model's calibration",
                "isotonic",
                expected,
            ));
        }
    }
    Ok(weights)
}

/// What is written, and how.
#[derive(Clone, Copy, Debug)]
pub struct Export {
    /// The kind of file.
    pub format: Format,
    /// Whether the file takes pixels as they are and normalises them itself; only
    /// ONNX, and only where the normalisation needs no median.
    pub with_normalisation: bool,
}

impl Export {
    /// Refuses what a format cannot hold.
    pub fn check(&self, preprocess: Preprocess) -> Result<()> {
        let wrong = |found: String, expected: &str| {
            Err(Error::config("--with-normalisation", found, expected))
        };
        if !self.with_normalisation {
            return Ok(());
        }
        if self.format != Format::Onnx {
            let found = format!("format {}", self.format);
            return wrong(found, "onnx: the other formats hold the network alone");
        }
        match preprocess {
            Preprocess::Plain(Normalisation::Mad | Normalisation::Asinh) => wrong(
                format!("the model's normalisation '{preprocess}'"),
                "none, standard, l2, l2-rows or minmax: ONNX has no operator for a median",
            ),
            Preprocess::Plain(_) => Ok(()),
            _ => wrong(
                format!("the model's preprocessing '{preprocess}'"),
                "a plain normalisation: a survey's recipe is left to who calls the graph",
            ),
        }
    }

    /// The file's bytes. The same model always gives the same; `path` is named in errors.
    pub fn bytes(&self, model: &ModelFile, path: &Path) -> Result<Vec<u8>> {
        self.check(model.preprocess)?;
        let parameters = model.model.parameters().iter();
        let weights: Vec<NamedTensor> = parameters
            .map(|p| NamedTensor::read_back(p.name.clone(), &p.tensor))
            .collect::<Result<_>>()?;
        let weights = calibrated(weights, model)?;
        let facts = facts::of(model, self);
        match self.format {
            Format::Onnx => onnx::bytes(model, &weights, &facts, self.with_normalisation, path),
            Format::KerasH5 => keras::h5(&model.model, &weights, &facts, path),
            Format::KerasWeights => keras::weights_h5(&model.model, &weights, &facts, path),
            Format::Keras => keras::zipped(&model.model, &weights, &facts, path),
            Format::Safetensors => plain::bytes(&weights, &facts, path),
        }
    }

    /// Writes `model` to `path`, whole or not at all.
    pub fn write(&self, model: &ModelFile, path: &Path) -> Result<()> {
        let bytes = self.bytes(model, path)?;
        atomic_write(path, |out| out.write_all(&bytes))
    }
}
