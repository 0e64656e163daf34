//! Readers, writers and everything between a file and a batch.

#[path = "data/alerts.rs"]
mod alerts;
#[path = "data/alerts_real.rs"]
mod alerts_real;
#[path = "data/augment.rs"]
mod augment;
#[path = "data/autoscan.rs"]
mod autoscan;
#[path = "data/brokers.rs"]
mod brokers;
#[path = "data/class_folders.rs"]
mod class_folders;
#[path = "data/cubes.rs"]
mod cubes;
#[path = "data/errors.rs"]
mod errors;
#[path = "data/errors_files.rs"]
mod errors_files;
#[path = "data/fits_extensions.rs"]
mod fits_extensions;
#[path = "data/fits_headers.rs"]
mod fits_headers;
#[path = "data/fits_tiles.rs"]
mod fits_tiles;
#[path = "data/folders.rs"]
mod folders;
#[path = "data/groups.rs"]
mod groups;
#[path = "data/ids.rs"]
mod ids;
#[path = "data/joined.rs"]
mod joined;
#[path = "data/labels.rs"]
mod labels;
#[path = "data/loader.rs"]
mod loader;
#[path = "data/mutations.rs"]
mod mutations;
#[path = "data/normalise.rs"]
mod normalise;
#[path = "data/pack.rs"]
mod pack;
#[path = "data/pack_shapes.rs"]
mod pack_shapes;
#[path = "data/real.rs"]
mod real;
#[path = "data/split.rs"]
mod split;
#[path = "data/streams.rs"]
mod streams;
#[path = "data/tables.rs"]
mod tables;
#[path = "data/tables_kinds.rs"]
mod tables_kinds;
#[path = "data/tables_written.rs"]
mod tables_written;
#[path = "data/truth.rs"]
mod truth;
#[path = "data/twins.rs"]
mod twins;
#[path = "data/writers.rs"]
mod writers;

use std::path::{Path, PathBuf};

use rbgpu::data::{Candidate, CutoutShape, Dataset, InMemory, ReadOptions, open};

/// A committed file.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/cubes")
        .join(name)
}

/// Options for training.
fn labelled() -> ReadOptions {
    ReadOptions {
        labels_required: true,
        ..ReadOptions::default()
    }
}

/// Options with keys, `name=key` each.
fn keys(pairs: &[(&str, &str)]) -> ReadOptions {
    let keys = pairs
        .iter()
        .map(|(name, key)| (name.to_string(), key.to_string()))
        .collect();
    ReadOptions { keys, ..labelled() }
}

/// The error of reading `path`, as printed.
fn error(path: impl AsRef<Path>, options: &ReadOptions) -> String {
    match open(&[path.as_ref()], options) {
        Ok(set) => panic!(
            "{} was read: {} cutouts",
            path.as_ref().display(),
            set.len()
        ),
        Err(error) => error.to_string(),
    }
}

/// Asserts that an error says all of `parts`.
#[track_caller]
fn says(error: &str, parts: &[&str]) {
    for part in parts {
        assert!(error.contains(part), "no '{part}' in: {error}");
    }
}

/// The pixels of one candidate.
fn pixels(set: &Dataset, index: usize) -> Vec<f32> {
    let mut out = vec![0.0; set.shape.len()];
    set.pixels.read(index, &mut out).unwrap();
    out
}

/// A set in memory: pixel k of candidate i is 100 i + k; odd ones are real.
fn made(count: usize, height: usize, width: usize, channels: usize) -> Dataset {
    let shape = CutoutShape {
        height,
        width,
        channels,
    };
    let stride = shape.len();
    let values = (0..count * stride)
        .map(|i| (100 * (i / stride) + i % stride) as f32)
        .collect();
    let candidate = |i: usize| Candidate {
        id: format!("c{i}"),
        mag: 18.0 + i as f64,
        mag_err: 0.125,
        filter: ["g", "sdss_r"][i % 2].into(),
        fwhm: 2.5,
        ..Candidate::default()
    };
    Dataset {
        source: "made".into(),
        shape,
        channels: None,
        pixels: Box::new(InMemory { values, stride }),
        labels: Some((0..count).map(|i| (i % 2) as u8).collect()),
        candidates: (0..count).map(candidate).collect(),
        parts: None,
        relabelled: None,
        skipped: Vec::new(),
        notices: Vec::new(),
    }
}
