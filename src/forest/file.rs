//! A forest on disk: safetensors, with all but the nodes as JSON in its metadata.
//!
//! | tensor | what it is |
//! |---|---|
//! | `nodes` | U32 (trees): how many nodes each tree has |
//! | `feature` | U32 (nodes): which feature a node splits on, 2^32 - 1 of a leaf |
//! | `value` | F64 (nodes): threshold; P(real) of a leaf |
//!
//! Nodes stand in depth-first order, see `tree`.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::model::{Forest, Provenance};
use super::tree::Tree;
use crate::data::atomic::atomic_write;
use crate::data::kind::FOREST;
use crate::{Error, Result};

/// Of the format; a reader knows this one only.
const VERSION: u32 = 1;

/// What stands in the metadata.
#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    /// CRC-32 of the three tensors' bytes, one after the other.
    checksum: u32,
    features: Vec<String>,
    medians: Vec<f32>,
    importances: Vec<f64>,
    threshold: f64,
    provenance: Provenance,
}

/// The version alone, which another version has too.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Forest {
    /// Writes it; the same forest always gives the same bytes.
    pub fn write(&self, path: &Path) -> Result<()> {
        let counts = self.trees.iter().map(|tree| tree.nodes().len() as u32);
        let nodes: Vec<u8> = counts.flat_map(u32::to_le_bytes).collect();
        let all = || self.trees.iter().flat_map(|tree| tree.nodes());
        let feature: Vec<u8> = all().flat_map(|node| node.feature.to_le_bytes()).collect();
        let value: Vec<u8> = all().flat_map(|node| node.value.to_le_bytes()).collect();
        let header = Header {
            version: VERSION,
            checksum: checksum([&nodes, &feature, &value]),
            features: self.names.clone(),
            medians: self.medians.clone(),
            importances: self.importances.clone(),
            threshold: self.threshold,
            provenance: self.provenance.clone(),
        };
        let text = serde_json::to_string(&header).expect("plain data");
        let count = [feature.len() / 4];
        let view = |kind, shape: &[usize], bytes| {
            TensorView::new(kind, shape.to_vec(), bytes).expect("as many bytes as its shape has")
        };
        let tensors = [
            ("nodes", view(Dtype::U32, &[self.trees.len()], &nodes)),
            ("feature", view(Dtype::U32, &count, &feature)),
            ("value", view(Dtype::F64, &count, &value)),
        ];
        let metadata = HashMap::from([(FOREST.to_string(), text)]);
        let bytes = safetensors::serialize(tensors, Some(metadata)).map_err(|e| {
            Error::config(
                "forest",
                e.to_string(),
                "something that safetensors can hold",
            )
        })?;
        atomic_write(path, |out| out.write_all(&bytes))
    }

    /// Reads what [`write`](Self::write) wrote. Whatever else stands in `path` is an error.
    pub fn read(path: &Path) -> Result<Forest> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        let wrong =
            |place: &str, found: String, expected: &str| Error::input(path, place, found, expected);
        let what = "a forest that rbgpu forest train wrote";
        let no_tensors = |e: safetensors::SafeTensorError| wrong("file", e.to_string(), what);
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(no_tensors)?;
        let file = SafeTensors::deserialize(&bytes).map_err(no_tensors)?;
        let Some(text) = metadata.metadata().as_ref().and_then(|all| all.get(FOREST)) else {
            return Err(wrong("metadata", format!("no {FOREST}"), what));
        };
        let no_header = |e: serde_json::Error| wrong("metadata", e.to_string(), what);
        let Versioned { version } = serde_json::from_str(text).map_err(no_header)?;
        if version != VERSION {
            let found = format!("format version {version}");
            return Err(wrong(
                "metadata",
                found,
                "version 1, which this rbgpu knows",
            ));
        }
        let header: Header = serde_json::from_str(text).map_err(no_header)?;
        let tensor = |name: &str, kind: Dtype| {
            let tensor = file.tensor(name).map_err(no_tensors)?;
            match tensor.dtype() == kind && tensor.shape().len() == 1 {
                true => Ok(tensor),
                false => {
                    let found = format!("{:?} {:?}", tensor.dtype(), tensor.shape());
                    Err(wrong(name, found, &format!("{kind:?} of one axis")))
                }
            }
        };
        let nodes = tensor("nodes", Dtype::U32)?;
        let feature = tensor("feature", Dtype::U32)?;
        let value = tensor("value", Dtype::F64)?;
        let sum = checksum([nodes.data(), feature.data(), value.data()]);
        if sum != header.checksum {
            let found = format!("checksum {sum:08x}");
            let expected = format!("{:08x}: the file is damaged", header.checksum);
            return Err(wrong("tensors", found, &expected));
        }
        let counts: Vec<u32> = numbers(nodes.data(), u32::from_le_bytes);
        let features: Vec<u32> = numbers(feature.data(), u32::from_le_bytes);
        let values: Vec<f64> = numbers(value.data(), f64::from_le_bytes);
        check(path, &header, &counts)?;
        let all = counts.iter().map(|&count| count as usize).sum::<usize>();
        if (all, all) != (features.len(), values.len()) {
            let found = format!("{} features and {} values", features.len(), values.len());
            return Err(wrong(
                "tensors",
                found,
                &format!("{all} of each, as nodes says"),
            ));
        }
        let mut rest = features.into_iter().zip(values);
        let width = header.features.len();
        let tree = |(number, &count): (usize, &u32)| {
            Tree::new(rest.by_ref().take(count as usize), width).ok_or_else(|| {
                let expected = "one whole tree in depth-first order";
                wrong(&format!("tree {number}"), "other nodes".into(), expected)
            })
        };
        let trees = counts.iter().enumerate().map(tree).collect::<Result<_>>()?;
        Ok(Forest {
            names: header.features,
            medians: header.medians,
            importances: header.importances,
            threshold: header.threshold,
            provenance: header.provenance,
            trees,
        })
    }
}

/// What of the header has to fit.
fn check(path: &Path, header: &Header, counts: &[u32]) -> Result<()> {
    let width = header.features.len();
    let fits = [
        ("features", width > 0),
        (
            "medians",
            header.medians.len() == width && header.medians.iter().all(|m| m.is_finite()),
        ),
        ("importances", header.importances.len() == width),
        ("threshold", (0.0..=1.0).contains(&header.threshold)),
        ("nodes", !counts.is_empty()),
    ];
    match fits.iter().find(|(_, fits)| !fits) {
        Some((what, _)) => {
            let expected = format!("{what} of a forest of {width} features");
            Err(Error::input(path, *what, "others", expected))
        }
        None => Ok(()),
    }
}

fn checksum(parts: [&[u8]; 3]) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize()
}

fn numbers<T, const N: usize>(bytes: &[u8], from: fn([u8; N]) -> T) -> Vec<T> {
    let one = |chunk: &[u8]| from(chunk.try_into().expect("chunks of this size"));
    bytes.chunks_exact(N).map(one).collect()
}
