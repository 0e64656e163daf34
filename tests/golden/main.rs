//! Keras' numbers: inference, loss, gradients and five steps of Adam of whole
//! networks, and single ops. The small set is committed (fixtures/golden); a large
//! set, with the published networks at their own size, is used where it is there.
//!
//! `cargo test --release --test golden -- --nocapture` prints what was measured.

#[path = "../common/mod.rs"]
mod common;
#[path = "../export/interpreter.rs"]
mod interpreter;

mod choices;
mod committed;
mod compare;
mod explain;
mod exported;
mod fixture;
mod hdf5;
mod npz;
mod ops;
mod seeds;
mod shared;
mod table;
