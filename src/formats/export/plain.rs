//! Weights as safetensors that need nothing of rbgpu: Keras' names and layouts, and
//! the facts as the metadata's texts.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};

use super::facts::Facts;
use crate::formats::tensors::NamedTensor;
use crate::{Error, Result};

/// The file.
pub fn bytes(weights: &[NamedTensor], facts: &Facts, path: &Path) -> Result<Vec<u8>> {
    let wrong = |found: String| {
        let expected = "tensors that safetensors can hold";
        Error::input(path, "tensors", found, expected)
    };
    let raw: Vec<Vec<u8>> = weights.iter().map(NamedTensor::bytes).collect();
    let views = weights.iter().zip(&raw).map(|(tensor, raw)| {
        let view = TensorView::new(Dtype::F32, tensor.shape.to_vec(), raw);
        (
            tensor.name.as_str(),
            view.expect("as many bytes as the shape says"),
        )
    });
    let metadata: HashMap<String, String> = facts
        .iter()
        .map(|(key, value)| (key.to_string(), value.clone()))
        .collect();
    let mut file =
        safetensors::serialize(views, Some(metadata)).map_err(|e| wrong(e.to_string()))?;
    sort_header(&mut file).ok_or_else(|| wrong("a header that is not as it was written".into()))?;
    Ok(file)
}

/// The library writes a map's keys in random order. Sorted they take as many bytes,
/// and the same model gives the same file.
fn sort_header(file: &mut [u8]) -> Option<()> {
    let (length, rest) = file.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    type Sorted = BTreeMap<String, BTreeMap<String, serde_json::Value>>;
    let header: Sorted = serde_json::from_slice(rest.get(..length)?).ok()?;
    let mut sorted = serde_json::to_vec(&header).ok()?;
    if sorted.len() > length {
        return None;
    }
    // The library pads with spaces, too.
    sorted.resize(length, b' ');
    file.get_mut(8..8 + length)?.copy_from_slice(&sorted);
    Some(())
}
