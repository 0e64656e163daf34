//! Which candidates an epoch takes, and in which order: a function of (seed, epoch).

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use super::augment::mix;
use super::split::shuffle;

/// Apart from the seed of the order.
const EXTRA: u64 = 0x6261_6c61_6e63_6564;

/// How many candidates an epoch over `classes` (how many of each) takes: twice the larger class
/// where the smaller one is oversampled, else all.
pub fn epoch_len(classes: [usize; 2], balance: bool) -> usize {
    let [one, other] = classes;
    match balance && one > 0 && other > 0 {
        true => 2 * one.max(other),
        false => one + other,
    }
}

/// What the epochs over some candidates draw.
#[derive(Debug)]
pub(super) struct Draws {
    count: usize,
    shuffle: bool,
    balance: Option<Vec<u8>>,
    seed: u64,
    len: usize,
}

impl Draws {
    /// Draws of `count` positions, in an order of its own for every epoch if `shuffle` is set;
    /// `balance` has the label of each position, if the smaller class is to be oversampled.
    pub fn new(count: usize, shuffle: bool, balance: Option<Vec<u8>>, seed: u64) -> Draws {
        let len = balance.as_ref().map_or(count, |labels| {
            let real = labels.iter().filter(|&&label| label == 1).count();
            epoch_len([real, count - real], true)
        });
        Draws {
            count,
            shuffle,
            balance,
            seed,
            len,
        }
    }

    /// Draws of an epoch.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The draws of an epoch in their order. What each is of, [`position`](Self::position) says.
    pub fn of(&self, epoch: u64) -> Vec<usize> {
        let mut draws: Vec<usize> = (0..self.count).collect();
        if let Some(labels) = &self.balance {
            draws.extend(extra(labels, self.seed, epoch));
        }
        if self.shuffle {
            let seed = mix(mix(self.seed) ^ epoch);
            shuffle(&mut draws, &mut Xoshiro256PlusPlus::seed_from_u64(seed));
        }
        draws
    }

    /// The position that a draw is of.
    pub fn position(&self, draw: usize) -> usize {
        draw % self.count
    }

    /// Tells the draws of one position in an epoch apart; the first is 0.
    pub fn repeat(&self, draw: usize) -> u64 {
        (draw / self.count) as u64
    }
}

/// What makes the classes of `labels` equal: as many more draws of the smaller one, each of its
/// positions as often as any other but for one.
fn extra(labels: &[u8], seed: u64, epoch: u64) -> Vec<usize> {
    let of = |class: bool| -> Vec<usize> {
        let positions = 0..labels.len();
        positions.filter(|&at| (labels[at] == 1) == class).collect()
    };
    let (real, bogus) = (of(true), of(false));
    let lacking = real.len().abs_diff(bogus.len());
    let mut smaller = if real.len() < bogus.len() {
        real
    } else {
        bogus
    };
    if smaller.is_empty() {
        return Vec::new();
    }
    let seed = mix(mix(seed ^ EXTRA) ^ epoch);
    shuffle(&mut smaller, &mut Xoshiro256PlusPlus::seed_from_u64(seed));
    let draw = |i: usize| smaller[i % smaller.len()] + (1 + i / smaller.len()) * labels.len();
    (0..lacking).map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(labels: &[u8]) -> Draws {
        Draws::new(labels.len(), true, Some(labels.to_vec()), 7)
    }

    #[test]
    fn an_oversampled_epoch_has_as_many_of_each_class_and_no_candidate_much_more_often() {
        for (real, bogus) in [(3, 10), (10, 3), (5, 5), (1, 7), (4, 8)] {
            let mut labels = vec![1; real];
            labels.resize(real + bogus, 0);
            let draws = draws(&labels);
            assert_eq!(draws.len(), 2 * real.max(bogus));
            for epoch in 1..4 {
                let mut drawn = draws.of(epoch);
                assert_eq!(drawn.len(), draws.len());
                assert_eq!(drawn, draws.of(epoch));
                let mut times = vec![0; labels.len()];
                drawn.iter().for_each(|&d| times[draws.position(d)] += 1);
                for class in [1, 0] {
                    let of = times.iter().zip(&labels).filter(|(_, l)| **l == class);
                    let of: Vec<usize> = of.map(|(times, _)| *times).collect();
                    assert_eq!(of.iter().sum::<usize>(), real.max(bogus));
                    let (most, least) = (of.iter().max().unwrap(), of.iter().min().unwrap());
                    assert!(*least >= 1 && most - least <= 1, "{of:?}");
                }
                drawn.sort_unstable();
                drawn.dedup();
                assert_eq!(drawn.len(), draws.len(), "every draw is another one");
            }
            assert_ne!(draws.of(1), draws.of(2));
        }
    }

    #[test]
    fn one_class_alone_is_not_oversampled() {
        let draws = draws(&[0, 0, 0]);
        assert_eq!((draws.len(), draws.of(1).len()), (3, 3));
        assert_eq!(epoch_len([2, 5], false), 7);
        assert_eq!(epoch_len([2, 5], true), 10);
    }
}
