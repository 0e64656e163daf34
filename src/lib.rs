//! rbgpu trains and runs the small CNNs that tell real transients from bogus ones.
//!
//! The crate is built in layers, and imports point down only:
//!
//! | layer | what it is |
//! |---|---|
//! | [`cli`] | one file per subcommand |
//! | [`mod@bench`] | how fast a network runs, of what the device can do |
//! | [`reproduce`] | both papers' experiments, from end to end |
//! | [`suspect`], [`relabel`] | which labels are likely to be wrong; the page on which people look again |
//! | [`evaluate`], [`study`] | how good a model is; many trainings compared |
//! | [`explain`] | why a network says what it says |
//! | [`train`], [`report`] | the training loop; plots and the HTML page |
//! | [`nn`], [`judge`], [`simulate`], [`formats`] | networks, metrics, the simulated survey, model files |
//! | [`forest`] | the random-forest baseline and its features |
//! | [`ops`] | the differentiable operations, each with reference, cpu and gpu code |
//! | [`engine`] | tensors, the tape, the trait that an op implements |
//! | [`backend`] | devices: memory, kernels, parallel loops |
//! | [`data`] | cutouts and their readers |
//! | [`memory`] | how much memory there is, and large pieces of it that may be refused |
//! | [`error`] | the one error type |
#![warn(missing_docs)]

pub mod backend;
pub mod bench;
pub mod cli;
pub mod data;
pub mod engine;
pub mod error;
pub mod evaluate;
pub mod explain;
pub mod forest;
pub mod formats;
pub mod judge;
pub mod memory;
pub mod nn;
pub mod ops;
pub mod relabel;
pub mod report;
pub mod reproduce;
pub mod simulate;
pub mod study;
pub mod suspect;
pub mod train;

pub use error::{Error, Result};
pub use train::Classifier;
