//! Named f32 tensors in a safetensors file, with one JSON text in its metadata.
//! The same tensors and text always give the same bytes.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::data::atomic::atomic_write;
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
}

/// Writes `tensors` to `path`, with `text` under `key` in the metadata.
pub fn write(path: &Path, tensors: &[NamedTensor], key: &str, text: &str) -> Result<()> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|t| t.values.iter().flat_map(|v| v.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|(t, bytes)| {
        let view = TensorView::new(Dtype::F32, t.shape.to_vec(), bytes);
        (
            t.name.clone(),
            view.expect("as many bytes as the shape says"),
        )
    });
    // One key only: a map of several would be written in random order.
    let metadata = HashMap::from([(key.to_string(), text.to_string())]);
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
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let wrong = |found: String| {
        Error::input(
            path,
            "header",
            found,
            format!("a safetensors file with '{key}' metadata"),
        )
    };
    if bytes.starts_with(b"version https://git-lfs") {
        let expected = "the file itself; run 'git lfs pull' where it came from";
        return Err(Error::input(
            path,
            "first line",
            "a Git-LFS pointer",
            expected,
        ));
    }
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| wrong(format!("{e}")))?;
    let text = metadata
        .metadata()
        .as_ref()
        .and_then(|map| map.get(key).cloned());
    let text = text.ok_or_else(|| wrong("no such metadata".into()))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| wrong(format!("{e}")))?;
    let tensors = file.tensors().into_iter().map(|(name, view)| {
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
    Ok((tensors.collect::<Result<_>>()?, text))
}
