//! How much a candidate of each class counts in the loss.

use serde::{Deserialize, Serialize};

use crate::backend::Real;

/// Factors on the loss of a candidate, by the class that its target names. The mean over a batch
/// is still taken over its candidates, Σ wᵢ lᵢ / N, as Keras' `class_weight` has it
/// (`sum_over_batch_size`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassWeights {
    /// Of class 0.
    pub bogus: f64,
    /// Of class 1.
    pub real: f64,
}

impl Default for ClassWeights {
    /// 1 and 1, which changes no bit of a loss.
    fn default() -> ClassWeights {
        ClassWeights {
            bogus: 1.0,
            real: 1.0,
        }
    }
}

impl ClassWeights {
    /// w_c = n / (2 n_c), as Keras' guide and scikit-learn's "balanced" have it: both classes
    /// then count the same in sum, and the mean weight is 1. Both counts must be above 0.
    pub fn balanced(real: usize, bogus: usize) -> ClassWeights {
        let total = (real + bogus) as f64;
        ClassWeights {
            bogus: total / (2.0 * bogus as f64),
            real: total / (2.0 * real as f64),
        }
    }

    /// The factor for a candidate whose target of class 1 is `target`.
    pub(super) fn of<T: Real>(self, target: T) -> T {
        T::of(match target >= T::of(0.5) {
            true => self.real,
            false => self.bogus,
        })
    }
}
