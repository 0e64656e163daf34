//! The differentiable operations. One op, one file, one shader of the same name.
//!
//! Adding one touches three places: its file, its shader, and the list below.
//! The tests and benches walk the list.

use crate::backend::Device;
use crate::engine::{Case, Tape};

macro_rules! ops {
    ($($name:ident),* $(,)?) => {
        $(pub mod $name;)*

        /// Every op's name.
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// Every op's cases.
        pub fn cases() -> Vec<Case> {
            let mut all = Vec::new();
            $(all.extend($name::cases());)*
            all
        }
    };
}

ops! {
    accuracy,
    adam,
    add,
    avg_pool,
    batch_norm,
    batch_norm_inference,
    binary_cross_entropy,
    categorical_cross_entropy,
    conv2d,
    conv_block,
    dense,
    dropout,
    gather,
    leaky_relu,
    loss_scale,
    max_pool,
    moving_average,
    not_finite,
    reduce,
    relu,
    scale,
    sigmoid,
    softmax,
}

pub mod class_weights;
mod network_shapes;
pub mod window;

pub use class_weights::ClassWeights;
pub use window::Padding;

/// An empty tape that sums gradients with [`add::Add`].
pub fn tape(device: &Device) -> Tape {
    Tape::new(device, add::Add)
}
