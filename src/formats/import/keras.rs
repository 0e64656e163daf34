//! Keras' files: HDF5 of Keras 2 and 3, an architecture as JSON beside weights, and
//! .keras zips.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use zip::ZipArchive;

use super::config::{self, KerasModel};
use super::hdf5::H5;
use super::layers::{self, KNOWN, WHOLE};
use super::{ImportOptions, Network, guarded, plan_named, read_whole, weights};
use crate::nn::{Architecture, Layer, Pair, Plan, Training};
use crate::{Error, Result};

/// An architecture is kilobytes of JSON; no file needs more.
const LARGEST_CONFIG: u64 = 64 << 20;
/// Weights hardly compress, and Keras stores them as they are.
const LARGEST_RATIO: u64 = 64;

/// Reads a whole model in HDF5.
pub fn whole_h5(path: &Path, options: &ImportOptions) -> Result<Network> {
    let file = H5::open(path, read_whole(path)?)?;
    let version = file.string("", "keras_version")?;
    let Some(text) = file.string("", "model_config")? else {
        let found = "no model_config: weights only, if it is Keras'";
        let expected = "a whole model, or its architecture beside it: rbgpu import ARCHITECTURE.json WEIGHTS.h5";
        return Err(Error::input(path, "architecture", found, expected));
    };
    let model = config::parse(path, &text, &KNOWN)?;
    let kind = format!("Keras {} HDF5", version_of(version, &model));
    build(path, &model, &file, kind, options)
}

/// Reads an architecture from `json` and its weights from `h5`.
pub fn json_and_h5(json: &Path, h5: &Path, options: &ImportOptions) -> Result<Network> {
    let text = String::from_utf8(read_whole(json)?).map_err(|_| {
        let found = "bytes that are no UTF-8";
        Error::input(json, "architecture", found, "a Keras model as JSON")
    })?;
    let model = config::parse(json, &text, &KNOWN)?;
    let file = H5::open(h5, read_whole(h5)?)?;
    let version = match file.string("model_weights", "keras_version")? {
        None => file.string("", "keras_version")?,
        some => some,
    };
    let version = version_of(version, &model);
    let kind = format!("Keras {version} JSON and HDF5 weights {}", h5.display());
    build(json, &model, &file, kind, options)
}

/// Reads a .keras zip.
pub fn zipped(path: &Path, options: &ImportOptions) -> Result<Network> {
    let open = File::open(path).map_err(Error::io("open", path))?;
    let size = open.metadata().map_err(Error::io("read", path))?.len();
    let expected = "a whole .keras (zip) file; it may be truncated";
    let mut archive = guarded(path, "zip", expected, || {
        ZipArchive::new(BufReader::new(open))
    })?;
    let mut member = |name: &str, limit: u64| -> Result<Vec<u8>> {
        let expected = format!("a readable {name} of {limit} bytes at most");
        let bytes = guarded(path, name, &expected, || -> std::io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            let member = archive.by_name(name).map_err(std::io::Error::other)?;
            member.take(limit + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        })?;
        match bytes.len() as u64 <= limit {
            true => Ok(bytes),
            false => Err(Error::input(path, name, "more than that", expected)),
        }
    };
    let text = member("config.json", LARGEST_CONFIG)?;
    let text = String::from_utf8_lossy(&text);
    let model = config::parse(path, &text, &KNOWN)?;
    let metadata = member("metadata.json", LARGEST_CONFIG).unwrap_or_default();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata).unwrap_or_default();
    let version = metadata.get("keras_version").and_then(|v| v.as_str());
    let version = version_of(version.map(str::to_string), &model);
    let limit = size.saturating_mul(LARGEST_RATIO);
    let file = H5::open(path, member("model.weights.h5", limit)?)?;
    build(path, &model, &file, format!("Keras {version} zip"), options)
}

/// The file's own word, the architecture's, or none.
fn version_of(stated: Option<String>, model: &KerasModel) -> String {
    let version = stated.or_else(|| model.version.clone());
    version.unwrap_or_else(|| "of unknown version".into())
}

fn build(
    path: &Path,
    model: &KerasModel,
    file: &H5,
    kind: String,
    options: &ImportOptions,
) -> Result<Network> {
    let found = layers::translate(path, model)?;
    let mut notices = found.notices;
    let input = size(path, found.input, options.input)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut architecture = Architecture {
        name: stem.into_owned(),
        input: Some(input),
        training: Training::default(),
        layers: found.layers,
    };
    whole_windows(&mut architecture, input);
    let place = |i: usize| found.origins[i].place.clone();
    let plan = plan_named(path, &architecture, input, place)?;
    let values = weights::values(file, &plan, (&found.origins, &found.models), &mut notices)?;
    let named = plan.layers.iter().zip(&found.origins);
    let origins = named.map(|(layer, origin)| (layer.name.clone(), origin.name.clone()));
    Ok(Network {
        origins: origins.collect(),
        architecture,
        input,
        values,
        kind,
        notices,
    })
}

/// Gives averages over the whole image their window, now that the size of cutouts is known. Where
/// a layer before does not fit, its error is the plan's.
fn whole_windows(architecture: &mut Architecture, input: [usize; 3]) {
    for i in 0..architecture.layers.len() {
        let mut before = architecture.clone();
        before.layers.truncate(i);
        let Layer::AvgPool { window, .. } = &mut architecture.layers[i] else {
            continue;
        };
        if *window == WHOLE {
            let plan = Plan::new(&before, input);
            let last = plan
                .ok()
                .and_then(|plan| Some(plan.layers.last()?.output.to_vec()));
            let size = last.unwrap_or_else(|| input.to_vec());
            *window = Pair([size[0], *size.get(1).unwrap_or(&1)]);
        }
    }
}

/// The size of the cutouts: what the file says, and `asked` where it leaves it open.
fn size(path: &Path, found: [Option<usize>; 3], asked: Option<[usize; 3]>) -> Result<[usize; 3]> {
    let text = found.map(|n| n.map_or("any".into(), |n| n.to_string()));
    let text = format!("cutouts of {}", text.join("x"));
    let mut size = [0; 3];
    for (axis, into) in size.iter_mut().enumerate() {
        *into = match (found[axis], asked.map(|asked| asked[axis])) {
            (Some(n), None) | (None, Some(n)) => n,
            (Some(n), Some(m)) if n == m => n,
            (Some(_), Some(_)) => {
                let asked = asked.expect("just looked at").map(|n| n.to_string());
                let found = format!("{text} in {}", path.display());
                return Err(Error::config("--input", asked.join(","), found));
            }
            (None, None) => {
                let expected = "a size, given as --input H,W,C";
                return Err(Error::input(path, "input", text, expected));
            }
        };
    }
    Ok(size)
}
