//! Where training starts from: Keras' defaults.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::plan::{Init, ParameterPlan};

/// The first values of the `index`-th parameter. They depend on the seed and the
/// index alone, and are f32 values on every device.
pub fn values(plan: &ParameterPlan, seed: u64, index: usize) -> Vec<f32> {
    let len = plan.shape.len();
    match plan.init {
        Init::Zeros => vec![0.0; len],
        Init::Ones => vec![1.0; len],
        Init::GlorotUniform { fan_in, fan_out } => {
            let limit = (6.0 / (fan_in + fan_out) as f64).sqrt();
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            // Streams of one seed that do not overlap: 2^128 draws apart.
            (0..index).for_each(|_| rng.jump());
            (0..len)
                .map(|_| ((2.0 * rng.random::<f64>() - 1.0) * limit) as f32)
                .collect()
        }
    }
}
