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
    dense,
    dropout,
    max_pool,
    moving_average,
    reduce,
    relu,
    scale,
    sigmoid,
    softmax,
}

mod window;

pub use window::Padding;

/// An empty tape that sums gradients with [`add::Add`].
pub fn tape(device: &Device) -> Tape {
    Tape::new(device, add::Add)
}

/// Stands where an op has no WGSL version yet: using it on a gpu is an error.
macro_rules! gpu_pending {
    ($($op:ty),* $(,)?) => {
        $(impl crate::engine::GpuOp for $op {
            fn forward(
                &self,
                gpu: &crate::backend::Gpu,
                _: &[crate::engine::op::GpuView],
                _: &[crate::engine::op::GpuView],
            ) -> crate::Result<()> {
                Err(crate::Error::Device {
                    device: gpu.name().into(),
                    doing: stringify!($op).into(),
                    problem: "no WGSL version yet".into(),
                })
            }
            fn backward(
                &self,
                gpu: &crate::backend::Gpu,
                _: crate::engine::Saved<crate::engine::op::GpuView>,
                _: &[Option<crate::engine::op::GpuView>],
            ) -> crate::Result<()> {
                self.forward(gpu, &[], &[])
            }
        })*
    };
}
gpu_pending! {
    accuracy::Accuracy, adam::Adam, add::Add, avg_pool::AvgPool, batch_norm::BatchNorm,
    batch_norm_inference::BatchNormInference, binary_cross_entropy::BinaryCrossEntropy,
    categorical_cross_entropy::CategoricalCrossEntropy, conv2d::Conv2d, dense::Dense,
    dropout::Dropout, max_pool::MaxPool, moving_average::MovingAverage, reduce::Reduce,
    relu::Relu, scale::Scale, sigmoid::Sigmoid, softmax::Softmax,
}
