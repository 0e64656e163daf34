//! Two-dimensional convolution (cross-correlation, as every CNN means it).
//!
//! `y[n,i,j,o] = bias[o] + Σ_{a,b,c} x[n, i·s₀+a−top, j·s₁+b−left, c] · kernel[a,b,c,o]`
//!
//! with x = 0 outside the image. x (N,H,W,C), kernel (A,B,C,O), bias (O),
//! y (N,I,J,O): the layouts of Keras' `Conv2D`.

use ndarray::{Array1, Array4, ArrayD, ArrayViewD, Ix1, Ix4};

use super::network_shapes::CONVOLUTIONS;
use super::window::{Axis, Padding, Sliding, sliding};
use crate::engine::op::expect_inputs;
use crate::engine::{Case, Fill, Formula, Saved, Shape, Tolerance};
use crate::{Error, Result};

pub(crate) mod cpu;
pub(crate) mod gpu;

/// Convolution with bias. Inputs: x (N,H,W,C), kernel (A,B,C,O), bias (O).
#[derive(Clone, Copy, Debug)]
pub struct Conv2d {
    /// Pixels from one position to the next, down and across.
    pub stride: [usize; 2],
    /// What stands beyond the border.
    pub padding: Padding,
}

/// Every size that the loops need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    pub images: usize,
    pub channels: usize,
    pub filters: usize,
    pub at: Sliding,
}

impl Geometry {
    /// A dense layer: images of one pixel under a window of one place.
    pub fn of_dense(samples: usize, inputs: usize, units: usize) -> Geometry {
        let one = Axis {
            input: 1,
            window: 1,
            stride: 1,
            before: 0,
            output: 1,
        };
        Geometry {
            images: samples,
            channels: inputs,
            filters: units,
            at: Sliding {
                rows: one,
                columns: one,
            },
        }
    }

    /// Multiplications and additions of one pass, and the bytes that it has to move.
    pub fn cost(&self) -> (u64, u64) {
        let flops = 2 * self.pixels() * self.depth() * self.filters;
        let inputs = self.images * self.at.rows.input * self.at.columns.input * self.channels;
        let elements = inputs + self.depth() * self.filters + self.pixels() * self.filters;
        (flops as u64, 4 * elements as u64)
    }

    /// Places of the window.
    pub fn places(&self) -> usize {
        self.at.rows.window * self.at.columns.window
    }

    /// Terms of one output's sum.
    pub fn depth(&self) -> usize {
        self.places() * self.channels
    }

    /// Output pixels of the whole batch.
    pub fn pixels(&self) -> usize {
        self.images * self.at.rows.output * self.at.columns.output
    }
}

impl Conv2d {
    pub(crate) fn geometry(&self, x: &Shape, kernel: &Shape) -> Result<Geometry> {
        let problem = |text: String| Error::shape("conv2d", text, &[x, kernel]);
        let [a, b, channels, filters] = kernel[..] else {
            return Err(problem(
                "the kernel must have shape (rows, columns, C, O)".into(),
            ));
        };
        if channels == 0 || filters == 0 {
            return Err(problem("needs a channel and a filter at least".into()));
        }
        let at = sliding("conv2d", x, [a, b], self.stride, self.padding)?;
        if x[3] != channels {
            let text = format!(
                "the kernel takes {channels} channels, the images have {}",
                x[3]
            );
            return Err(problem(text));
        }
        Ok(Geometry {
            images: x[0],
            channels,
            filters,
            at,
        })
    }
}

/// An f32 sum of K products of numbers of order 1 is off by about √K·2⁻²⁴ times
/// the sum's own scale; K reaches 2,000 forward and, for the kernel's gradient,
/// the pixels of a batch (10⁵), summed in blocks.
const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 1e-5,
    reason: "f32 sums of up to 10^5 products",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, x: [usize; 4], k: [usize; 2], o, stride, padding| {
        let kernel = Shape::from([k[0], k[1], x[3], o]);
        let deviation = 1.0 / ((k[0] * k[1] * x[3]) as f64).sqrt();
        let inputs = vec![
            (Shape::from(x), Fill::Normal(1.0)),
            (kernel, Fill::Normal(deviation)),
            (Shape::from([o]), Fill::Normal(0.3)),
        ];
        Case::new(name, Conv2d { stride, padding }, inputs, TOLERANCE)
    };
    use Padding::{Same, Valid};
    let mut all = vec![
        case("1x1", [2, 5, 4, 3], [1, 1], 2, [1, 1], Same),
        case("3x3 same", [2, 7, 6, 2], [3, 3], 3, [1, 1], Same),
        case("3x3 valid", [1, 7, 6, 4], [3, 3], 5, [1, 1], Valid),
        case(
            "even kernel pads after",
            [2, 7, 6, 3],
            [4, 4],
            2,
            [1, 1],
            Same,
        ),
        case(
            "even kernel, stride 2, odd image",
            [1, 9, 8, 2],
            [6, 6],
            3,
            [2, 2],
            Same,
        ),
        case(
            "stride 2 pads nothing before",
            [1, 6, 7, 1],
            [3, 3],
            2,
            [2, 2],
            Same,
        ),
        case("not square", [1, 8, 5, 2], [5, 2], 3, [1, 2], Same),
        case("not square, valid", [1, 8, 9, 2], [2, 5], 3, [3, 2], Valid),
        case(
            "stride beyond the window",
            [1, 9, 9, 2],
            [2, 2],
            2,
            [3, 3],
            Valid,
        ),
        case(
            "window larger than the image",
            [1, 4, 3, 2],
            [11, 11],
            2,
            [1, 1],
            Same,
        ),
        case("one pixel", [3, 1, 1, 1], [3, 3], 1, [1, 1], Same),
        case("7x7, odd channels", [1, 9, 9, 5], [7, 7], 7, [1, 1], Same),
        case("row vector", [2, 1, 9, 3], [1, 3], 4, [1, 1], Same),
        // Enough channels and positions for the tiles of the native device, in shapes
        // that bite; and one with too few positions for the kernel's gradient.
        case("few positions", [2, 7, 6, 9], [3, 3], 17, [1, 1], Same),
        case("3x3 tiles cut off", [7, 7, 6, 9], [3, 3], 17, [1, 1], Same),
        case("3x3 tiles, valid", [1, 18, 19, 8], [3, 3], 8, [1, 1], Valid),
        case("4x4 tiles cut off", [8, 7, 5, 10], [4, 4], 9, [1, 1], Same),
        case("6x6 by 2 as 3x3", [9, 9, 11, 5], [6, 6], 9, [2, 2], Same),
        case("5x5 by 2, valid", [13, 13, 11, 4], [5, 5], 8, [2, 2], Valid),
        case("many filters", [13, 5, 4, 8], [3, 3], 150, [1, 1], Same),
        case("groups of images", [37, 4, 4, 8], [3, 3], 8, [1, 1], Same),
        case(
            "by 3 with channels",
            [22, 9, 10, 8],
            [5, 5],
            9,
            [3, 3],
            Same,
        ),
    ];
    let large = CONVOLUTIONS.map(|(name, x, k, filters, stride)| {
        case(name, x, [k, k], filters, [stride, stride], Same)
    });
    all.extend(large.map(Case::large));
    all
}

impl Formula for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [x, kernel, bias] = expect_inputs("conv2d", inputs)?;
        let g = self.geometry(&x, &kernel)?;
        if bias[..] != [g.filters] {
            let text = format!("the bias must have shape ({})", g.filters);
            return Err(Error::shape("conv2d", text, &[&x, &kernel, &bias]));
        }
        Ok(vec![Shape::from([
            g.images,
            g.at.rows.output,
            g.at.columns.output,
            g.filters,
        ])])
    }

    fn differentiable(&self, _: usize) -> bool {
        true
    }

    fn backward_reads_input(&self, input: usize) -> bool {
        input < 2
    }

    fn backward_reads_output(&self, _: usize) -> bool {
        false
    }

    fn flops(&self, inputs: &[&Shape]) -> u64 {
        self.geometry(inputs[0], inputs[1])
            .map_or(0, |g| g.cost().0)
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        let (x, kernel, bias) = views(inputs);
        let shape = self
            .output_shapes(&shapes(inputs).each_ref())
            .expect("checked before");
        let y = Array4::from_shape_fn((shape[0][0], shape[0][1], shape[0][2], shape[0][3]), |p| {
            let mut sum = bias[p.3];
            self.each_term(inputs, (p.0, p.1, p.2), |pixel, (a, b), c| {
                sum += x[[pixel.0, pixel.1, pixel.2, c]] * kernel[[a, b, c, p.3]];
            });
            sum
        });
        vec![y.into_dyn()]
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        wanted: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        let (x, kernel, bias) = views(saved.inputs);
        let dy = saved
            .grad
            .view()
            .into_dimensionality::<Ix4>()
            .expect("checked before");
        let mut dx = Array4::<f64>::zeros(x.dim());
        let mut dkernel = Array4::<f64>::zeros(kernel.dim());
        let mut dbias = Array1::<f64>::zeros(bias.dim());
        for ((n, i, j, o), &d) in dy.indexed_iter() {
            dbias[o] += d;
            self.each_term(saved.inputs, (n, i, j), |pixel, (a, b), c| {
                let at = [pixel.0, pixel.1, pixel.2, c];
                dx[at] += d * kernel[[a, b, c, o]];
                dkernel[[a, b, c, o]] += d * x[at];
            });
        }
        vec![
            wanted[0].then(|| dx.into_dyn()),
            wanted[1].then(|| dkernel.into_dyn()),
            wanted[2].then(|| dbias.into_dyn()),
        ]
    }
}

impl Conv2d {
    /// Calls `f(input pixel (n, row, column), kernel place (a, b), channel)` for every
    /// term of the sum at output pixel `at` that is not on the padding.
    fn each_term(
        &self,
        inputs: &[ArrayViewD<f64>],
        at: (usize, usize, usize),
        mut f: impl FnMut((usize, usize, usize), (usize, usize), usize),
    ) {
        let [x, kernel, _] = shapes(inputs);
        let g = self.geometry(&x, &kernel).expect("checked before");
        for a in g.at.rows.inside(at.1) {
            for b in g.at.columns.inside(at.2) {
                let pixel = (at.0, g.at.rows.pixel(at.1, a), g.at.columns.pixel(at.2, b));
                (0..g.channels).for_each(|c| f(pixel, (a, b), c));
            }
        }
    }
}

fn shapes(inputs: &[ArrayViewD<f64>]) -> [Shape; 3] {
    [0, 1, 2].map(|i| Shape::from(inputs[i].shape()))
}

type Views<'a> = (
    ndarray::ArrayView<'a, f64, Ix4>,
    ndarray::ArrayView<'a, f64, Ix4>,
    ndarray::ArrayView<'a, f64, Ix1>,
);

fn views<'a>(inputs: &'a [ArrayViewD<f64>]) -> Views<'a> {
    let four = |i: usize| {
        inputs[i]
            .view()
            .into_dimensionality::<Ix4>()
            .expect("checked before")
    };
    (
        four(0),
        four(1),
        inputs[2]
            .view()
            .into_dimensionality::<Ix1>()
            .expect("checked before"),
    )
}
