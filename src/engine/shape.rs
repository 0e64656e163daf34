//! Sizes of a tensor's axes, row-major.

use std::fmt;
use std::ops::Deref;

/// Axis lengths, outermost first. Images are (N, H, W, C).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Shape(Vec<usize>);

impl Shape {
    /// How many elements; 1 for a scalar, which has no axes.
    pub fn len(&self) -> usize {
        self.0.iter().product()
    }

    /// Whether an axis has length 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A scalar's shape.
    pub fn scalar() -> Shape {
        Shape(Vec::new())
    }

    /// (N, everything else multiplied).
    pub fn flat(&self) -> Shape {
        let n = self.0.first().copied().unwrap_or(1);
        Shape(vec![n, self.len().checked_div(n).unwrap_or(0)])
    }

    /// The last axis: channels of an image, units of a dense layer; 1 for a scalar.
    pub fn channels(&self) -> usize {
        self.0.last().copied().unwrap_or(1)
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl From<&[usize]> for Shape {
    fn from(axes: &[usize]) -> Shape {
        Shape(axes.to_vec())
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(axes: [usize; N]) -> Shape {
        Shape(axes.to_vec())
    }
}

impl From<Vec<usize>> for Shape {
    fn from(axes: Vec<usize>) -> Shape {
        Shape(axes)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axes: Vec<String> = self.0.iter().map(usize::to_string).collect();
        write!(f, "({})", axes.join(", "))
    }
}
