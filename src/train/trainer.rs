//! One training step: forward, backward, Adam, moving statistics.

use crate::engine::{Tensor, run};
use crate::nn::{Mode, Model};
use crate::ops::accuracy::Accuracy;
use crate::ops::adam::{Adam, step_size};
use crate::ops::moving_average::MovingAverage;
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
}

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
            model,
            moments,
            steps: 0,
            beta1,
            beta2,
            epsilon,
        })
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
        Ok(self.differentiate(x, targets, seed)?.0)
    }

    fn differentiate(&self, x: Tensor, targets: Tensor, seed: u64) -> Result<(Step, Statistics)> {
        let mut tape = ops::tape(self.model.device());
        let (x, targets) = (tape.constant(x), tape.constant(targets));
        // The mask repeats after 2³² steps, which no run reaches.
        let mode = Mode::Training {
            seed,
            step: self.steps as u32,
        };
        let forward = self.model.forward(&mut tape, x, mode)?;
        let loss = self.model.loss(&mut tape, forward.logits, targets)?;
        let right = run::forward(
            &Accuracy,
            &[tape.tensor(forward.logits), tape.tensor(targets)],
        )?;
        let value = tape.tensor(loss).clone();
        let mut all = tape.backward(loss)?;
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
        let (mut step, statistics) = self.differentiate(x, targets, seed)?;
        self.steps += 1;
        let adam = Adam {
            step_size: step_size(learning_rate, self.beta1, self.beta2, self.steps),
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
        };
        for (i, gradient) in step.gradients.drain(..) {
            let (m, v) = self.moments[i]
                .take()
                .expect("trainable parameters have moments");
            let w = self.model.take_parameter(i)?;
            let new = run::forward_in_place(&adam, vec![w, m, v], &[&gradient])?;
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
}
