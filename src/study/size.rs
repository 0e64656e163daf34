//! How many candidates it takes: the same training on nested parts of the training set
//! (O'TRAIN Sect. 7, Fig. 11).

use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use super::run::each_once;
use super::{Run, View};
use crate::data::Split;
use crate::data::split::shuffle;
use crate::train::Config;
use crate::{Error, Result};

/// Fewest candidates of a size that nobody asked for, where there are more.
const SMALLEST: usize = 50;
/// Most sizes that nobody asked for.
const SIZES: u32 = 7;

/// `total` and its halves, quarters, …, rising.
pub fn ladder(total: usize) -> Vec<usize> {
    let all = (0..SIZES).map(|halvings| total >> halvings);
    let mut sizes: Vec<usize> = all.filter(|&n| n >= SMALLEST || n == total).collect();
    sizes.reverse();
    sizes
}

/// Rows of a training set in an order whose beginnings have both classes in the proportion of
/// the whole: what comes first is part of everything longer.
#[derive(Clone, Debug)]
pub struct Nested {
    real: Vec<usize>,
    bogus: Vec<usize>,
}

impl Nested {
    /// `rows` of a set with these labels (1 real, 0 bogus), by an order that `seed` gives.
    pub fn new(labels: &[u8], rows: &[usize], seed: u64) -> Nested {
        let (mut real, mut bogus): (Vec<_>, Vec<_>) = rows.iter().partition(|&&i| labels[i] == 1);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        shuffle(&mut real, &mut rng);
        shuffle(&mut bogus, &mut rng);
        Nested { real, bogus }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.real.len() + self.bogus.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `count` rows, ascending; at least one of each class from a `count` of 2 on.
    /// `count` is at most [`len`](Self::len).
    pub fn first(&self, count: usize) -> Vec<usize> {
        let (n, all, real) = (count as u128, self.len() as u128, self.real.len() as u128);
        // Rounded to the nearest, so that neither class ever loses one as `count` grows.
        let real = ((2 * n * real + all) / (2 * all)) as usize;
        let real = match count < 2 || self.real.is_empty() || self.bogus.is_empty() {
            true => real,
            false => real.clamp(1, count - 1),
        };
        let mut rows = self.real[..real].to_vec();
        rows.extend(&self.bogus[..count - real]);
        rows.sort_unstable();
        rows
    }
}

/// One run for each of `sizes` (candidates of the training part) and repeat, all repeats of a
/// size after one another. Validation and
/// test rows are the same for all; a repeat has a seed of its own, for the order of the
/// candidates as for weights and batches.
pub fn runs(
    base: &Config,
    labels: &[u8],
    split: &Split,
    sizes: &[usize],
    repeats: usize,
) -> Result<Vec<Run>> {
    let total = split.train.len();
    for &size in sizes {
        if size < 2 || size > total {
            let expected = format!("from 2 to {total}, the candidates of the training part");
            return Err(Error::config("--sizes", size.to_string(), expected));
        }
    }
    each_once("--sizes", "size", sizes)?;
    let orders: Vec<_> = repeated(base, repeats)
        .into_iter()
        .map(|(repeat, config)| {
            let nested = Nested::new(labels, &split.train, config.seed);
            (repeat, config, nested)
        })
        .collect();
    let of_size = |&size: &usize| {
        orders.iter().map(move |(repeat, config, nested)| {
            let split = Split {
                train: nested.first(size),
                ..split.clone()
            };
            let name = format!("n{size}-r{repeat}");
            named(name, config, View::Whole, Arc::new(split))
        })
    };
    Ok(sizes.iter().flat_map(of_size).collect())
}

/// The settings of each repeat, counted from 1.
pub(super) fn repeated(base: &Config, repeats: usize) -> Vec<(usize, Config)> {
    let each = (0..repeats).map(|repeat| {
        let seed = base.seed.wrapping_add(repeat as u64);
        let config = Config {
            seed,
            ..base.clone()
        };
        (repeat + 1, config)
    });
    each.collect()
}

/// A run that stands for itself.
pub(super) fn named(name: String, config: &Config, view: View, split: Arc<Split>) -> Run {
    Run {
        folder: name.clone(),
        name,
        config: config.clone(),
        view,
        split,
        before: 0,
        keeps_checkpoint: false,
    }
}
