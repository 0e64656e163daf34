//! Sects. 4.2 and 4.3: four networks and a forest on half of the candidates, with the labels as
//! they are.

use super::compare::{Classified, compare};
use super::networks::{Trained, Work, scores, train};
use super::progress::Span;
use super::run::Request;
use super::sample::Sample;
use super::scale::NETWORKS;
use crate::Result;
use crate::data::{Fractions, Grouping, Split};
use crate::forest::{self, Forest};
use crate::judge::evaluation::Training;
use crate::judge::{Evaluation, Options};
use crate::reproduce::Watcher;
use crate::reproduce::watch::begin;

/// Everything of the first stage.
pub struct First {
    /// 50% to train on, 5% to validate, the rest: 5% to test and 40% in reserve.
    pub split: Split,
    /// Models 1 to 4.
    pub networks: Vec<Trained>,
    /// The forest.
    pub forest: Forest,
    /// Models 1 to 4 and the forest, with scores of all candidates.
    pub classified: Vec<Classified>,
    /// On the rest of the split, with the labels as they are.
    pub evaluation: Evaluation,
}

/// A trained network with its scores of all candidates. DES decides at 0.5.
pub(super) fn classified(
    trained: &Trained,
    sample: &Sample,
    watcher: &mut dyn Watcher,
) -> Result<Classified> {
    Ok(Classified {
        name: trained.name.clone(),
        scores: scores(&trained.model, &sample.data, watcher)?,
        threshold: 0.5,
        // A network whose first epoch failed has no history.
        training: Training::new(trained.history.clone(), Some(trained.best_epoch)).ok(),
    })
}

/// A forest fitted to the rows of a split's training part, with its scores of all candidates.
pub(super) fn forest(
    request: &Request,
    sample: &Sample,
    labels: &[u8],
    split: &Split,
    span: Span,
    watcher: &mut dyn Watcher,
) -> Result<(Forest, Classified)> {
    begin(watcher, "growing the forest", span.at(0.0))?;
    let settings = forest::Settings {
        seed: request.seed,
        ..forest::Settings::default()
    };
    let picked: Vec<u8> = split.train.iter().map(|&row| labels[row]).collect();
    let features = &sample.features;
    let forest = Forest::train(features, &split.train, &picked, &settings, &|_, _| {})?;
    let classified = Classified {
        name: "random forest".into(),
        scores: forest.score(features)?.scores,
        threshold: 0.5,
        training: None,
    };
    Ok((forest, classified))
}

/// The options of every evaluation here.
pub(super) fn options(request: &Request) -> Options {
    Options {
        seed: request.seed,
        resamples: request.scale.resamples,
        ..Options::default()
    }
}

/// Runs the stage.
pub fn first(
    request: &Request,
    sample: &Sample,
    span: Span,
    watcher: &mut dyn Watcher,
) -> Result<First> {
    let fractions = Fractions::new(0.50, 0.05, 0.45)?;
    let made = Split::grouped(&sample.data, fractions, request.seed, Grouping::Auto)?;
    made.notices.iter().for_each(|text| watcher.notice(text));
    let split = made.split;
    // By what they cost to train.
    let costs = [0.06, 0.24, 0.55, 0.11];
    let mut from = span.from;
    let (mut networks, mut all) = (Vec::new(), Vec::new());
    for ((number, network), cost) in (1..).zip(NETWORKS).zip(costs) {
        let share = 0.96 * span.share * cost;
        let part = Span { from, share };
        from += share;
        let config = request
            .scale
            .config(network, request.precision, request.seed)?;
        let name = format!("CNN {number}");
        let work = Work {
            data: &sample.data,
            split: &split,
            from: None,
            span: part,
        };
        let trained = train(request, &name, config, work, watcher)?;
        all.push(classified(&trained, sample, watcher)?);
        networks.push(trained);
    }
    let rest = Span {
        from,
        share: span.from + span.share - from,
    };
    let labels = sample.labels();
    let (forest, scored) = forest(request, sample, labels, &split, rest, watcher)?;
    all.push(scored);
    let evaluation = compare(&all, labels, &split.test, &options(request))?;
    Ok(First {
        split,
        networks,
        forest,
        classified: all,
        evaluation,
    })
}
