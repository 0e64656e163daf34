//! Tensors, reverse-mode autodiff, and what an op is.

pub mod case;
pub mod op;
pub mod run;
pub mod shape;
pub mod tape;
pub mod tensor;

pub use case::{Case, Fill, Tolerance};
pub use op::{CpuOp, Formula, GpuOp, Op, Saved, View, ViewMut};
pub use shape::Shape;
pub use tape::{Gradients, Tape, Var};
pub use tensor::Tensor;
