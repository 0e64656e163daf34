//! A forest from a table.
//!
//! datarust grows scikit-learn's trees, one thread at a time. Here each tree is a forest of its
//! own with a seed that comes from the settings' seed and its number alone, so that any number of
//! threads grows the same trees; a forest's P(real) is the mean over its trees either way.
//! `RandomForestClassifier(n_estimators=1, random_state=tree_seed(seed, i))` of scikit-learn is
//! tree i.

use datarust::Matrix;
use datarust::ensemble::RandomForestClassifier;
use datarust::error::DatarustError;
use datarust::traits::Predictor;
use datarust::tree::MaxFeatures;
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::model::{Forest, Measured, Provenance};
use super::settings::{Criterion, Settings};
use super::table::FeatureTable;
use super::tree::{LEAF, Tree};
use crate::{Error, Result};

/// The seed of tree `number`: the upper half of SplitMix64's output `number` from `seed` on.
pub fn tree_seed(seed: u64, number: usize) -> u32 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut z = seed.wrapping_add(STEP.wrapping_mul(number as u64 + 1));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 32) as u32
}

/// A forest with what its own training says of it.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The forest.
    pub forest: Forest,
    /// For each row that was asked for: P(real) by the trees that did not see it, NaN where it
    /// was dropped or every tree saw it. Out of sample without a second training.
    pub out_of_bag: Vec<f64>,
}

impl Forest {
    /// Grows a forest on the rows `rows` of `table`, whose labels (1 real, 0 bogus) are `labels`,
    /// one for each of `rows`. Rows with a missing value are dropped. `progress` hears how many
    /// trees of how many are done, from several threads.
    pub fn train(
        table: &FeatureTable,
        rows: &[usize],
        labels: &[u8],
        settings: &Settings,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Forest> {
        Forest::grow(table, rows, labels, settings, progress).map(|trained| trained.forest)
    }

    /// As [`train`](Self::train), with the out-of-bag scores.
    pub fn grow(
        table: &FeatureTable,
        rows: &[usize],
        labels: &[u8],
        settings: &Settings,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Trained> {
        settings.check()?;
        let grown = Grown::new(table, rows, labels, settings, progress)?;
        let out_of_bag = grown.out_of_bag(table, rows, labels);
        let Grown { kept, trees, .. } = &grown;
        let real = kept.iter().filter(|&&i| labels[i] == 1).count();
        let votes: (Vec<u8>, Vec<f64>) = labels
            .iter()
            .zip(&out_of_bag)
            .filter(|(_, p)| !p.is_nan())
            .map(|(label, p)| (*label, *p))
            .unzip();
        let measured = Measured::of(&votes.0, &votes.1, 0.5)?;
        let forest = Forest {
            medians: medians(table, rows, kept),
            importances: importances(trees, table.names.len()),
            threshold: 0.5,
            provenance: Provenance {
                version: env!("CARGO_PKG_VERSION").into(),
                data: table.source.display().to_string(),
                fingerprint: table.fingerprint(),
                settings: *settings,
                trained: [real, kept.len() - real],
                dropped: rows.len() - kept.len(),
                parts: [rows.len(), 0, 0],
                out_of_bag: Some(measured),
                metrics: Default::default(),
            },
            names: table.names.clone(),
            trees: grown.trees.into_iter().map(|tree| tree.tree).collect(),
        };
        Ok(Trained { forest, out_of_bag })
    }
}

/// A tree with what only its training knows.
struct GrownTree {
    tree: Tree,
    /// Mean decrease in impurity of each feature, of sum 1; `None` of a leaf alone.
    importances: Option<Vec<f64>>,
    /// A bit for each kept row: whether the tree saw it.
    seen: Vec<u64>,
}

impl GrownTree {
    fn saw(&self, row: usize) -> bool {
        self.seen[row / 64] >> (row % 64) & 1 == 1
    }
}

struct Grown {
    /// Places in `rows` of those without a missing value.
    kept: Vec<usize>,
    trees: Vec<GrownTree>,
}

impl Grown {
    fn new(
        table: &FeatureTable,
        rows: &[usize],
        labels: &[u8],
        settings: &Settings,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Grown> {
        if rows.len() != labels.len() {
            let found = format!("{} for {} rows", labels.len(), rows.len());
            return Err(Error::config("labels", found, "one for each row"));
        }
        let kept: Vec<usize> = (0..rows.len())
            .filter(|&i| table.is_whole(rows[i]))
            .collect();
        let real = kept.iter().filter(|&&i| labels[i] == 1).count();
        let bogus = kept.len() - real;
        if real == 0 || bogus == 0 {
            let dropped = rows.len() - kept.len();
            let mut found = format!("{real} real and {bogus} bogus");
            if dropped > 0 {
                found += &format!(", and {dropped} with missing values, which are not trained on");
            }
            let expected = match dropped {
                0 => "both",
                _ => "both; --columns can leave out a feature that is often missing",
            };
            return Err(Error::input(
                &table.source,
                "labels to train on",
                found,
                expected,
            ));
        }
        let width = table.names.len();
        let values = kept.iter().flat_map(|&i| table.row(rows[i]));
        let values: Vec<f64> = values.map(|&value| f64::from(value)).collect();
        let failed = |e: DatarustError| {
            Error::input(
                &table.source,
                "features",
                e.to_string(),
                "what a forest can be grown on",
            )
        };
        let x = Matrix::from_flat(kept.len(), width, values).map_err(failed)?;
        let y: Vec<f64> = kept.iter().map(|&i| f64::from(labels[i])).collect();
        let done = AtomicUsize::new(0);
        progress(0, settings.trees);
        let grow = |number: usize| -> Result<GrownTree> {
            let tree = grow_tree(&x, &y, settings, number, table, rows, &kept, &failed)?;
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, settings.trees);
            Ok(tree)
        };
        let trees: Result<Vec<GrownTree>> = (0..settings.trees)
            .into_par_iter()
            .with_max_len(1)
            .map(grow)
            .collect();
        Ok(Grown {
            kept,
            trees: trees?,
        })
    }

    /// See [`Trained::out_of_bag`].
    fn out_of_bag(&self, table: &FeatureTable, rows: &[usize], labels: &[u8]) -> Vec<f64> {
        let mut out = vec![f64::NAN; labels.len()];
        let scores: Vec<f64> = (0..self.kept.len())
            .into_par_iter()
            .map(|k| {
                let row = table.row(rows[self.kept[k]]);
                let unseen = self.trees.iter().filter(|tree| !tree.saw(k));
                let (sum, count) = unseen.fold((0.0, 0), |(sum, count), tree| {
                    (sum + tree.tree.p(row), count + 1)
                });
                // 0 / 0 is NaN, which is what is meant.
                sum / f64::from(count)
            })
            .collect();
        for (&place, score) in self.kept.iter().zip(scores) {
            out[place] = score;
        }
        out
    }
}

/// Tree `number`, with P(real) in its leaves counted from the rows that it saw.
#[allow(clippy::too_many_arguments)]
fn grow_tree(
    x: &Matrix,
    y: &[f64],
    settings: &Settings,
    number: usize,
    table: &FeatureTable,
    rows: &[usize],
    kept: &[usize],
    failed: &dyn Fn(DatarustError) -> Error,
) -> Result<GrownTree> {
    let width = table.names.len();
    let mut one = RandomForestClassifier::new()
        .with_n_estimators(1)
        .with_criterion(match settings.criterion {
            Criterion::Entropy => datarust::tree::Criterion::Entropy,
            Criterion::Gini => datarust::tree::Criterion::Gini,
        })
        .with_max_features(MaxFeatures::Count(settings.features_per_split.min(width)))
        .with_min_samples_split(settings.min_samples_split)
        .with_max_depth(settings.max_depth)
        .with_random_state(u64::from(tree_seed(settings.seed, number)));
    one.fit(x, y).map_err(failed)?;
    let strange = || {
        let expected = "trees whose nodes stand in depth-first order; please report this";
        Error::config("datarust", "another tree than it walks itself", expected)
    };
    let grown = one
        .trees()
        .first()
        .and_then(|tree| tree.tree())
        .ok_or_else(strange)?;
    let mut tree = Tree::shape_of(grown, width).ok_or_else(strange)?;
    // Its own walk has to agree, or the order of its nodes is another one.
    for k in (0..kept.len()).step_by(kept.len().div_ceil(64)) {
        let theirs = grown.leaf_for(x.row(k)).map_err(failed)?;
        if theirs != tree.leaf(table.row(rows[kept[k]])) {
            return Err(strange());
        }
    }
    let mut times = vec![0u32; kept.len()];
    for &k in one.estimators_samples().first().ok_or_else(strange)? {
        times[k] += 1;
    }
    // Of each node: how often it was come to, and how often by a real candidate.
    let mut counts = vec![[0.0; 2]; tree.nodes().len()];
    let mut seen = vec![0u64; kept.len().div_ceil(64)];
    for (k, &times) in times.iter().enumerate().filter(|(_, times)| **times > 0) {
        seen[k / 64] |= 1 << (k % 64);
        let leaf = tree.leaf(table.row(rows[kept[k]]));
        counts[leaf][0] += f64::from(times);
        counts[leaf][1] += f64::from(times) * y[k];
    }
    for (at, [all, real]) in counts.into_iter().enumerate() {
        if tree.nodes()[at].feature == LEAF {
            if all == 0.0 {
                return Err(strange());
            }
            tree.set_leaf(at, real / all);
        }
    }
    let importances = match tree.nodes().len() {
        1 => None,
        _ => Some(one.feature_importances().map_err(failed)?),
    };
    Ok(GrownTree {
        tree,
        importances,
        seen,
    })
}

/// The mean over trees that split at all, of sum 1; 0 everywhere if none does.
fn importances(trees: &[GrownTree], width: usize) -> Vec<f64> {
    let mut sums = vec![0.0; width];
    for tree in trees.iter().filter_map(|tree| tree.importances.as_ref()) {
        for (sum, value) in sums.iter_mut().zip(tree) {
            *sum += value;
        }
    }
    let all: f64 = sums.iter().sum();
    if all > 0.0 {
        sums.iter_mut().for_each(|sum| *sum /= all);
    }
    sums
}

/// Of each feature over the rows that were trained on; the mean of the two in the middle of an
/// even number.
fn medians(table: &FeatureTable, rows: &[usize], kept: &[usize]) -> Vec<f32> {
    let middle = kept.len() / 2;
    let median = |column: usize| {
        let mut values: Vec<f32> = kept.iter().map(|&i| table.row(rows[i])[column]).collect();
        let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
        match kept.len() % 2 {
            1 => upper,
            _ => {
                let lower = below.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                // Halves first: the sum of two large numbers may be infinite.
                0.5 * lower + 0.5 * upper
            }
        }
    };
    (0..table.names.len()).into_par_iter().map(median).collect()
}
