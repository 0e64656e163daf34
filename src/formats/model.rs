//! The model file: safetensors whose metadata says everything that scoring needs.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::tensors::{self, NamedTensor};
use crate::backend::Device;
use crate::data::channels::{Takes, names};
use crate::data::kind::MODEL;
use crate::data::{Channel, CutoutShape, Preprocess};
use crate::engine::Tensor;
use crate::judge::Calibration;
use crate::nn::{Architecture, Model};
use crate::{Error, Result};

/// The file beside the model `path` whose name ends in `end` in place of ".safetensors":
/// "split.csv", "history.jsonl", ….
pub fn beside(path: &Path, end: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".safetensors").unwrap_or(&name);
    path.with_file_name(format!("{stem}.{end}"))
}

/// What the labels and scores mean: there is one answer, and the file says it.
pub const MEANING: &str = "label 1 is real, 0 is bogus; the score is P(real)";

/// The setting of an imported model that says whether [`ModelFile::channels`] are a guess.
pub const CHANNELS_GUESSED: &str = "channels_guessed";

/// Where a model comes from. No clock times: the same run gives the same file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of rbgpu.
    pub version: String,
    /// The training data, as it was named.
    pub data: String,
    /// What tells the data and its split from others; empty where nobody said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fingerprint: String,
    /// What tells the rows of its split.csv from others; empty where nobody said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub split: String,
    /// The device it was trained on.
    pub device: String,
    /// The settings of the run, as JSON.
    pub settings: serde_json::Value,
    /// Candidates in training, validation and test.
    pub parts: [usize; 3],
    /// The epoch whose weights these are, and how many there were.
    pub epoch: [usize; 2],
    /// Measured at the threshold: accuracy, F1, MCC, … by part.
    pub metrics: serde_json::Value,
}

impl Provenance {
    /// Adds `value` to the settings under `name`, also of a model that came without any.
    pub fn note(&mut self, name: &str, value: serde_json::Value) {
        if !self.settings.is_object() {
            self.settings = serde_json::json!({});
        }
        self.settings[name] = value;
    }
}

/// A network with all that is needed to use it.
#[derive(Clone, Debug)]
pub struct ModelFile {
    /// The network.
    pub model: Model,
    /// What is done to cutouts before they go in.
    pub preprocess: Preprocess,
    /// The images of a cutout that it takes, in this order; `None` where nobody said.
    pub channels: Option<Vec<Channel>>,
    /// What makes the network's scores into P(real); `None` where they are taken as they are.
    pub calibration: Option<Calibration>,
    /// A candidate is real when P(real), calibrated, is at least this.
    pub threshold: f64,
    /// Where it comes from.
    pub provenance: Provenance,
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    meaning: String,
    /// (H, W, C).
    input: [usize; 3],
    /// A [`Preprocess`]; the key is from when there were plain normalisations only,
    /// so that such an rbgpu refuses a recipe it does not know.
    normalisation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channels: Option<Vec<Channel>>,
    /// From format 2 on, which has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calibration: Option<Calibration>,
    threshold: f64,
    architecture: Architecture,
    provenance: Provenance,
}

/// The newest format that is read. Models without a calibration are written as format 1, which
/// older programs read; those would pass over a calibration, so that they must refuse it.
const NEWEST: u32 = 2;

impl ModelFile {
    /// The images that it takes.
    pub fn takes(&self) -> Takes {
        let recipe = self.preprocess.channels().map(|all| all.to_vec());
        let [height, width, channels] = self.model.plan().input;
        let input = CutoutShape {
            height,
            width,
            channels,
        };
        let cutouts = self.preprocess.cutouts_for(input).unwrap_or(input);
        let guessed = self.provenance.settings.get(CHANNELS_GUESSED);
        Takes {
            names: self.channels.clone().or(recipe),
            count: cutouts.channels,
            guessed: guessed.and_then(serde_json::Value::as_bool) == Some(true),
        }
    }

    /// The same model with its images called `channels`, in the order that it takes them. One
    /// that knows its images stays as it is.
    pub fn with_channels(mut self, channels: &[Channel]) -> Result<ModelFile> {
        let takes = self.takes();
        if takes.names.is_some() && !takes.guessed {
            return Ok(self);
        }
        if channels.len() != takes.count {
            let expected = format!("{} images, as the model takes", takes.count);
            return Err(Error::config("--channels", names(channels), expected));
        }
        self.channels = Some(channels.to_vec());
        if takes.guessed {
            self.provenance.note(CHANNELS_GUESSED, false.into());
        }
        Ok(self)
    }

    /// P(real), calibrated, for cutouts `x` (N, H, W, C) that are preprocessed, on the model's
    /// device.
    pub fn score(&self, x: Tensor) -> Result<Vec<f64>> {
        let mut scores = self.model.score(x)?;
        for score in &mut scores {
            *score = self.calibrated(*score);
        }
        Ok(scores)
    }

    /// What the network's own P(real) means: the one place where a calibration is applied.
    pub fn calibrated(&self, score: f64) -> f64 {
        let map = self.calibration.as_ref();
        map.map_or(score, |map| map.apply(score))
    }

    /// Writes it to `path`, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<()> {
        let tensors: Vec<NamedTensor> = self
            .model
            .parameters()
            .iter()
            .map(|p| NamedTensor::read_back(p.name.clone(), &p.tensor))
            .collect::<Result<_>>()?;
        let mut architecture = self.model.architecture().clone();
        // Only a fresh network wants it, and older programs refuse a key that they do not know.
        architecture.training.candidates = None;
        let header = Header {
            format: if self.calibration.is_some() {
                NEWEST
            } else {
                1
            },
            meaning: MEANING.into(),
            input: self.model.plan().input,
            normalisation: self.preprocess.into(),
            channels: self.channels.clone(),
            calibration: self.calibration.clone(),
            threshold: self.threshold,
            architecture,
            provenance: self.provenance.clone(),
        };
        let header = serde_json::to_string(&header).expect("plain data");
        tensors::write(path, &tensors, MODEL, &header)
    }

    /// Reads a model onto `device`.
    pub fn read(path: &Path, device: &Device) -> Result<ModelFile> {
        let (tensors, header) = tensors::read(path, MODEL)?;
        let header: Header = serde_json::from_str(&header)
            .map_err(|e| Error::input(path, "header", e.to_string(), "a model that rbgpu wrote"))?;
        if !(1..=NEWEST).contains(&header.format) {
            let found = format!("model format {}", header.format);
            return Err(Error::input(
                path,
                "header",
                found,
                "format 1 or 2; use a newer rbgpu",
            ));
        }
        // Another program may have written the file, or a person.
        header.architecture.check(path)?;
        if !(0.0..=1.0).contains(&header.threshold) {
            let found = header.threshold.to_string();
            return Err(Error::input(path, "threshold", found, "from 0 to 1"));
        }
        if let Some((found, expected)) = header.calibration.as_ref().and_then(Calibration::fault) {
            return Err(Error::input(path, "calibration", found, expected));
        }
        let preprocess: Preprocess = header.normalisation.parse().map_err(|_| {
            let found = format!("'{}'", header.normalisation);
            let names: Vec<&str> = Preprocess::all().map(Preprocess::name).collect();
            let expected = format!("one of {}; use a newer rbgpu", names.join(", "));
            Error::input(path, "preprocessing", found, expected)
        })?;
        let [height, width, channels] = header.input;
        let input = CutoutShape {
            height,
            width,
            channels,
        };
        preprocess
            .cutouts_for(input)
            .map_err(|e| Error::input(path, "preprocessing", e.to_string(), "one that fits"))?;
        let model = Model::with_values(header.architecture, header.input, device, |i, plan| {
            let wanted = plan.parameters().nth(i).expect("counted");
            let fits = |t: &&NamedTensor| t.name == wanted.name && t.shape == wanted.shape;
            let found = tensors.iter().find(fits).ok_or_else(|| {
                let expected = format!("a tensor of shape {}", wanted.shape);
                Error::input(path, wanted.name.clone(), "none that fits", expected)
            })?;
            Ok(found.values.clone())
        })?;
        Ok(ModelFile {
            model,
            preprocess,
            channels: header.channels,
            calibration: header.calibration,
            threshold: header.threshold,
            provenance: header.provenance,
        })
    }
}
