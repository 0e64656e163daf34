//! Which candidates are kept for a share of real ones.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::data::split::shuffle;

/// Some of `real` and some of `bogus`, ascending: see
/// [`PackOptions::frac_true`](super::PackOptions::frac_true).
pub fn choose(real: Vec<usize>, bogus: Vec<usize>, share: f64, seed: u64) -> Vec<usize> {
    let twice = 2.0 * real.len().min(bogus.len()) as f64;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut kept = Vec::new();
    for (mut class, share) in [(real, share), (bogus, 1.0 - share)] {
        shuffle(&mut class, &mut rng);
        let most = (twice * share).floor() as usize;
        kept.extend(class.into_iter().take(most));
    }
    kept.sort_unstable();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn otrains_numbers() {
        // (real, bogus, share) to what convert.py's formula gives of each.
        for (real, bogus, share, kept) in [
            (400, 400, 0.5, (400, 400)),
            (30, 100, 0.5, (30, 30)),
            (100, 30, 0.3, (18, 42.min(30))),
            (10, 50, 0.35, (7, 13)),
            (10, 50, 0.0, (0, 20)),
        ] {
            let rows = choose(
                (0..real).collect(),
                (real..real + bogus).collect(),
                share,
                1,
            );
            let first = rows.iter().filter(|&&row| row < real).count();
            assert_eq!((first, rows.len() - first), kept);
            assert!(rows.is_sorted());
        }
        let of = |seed| choose((0..50).collect(), (50..60).collect(), 0.5, seed);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
