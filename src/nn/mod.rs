//! Networks: a described architecture, its parameters, its forward pass.

pub mod architecture;
mod forward;
pub mod init;
pub mod model;
pub mod plan;

pub use architecture::{Activation, Architecture, Layer, Pair, Training};
pub use model::{Forward, Mode, Model, Parameter};
pub use plan::{Init, LayerPlan, ParameterPlan, Plan};
