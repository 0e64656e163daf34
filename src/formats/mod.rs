//! Models as files: rbgpu's own, and those of other programs.

pub mod import;
pub mod model;
pub mod tensors;

pub use import::{ImportOptions, RealOutput, import};
pub mod export;
pub use export::{Export, Format};
pub use model::{ModelFile, Provenance};
