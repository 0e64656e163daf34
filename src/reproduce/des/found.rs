//! Which rule finds the wrong labels: not in the paper, which has no truth to ask.

use std::time::Duration;

use super::first::First;
use super::progress::{Heard, Span};
use super::run::{Outcome, Request};
use super::sample::Sample;
use crate::Result;
use crate::data::{Grouping, Groups};
use crate::judge::planted::{Recovered, recovered};
use crate::report::{self, Cell, PaperPart, PaperSection, PaperTable};
use crate::reproduce::Watcher;
use crate::suspect::folds::{self, Fold, Folds};
use crate::suspect::{Evidence, Network, Options, Suspects, suspects};
use crate::train::Residence;

/// Suspects by every rule, and what they are worth where the truth is known.
pub struct Found {
    /// Networks 1 to 4, half of whose scores are of candidates that they were fitted to.
    pub models: Vec<Network>,
    /// Network 1 by cross-validation.
    pub folds: Vec<Network>,
    /// By every rule.
    pub suspects: Suspects,
    /// One for each rule; empty where the truth is not known.
    pub recovered: Vec<Recovered>,
}

impl folds::Watcher for Heard<'_> {
    fn fold(&mut self, fold: &Fold) {
        self.span = self.whole.part(fold.number - 1, fold.of);
        self.what = format!("cross-validation, fold {} of {}", fold.number, fold.of);
    }

    fn over(&mut self) {
        self.watcher.finished(&format!("{}: done", self.what));
    }
}

/// Looks for wrong labels by every rule.
pub fn found(
    request: &Request,
    sample: &Sample,
    first: &First,
    span: Span,
    watcher: &mut dyn Watcher,
) -> Result<Found> {
    let scale = request.scale;
    let folds = Folds {
        data: sample.data.clone(),
        groups: Groups::of(&sample.data, Grouping::Auto)?,
        count: scale.folds,
        device: request.device.clone(),
        residence: Residence::Auto,
        folder: request.work.join("folds"),
        interval: Duration::from_secs(600),
        fresh: false,
    };
    let mut heard = Heard {
        watcher,
        what: String::new(),
        whole: span,
        span,
    };
    let config = scale.config("des1", request.precision, request.seed)?;
    let folds = vec![folds.network(&config, &mut heard)?];
    let models: Vec<Network> = first.classified[..4]
        .iter()
        .map(|one| Network {
            name: one.name.clone(),
            scores: one.scores.clone(),
            in_sample: Some(first.split.train.len()),
        })
        .collect();
    let evidence = Evidence {
        labels: sample.labels(),
        models: &models,
        folds: &folds,
    };
    let options = Options {
        resamples: scale.resamples.min(200),
        seed: request.seed,
    };
    let suspects = suspects(&evidence, &options)?;
    let recovered = match sample.wrong() {
        Some(wrong) => {
            let of = |ranking| recovered(ranking, &wrong);
            suspects.rankings.iter().map(of).collect::<Result<_>>()?
        }
        None => Vec::new(),
    };
    Ok(Found {
        models,
        folds,
        suspects,
        recovered,
    })
}

/// What the page has of it.
pub(super) fn section(outcome: &Outcome, found: &Found) -> PaperSection {
    let expected = &found.suspects.expected;
    let of = |e: &crate::judge::confident::Estimate| {
        format!("{:.0} [{:.0}, {:.0}]", e.value, e.low, e.high)
    };
    let mut text = format!(
        "Not in the paper: other rules than categories 1 and 6 of one network. \"folds\" takes these \
         categories from a network that was not fitted to the candidate ({} folds), \"agreement\" \
         counts networks that put it there, \"confident\" is confident learning (Northcutt, Jiang & \
         Chuang 2021) on the folds' scores. It expects {} wrong labels: {} of those labelled bogus, \
         {} of those labelled real.",
        outcome.scale.folds,
        of(&expected.wrong),
        of(&expected.labelled_bogus),
        of(&expected.labelled_real)
    );
    if let Some(wrong) = found.recovered.first().map(|r| r.wrong) {
        text += &format!(
            " {wrong} are wrong. What a network gets wrong surely looks like a wrong label to every \
             rule, so that the expected number holds the network's own mistakes."
        );
    }
    let mut section = PaperSection::new("Which rule finds the wrong labels", text);
    if found.recovered.is_empty() {
        return section;
    }
    let percent = |share: f64| match share.is_finite() {
        true => format!("{:.0} %", 100.0 * share),
        false => "–".into(),
    };
    let row = |r: &Recovered| {
        let among = |times: usize| format!("{} of {}", r.among(times * r.wrong), r.wrong);
        vec![
            Cell::text(r.rule.to_string()),
            Cell::number(r.listed.to_string()),
            Cell::number(r.found.to_string()),
            Cell::number(percent(r.precision)),
            Cell::number(percent(r.recall)),
            Cell::number(among(1)),
            Cell::number(among(3)),
        ]
    };
    section.parts.push(PaperPart::Table(PaperTable {
        name: "rules".into(),
        caption:
            "Wrong labels that each rule finds. \"Among the first\": with as many looked at as \
                  there are wrong ones, and three times as many."
                .into(),
        head: [
            "Rule",
            "Named",
            "Of these wrong",
            "Precision",
            "Recall",
            "Among the first n",
            "Among the first 3 n",
        ]
        .map(String::from)
        .to_vec(),
        rows: found.recovered.iter().map(row).collect(),
    }));
    let mut figure = report::planted(&found.recovered);
    figure.name = "rules-found".into();
    section.parts.push(PaperPart::Figure(figure));
    section
}
