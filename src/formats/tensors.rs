//! Named f32 tensors in a safetensors file, with one JSON text in its metadata.
//! The same tensors and text always give the same bytes.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::data::atomic::atomic_write;
use crate::data::kind::{CHECKPOINT, FOREST, FileKind, MODEL};
use crate::data::options::lfs_error;
use crate::engine::{Shape, Tensor};
use crate::{Error, Result};

/// A tensor on its way to or from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Its key.
    pub name: String,
    /// Axis lengths.
    pub shape: Shape,
    /// Row-major.
    pub values: Vec<f32>,
}

impl NamedTensor {
    /// Reads a tensor back from its device.
    pub fn read_back(name: String, tensor: &Tensor) -> Result<NamedTensor> {
        let values = tensor.to_vec()?.into_iter().map(|v| v as f32).collect();
        Ok(NamedTensor {
            name,
            shape: tensor.shape().clone(),
            values,
        })
    }

    /// The values, little-endian.
    pub fn bytes(&self) -> Vec<u8> {
        self.values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }
}

/// What stands in the metadata.
#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    /// Of the header and every tensor, in hexadecimal: safetensors has none.
    checksum: String,
    /// The caller's own, kept letter by letter.
    #[serde(borrow)]
    header: &'a RawValue,
}

/// FNV-1a over the text, names, shapes and values: a damaged file is noticed.
fn checksum<'a>(
    text: &str,
    tensors: impl Iterator<Item = (&'a str, &'a [usize], &'a [u8])>,
) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    add(text.as_bytes());
    let mut all: Vec<_> = tensors.collect();
    all.sort_unstable();
    for (name, shape, bytes) in all {
        add(name.as_bytes());
        shape.iter().for_each(|n| add(&(*n as u64).to_le_bytes()));
        add(bytes);
    }
    hash
}

/// Writes `tensors` to `path`, with `text`, which is JSON, and a checksum under
/// `key` in the metadata.
pub fn write(path: &Path, tensors: &[NamedTensor], key: &str, text: &str) -> Result<()> {
    let bytes: Vec<Vec<u8>> = tensors.iter().map(NamedTensor::bytes).collect();
    let named = tensors.iter().zip(&bytes);
    let sum = checksum(
        text,
        named.map(|(t, bytes)| (t.name.as_str(), &t.shape[..], &bytes[..])),
    );
    let not_json = |e: serde_json::Error| Error::input(path, "header", e.to_string(), "JSON");
    let envelope = Envelope {
        checksum: format!("{sum:016x}"),
        header: serde_json::from_str(text).map_err(not_json)?,
    };
    let text = serde_json::to_string(&envelope).map_err(not_json)?;
    let views = tensors.iter().zip(&bytes).map(|(t, bytes)| {
        let view = TensorView::new(Dtype::F32, t.shape.to_vec(), bytes);
        (
            t.name.clone(),
            view.expect("as many bytes as the shape says"),
        )
    });
    // One key only: a map of several would be written in random order.
    let metadata = HashMap::from([(key.to_string(), text)]);
    let file = safetensors::serialize(views, Some(metadata)).map_err(|e| {
        Error::input(
            path,
            "tensors",
            e.to_string(),
            "tensors that safetensors can hold",
        )
    })?;
    atomic_write(path, |out| out.write_all(&file))
}

/// Reads every tensor and the text under `key`.
pub fn read(path: &Path, key: &str) -> Result<(Vec<NamedTensor>, String)> {
    let kind = FileKind::of(path);
    match kind {
        // What is truncated or cannot be opened has an error of its own below.
        FileKind::Safetensors | FileKind::Empty | FileKind::Unreadable => {}
        FileKind::LfsPointer => return Err(lfs_error(path)),
        _ if key == MODEL => return Err(kind.not_a_model(path)),
        _ => {}
    }
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let wrong = |found: String| {
        Error::input(
            path,
            "header",
            found,
            format!("a whole safetensors file with '{key}' metadata, as rbgpu writes it"),
        )
    };
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| wrong(format!("{e}")))?;
    let text = metadata
        .metadata()
        .as_ref()
        .and_then(|map| map.get(key).cloned());
    let named = metadata.metadata().as_ref();
    if text.is_none() && named.is_some_and(|all| all.contains_key(FOREST)) {
        let expected = "a network; `rbgpu forest score` gives a forest's scores, and `rbgpu \
                        evaluate NAME=scores.csv` takes these";
        return Err(Error::input(path, "header", "a random forest", expected));
    }
    if text.is_none() && named.is_some_and(|all| all.contains_key(CHECKPOINT)) {
        let expected = "a model; `rbgpu train` with --resume finishes the training";
        return Err(Error::input(path, "header", "a checkpoint", expected));
    }
    let text = text.ok_or_else(|| match key == MODEL {
        true => kind.not_a_model(path),
        false => wrong("no such metadata".into()),
    })?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| wrong(format!("{e}")))?;
    let views = file.tensors();
    let envelope: Envelope =
        serde_json::from_str(&text).map_err(|e| wrong(format!("metadata with {e}")))?;
    let header = envelope.header.get();
    let named = views.iter();
    let found = checksum(
        header,
        named.map(|(name, view)| (name.as_str(), view.shape(), view.data())),
    );
    let found = format!("{found:016x}");
    if found != envelope.checksum {
        let expected = format!("{}; the file is damaged", envelope.checksum);
        return Err(Error::input(path, "checksum", found, expected));
    }
    let tensors = views.into_iter().map(|(name, view)| {
        if view.dtype() != Dtype::F32 {
            return Err(Error::input(
                path,
                name,
                format!("{:?}", view.dtype()),
                "F32",
            ));
        }
        let (words, _) = view.data().as_chunks::<4>();
        let values = words.iter().map(|b| f32::from_le_bytes(*b)).collect();
        Ok(NamedTensor {
            name,
            shape: Shape::from(view.shape()),
            values,
        })
    });
    Ok((tensors.collect::<Result<_>>()?, header.to_string()))
}
