//! From models, score files and data to an evaluation and its report on disk.

pub mod columns;
pub mod gather;
pub mod held_out;
pub mod score_file;
pub mod source;
