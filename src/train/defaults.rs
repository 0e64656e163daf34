//! Defaults that depend on the number of training candidates, since published settings were chosen
//! for large surveys.

use crate::nn::Training;

/// Steps that an epoch has at least where nobody chooses a batch.
const LEAST_STEPS: usize = 16;
/// The smallest batch that is taken to get there.
const LEAST_BATCH: usize = 16;

/// Candidates per step where nobody chooses, for so many training candidates: the largest power
/// of two that leaves at least 16 steps an epoch, at least 16, and never more than `published`,
/// the network's own.
///
/// A network published with batches of 1,024 would make one step an epoch on 560 cutouts, and
/// early stopping would end the training before it has begun.
pub fn default_batch(published: usize, candidates: usize) -> usize {
    let mut batch = LEAST_BATCH;
    while candidates.div_ceil(2 * batch) >= LEAST_STEPS {
        batch *= 2;
    }
    batch.min(published)
}

/// The largest learning rate that is taken in place of a published one: Adam's own, and Keras'.
const LARGEST_RATE: f64 = 1e-3;

/// Adam's η where nobody chooses, for epochs of `steps` steps: the `published` one, or k times that
/// where the published epochs have k times more steps, but at most 1e-3.
///
/// DES' 2e-5 is for 9,800 steps an epoch. On 2,000 cutouts an epoch has 32, and all of them together
/// hardly move a network from its random start.
pub fn default_rate(published: &Training, steps: usize) -> f64 {
    let Some(candidates) = published.candidates else {
        return published.learning_rate;
    };
    let more = candidates.div_ceil(published.batch_size) as f64 / steps.max(1) as f64;
    let most = published.learning_rate.max(LARGEST_RATE);
    (published.learning_rate * more.max(1.0)).min(most)
}

/// Training candidates below which a set is small.
pub const SMALL_SET: usize = 2000;
/// Epochs at most on a small set.
pub const SMALL_SET_EPOCHS: usize = 100;
/// The patience on a small set.
pub const SMALL_SET_PATIENCE: usize = 15;

/// Which settings are taken for a small set, where its size decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmallSet {
    /// The most epochs.
    pub epochs: bool,
    /// The patience.
    pub patience: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Architecture;

    #[test]
    fn the_default_batch_leaves_sixteen_steps_an_epoch() {
        // The folder of 560 cutouts that O'TRAIN's batch of 1,024 ruined.
        assert_eq!(default_batch(1024, 560), 32);
        assert_eq!(default_batch(1024, 5100), 256);
        assert_eq!(default_batch(1024, 17_000), 1024);
        assert_eq!(default_batch(64, 1_000_000), 64);
        assert_eq!(default_batch(1024, 10), 16);
        assert_eq!(default_batch(1024, 0), 16);
        assert_eq!(default_batch(8, 10_000), 8);
        for candidates in 0..40_000 {
            let batch = default_batch(1024, candidates);
            let steps = |batch: usize| candidates.div_ceil(batch);
            assert!(batch.is_power_of_two() && (16..=1024).contains(&batch));
            assert!(batch == 16 || steps(batch) >= 16, "{candidates}");
            assert!(batch == 1024 || steps(2 * batch) < 16, "{candidates}");
        }
    }

    #[test]
    fn a_learning_rate_for_a_large_survey_grows_where_there_are_fewer_steps() {
        let of = |name: &str| Architecture::named(name).unwrap().training;
        let des = of("des1");
        assert_eq!(default_rate(&des, 9833), 2e-5);
        assert_eq!(default_rate(&des, 20_000), 2e-5);
        assert_eq!(default_rate(&des, 983), 2e-5 * (9833.0 / 983.0));
        assert_eq!(default_rate(&des, 29), 1e-3);
        assert_eq!(default_rate(&des, 0), 1e-3);
        assert_eq!(default_rate(&of("otrain"), 1), 1e-3);
        let fast = Training {
            learning_rate: 0.1,
            ..des
        };
        assert_eq!(default_rate(&fast, 29), 0.1);
    }
}
