//! The cases that every op brings along: tests run them against the reference
//! and by finite differences, benches run them for time.

use super::op::Op;
use super::shape::Shape;

/// How a case's input is filled. All are seeded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fill {
    /// Normal, mean 0, this standard deviation.
    Normal(f64),
    /// Uniform between the two.
    Uniform(f64, f64),
    /// A shuffled ladder of distinct values 0.02 apart around 0, none nearer to 0
    /// than 0.01: a finite difference cannot cross a kink or change a maximum.
    Distinct,
    /// Values from {0, 1, 2} x 0.5: many ties, for max pooling.
    Ties,
    /// 0 or 1.
    Binary,
    /// One 1 per row, else 0.
    OneHot,
    /// Normal, but for some that are NaN or infinite, of either sign.
    NotAlwaysFinite,
    /// Whole numbers from 0 on, below this one.
    Below(usize),
    /// The bits of two f16 each, both of them normal.
    Halves,
}

/// How far a device's f32 may be from the f64 reference: `absolute + relative x
/// |largest reference value of the tensor|`.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// Absolute part.
    pub absolute: f64,
    /// Part relative to the tensor's largest magnitude.
    pub relative: f64,
    /// Where the numbers come from.
    pub reason: &'static str,
}

/// One op with inputs.
#[derive(Debug)]
pub struct Case {
    /// What is special about it.
    pub name: String,
    /// The op with its settings.
    pub op: Box<dyn Op>,
    /// Shape and contents of every input.
    pub inputs: Vec<(Shape, Fill)>,
    /// For benches only: too big for finite differences.
    pub large: bool,
    /// The op's own tolerance.
    pub tolerance: Tolerance,
}

impl Case {
    /// A case for tests.
    pub fn new(
        name: impl Into<String>,
        op: impl Op + 'static,
        inputs: Vec<(Shape, Fill)>,
        tolerance: Tolerance,
    ) -> Case {
        Case {
            name: name.into(),
            op: Box::new(op),
            inputs,
            large: false,
            tolerance,
        }
    }

    /// The same at a size of the networks: for benches, and for f32 against f64.
    pub fn large(mut self) -> Case {
        self.large = true;
        self
    }
}
