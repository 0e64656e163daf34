//! Networks drawn from a [`Space`]: trial i is a function of (seed, i), whatever was drawn
//! before it.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::space::{Head, Place, Shrink, Space};
use crate::nn::{Activation, Architecture, Layer, Padding, Pair, Plan, Training};
use crate::{Error, Result};

/// Draws of one trial after which the space is taken to have nothing that fits.
const MOST_DRAWS: usize = 2000;

/// A network, and how often it took to draw one that fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// Its training has the learning rate that was drawn, and what else the space says.
    pub architecture: Architecture,
    /// Draws before it that did not fit: maps that shrank to nothing, too many parameters, or
    /// too much work.
    pub redrawn: usize,
}

impl Space {
    /// Trial `index` (from 1) for cutouts of `input` (H, W, C).
    pub fn draw(&self, seed: u64, index: usize, input: [usize; 3]) -> Result<Drawn> {
        let mut random = Random::new(seed, index as u64);
        for redrawn in 0..MOST_DRAWS {
            let architecture = self.propose(&mut random, index);
            if self.fits(&architecture, input) {
                return Ok(Drawn {
                    architecture,
                    redrawn,
                });
            }
        }
        let [h, w, c] = input;
        let found = format!("none in {MOST_DRAWS} draws for cutouts of {h}x{w}x{c}");
        let expected = "networks that fit: fewer convolutions per block or a weaker shrinking, or \
                        more parameters and flops allowed";
        Err(Error::config("search space", found, expected))
    }

    fn fits(&self, architecture: &Architecture, input: [usize; 3]) -> bool {
        Plan::new(architecture, input).is_ok_and(|plan| {
            let mflops = plan.scoring_cost(1).flops as f64 / 1e6;
            plan.trainable() <= self.most_parameters && mflops <= self.most_mflops
        })
    }

    fn propose(&self, random: &mut Random, index: usize) -> Architecture {
        let mut layers = Vec::new();
        let batch_norm = *random.of(&self.batch_norm);
        let shrink = *random.of(&self.shrink);
        let by = Pair([random.between(self.by); 2]);
        let widening = *random.of(&self.widening);
        // One number for each place, whether it is used or not.
        let rates = self.dropout.iter().map(|place| {
            let (in_use, rate) = (random.chance(), random.real(self.dropout_rate));
            in_use.then_some((*place, (rate * 100.0).round() / 100.0))
        });
        let rates: Vec<(Place, f64)> = rates.collect::<Vec<_>>().into_iter().flatten().collect();
        let dropout = |place: Place, layers: &mut Vec<Layer>| {
            if let Some((_, rate)) = rates.iter().find(|(there, _)| *there == place) {
                layers.push(Layer::Dropout { rate: *rate });
            }
        };
        let norm = |layers: &mut Vec<Layer>| {
            if batch_norm {
                layers.push(Layer::BatchNorm {
                    epsilon: 1e-3,
                    momentum: 0.99,
                });
            }
        };
        let mut left = random.between(self.convolutions);
        let mut filters = random.by_logarithm(self.filters) as f64;
        while left > 0 {
            let block = random.between(self.per_block).min(left);
            for i in 0..block {
                let last = i + 1 == block;
                layers.push(Layer::Conv2d {
                    filters: (filters.round() as usize).min(self.filters[1]),
                    kernel: Pair([random.between(self.kernel); 2]),
                    stride: match shrink {
                        Shrink::Stride if last => by,
                        _ => Pair([1, 1]),
                    },
                    padding: Padding::Same,
                    activation: Activation::Relu,
                });
                norm(&mut layers);
            }
            let (window, stride) = (by, None);
            match shrink {
                Shrink::MaxPool => layers.push(Layer::MaxPool { window, stride }),
                Shrink::AvgPool => layers.push(Layer::AvgPool { window, stride }),
                Shrink::Stride => {}
            }
            dropout(Place::Blocks, &mut layers);
            left -= block;
            filters *= widening;
        }
        layers.push(Layer::Flatten {});
        dropout(Place::Flatten, &mut layers);
        for _ in 0..random.between(self.dense) {
            layers.push(Layer::Dense {
                units: random.by_logarithm(self.units),
                activation: Activation::Relu,
            });
            norm(&mut layers);
            dropout(Place::Dense, &mut layers);
        }
        let (units, activation) = match random.of(&self.head) {
            Head::Sigmoid => (1, Activation::Sigmoid),
            Head::Softmax => (2, Activation::Softmax),
        };
        layers.push(Layer::Dense { units, activation });
        let [low, high] = self.learning_rate.map(f64::ln);
        let rate = random.real([low, high]).exp();
        Architecture {
            name: name(index),
            input: None,
            training: Training {
                // Two digits, which is what one would write.
                learning_rate: format!("{rate:.1e}").parse().unwrap_or(rate),
                ..self.training.clone()
            },
            layers,
        }
    }
}

/// "t007".
pub fn name(index: usize) -> String {
    format!("t{index:03}")
}

/// Numbers that depend on a seed and a trial alone.
struct Random(Xoshiro256PlusPlus);

impl Random {
    fn new(seed: u64, index: u64) -> Random {
        // The generator's own seeding mixes; a trial's stream begins far from its neighbour's.
        let mut mixed = Xoshiro256PlusPlus::seed_from_u64(seed);
        let base: u64 = mixed.random();
        let step = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Random(Xoshiro256PlusPlus::seed_from_u64(base.wrapping_add(step)))
    }

    fn real(&mut self, [low, high]: [f64; 2]) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    fn chance(&mut self) -> bool {
        self.0.random::<f64>() < 0.5
    }

    /// Each number of the range as likely.
    fn between(&mut self, [low, high]: [usize; 2]) -> usize {
        let span = (high - low + 1) as f64;
        (low + (self.0.random::<f64>() * span) as usize).min(high)
    }

    /// Small numbers as likely as large ones, octave by octave.
    fn by_logarithm(&mut self, [low, high]: [usize; 2]) -> usize {
        let ends = [(low as f64 - 0.5).ln(), (high as f64 + 0.5).ln()];
        (self.real(ends).exp().round() as usize).clamp(low, high)
    }

    fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.between([0, choices.len() - 1])]
    }
}
