//! Models as files: rbgpu's own, and those of other programs.

pub mod export;
pub mod import;
pub mod model;
pub mod tensors;

pub use export::{Export, Format};
pub use import::{ImportOptions, RealOutput, import};
pub use model::{ModelFile, Provenance, beside};
