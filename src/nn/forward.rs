//! The forward pass: which op takes which layers.

use super::architecture::{Activation, Layer};
use super::model::Mode;
use super::plan::LayerPlan;
use crate::Result;
use crate::engine::{Tape, Tensor, Var};
use crate::ops::avg_pool::AvgPool;
use crate::ops::batch_norm::BatchNorm;
use crate::ops::batch_norm_inference::BatchNormInference;
use crate::ops::conv_block::{ConvBlock, LARGEST_AVERAGE, Norm, Pool};
use crate::ops::conv2d::Conv2d;
use crate::ops::dense::Dense;
use crate::ops::dropout::Dropout;
use crate::ops::leaky_relu::LeakyRelu;
use crate::ops::max_pool::MaxPool;
use crate::ops::relu::Relu;
use crate::ops::scale::Scale;
use crate::ops::sigmoid::Sigmoid;
use crate::ops::softmax::Softmax;

/// The state of one forward pass.
pub(super) struct Run<'a> {
    pub tape: &'a mut Tape,
    parameters: &'a [Var],
    next: usize,
    stream: u32,
    mode: Mode,
    /// As [`Forward`](super::model::Forward) gives them.
    pub statistics: Vec<(usize, Tensor, f64)>,
}

impl<'a> Run<'a> {
    pub fn new(tape: &'a mut Tape, parameters: &'a [Var], mode: Mode) -> Run<'a> {
        Run {
            tape,
            parameters,
            next: 0,
            stream: 0,
            mode,
            statistics: Vec::new(),
        }
    }

    /// Records as many of `layers` as one op can take, and says how many these are.
    pub fn layers(&mut self, layers: &[LayerPlan], x: Var) -> Result<(Var, usize)> {
        let learns = [
            x,
            self.parameters[self.next..].first().copied().unwrap_or(x),
        ]
        .iter()
        .any(|var| self.tape.needs_gradient(*var));
        let Some((block, used, momentum)) = block(layers, self.mode, learns) else {
            return Ok((self.layer(layers, x)?, 1));
        };
        let [kernel, bias] = self.take();
        let at = self.next;
        let inputs = match block.norm {
            None => vec![x, kernel, bias],
            Some(norm) => {
                let [gamma, beta, mean, variance] = self.take();
                match norm {
                    Norm::Batch { .. } => vec![x, kernel, bias, gamma, beta],
                    Norm::Moving { .. } => vec![x, kernel, bias, gamma, beta, mean, variance],
                }
            }
        };
        let (value, kept) = self.tape.apply_keeping(block, &inputs)?;
        if let Some(Norm::Batch { .. }) = block.norm {
            for (i, value) in kept.into_iter().take(2).enumerate() {
                self.statistics.push((at + 2 + i, value, momentum));
            }
        }
        Ok((value, used))
    }

    fn take<const N: usize>(&mut self) -> [Var; N] {
        let first = self.next;
        self.next += N;
        std::array::from_fn(|i| self.parameters[first + i])
    }

    /// Records the first of `layers`.
    pub fn layer(&mut self, layers: &[LayerPlan], x: Var) -> Result<Var> {
        let last = layers.len() == 1;
        match &layers[0].layer {
            Layer::Conv2d {
                stride,
                padding,
                activation,
                ..
            } => {
                let [kernel, bias] = self.take();
                let op = Conv2d {
                    stride: stride.0,
                    padding: *padding,
                };
                let y = self.tape.apply(op, &[x, kernel, bias])?;
                self.activate(y, *activation, last)
            }
            Layer::Dense { activation, .. } => {
                let [kernel, bias] = self.take();
                let y = self.tape.apply(Dense, &[x, kernel, bias])?;
                self.activate(y, *activation, last)
            }
            Layer::BatchNorm { epsilon, momentum } => {
                let at = self.next;
                let [gamma, beta, mean, variance] = self.take();
                let epsilon = *epsilon;
                if self.mode == Mode::Inference || layers[0].frozen {
                    let inputs = [x, gamma, beta, mean, variance];
                    return self.tape.apply(BatchNormInference { epsilon }, &inputs);
                }
                let op = BatchNorm { epsilon };
                let (y, batch) = self.tape.apply_keeping(op, &[x, gamma, beta])?;
                for (i, value) in batch.into_iter().enumerate() {
                    self.statistics.push((at + 2 + i, value, *momentum));
                }
                Ok(y)
            }
            Layer::MaxPool { window, stride } => {
                let (window, stride) = (window.0, stride.unwrap_or(*window).0);
                self.tape.apply(MaxPool { window, stride }, &[x])
            }
            Layer::AvgPool { window, stride } => {
                let (window, stride) = (window.0, stride.unwrap_or(*window).0);
                self.tape.apply(AvgPool { window, stride }, &[x])
            }
            Layer::Dropout { rate } => {
                let stream = self.stream;
                self.stream += 1;
                match self.mode {
                    Mode::Training { seed, step } if *rate > 0.0 => self.tape.apply(
                        Dropout {
                            rate: *rate,
                            seed,
                            stream,
                            step,
                        },
                        &[x],
                    ),
                    _ => Ok(x),
                }
            }
            Layer::Relu {} => self.tape.apply(Relu, &[x]),
            Layer::LeakyRelu { slope } => self.tape.apply(LeakyRelu { slope: *slope }, &[x]),
            Layer::Rescaling { scale, offset } => {
                let (factor, offset) = (*scale, *offset);
                self.tape.apply(Scale { factor, offset }, &[x])
            }
            Layer::Flatten {} => self.tape.flatten(x),
        }
    }

    /// The last layer's activation belongs to the loss, which starts from logits.
    fn activate(&mut self, y: Var, activation: Activation, last: bool) -> Result<Var> {
        if last {
            return Ok(y);
        }
        let output = match activation {
            Activation::Linear => return Ok(y),
            Activation::Relu => self.tape.apply(Relu, &[y])?,
            Activation::Sigmoid => self.tape.apply(Sigmoid, &[y])?,
            Activation::Softmax => self.tape.apply(Softmax, &[y])?,
        };
        self.tape.release(y)?;
        Ok(output)
    }
}

/// A convolution with a rectifier and what follows it, as far as one op takes it:
/// the op, the number of layers, and the moving statistics' momentum. `learns` where anything
/// up to the convolution has a gradient: what is normalised with moving statistics then is
/// no part of the op, which has no gradient for it.
fn block(layers: &[LayerPlan], mode: Mode, learns: bool) -> Option<(ConvBlock, usize, f64)> {
    let layer = |i: usize| layers.get(i).map(|plan| &plan.layer);
    let Some(Layer::Conv2d {
        stride,
        padding,
        activation: Activation::Relu,
        ..
    }) = layer(0)
    else {
        return None;
    };
    if layers.len() == 1 {
        return None;
    }
    let conv = Conv2d {
        stride: stride.0,
        padding: *padding,
    };
    let mut used = 1;
    let (mut norm, mut momentum) = (None, 0.0);
    if let Some(Layer::BatchNorm {
        epsilon,
        momentum: m,
    }) = layer(used)
    {
        let epsilon = *epsilon;
        let frozen = layers[used].frozen;
        norm = Some(match mode {
            Mode::Training { .. } if frozen && learns => {
                let (norm, pool) = (None, None);
                return Some((ConvBlock { conv, norm, pool }, used, momentum));
            }
            Mode::Training { .. } if !frozen => Norm::Batch { epsilon },
            _ => Norm::Moving { epsilon },
        });
        momentum = *m;
        used += 1;
    }
    let pool = match layer(used) {
        Some(Layer::MaxPool { window, stride }) => {
            Some(Pool::Max(window.0, stride.unwrap_or(*window).0))
        }
        Some(Layer::AvgPool { window, stride }) if window.0[0] * window.0[1] <= LARGEST_AVERAGE => {
            Some(Pool::Avg(window.0, stride.unwrap_or(*window).0))
        }
        _ => None,
    };
    used += usize::from(pool.is_some());
    Some((ConvBlock { conv, norm, pool }, used, momentum))
}
