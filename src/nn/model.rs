//! A network with its parameters on a device, and its forward pass.

use super::architecture::{Activation, Architecture, Layer};
use super::init;
use super::plan::Plan;
use crate::backend::{Device, Real};
use crate::engine::{Tape, Tensor, Var};
use crate::ops::avg_pool::AvgPool;
use crate::ops::batch_norm::BatchNorm;
use crate::ops::batch_norm_inference::BatchNormInference;
use crate::ops::binary_cross_entropy::BinaryCrossEntropy;
use crate::ops::categorical_cross_entropy::CategoricalCrossEntropy;
use crate::ops::conv2d::Conv2d;
use crate::ops::dense::Dense;
use crate::ops::dropout::Dropout;
use crate::ops::max_pool::MaxPool;
use crate::ops::relu::Relu;
use crate::ops::sigmoid::Sigmoid;
use crate::ops::softmax::Softmax;
use crate::{Error, Result};

/// One weight, bias, scale, shift or moving statistic.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// "conv2d/kernel", …, as Keras names it.
    pub name: String,
    /// Its values.
    pub tensor: Tensor,
    /// Whether Adam moves it.
    pub trainable: bool,
}

/// A network on a device.
#[derive(Clone, Debug)]
pub struct Model {
    architecture: Architecture,
    plan: Plan,
    parameters: Vec<Parameter>,
    device: Device,
}

/// How a forward pass is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batch statistics, and dropout with the mask of this seed and step.
    Training {
        /// The run's seed.
        seed: u64,
        /// Steps since training began.
        step: u32,
    },
    /// Moving statistics, no dropout.
    Inference,
}

/// What a forward pass leaves on the tape.
#[derive(Debug)]
pub struct Forward {
    /// (N, 1) or (N, 2): what the head's sigmoid or softmax is applied to.
    pub logits: Var,
    /// One per parameter of the model, in its order.
    pub parameters: Vec<Var>,
    /// In training, for each moving statistic: its parameter's index, the batch's
    /// value, and the momentum with which it moves.
    pub statistics: Vec<(usize, Tensor, f64)>,
}

impl Model {
    /// A fresh network for cutouts of `input` (H, W, C).
    pub fn new(
        architecture: Architecture,
        input: [usize; 3],
        seed: u64,
        device: &Device,
    ) -> Result<Model> {
        Model::with_values(architecture, input, device, |i, plan| {
            Ok(init::values(
                &plan.parameters().nth(i).expect("counted").clone(),
                seed,
                i,
            ))
        })
    }

    /// A network whose parameters are given by `values(index, plan)`.
    pub fn with_values<S: Real>(
        architecture: Architecture,
        input: [usize; 3],
        device: &Device,
        values: impl Fn(usize, &Plan) -> Result<Vec<S>>,
    ) -> Result<Model> {
        let plan = Plan::new(&architecture, input)?;
        let parameters = plan
            .parameters()
            .enumerate()
            .map(|(i, p)| {
                let tensor = Tensor::new(device, p.shape.clone(), &values(i, &plan)?)?;
                Ok(Parameter {
                    name: p.name.clone(),
                    tensor,
                    trainable: p.trainable,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Model {
            architecture,
            plan,
            parameters,
            device: device.clone(),
        })
    }

    /// How it is described.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Its layers at its input size.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where it lives.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Every parameter, in Keras' order.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Gives parameter `index` new values of the same shape.
    pub fn set_parameter(&mut self, index: usize, tensor: Tensor) -> Result<()> {
        let old = &mut self.parameters[index].tensor;
        if old.shape() != tensor.shape() {
            return Err(Error::shape(
                "parameter",
                "the shape changed",
                &[old.shape(), tensor.shape()],
            ));
        }
        *old = tensor;
        Ok(())
    }

    /// Records the forward pass of `x` (N, H, W, C) on `tape`.
    pub fn forward(&self, tape: &mut Tape, x: Var, mode: Mode) -> Result<Forward> {
        let training = matches!(mode, Mode::Training { .. });
        let parameters: Vec<Var> = self
            .parameters
            .iter()
            .map(|p| match training && p.trainable {
                true => tape.parameter(p.tensor.clone()),
                false => tape.constant(p.tensor.clone()),
            })
            .collect();
        let mut run = Run {
            tape,
            parameters: &parameters,
            next: 0,
            stream: 0,
            mode,
            statistics: Vec::new(),
        };
        let mut value = x;
        for (i, layer) in self.plan.layers.iter().enumerate() {
            let last = i + 1 == self.plan.layers.len();
            let output = run.layer(&layer.layer, value, last)?;
            if output != value && value != x {
                run.tape.release(value)?;
            }
            value = output;
        }
        let statistics = run.statistics;
        Ok(Forward {
            logits: value,
            parameters,
            statistics,
        })
    }

    /// Records the mean loss of `logits` against `targets`: binary cross-entropy
    /// for a sigmoid, categorical for a softmax. `targets` as [`Model::targets`].
    pub fn loss(&self, tape: &mut Tape, logits: Var, targets: Var) -> Result<Var> {
        match self.architecture.head() {
            Activation::Softmax => tape.apply(CategoricalCrossEntropy, &[logits, targets]),
            _ => tape.apply(BinaryCrossEntropy, &[logits, targets]),
        }
    }

    /// Labels (1 real, 0 bogus) as the loss wants them: (N, 1), or one-hot (N, 2).
    pub fn targets(&self, labels: &[u8]) -> Result<Tensor> {
        let outputs = self.architecture.outputs();
        let values: Vec<f32> = match outputs {
            1 => labels.iter().map(|l| f32::from(*l)).collect(),
            _ => labels
                .iter()
                .flat_map(|l| [f32::from(1 - *l), f32::from(*l)])
                .collect(),
        };
        Tensor::new(&self.device, [labels.len(), outputs], &values)
    }

    /// Normalised cutouts (N, H, W, C) of the network's size, on its device.
    pub fn input(&self, values: &[f32]) -> Result<Tensor> {
        let [h, w, c] = self.plan.input;
        let count = values.len().checked_div(h * w * c).unwrap_or(0);
        Tensor::new(&self.device, [count, h, w, c], values)
    }

    /// P(real) for cutouts `x` (N, H, W, C) on this device.
    pub fn score(&self, x: Tensor) -> Result<Vec<f64>> {
        let mut tape = crate::ops::tape(&self.device);
        let x = tape.constant(x);
        let logits = self.forward(&mut tape, x, Mode::Inference)?.logits;
        self.probabilities(&mut tape, logits)
    }

    /// P(real) from logits, read back.
    pub fn probabilities(&self, tape: &mut Tape, logits: Var) -> Result<Vec<f64>> {
        match self.architecture.head() {
            Activation::Softmax => {
                let both = tape.apply(Softmax, &[logits])?;
                let both = tape.tensor(both).to_vec()?;
                Ok(both.chunks(2).map(|pair| pair[1]).collect())
            }
            _ => {
                let real = tape.apply(Sigmoid, &[logits])?;
                tape.tensor(real).to_vec()
            }
        }
    }
}

/// The state of one forward pass.
struct Run<'a> {
    tape: &'a mut Tape,
    parameters: &'a [Var],
    next: usize,
    stream: u32,
    mode: Mode,
    statistics: Vec<(usize, Tensor, f64)>,
}

impl Run<'_> {
    fn take<const N: usize>(&mut self) -> [Var; N] {
        let first = self.next;
        self.next += N;
        std::array::from_fn(|i| self.parameters[first + i])
    }

    fn layer(&mut self, layer: &Layer, x: Var, last: bool) -> Result<Var> {
        match layer {
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
                if self.mode == Mode::Inference {
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
