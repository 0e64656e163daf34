//! What a pass over a batch must cost at least: the arithmetic of its matrix
//! products, and the memory that even a wholly fused program reads and writes.

use super::architecture::Layer;
use super::plan::Plan;
use crate::engine::{Formula, Shape};
use crate::ops::conv2d::Conv2d;
use crate::ops::dense::Dense;

/// The cost of one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Multiplications and additions.
    pub flops: u64,
    /// Bytes read and written.
    pub bytes: u64,
}

/// f32s that Adam reads (w, m, v, g) and writes (g before it, w, m, v) per parameter.
const ADAM: u64 = 8;

impl Plan {
    /// Scoring `batch` candidates. Products are those of convolutions and dense
    /// layers; the inputs and outputs of these and of pooling go through memory once,
    /// all else could be done on the way.
    pub fn scoring_cost(&self, batch: usize) -> Cost {
        let (flops, _, values) = self.walk(batch);
        Cost {
            flops,
            bytes: 4 * (values + self.weights()),
        }
    }

    /// A training step on `batch` candidates. Backward has two products of forward's
    /// size, one in the first layer, whose input is not differentiated; it passes
    /// twice over the activations, and Adam over the parameters.
    pub fn training_cost(&self, batch: usize) -> Cost {
        let (flops, first, values) = self.walk(batch);
        Cost {
            flops: 3 * flops - first,
            bytes: 4 * (3 * values + (2 + ADAM) * self.weights()),
        }
    }

    fn weights(&self) -> u64 {
        self.parameters().map(|p| p.shape.len() as u64).sum()
    }

    /// (products' flops, those of the first of them, activations' elements).
    fn walk(&self, batch: usize) -> (u64, u64, u64) {
        let (mut all, mut first, mut values) = (0, None, 0);
        let with_batch = |shape: &[usize]| Shape::from([&[batch], shape].concat());
        let mut x = with_batch(&self.input);
        for layer in &self.layers {
            let y = with_batch(&layer.output);
            let mut inputs = vec![&x];
            inputs.extend(layer.parameters.iter().map(|p| &p.shape));
            let flops = match &layer.layer {
                Layer::Conv2d {
                    stride, padding, ..
                } => {
                    let (stride, padding) = (stride.0, *padding);
                    Some(Conv2d { stride, padding }.flops(&inputs))
                }
                Layer::Dense { .. } => Some(Dense.flops(&inputs)),
                _ => None,
            };
            if let Some(flops) = flops {
                all += flops;
                first.get_or_insert(flops);
            }
            let pools = matches!(layer.layer, Layer::MaxPool { .. } | Layer::AvgPool { .. });
            if flops.is_some() || pools {
                values += (x.len() + y.len()) as u64;
            }
            x = y;
        }
        (all, first.unwrap_or(0), values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Architecture;

    fn plan(name: &str) -> Plan {
        let architecture = Architecture::named(name).unwrap();
        Plan::new(&architecture, architecture.input.unwrap()).unwrap()
    }

    /// O'TRAIN by hand: five convolutions, three dense layers.
    #[test]
    fn otrain_costs_what_its_layers_do() {
        let convolution = |side: usize, c: usize, o: usize| 2 * side * side * 9 * c * o;
        let products = [
            convolution(32, 1, 16),
            convolution(32, 16, 32),
            convolution(16, 32, 64),
            convolution(8, 64, 128),
            convolution(8, 128, 256),
            2 * 4096 * 512,
            2 * 512 * 256,
            2 * 256 * 2,
        ];
        let forward = products.iter().sum::<usize>() as u64;
        assert_eq!(plan("otrain").scoring_cost(1).flops, forward);
        let first = products[0] as u64;
        assert_eq!(
            plan("otrain").training_cost(7).flops,
            7 * (3 * forward - first)
        );
    }

    #[test]
    fn weights_are_counted_once_and_activations_per_candidate() {
        let plan = plan("des4");
        let bytes = |n| plan.scoring_cost(n).bytes;
        assert_eq!(bytes(3) - bytes(2), bytes(2) - bytes(1));
        assert!(
            2 * bytes(1) - bytes(2)
                == 4 * plan.parameters().map(|p| p.shape.len() as u64).sum::<u64>()
        );
        assert!(plan.training_cost(1).bytes > 3 * bytes(1));
    }
}
