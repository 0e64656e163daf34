//! What a run begins with, where it goes on from another model.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::{Config, Settings};
use crate::Result;
use crate::backend::Device;
use crate::data::Preprocess;
use crate::formats::ModelFile;
use crate::nn::{Architecture, Model};
use crate::{Error, data};

/// The model that a run began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// As it was named.
    pub model: String,
    /// What tells its weights from others: a hash over their names and bits.
    pub weights: String,
}

impl Origin {
    /// Of `model`, which is called `name`.
    pub fn of(name: &str, model: &Model) -> Result<Origin> {
        Ok(Origin {
            model: name.into(),
            weights: weights_fingerprint(model)?,
        })
    }
}

/// What tells the weights of a network from others.
pub fn weights_fingerprint(model: &Model) -> Result<String> {
    // Not the standard hasher, which another toolchain may change.
    let mut hasher = crc32fast::Hasher::new();
    let mut numbers = 0;
    for parameter in model.parameters() {
        parameter.name.hash(&mut hasher);
        for value in parameter.tensor.to_vec()? {
            // As the file has them.
            hasher.write_u32((value as f32).to_bits());
            numbers += 1;
        }
    }
    Ok(format!(
        "{numbers} numbers, {:08x}",
        Hasher::finish(&hasher)
    ))
}

impl Settings {
    /// Settings for a run that begins with `file`: the network and what is done to cutouts are
    /// its own, so that other ones are an error. The learning rate and all that is not given are
    /// the network's published values, as for a fresh one.
    pub fn check_from(&self, file: &ModelFile) -> Result<Config> {
        if let Some(wanted) = self.normalisation
            && file.preprocess != Preprocess::Plain(wanted)
        {
            let expected = format!("{}, as the model has it, or nothing", file.preprocess);
            return Err(Error::config("--normalise", wanted.to_string(), expected));
        }
        let settings = Settings {
            normalisation: Some(data::Normalisation::None),
            ..self.clone()
        };
        let mut config = settings.check(file.model.architecture().clone())?;
        config.preprocess = file.preprocess;
        Ok(config)
    }
}

/// Whether `network`, as a user named it, is the one that a model has; else an error.
pub fn same_network(network: &str, file: &ModelFile) -> Result<()> {
    let wanted = Architecture::named(network)?;
    let own = file.model.architecture();
    // Its dropout may be set anew, and how it was trained is no part of it.
    let plain = |architecture: &Architecture| architecture.clone().with_dropout(0.0).layers;
    match plain(&wanted) == plain(own) {
        true => Ok(()),
        false => {
            let expected = format!("{}, the model's own network, or nothing", own.name);
            Err(Error::config("--network", network, expected))
        }
    }
}

/// `model` on `device`, with the dropout of `architecture`.
pub(super) fn brought(model: &Model, architecture: Architecture, device: &Device) -> Result<Model> {
    let input = model.plan().input;
    Model::with_values(architecture, input, device, |i, _| {
        model.parameters()[i].tensor.to_vec()
    })
}
