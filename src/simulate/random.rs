//! Random numbers: one generator per candidate, and the distributions in use.

use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Poisson, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The generator of one candidate.
pub(super) type Random = Xoshiro256PlusPlus;

/// Below this many electrons a Gaussian is no longer a Poisson distribution
/// for our purpose (its skewness is above 0.18).
const FEW_ELECTRONS: f64 = 30.0;

/// Candidate `index`'s generator. The pair is mixed by SplitMix64's finaliser,
/// so neighbouring seeds and indices share nothing.
pub(super) fn generator(seed: u64, index: u64) -> Random {
    Random::seed_from_u64(mix(
        mix(seed).wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    ))
}

fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A standard normal number.
pub(super) fn normal(random: &mut Random) -> f64 {
    StandardNormal.sample(random)
}

/// A number in [low, high).
pub(super) fn uniform(random: &mut Random, low: f64, high: f64) -> f64 {
    low + (high - low) * random.random::<f64>()
}

/// A number in [low, high) whose logarithm is uniform; both are positive.
pub(super) fn log_uniform(random: &mut Random, low: f64, high: f64) -> f64 {
    low * (high / low).powf(random.random::<f64>())
}

/// True with probability `share`.
pub(super) fn chance(random: &mut Random, share: f64) -> bool {
    random.random::<f64>() < share
}

/// A direction in radians, in [0, 2 pi).
pub(super) fn angle(random: &mut Random) -> f64 {
    uniform(random, 0.0, std::f64::consts::TAU)
}

/// A number of things of which `mean` are expected; 0 where the mean is not positive.
pub(super) fn count(random: &mut Random, mean: f64) -> usize {
    match Poisson::new(mean) {
        Ok(poisson) => poisson.sample(random) as usize,
        Err(_) => 0,
    }
}

/// One pixel as it is read out, in ADU: `mean` ADU are expected from `frames`
/// averaged exposures with `gain` electrons per ADU and `read_noise` electrons.
pub(super) fn readout(
    random: &mut Random,
    mean: f32,
    gain: f32,
    read_noise: f32,
    frames: f32,
) -> f32 {
    let electrons = mean.max(0.0) * gain * frames;
    let noise: f32 = StandardNormal.sample(random);
    if f64::from(electrons) >= FEW_ELECTRONS || electrons == 0.0 {
        let variance = electrons + read_noise * read_noise * frames;
        return mean + noise * variance.sqrt() / (gain * frames);
    }
    let arrived = match Poisson::new(electrons) {
        Ok(poisson) => poisson.sample(random),
        Err(_) => electrons,
    };
    (arrived + noise * read_noise * frames.sqrt()) / (gain * frames)
}
