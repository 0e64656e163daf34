//! Whole networks without anyone else's numbers: sizes, finite differences,
//! random shapes, the tape, descriptions in TOML, dropout.

#[path = "../common/mod.rs"]
mod common;

mod descriptions;
mod differences;
mod dropout;
mod fused;
mod planted;
mod random_shapes;
mod shapes;
mod tape;
