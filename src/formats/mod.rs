//! Models as files.

pub mod model;
pub mod tensors;

pub use model::{ModelFile, Provenance};
