//! Models as files: rbgpu's own, and those of other programs.

pub mod export;
pub mod model;
pub mod tensors;

pub use export::{Export, Format};
pub use model::{ModelFile, Provenance};
