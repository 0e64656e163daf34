//! The random forest: against scikit-learn, on disk, and on tables as people have them.

mod damaged;
mod features;
mod sklearn;
mod tables;

use std::path::{Path, PathBuf};

use rbgpu::forest::{FeatureTable, TableOptions};

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/forest")
        .join(name)
}

/// The fixture's table: 300 candidates, 8 features.
pub fn table() -> FeatureTable {
    FeatureTable::read(&fixture("features.csv"), &TableOptions::default()).expect("a table")
}

/// Nobody hears.
pub fn quietly(_: usize, _: usize) {}

/// A file with `text` in a folder that goes away with it.
pub fn file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join(name);
    std::fs::write(&path, text).expect("a file");
    (dir, path)
}
