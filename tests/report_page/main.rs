//! The figures of an evaluation, and the page that holds them. What is drawn is left in
//! target/tmp/report to be looked at.

mod browser;
mod candidates;
mod figures;
mod look;
mod made;
mod page;
mod paper;
mod suspicion;

use std::path::PathBuf;

/// A folder for this test's pictures.
fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("report")
        .join(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}
