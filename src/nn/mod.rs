//! Networks: a described architecture, its parameters, its forward pass.

pub mod architecture;

pub mod cost;
mod forward;
mod freeze;
pub mod init;
pub mod model;
mod pair;
pub mod plan;

pub use architecture::{Activation, Architecture, Layer, Padding, Pair, Training};
pub use cost::Cost;
pub use model::{Forward, Mode, Model, Parameter, Watched};
pub use plan::{Init, LayerPlan, ParameterPlan, Plan};
