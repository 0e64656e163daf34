//! Gradients in f64 on the way that an f32 run chose.
//!
//! A max pool sends a window's gradient to its largest value, and a rectifier lets it through where
//! y > 0. Where two values of a window, or a value and 0, differ by less than f32 rounds, f32 and f64
//! choose otherwise, and both are right: the loss has a kink there, and its gradient is either side's.
//! One such tie can change the gradient of a layer by 2e-3 of its length, be it Keras or rbgpu that
//! calculates, and how many there are is chance. So ties are not rounding: an f32 gradient is held
//! against the f64 gradient with f32's own choices, and only what is left is rounding.

use rand::SeedableRng;
use rand_distr::{Distribution, Uniform};
use rand_xoshiro::Xoshiro256PlusPlus;
use rbgpu::backend::Device;
use rbgpu::engine::{Op, Tensor, run};
use rbgpu::nn::{Activation, Architecture, Layer, Model, Plan};
use rbgpu::ops::avg_pool::AvgPool;
use rbgpu::ops::batch_norm::BatchNorm;
use rbgpu::ops::binary_cross_entropy::BinaryCrossEntropy;
use rbgpu::ops::categorical_cross_entropy::CategoricalCrossEntropy;
use rbgpu::ops::conv_block::{ConvBlock, LARGEST_AVERAGE, Norm, Pool};
use rbgpu::ops::conv2d::Conv2d;
use rbgpu::ops::dense::Dense;
use rbgpu::ops::max_pool::MaxPool;
use rbgpu::ops::relu::Relu;

use super::common::relative_l2;

/// P(real) in f32 may differ by this much.
pub const OUTPUT_F32: f64 = 5e-6;
/// The loss by this much of itself, and the gradient of a variable by this much of its length:
/// ten times what is usual. More where the problem makes more of any rounding, as batch
/// normalisation does with a channel that hardly varies.
const LOSS_F32: f64 = 1e-5;
const GRADIENT_F32: f64 = 1e-4;
/// What a problem makes of rounding is measured in f64, with numbers moved by up to this much of
/// themselves: sixteen roundings of f32, since there are many on the way.
const MOVED: f64 = 1.0 / (1 << 20) as f64;
/// How often.
const TIMES: u64 = 3;
/// It is the size of what f32 does, and no bound.
const MARGIN: f64 = 10.0;

/// What is chosen, by the output of an op that says so: where it is positive, or all of it.
#[derive(Clone, Copy)]
enum Choice {
    Sign(usize),
    Whole(usize),
}

/// An op as it ran.
struct Ran {
    op: Box<dyn Op>,
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
    /// Of the inputs behind the first one, by their place in the model.
    parameters: Vec<usize>,
    choices: Vec<Choice>,
}

/// The gradient of each trainable parameter, by its index.
pub type Gradients = Vec<(usize, Vec<f64>)>;

/// A forward pass in training, op by op as `nn` runs it.
pub struct Pass(Vec<Ran>);

impl Pass {
    /// Of `x` (N, H, W, C) and `target`, without dropout.
    pub fn new(model: &Model, x: Tensor, target: Tensor) -> Pass {
        let mut pass = Pass(Vec::new());
        let layers: Vec<&Layer> = model.plan().layers.iter().map(|l| &l.layer).collect();
        let (mut value, mut next, mut at) = (x, 0, 0);
        while at < layers.len() {
            let mut parameters: Vec<usize> = Vec::new();
            let mut take = |count: usize, skipped: usize| {
                parameters.extend(next..next + count);
                next += count + skipped;
            };
            let last = at + 1 == layers.len();
            let mut relu = false;
            let (op, choices): (Box<dyn Op>, Vec<Choice>) = match layers[at] {
                Layer::Conv2d {
                    stride,
                    padding,
                    activation: Activation::Relu,
                    ..
                } => {
                    let conv = Conv2d {
                        stride: stride.0,
                        padding: *padding,
                    };
                    take(2, 0);
                    let mut norm = None;
                    if let Some(Layer::BatchNorm { epsilon, .. }) = layers.get(at + 1) {
                        norm = Some(Norm::Batch { epsilon: *epsilon });
                        take(2, 2);
                        at += 1;
                    }
                    let pool = match layers.get(at + 1) {
                        Some(Layer::MaxPool { window, stride }) => {
                            Some(Pool::Max(window.0, stride.unwrap_or(*window).0))
                        }
                        Some(Layer::AvgPool { window, stride }) => {
                            assert!(window.0[0] * window.0[1] <= LARGEST_AVERAGE);
                            Some(Pool::Avg(window.0, stride.unwrap_or(*window).0))
                        }
                        _ => None,
                    };
                    at += usize::from(pool.is_some());
                    use Choice::{Sign, Whole};
                    let choices = match (norm, pool) {
                        (Some(_), Some(Pool::Max(..))) => vec![Sign(3), Whole(4)],
                        (Some(_), _) => vec![Sign(3)],
                        (None, None) => vec![Sign(0)],
                        (None, Some(Pool::Max(..))) => vec![Sign(0), Whole(1)],
                        (None, Some(Pool::Avg(..))) => vec![Whole(1)],
                    };
                    (Box::new(ConvBlock { conv, norm, pool }), choices)
                }
                Layer::Dense { activation, .. } => {
                    take(2, 0);
                    relu = *activation == Activation::Relu && !last;
                    (Box::new(Dense), Vec::new())
                }
                Layer::BatchNorm { epsilon, .. } => {
                    take(2, 2);
                    (Box::new(BatchNorm { epsilon: *epsilon }), Vec::new())
                }
                Layer::MaxPool { window, stride } => {
                    let (window, stride) = (window.0, stride.unwrap_or(*window).0);
                    (Box::new(MaxPool { window, stride }), vec![Choice::Whole(1)])
                }
                Layer::AvgPool { window, stride } => {
                    let (window, stride) = (window.0, stride.unwrap_or(*window).0);
                    (Box::new(AvgPool { window, stride }), Vec::new())
                }
                Layer::Flatten {} => {
                    let count = value.shape()[0];
                    let rest = value.shape().len() / count;
                    value = value.reshape([count, rest]).unwrap();
                    at += 1;
                    continue;
                }
                Layer::Dropout { .. } => {
                    at += 1;
                    continue;
                }
                other => panic!("no network here has {other:?}"),
            };
            value = pass.run(model, op, value, parameters, choices);
            if relu {
                let choices = vec![Choice::Sign(0)];
                value = pass.run(model, Box::new(Relu), value, Vec::new(), choices);
            }
            at += 1;
        }
        let loss: Box<dyn Op> = match model.architecture().head() {
            Activation::Softmax => Box::new(CategoricalCrossEntropy::default()),
            _ => Box::new(BinaryCrossEntropy::default()),
        };
        let inputs = vec![value, target];
        let outputs = run::forward(&*loss, &inputs.iter().collect::<Vec<_>>()).unwrap();
        pass.0.push(Ran {
            op: loss,
            inputs,
            outputs,
            parameters: Vec::new(),
            choices: Vec::new(),
        });
        pass
    }

    fn run(
        &mut self,
        model: &Model,
        op: Box<dyn Op>,
        value: Tensor,
        parameters: Vec<usize>,
        choices: Vec<Choice>,
    ) -> Tensor {
        let own = parameters
            .iter()
            .map(|i| model.parameters()[*i].tensor.clone());
        let inputs: Vec<Tensor> = [value].into_iter().chain(own).collect();
        let outputs = run::forward(&*op, &inputs.iter().collect::<Vec<_>>()).unwrap();
        let value = outputs[0].clone();
        self.0.push(Ran {
            op,
            inputs,
            outputs,
            parameters,
            choices,
        });
        value
    }

    /// Takes the choices of `other`, a pass of the same network; how many were others.
    pub fn choose_as(&mut self, other: &Pass) -> usize {
        let mut changed = 0;
        for (ran, other) in self.0.iter_mut().zip(&other.0) {
            for choice in &ran.choices {
                let (Choice::Sign(at) | Choice::Whole(at)) = *choice;
                let mut own = ran.outputs[at].to_vec().unwrap();
                let chosen = other.outputs[at].to_vec().unwrap();
                for (own, chosen) in own.iter_mut().zip(&chosen) {
                    let new = match choice {
                        Choice::Whole(_) => *chosen,
                        Choice::Sign(_) if (*own > 0.0) == (*chosen > 0.0) => continue,
                        // All but 0, on the other side of it.
                        Choice::Sign(_) if *chosen > 0.0 => 1e-30,
                        Choice::Sign(_) => 0.0,
                    };
                    changed += usize::from(new != *own);
                    *own = new;
                }
                let output = &mut ran.outputs[at];
                *output = Tensor::new(output.device(), output.shape().clone(), &own).unwrap();
            }
        }
        changed
    }

    fn loss(&self) -> f64 {
        self.0.last().expect("a loss").outputs[0].item().unwrap()
    }

    /// The gradients of the loss.
    pub fn gradients(&self) -> Gradients {
        let loss = &self.0.last().expect("a loss").outputs[0];
        let mut gradient = Tensor::full(loss.device(), loss.shape().clone(), 1.0).unwrap();
        let mut all = Vec::new();
        for (n, ran) in self.0.iter().enumerate().rev() {
            if gradient.shape() != ran.outputs[0].shape() {
                gradient = gradient.reshape(ran.outputs[0].shape().clone()).unwrap();
            }
            let inputs: Vec<&Tensor> = ran.inputs.iter().collect();
            // Nobody wants the gradient of pixels, nor of targets.
            let wanted = |i: usize| match i {
                0 => n > 0,
                i => i <= ran.parameters.len(),
            };
            let wanted: Vec<bool> = (0..inputs.len()).map(wanted).collect();
            let mut found = run::backward(&*ran.op, &inputs, &ran.outputs, &gradient, &wanted)
                .unwrap()
                .into_iter();
            let before = found.next().expect("an input");
            for (i, of) in ran.parameters.iter().zip(found) {
                all.push((*i, of.expect("it is wanted").to_vec().unwrap()));
            }
            match before {
                Some(before) => gradient = before,
                None => break,
            }
        }
        all.sort_by_key(|(i, _)| *i);
        all
    }
}

/// A network in training and a batch, for any device.
#[derive(Clone)]
pub struct Problem {
    pub architecture: Architecture,
    /// Height, width, channels.
    pub input: [usize; 3],
    /// As f32 has them, like all numbers here.
    pub weights: Vec<Vec<f64>>,
    /// (N, H, W, C).
    pub x: Vec<f64>,
    /// (N, classes).
    pub target: Vec<f64>,
    /// N.
    pub count: usize,
}

impl Problem {
    pub fn model(&self, device: &Device) -> Model {
        let weights = |i: usize, _: &Plan| Ok(self.weights[i].clone());
        Model::with_values(self.architecture.clone(), self.input, device, weights).unwrap()
    }

    /// Images and targets.
    pub fn batch(&self, device: &Device) -> (Tensor, Tensor) {
        let [height, width, channels] = self.input;
        let x = Tensor::new(device, [self.count, height, width, channels], &self.x);
        let classes = self.target.len() / self.count;
        let target = Tensor::new(device, [self.count, classes], &self.target);
        (x.unwrap(), target.unwrap())
    }

    fn pass(&self, device: &Device) -> Pass {
        let (x, target) = self.batch(device);
        Pass::new(&self.model(device), x, target)
    }

    /// Every weight and pixel moved by up to [`MOVED`] of itself.
    fn moved(&self, seed: u64) -> Problem {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let factor = Uniform::new_inclusive(1.0 - MOVED, 1.0 + MOVED).unwrap();
        let mut other = self.clone();
        for values in other.weights.iter_mut().chain([&mut other.x]) {
            for value in values {
                *value *= factor.sample(&mut rng);
            }
        }
        other
    }
}

/// What f32 may differ by on one problem, and why.
pub struct Judged {
    /// The f32 gradients, as [`Pass`] has them.
    pub own: Gradients,
    /// In f64 with f32's choices.
    pub exact: Gradients,
    /// In f64 with f64's own.
    pub free: Gradients,
    /// Choices that differ.
    pub ties: usize,
    /// What rounding does to each exact gradient, relative to its length, and to the loss.
    gradients: Vec<f64>,
    loss: f64,
}

impl Judged {
    /// Of what `device` makes of `problem`.
    pub fn new(problem: &Problem, device: &Device) -> Judged {
        let judge = Device::cpu_f64();
        let (f32, mut f64) = (problem.pass(device), problem.pass(&judge));
        let (free, loss) = (f64.gradients(), f64.loss());
        let ties = f64.choose_as(&f32);
        let mut judged = Judged {
            own: f32.gradients(),
            exact: f64.gradients(),
            gradients: vec![0.0; free.len()],
            free,
            ties,
            loss: 0.0,
        };
        for time in 0..TIMES {
            let mut moved = problem.moved(time).pass(&judge);
            moved.choose_as(&f32);
            judged.loss = judged.loss.max((moved.loss() / loss - 1.0).abs());
            let both = judged.exact.iter().zip(moved.gradients());
            for (most, ((_, exact), (_, moved))) in judged.gradients.iter_mut().zip(both) {
                *most = most.max(relative_l2(&moved, exact));
            }
        }
        judged
    }

    /// What the loss may differ by, relative to itself.
    pub fn allowed_loss(&self) -> f64 {
        LOSS_F32.max(MARGIN * self.loss)
    }

    /// What gradient number `n` may differ from the exact one by, relative to its length.
    pub fn allowed(&self, n: usize) -> f64 {
        GRADIENT_F32.max(MARGIN * self.gradients[n])
    }

    /// The most that ties do to a gradient, relative to its length.
    pub fn by_ties(&self) -> f64 {
        let both = self.exact.iter().zip(&self.free);
        both.map(|((_, a), (_, b))| relative_l2(a, b))
            .fold(0.0, f64::max)
    }
}
