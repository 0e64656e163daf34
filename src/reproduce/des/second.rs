//! Sect. 4.5: model 1 and the forest again, on repaired labels and another split.

use std::sync::Arc;

use super::compare::{Classified, compare};
use super::first::{classified, forest, options};
use super::networks::{Trained, Work, train};
use super::progress::Span;
use super::repair::Repair;
use super::run::Request;
use super::sample::Sample;
use crate::Result;
use crate::data::{Dataset, Fractions, Split};
use crate::forest::Forest;
use crate::judge::Evaluation;
use crate::reproduce::Watcher;

/// Everything of the second stage.
pub struct Second {
    /// 70/10/20, by another seed.
    pub split: Split,
    /// Model 1.
    pub network: Trained,
    /// The forest.
    pub forest: Forest,
    /// Both, with scores of all candidates.
    pub classified: Vec<Classified>,
    /// On the test part, with repaired labels.
    pub evaluation: Evaluation,
    /// On the test part, with the true labels, where they are known.
    pub by_truth: Option<Evaluation>,
}

/// Runs the stage.
pub fn second(
    request: &Request,
    sample: &Sample,
    repair: &Repair,
    span: Span,
    watcher: &mut dyn Watcher,
) -> Result<Second> {
    let data: Arc<Dataset> = Arc::new(sample.data.with_labels(repair.labels.clone())?);
    let seed = request.seed.wrapping_add(1);
    let split = Split::make(&data, Fractions::default(), seed)?;
    let config = request.scale.config("des1", request.precision, seed)?;
    let part = Span {
        share: 0.9 * span.share,
        ..span
    };
    let work = Work {
        data: &data,
        split: &split,
        from: None,
        span: part,
    };
    let network = train(request, "CNN 1", config, work, watcher)?;
    let rest = Span {
        from: part.at(1.0),
        share: 0.1 * span.share,
    };
    let (forest, scored) = forest(request, sample, &repair.labels, &split, rest, watcher)?;
    let all = vec![classified(&network, sample, watcher)?, scored];
    let options = options(request);
    let by_truth = sample
        .truth
        .as_ref()
        .map(|truth| compare(&all, truth, &split.test, &options));
    Ok(Second {
        evaluation: compare(&all, &repair.labels, &split.test, &options)?,
        by_truth: by_truth.transpose()?,
        split,
        network,
        forest,
        classified: all,
    })
}
