//! How a window slides over an image: shared by convolution and pooling.

use crate::backend::gpu::Parameter;
use crate::engine::Shape;
use crate::{Error, Result};

/// What stands beyond the border of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Padding {
    /// Nothing: windows lie wholly inside.
    Valid,
    /// Zeros, as TensorFlow's "same": the output has ceil(n / stride) positions,
    /// and where the padding is odd the larger half comes after.
    Same,
}

/// Positions of a window along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Pixels of the input.
    pub input: usize,
    /// Pixels of the window.
    pub window: usize,
    /// Pixels from one position to the next.
    pub stride: usize,
    /// Zeros before the first pixel.
    pub before: usize,
    /// Positions.
    pub output: usize,
}

impl Axis {
    /// Input pixels covered at position `output`, as offsets into the window:
    /// those that fall on zeros are left out.
    pub fn inside(self, output: usize) -> std::ops::Range<usize> {
        let start = output * self.stride;
        let low = self.before.saturating_sub(start).min(self.window);
        let high = (self.input + self.before)
            .saturating_sub(start)
            .min(self.window);
        low..high.max(low)
    }

    /// The input pixel under offset `offset` of the window at position `output`.
    /// Only for offsets that are [`inside`](Axis::inside).
    pub fn pixel(self, output: usize, offset: usize) -> usize {
        output * self.stride + offset - self.before
    }
}

/// Both axes of a sliding window over images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sliding {
    /// Rows.
    pub rows: Axis,
    /// Columns.
    pub columns: Axis,
}

/// Checks a window against an image (N, H, W, C) and counts its positions.
pub fn sliding(
    op: &'static str,
    image: &Shape,
    window: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
) -> Result<Sliding> {
    let problem = |text: String| Error::shape(op, text, &[image]);
    let [_, height, width, _] = image[..] else {
        return Err(problem("needs images of shape (N, H, W, C)".into()));
    };
    if window.contains(&0) || stride.contains(&0) {
        return Err(problem(format!(
            "window {window:?} and stride {stride:?} must be positive"
        )));
    }
    let axis = |input: usize, window: usize, stride: usize| match padding {
        Padding::Valid if input < window => Err(problem(format!(
            "a window of {window} pixels does not fit into {input}"
        ))),
        Padding::Valid => {
            let output = (input - window) / stride + 1;
            Ok(Axis {
                input,
                window,
                stride,
                before: 0,
                output,
            })
        }
        Padding::Same => {
            let output = input.div_ceil(stride);
            let total = (output.saturating_sub(1) * stride + window).saturating_sub(input);
            Ok(Axis {
                input,
                window,
                stride,
                before: total / 2,
                output,
            })
        }
    };
    Ok(Sliding {
        rows: axis(height, window[0], stride[0])?,
        columns: axis(width, window[1], stride[1])?,
    })
}

impl Sliding {
    /// What the pooling kernels need to know, for so many elements to write.
    pub fn parameters(&self, elements: usize, channels: usize) -> [u32; 10] {
        let (rows, columns) = (self.rows, self.columns);
        [
            elements,
            rows.input,
            columns.input,
            channels,
            rows.output,
            columns.output,
            rows.window,
            columns.window,
            rows.stride,
            columns.stride,
        ]
        .map(Parameter::word)
    }
}
