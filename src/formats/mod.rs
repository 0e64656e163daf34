//! Models as files.

pub mod import;
pub mod model;
pub mod tensors;

pub use import::{ImportOptions, RealOutput, import};
pub use model::{ModelFile, Provenance};
