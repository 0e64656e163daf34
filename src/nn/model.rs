//! A network with its parameters on a device, and its forward pass.

use super::architecture::{Activation, Architecture};
use super::forward::Run;
use super::init;
use super::plan::Plan;
use crate::backend::{Device, Real};
use crate::engine::{Tape, Tensor, Var};
use crate::ops::ClassWeights;
use crate::ops::binary_cross_entropy::BinaryCrossEntropy;
use crate::ops::categorical_cross_entropy::CategoricalCrossEntropy;
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
    pub(super) plan: Plan,
    pub(super) parameters: Vec<Parameter>,
    device: Device,
    single_ops: bool,
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

/// What [`Model::forward_watching`] leaves on the tape.
#[derive(Clone, Copy, Debug)]
pub struct Watched {
    /// The layer's output after its activation: (N, H, W, C) or (N, units).
    pub output: Var,
    /// As in [`Forward`].
    pub logits: Var,
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
            single_ops: false,
        })
    }

    /// The same network with every layer as an op of its own, where it would
    /// otherwise run a convolution and what follows it as one
    /// ([`ConvBlock`](crate::ops::conv_block::ConvBlock)): slower, but each layer's
    /// value and, in inference too, each gradient is there to look at.
    pub fn single_ops(mut self) -> Model {
        self.single_ops = true;
        self
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

    /// Takes parameter `index` out, so that an op may write over it; until
    /// [`set_parameter`](Model::set_parameter) the model has its shape only.
    pub fn take_parameter(&mut self, index: usize) -> Result<Tensor> {
        let slot = &mut self.parameters[index].tensor;
        let hollow = slot.without_elements()?;
        Ok(std::mem::replace(slot, hollow))
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
        let mut run = Run::new(tape, &parameters, mode);
        let mut value = x;
        let mut rest = &self.plan.layers[..];
        while !rest.is_empty() {
            let (output, used) = match self.single_ops {
                true => (run.layer(rest, value)?, 1),
                false => run.layers(rest, value)?,
            };
            if output != value && value != x {
                run.tape.release(value)?;
            }
            value = output;
            rest = &rest[used..];
        }
        let statistics = run.statistics;
        Ok(Forward {
            logits: value,
            parameters,
            statistics,
        })
    }

    /// Runs `x` (N, H, W, C) through the layers up to and with number `layer`, and records
    /// those behind it as a function of that layer's output, which is a leaf: its gradient
    /// is what [`Tape::backward_from`] gives for [`Watched::output`]. Every layer is an op
    /// of its own, in [`Mode::Inference`].
    pub fn forward_watching(&self, tape: &mut Tape, x: Var, layer: usize) -> Result<Watched> {
        let constant = |p: &Parameter| tape.constant(p.tensor.clone());
        let parameters: Vec<Var> = self.parameters.iter().map(constant).collect();
        let mut run = Run::new(tape, &parameters, Mode::Inference);
        let (mut value, mut watched) = (x, None);
        for i in 0..self.plan.layers.len() {
            let output = run.layer(&self.plan.layers[i..], value)?;
            if output != value && value != x && Some(value) != watched {
                run.tape.release(value)?;
            }
            value = output;
            if i == layer {
                value = run.tape.parameter(run.tape.tensor(output).clone());
                watched = Some(value);
            }
        }
        let output = watched.ok_or_else(|| {
            let found = format!("layer {layer} of {}", self.plan.layers.len());
            Error::config("layer", found, "one that the network has, counted from 0")
        })?;
        Ok(Watched {
            output,
            logits: value,
        })
    }

    /// Records the mean loss of `logits` against `targets`: binary cross-entropy
    /// for a sigmoid, categorical for a softmax. `targets` as [`Model::targets`].
    pub fn loss(&self, tape: &mut Tape, logits: Var, targets: Var) -> Result<Var> {
        self.weighted_loss(tape, logits, targets, ClassWeights::default())
    }

    /// As [`loss`](Self::loss), of candidates that count by their class.
    pub fn weighted_loss(
        &self,
        tape: &mut Tape,
        logits: Var,
        targets: Var,
        weights: ClassWeights,
    ) -> Result<Var> {
        let inputs = [logits, targets];
        match self.architecture.head() {
            Activation::Softmax => tape.apply(CategoricalCrossEntropy { weights }, &inputs),
            _ => tape.apply(BinaryCrossEntropy { weights }, &inputs),
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
