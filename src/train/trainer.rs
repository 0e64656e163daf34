//! One training step: forward, backward, Adam, moving statistics; of a batch as a
//! whole, or in parts whose gradients are added up.

use std::ops::Range;

use crate::engine::{Tensor, run};
use crate::nn::{Mode, Model};
use crate::ops::ClassWeights;
use crate::ops::accuracy::Accuracy;
use crate::ops::adam::{Adam, step_size};
use crate::ops::add::Add;
use crate::ops::loss_scale::{self, LossScale};
use crate::ops::moving_average::MovingAverage;
use crate::ops::not_finite::NotFinite;
use crate::ops::scale::Scale;
use crate::{Error, Result, ops};

/// A network in training: its parameters and Adam's two moments of each.
#[derive(Clone, Debug)]
pub struct Trainer {
    model: Model,
    /// (m, v) per parameter; `None` for moving statistics.
    moments: Vec<Option<(Tensor, Tensor)>>,
    steps: u64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    /// What the classes count in the loss.
    weights: ClassWeights,
    /// In mixed precision: the state of the loss's scale, and the scale alone.
    scaling: Option<(Tensor, Tensor)>,
    /// The gradient of the loss to itself; made once, since an upload in the middle
    /// of a step would be a submission of its own.
    one: Tensor,
}

/// Good steps after which the loss's scale is doubled.
const SCALE_INTERVAL: u32 = 2000;

/// What a step leaves on the device; reading it back waits for the step.
#[derive(Debug)]
pub struct Step {
    /// The mean loss before the update, a scalar.
    pub loss: Tensor,
    /// How many predictions were right before the update, a scalar.
    pub right: Tensor,
    /// The gradient of every trainable parameter, by the parameter's index; kept
    /// only by [`Trainer::gradients`].
    pub gradients: Vec<(usize, Tensor)>,
}

/// A moving statistic's index, the batch's value, and the momentum.
type Statistics = Vec<(usize, Tensor, f64)>;

/// Makes the (x, targets) of a part of a batch, given by its places in it.
pub type Input<'a> = dyn FnMut(&Model, Range<usize>) -> Result<(Tensor, Tensor)> + 'a;

impl Trainer {
    /// Training from `model`'s parameters, with Adam's moments at 0.
    pub fn new(model: Model, beta1: f64, beta2: f64, epsilon: f64) -> Result<Trainer> {
        let zeros = |p: &crate::nn::Parameter| {
            let zero = Tensor::full(model.device(), p.tensor.shape().clone(), 0.0)?;
            Ok(p.trainable.then(|| (zero.clone(), zero)))
        };
        let moments = model
            .parameters()
            .iter()
            .map(zeros)
            .collect::<Result<_>>()?;
        Ok(Trainer {
            one: Tensor::full(model.device(), [], 1.0)?,
            model,
            moments,
            steps: 0,
            beta1,
            beta2,
            epsilon,
            weights: ClassWeights::default(),
            scaling: None,
        })
    }

    /// Weights the loss by class; the loss that a step gives is then the weighted one.
    pub fn with_class_weights(mut self, weights: ClassWeights) -> Trainer {
        self.weights = weights;
        self
    }

    /// Scales the loss, for mixed precision: from `state` on, as
    /// [`loss_scale::start`] or [`Trainer::loss_scale`] gave it.
    pub fn with_loss_scale(mut self, state: &[f64]) -> Result<Trainer> {
        let device = self.model.device();
        let scale = Tensor::new(device, [], &state[..1])?;
        let state = Tensor::new(device, [loss_scale::STATE], state)?;
        self.scaling = Some((state, scale));
        Ok(self)
    }

    /// The state of the loss's scale, read back, where there is one.
    pub fn loss_scale(&self) -> Result<Option<Vec<f64>>> {
        self.scaling
            .as_ref()
            .map(|(state, _)| state.to_vec())
            .transpose()
    }

    /// The network as it stands.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Updates so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Adam's (m, v) per parameter.
    pub fn moments(&self) -> &[Option<(Tensor, Tensor)>] {
        &self.moments
    }

    /// Goes on from an earlier state: `steps` updates, and moments as
    /// [`Trainer::moments`] gave them.
    pub fn resume(mut self, steps: u64, moments: Vec<Option<(Tensor, Tensor)>>) -> Trainer {
        assert_eq!(
            moments.len(),
            self.moments.len(),
            "one slot of moments per parameter"
        );
        self.steps = steps;
        self.moments = moments;
        self
    }

    /// Loss and gradients for a batch `x` (N, H, W, C) with `targets`, without an
    /// update. Dropout's mask is that of `seed` and the current step.
    pub fn gradients(&self, x: Tensor, targets: Tensor, seed: u64) -> Result<Step> {
        Ok(self.differentiate(x, targets, seed, self.one.clone())?.0)
    }

    /// As [`gradients`](Trainer::gradients), of `weight` times the loss.
    fn differentiate(
        &self,
        x: Tensor,
        targets: Tensor,
        seed: u64,
        weight: Tensor,
    ) -> Result<(Step, Statistics)> {
        let mut tape = ops::tape(self.model.device());
        let (x, targets) = (tape.constant(x), tape.constant(targets));
        // The mask repeats after 2³² steps, which no run reaches.
        let mode = Mode::Training {
            seed,
            step: self.steps as u32,
        };
        let forward = self.model.forward(&mut tape, x, mode)?;
        let loss = (self.model).weighted_loss(&mut tape, forward.logits, targets, self.weights)?;
        let right = run::forward(
            &Accuracy,
            &[tape.tensor(forward.logits), tape.tensor(targets)],
        )?;
        let value = tape.tensor(loss).clone();
        let mut all = tape.backward_from(loss, weight)?;
        let mut gradients = Vec::new();
        for (i, var) in forward.parameters.iter().enumerate() {
            if self.model.parameters()[i].trainable {
                let gradient = all.take(*var).ok_or_else(|| {
                    let name = &self.model.parameters()[i].name;
                    Error::config(
                        "network",
                        format!("'{name}'"),
                        "a parameter that the loss uses",
                    )
                })?;
                gradients.push((i, gradient));
            }
        }
        let [right] = right.try_into().expect("one output");
        Ok((
            Step {
                loss: value,
                right,
                gradients,
            },
            forward.statistics,
        ))
    }

    /// One update with learning rate `learning_rate`. Nothing is read back.
    pub fn step(
        &mut self,
        x: Tensor,
        targets: Tensor,
        learning_rate: f64,
        seed: u64,
    ) -> Result<Step> {
        let count = targets.shape()[0];
        let mut whole = Some((x, targets));
        let mut input = |_: &Model, _| Ok(whole.take().expect("there is one part"));
        self.step_in_parts(&parts(count, count), &mut input, learning_rate, seed)
    }

    /// One update from a batch that is given in parts, each by its place in the
    /// batch: `input` makes its (x, targets). The loss and its gradients are those
    /// of the whole batch, but batch normalisation sees one part at a time; moving
    /// statistics get the mean over the parts. After an error that says too large
    /// nothing has changed; after any other the trainer is not to be used again.
    pub fn step_in_parts(
        &mut self,
        parts: &[Range<usize>],
        input: &mut Input,
        learning_rate: f64,
        seed: u64,
    ) -> Result<Step> {
        let (step, statistics) = self.differentiate_parts(parts, input, seed)?;
        let state = self.next_scale(&step.gradients)?;
        let device = self.model.device().name();
        // Smaller parts would not help, and some weights may have moved already.
        let fatal = |error: Error| match error.is_too_large() {
            true => Error::Device {
                device,
                doing: "updating the weights".into(),
                problem: error.to_string(),
            },
            false => error,
        };
        self.update(step, statistics, state, learning_rate)
            .map_err(fatal)
    }

    fn update(
        &mut self,
        mut step: Step,
        statistics: Statistics,
        state: Option<Tensor>,
        learning_rate: f64,
    ) -> Result<Step> {
        self.steps += 1;
        let adam = Adam {
            step_size: match state {
                Some(_) => learning_rate,
                None => step_size(learning_rate, self.beta1, self.beta2, self.steps),
            },
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
        };
        for (i, gradient) in step.gradients.drain(..) {
            let (m, v) = self.moments[i]
                .take()
                .expect("trainable parameters have moments");
            let w = self.model.take_parameter(i)?;
            let rest: Vec<&Tensor> = [&gradient].into_iter().chain(&state).collect();
            let new = run::forward_in_place(&adam, vec![w, m, v], &rest)?;
            let [w, m, v] = new.try_into().expect("three outputs");
            self.moments[i] = Some((m, v));
            self.model.set_parameter(i, w)?;
        }
        for (i, batch, momentum) in statistics {
            let moving = vec![self.model.take_parameter(i)?];
            let op = MovingAverage { momentum };
            let new = run::forward_in_place(&op, moving, &[&batch])?.remove(0);
            self.model.set_parameter(i, new)?;
        }
        self.model.device().submit()?;
        Ok(step)
    }

    /// Loss, gradients and statistics of a batch, added up over its parts.
    fn differentiate_parts(
        &self,
        parts: &[Range<usize>],
        input: &mut Input,
        seed: u64,
    ) -> Result<(Step, Statistics)> {
        let count: usize = parts.iter().map(Range::len).sum();
        let mut sum: Option<(Step, Statistics)> = None;
        for (i, part) in parts.iter().enumerate() {
            let share = part.len() as f64 / count as f64;
            let (x, targets) = input(&self.model, part.clone())?;
            // Another mask for each part, or every part would drop the same elements.
            let seed = seed.wrapping_add((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let scale = self.scaling.as_ref().map_or(&self.one, |(_, scale)| scale);
            let weight = scaled(scale, share)?;
            let (mut step, mut statistics) = self.differentiate(x, targets, seed, weight)?;
            if parts.len() > 1 {
                step.loss = scaled(&step.loss, share)?;
                for (_, batch, _) in &mut statistics {
                    *batch = scaled(batch, share)?;
                }
            }
            sum = Some(match sum {
                None => (step, statistics),
                Some(before) => added(before, (step, statistics))?,
            });
        }
        sum.ok_or_else(|| Error::config("batch", "0 candidates", "at least 1"))
    }

    /// In mixed precision, moves the loss's scale on and returns its state, which
    /// tells Adam what to do: whether a gradient overflowed is not read back.
    fn next_scale(&mut self, gradients: &[(usize, Tensor)]) -> Result<Option<Tensor>> {
        let Some((state, _)) = &self.scaling else {
            return Ok(None);
        };
        let all: Vec<&Tensor> = gradients.iter().map(|(_, gradient)| gradient).collect();
        let count = run::forward(&NotFinite, &all)?.remove(0);
        let op = LossScale {
            beta1: self.beta1,
            beta2: self.beta2,
            interval: SCALE_INTERVAL,
        };
        let next = run::forward(&op, &[state, &count])?;
        let [state, scale] = next.try_into().expect("two outputs");
        self.scaling = Some((state.clone(), scale));
        Ok(Some(state))
    }
}

/// `count` candidates in parts of about equal size, none larger than `largest`.
pub fn parts(count: usize, largest: usize) -> Vec<Range<usize>> {
    let parts = count.div_ceil(largest.max(1)).max(1);
    let end = |i: usize| count * i / parts;
    (0..parts).map(|i| end(i)..end(i + 1)).collect()
}

fn scaled(tensor: &Tensor, factor: f64) -> Result<Tensor> {
    match factor {
        1.0 => Ok(tensor.clone()),
        _ => Ok(run::forward(&Scale::by(factor), &[tensor])?.remove(0)),
    }
}

fn added(before: (Step, Statistics), part: (Step, Statistics)) -> Result<(Step, Statistics)> {
    let add = |a: Tensor, b: &Tensor| Ok(run::forward_in_place(&Add, vec![a], &[b])?.remove(0));
    let ((before, statistics), (step, batch)) = (before, part);
    let gradients = before.gradients.into_iter().zip(&step.gradients);
    let statistics = statistics.into_iter().zip(&batch);
    Ok((
        Step {
            loss: add(before.loss, &step.loss)?,
            right: add(before.right, &step.right)?,
            gradients: gradients
                .map(|((i, sum), (_, more))| Ok((i, add(sum, more)?)))
                .collect::<Result<_>>()?,
        },
        statistics
            .map(|((i, sum, momentum), (_, more, _))| Ok((i, add(sum, more)?, momentum)))
            .collect::<Result<_>>()?,
    ))
}
