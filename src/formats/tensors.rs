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

/// How the metadata begins: a JSON object whose first member is a checksum of
/// the rest of the file.
const CHECKSUM: &str = r#"{"checksum":""#;

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

/// Writes `tensors` to `path`, with `text`, a JSON object, under `key` in the
/// metadata; a checksum becomes its first member.
pub fn write(path: &Path, tensors: &[NamedTensor], key: &str, text: &str) -> Result<()> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|t| t.values.iter().flat_map(|v| v.to_le_bytes()).collect())
        .collect();
    let named = tensors.iter().zip(&bytes);
    let sum = checksum(
        text,
        named.map(|(t, bytes)| (t.name.as_str(), &t.shape[..], &bytes[..])),
    );
    let rest = text.strip_prefix('{').unwrap_or(text);
    let text = format!("{CHECKSUM}{sum:016x}\",{rest}");
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
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let wrong = |found: String| {
        Error::input(
            path,
            "header",
            found,
            format!("a whole safetensors file with '{key}' metadata, as rbgpu writes it"),
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
    let views = file.tensors();
    let split = text.strip_prefix(CHECKSUM).and_then(|rest| {
        let (sum, rest) = rest.split_once("\",")?;
        Some((u64::from_str_radix(sum, 16).ok()?, format!("{{{rest}")))
    });
    let (expected, text) = split.ok_or_else(|| wrong("metadata without a checksum".into()))?;
    let named = views.iter();
    let found = checksum(
        &text,
        named.map(|(name, view)| (name.as_str(), view.shape(), view.data())),
    );
    if found != expected {
        let found = format!("contents of checksum {found:016x}");
        let expected = format!("{expected:016x}; the file is damaged");
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
    Ok((tensors.collect::<Result<_>>()?, text))
}
