//! Sect. 4.6: another survey, whose labels are what people say, and model 1 trained on these.

use std::sync::Arc;

use super::compare::{Classified, compare};
use super::first::options;
use super::networks::{Trained, Work, scores, train};
use super::progress::Span;
use super::published::LIVE_THRESHOLD;
use super::run::Request;
use super::sample::live_survey;
use super::voters::votes;
use crate::data::{Dataset, Fractions, Split};
use crate::formats::ModelFile;
use crate::judge::evaluation::Training;
use crate::judge::votes::{AT_LEAST, Consensus, Counted, count};
use crate::judge::{Evaluation, Options};
use crate::reproduce::Watcher;
use crate::reproduce::watch::begin;
use crate::train::Config;
use crate::{Error, Result};

/// Everything of the live survey.
pub struct Live {
    /// Candidates that people voted on.
    pub candidates: usize,
    /// What they said.
    pub counted: Counted,
    /// Of these, those with a majority by two.
    pub data: Arc<Dataset>,
    /// Whether people were unanimous on each of them.
    pub unanimous: Vec<bool>,
    /// Of `data`.
    pub split: Split,
    /// The retrained network.
    pub network: Trained,
    /// The network of the second stage, the same retrained, and one trained on the votes from
    /// nothing, with scores of all of `data`.
    pub classified: Vec<Classified>,
    /// On the test part of `data`, by the majority's labels.
    pub evaluation: Evaluation,
    /// The same of the retrained network alone.
    pub retrained: Evaluation,
}

impl Live {
    /// Of the test part: scores by classifier `number` of candidates that the majority calls
    /// `label` and on which people were unanimous or not.
    pub fn scores(&self, number: usize, label: u8, unanimous: bool) -> Vec<f64> {
        let labels = self.data.labels.as_ref().expect("people gave them");
        let rows = self.split.test.iter().copied();
        let wanted = rows.filter(|&row| labels[row] == label && self.unanimous[row] == unanimous);
        wanted
            .map(|row| self.classified[number].scores[row])
            .collect()
    }
}

/// Simulates the survey and its voters, and trains.
pub fn live(
    request: &Request,
    trained: &ModelFile,
    span: Span,
    watcher: &mut dyn Watcher,
) -> Result<Live> {
    let what = "simulating a live survey and its voters";
    begin(watcher, what, span.at(0.0))?;
    let seed = request.seed.wrapping_add(2);
    let survey = live_survey(request.scale.live, seed)?;
    let candidates = survey.dataset.len();
    let all = votes(&survey.kinds, &survey.dataset.candidates, seed);
    let counted = count(&all, Consensus::Majority, AT_LEAST)?;
    // Every candidate has votes, in its order.
    let with_label = |row: &usize| counted.tallies[*row].label.is_some();
    let keep: Vec<usize> = (0..counted.tallies.len()).filter(with_label).collect();
    let labels = keep.iter().filter_map(|&row| counted.tallies[row].label);
    let labels: Vec<u8> = labels.collect();
    let unanimous = keep.iter().map(|&row| counted.tallies[row].unanimous);
    let unanimous = unanimous.collect();
    let data = Arc::new(survey.dataset.into_subset(keep));
    let data = Arc::new(data.with_labels(labels)?);
    let split = Split::make(&data, Fractions::new(0.6, 0.1, 0.3)?, seed)?;
    if split.test.is_empty() {
        return Err(Error::config(
            "--live",
            candidates.to_string(),
            "more of them",
        ));
    }
    let half = |i| {
        Span {
            from: span.from + 0.1 * span.share,
            share: 0.9 * span.share,
        }
        .part(i, 2)
    };
    let config = request.scale.config("des1", request.precision, seed)?;
    let work = |from, i| Work {
        data: &data,
        split: &split,
        from,
        span: half(i),
    };
    let name = "CNN 1, retrained on votes";
    // What it knows is to be bent, not forgotten.
    let gentle = Config {
        learning_rate: 0.1 * config.learning_rate,
        ..config.clone()
    };
    let network = train(request, name, gentle, work(Some(trained), 0), watcher)?;
    let name = "CNN 1, trained on votes alone";
    let fresh = train(request, name, config, work(None, 1), watcher)?;
    let mut of =
        |name: &str, model: &ModelFile, training: Option<Training>| -> Result<Classified> {
            Ok(Classified {
                name: name.into(),
                scores: scores(model, &data, watcher)?,
                threshold: LIVE_THRESHOLD,
                training,
            })
        };
    let course = |one: &Trained| Training::new(one.history.clone(), Some(one.best_epoch));
    let classified = vec![
        of("CNN 1 as in Sect. 4.5", trained, None)?,
        of(&network.name, &network.model, course(&network).ok())?,
        of(&fresh.name, &fresh.model, course(&fresh).ok())?,
    ];
    let labels = data.labels.as_ref().expect("given above");
    let evaluation = compare(&classified, labels, &split.test, &options(request))?;
    let ratio = Options {
        // "A factor of 7 more bogus events than real events" (Fig. 12).
        bogus_per_real: vec![7.0],
        ..options(request)
    };
    let retrained = compare(&classified[1..2], labels, &split.test, &ratio)?;
    Ok(Live {
        candidates,
        counted,
        unanimous,
        split,
        network,
        evaluation,
        retrained,
        classified,
        data,
    })
}
