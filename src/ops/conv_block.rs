//! A convolution with what stands behind it in every network here, as one op:
//!
//! value = pool(norm(max(conv2d(x, kernel, bias), 0))),
//!
//! where batch normalisation and pooling may each be missing. It is the chain
//! [`conv2d`](super::conv2d) → [`relu`](super::relu) →
//! [`batch_norm`](super::batch_norm) → [`max_pool`](super::max_pool) or
//! [`avg_pool`](super::avg_pool), which is also its reference; as one op it passes
//! over memory once where the chain passes five times, and keeps for backward only
//! what backward reads.
//!
//! x (N,H,W,C), kernel (A,B,C,O), bias (O); with the batch's statistics γ, β (O);
//! with moving ones γ, β, mean, variance (O). value (N,I,J,O), or (N,P,Q,O) pooled.

use ndarray::{Array4, ArrayD, ArrayViewD, Ix4};

use super::avg_pool::AvgPool;
use super::batch_norm::BatchNorm;
use super::batch_norm_inference::BatchNormInference;
use super::conv2d::Conv2d;
use super::max_pool::MaxPool;
use super::relu::Relu;
use super::window::{Padding, Sliding, sliding};
use crate::engine::op::expect_inputs;
use crate::engine::{Formula, Saved, Shape};
use crate::{Error, Result};

mod cases;
mod cpu;
mod gpu;

pub(super) use cases::cases;

/// How the rectified convolution is normalised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Norm {
    /// With the batch's own mean and variance: training.
    Batch {
        /// ε.
        epsilon: f64,
    },
    /// With moving statistics: scoring. It has no gradient; where one is wanted,
    /// the chain of single ops has it.
    Moving {
        /// ε.
        epsilon: f64,
    },
}

/// How the result is pooled, without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// As [`MaxPool`]: (window, stride).
    Max([usize; 2], [usize; 2]),
    /// As [`AvgPool`]: (window, stride).
    Avg([usize; 2], [usize; 2]),
}

/// Pixels of an averaged window, at most: their signs are kept as the bits of a
/// number, which f32 holds exactly up to here.
pub const LARGEST_AVERAGE: usize = 24;

/// Convolution, rectifier, and if wanted batch normalisation and pooling.
///
/// Outputs: the value; with [`Norm::Batch`] the batch's mean and variance (O) and
/// y = max(conv2d, 0) (N,I,J,O); with max pooling and a gradient the place of each
/// maximum in its window; with average pooling and no normalisation the pixels of
/// each window that are positive, bit a·columns + b of a whole number.
#[derive(Clone, Copy, Debug)]
pub struct ConvBlock {
    /// The convolution.
    pub conv: Conv2d,
    /// The normalisation, if any.
    pub norm: Option<Norm>,
    /// The pooling, if any.
    pub pool: Option<Pool>,
}

/// Where things are among the outputs.
pub(super) struct Kept {
    /// Mean, variance and y.
    pub batch: Option<[usize; 3]>,
    /// The place of each maximum, or the signs of each window.
    pub place: Option<usize>,
}

impl ConvBlock {
    fn expected(&self) -> usize {
        match self.norm {
            None => 3,
            Some(Norm::Batch { .. }) => 5,
            Some(Norm::Moving { .. }) => 7,
        }
    }

    pub(super) fn kept(&self) -> Kept {
        let batch = matches!(self.norm, Some(Norm::Batch { .. })).then_some([1, 2, 3]);
        let place = match (self.norm, self.pool) {
            (Some(Norm::Moving { .. }), _) | (_, None) => None,
            (Some(Norm::Batch { .. }), Some(Pool::Max(..))) => Some(4),
            (Some(Norm::Batch { .. }), Some(Pool::Avg(..))) => None,
            (None, Some(_)) => Some(1),
        };
        Kept { batch, place }
    }

    /// The shape of y.
    fn convolved(&self, x: &Shape, kernel: &Shape) -> Result<Shape> {
        let g = self.conv.geometry(x, kernel)?;
        Ok(Shape::from([
            g.images,
            g.at.rows.output,
            g.at.columns.output,
            g.filters,
        ]))
    }

    /// How the pooling's window slides over y.
    pub(super) fn sliding(&self, y: &Shape) -> Result<Option<Sliding>> {
        let (window, stride) = match self.pool {
            None => return Ok(None),
            Some(Pool::Max(window, stride) | Pool::Avg(window, stride)) => (window, stride),
        };
        sliding("conv_block", y, window, stride, Padding::Valid).map(Some)
    }
}

impl Formula for ConvBlock {
    fn name(&self) -> &'static str {
        "conv_block"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let problem = |text: String| {
            let shapes: Vec<&[usize]> = inputs.iter().map(|shape| &shape[..]).collect();
            Error::shape("conv_block", text, &shapes)
        };
        if inputs.len() != self.expected() {
            let text = format!("needs {} inputs, got {}", self.expected(), inputs.len());
            return Err(problem(text));
        }
        let [x, kernel, bias] = expect_inputs("conv_block", &inputs[..3])?;
        let y = self.conv.output_shapes(&[&x, &kernel, &bias])?.remove(0);
        if inputs[3..].iter().any(|shape| **shape != bias) || (self.norm.is_some() && y.is_empty())
        {
            let text = "the normalisation needs images, and vectors as long as the bias";
            return Err(problem(text.into()));
        }
        if let Some(Pool::Avg([a, b], _)) = self.pool
            && a * b > LARGEST_AVERAGE
        {
            let text = format!("averages at most {LARGEST_AVERAGE} pixels");
            return Err(Error::shape("conv_block", text, &[&y]));
        }
        let value = match self.sliding(&y)? {
            None => y.clone(),
            Some(at) => Shape::from([y[0], at.rows.output, at.columns.output, y[3]]),
        };
        let kept = self.kept();
        let mut shapes = vec![value.clone()];
        if kept.batch.is_some() {
            shapes.extend([bias.clone(), bias, y]);
        }
        if kept.place.is_some() {
            shapes.push(value);
        }
        Ok(shapes)
    }

    fn differentiable(&self, _: usize) -> bool {
        !matches!(self.norm, Some(Norm::Moving { .. }))
    }

    fn backward_reads_input(&self, input: usize) -> bool {
        matches!(input, 0 | 1 | 3)
    }

    /// With the batch's statistics it is y that is kept, before it is normalised.
    fn backward_reads_output(&self, output: usize) -> bool {
        output > 0 || !matches!(self.norm, Some(Norm::Batch { .. }))
    }

    fn decisions(&self) -> Option<Vec<usize>> {
        Some(self.kept().place.into_iter().collect())
    }

    fn flops(&self, inputs: &[&Shape]) -> u64 {
        self.conv.flops(inputs)
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        let chain = self.chain(inputs);
        let mut outputs = vec![chain.value().clone()];
        if matches!(self.norm, Some(Norm::Batch { .. })) {
            outputs.extend(chain.normal[1..].iter().cloned());
            outputs.push(chain.rectified.clone());
        }
        match (self.kept().place, self.pool) {
            (Some(_), Some(Pool::Max(..))) => outputs.push(chain.pooled[1].clone()),
            (Some(_), _) => outputs.push(self.signs(&chain.rectified)),
            (None, _) => {}
        }
        outputs
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        wanted: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        let mut grad = saved.grad.to_owned();
        let mut back =
            |op: &dyn Formula, inputs: &[ArrayViewD<f64>], outputs: &[ArrayViewD<f64>]| {
                let saved = Saved {
                    inputs,
                    outputs,
                    grad: &grad.view(),
                };
                let all = vec![true; inputs.len()];
                let mut gradients = op.reference_backward(saved, &all).into_iter().flatten();
                let first = gradients.next().expect("a gradient for the value");
                let rest: Vec<_> = gradients.collect();
                grad = first;
                rest
            };
        let kept = self.kept();
        let value = saved.outputs[0].view();
        let place = |i: usize| saved.outputs[i].view();
        let shapes = [0, 1].map(|i| Shape::from(saved.inputs[i].shape()));
        let shape = self
            .convolved(&shapes[0], &shapes[1])
            .expect("checked before");
        let any_y = ArrayD::zeros(&shape[..]);
        if kept.batch.is_none() && !matches!(self.pool, Some(Pool::Avg(..))) {
            // What is not above 0 was not above 0 as the largest of its window.
            back(&Relu, &[value.view()], &[value.view()]);
        }
        match (self.pool, kept.place) {
            (Some(Pool::Max(window, stride)), Some(at)) => {
                back(
                    &MaxPool { window, stride },
                    &[any_y.view()],
                    &[value, place(at)],
                );
            }
            (Some(Pool::Avg(window, stride)), at) => {
                back(&AvgPool { window, stride }, &[any_y.view()], &[value]);
                if let Some(at) = at {
                    let positive = self.positive(&place(at), &shape);
                    back(&Relu, &[any_y.view()], &[positive.view()]);
                }
            }
            _ => {}
        }
        let mut of_norm = Vec::new();
        if let (Some([mean, variance, y]), Some(Norm::Batch { epsilon })) = (kept.batch, self.norm)
        {
            let [mean, variance, y] = [mean, variance, y].map(|i| saved.outputs[i].view());
            let [gamma, beta] = [3, 4].map(|i| saved.inputs[i].view());
            let outputs = [y.view(), mean, variance];
            of_norm = back(&BatchNorm { epsilon }, &[y.view(), gamma, beta], &outputs);
            back(&Relu, &[y.view()], &[y.view()]);
        }
        let saved = Saved {
            inputs: &saved.inputs[..3],
            outputs: &[],
            grad: &grad.view(),
        };
        let mut gradients = self.conv.reference_backward(saved, &wanted[..3]);
        let of_norm = of_norm.into_iter().zip(&wanted[3..]);
        gradients.extend(of_norm.map(|(gradient, wanted)| wanted.then_some(gradient)));
        gradients
    }
}

/// The values of the chain of single ops.
struct Chain {
    rectified: ArrayD<f64>,
    /// What batch norm gives, or nothing.
    normal: Vec<ArrayD<f64>>,
    /// What pooling gives, or nothing.
    pooled: Vec<ArrayD<f64>>,
}

impl Chain {
    fn value(&self) -> &ArrayD<f64> {
        let normal = || self.normal.first().unwrap_or(&self.rectified);
        self.pooled.first().unwrap_or_else(normal)
    }
}

impl ConvBlock {
    fn chain(&self, inputs: &[ArrayViewD<f64>]) -> Chain {
        let convolved = self.conv.reference_forward(&inputs[..3]).remove(0);
        let rectified = Relu.reference_forward(&[convolved.view()]).remove(0);
        let of_norm: Vec<_> = std::iter::once(rectified.view())
            .chain(inputs[3..].iter().cloned())
            .collect();
        let normal = match self.norm {
            None => Vec::new(),
            Some(Norm::Batch { epsilon }) => BatchNorm { epsilon }.reference_forward(&of_norm),
            Some(Norm::Moving { epsilon }) => {
                BatchNormInference { epsilon }.reference_forward(&of_norm)
            }
        };
        let last = normal.first().unwrap_or(&rectified).view();
        let pooled = match self.pool {
            None => Vec::new(),
            Some(Pool::Max(window, stride)) => {
                MaxPool { window, stride }.reference_forward(&[last])
            }
            Some(Pool::Avg(window, stride)) => {
                AvgPool { window, stride }.reference_forward(&[last])
            }
        };
        Chain {
            rectified,
            normal,
            pooled,
        }
    }

    /// 1 for each pixel of y that is positive according to the signs kept of its
    /// windows, else 0: the way back from [`signs`](Self::signs).
    fn positive(&self, signs: &ArrayViewD<f64>, y: &Shape) -> ArrayD<f64> {
        let at = self
            .sliding(y)
            .expect("checked before")
            .expect("asked for only if there is a window");
        let mut positive = ArrayD::zeros(&y[..]);
        let signs = signs
            .view()
            .into_dimensionality::<Ix4>()
            .expect("checked before");
        for ((n, i, j, c), signs) in signs.indexed_iter() {
            for p in 0..at.rows.window * at.columns.window {
                let (a, b) = (p / at.columns.window, p % at.columns.window);
                let pixel = [n, at.rows.pixel(i, a), at.columns.pixel(j, b), c];
                if *signs as u32 >> p & 1 == 1 {
                    positive[&pixel[..]] = 1.0;
                }
            }
        }
        positive
    }

    /// Which pixels of each window of y are positive, as the bits of a number.
    fn signs(&self, y: &ArrayD<f64>) -> ArrayD<f64> {
        let y = y
            .view()
            .into_dimensionality::<Ix4>()
            .expect("checked before");
        let at = self
            .sliding(&Shape::from(y.shape()))
            .expect("checked before")
            .expect("asked for only if there is a window");
        let shape = (y.dim().0, at.rows.output, at.columns.output, y.dim().3);
        Array4::from_shape_fn(shape, |(n, i, j, c)| {
            let bit = |p: usize| {
                let (a, b) = (p / at.columns.window, p % at.columns.window);
                y[[n, at.rows.pixel(i, a), at.columns.pixel(j, b), c]] > 0.0
            };
            (0..at.rows.window * at.columns.window)
                .filter(|p| bit(*p))
                .map(|p| f64::from(1_u32 << p))
                .sum()
        })
        .into_dyn()
    }
}
