//! Everything of an [`Evaluation`], worked out.

use super::confusion::Cut;
use super::evaluation::{Evaluation, Judged, Point};
use super::metrics::Scored;
use super::subject::{Labelled, Options, Subject};
use super::{
    breakdown, categories, choose, completeness, curve, histogram, intervals, reliability,
};
use crate::{Error, Result};

/// Points of a curve.
const POINTS: usize = 2000;
/// Bins of a histogram of scores.
const SCORE_BINS: usize = 50;

/// Judges `subjects` on `data`. `progress` hears what is being done and which part of all is
/// done, from 0 to 1, now and then and from several threads.
///
/// A candidate is real when its score is at least the threshold.
pub fn evaluate(
    data: &Labelled,
    subjects: &[Subject],
    options: &Options,
    progress: &(dyn Fn(&str, f64) + Sync),
) -> Result<Evaluation> {
    options.check()?;
    data.check(&options.by)?;
    if subjects.is_empty() {
        return Err(Error::config("classifiers", "none", "at least one"));
    }
    for (i, subject) in subjects.iter().enumerate() {
        subject.check(data.labels.len())?;
        if subjects[..i].iter().any(|s| s.name == subject.name) {
            let name = subject.name.as_str();
            return Err(Error::config(
                "name of a classifier",
                name,
                "one that no other has",
            ));
        }
    }
    let real = data
        .labels
        .iter()
        .map(|&label| u64::from(label))
        .sum::<u64>();
    let candidates = data.labels.len() as u64;
    let bogus = candidates - real;
    let own = (real > 0 && bogus > 0).then(|| bogus as f64 / real as f64);
    let mut bogus_per_real: Vec<f64> = own.into_iter().collect();
    for &ratio in &options.bogus_per_real {
        if !bogus_per_real.contains(&ratio) {
            bogus_per_real.push(ratio);
        }
    }
    let distributions = histogram::distributions(data);
    let parts = breakdown::parts(data, &options.by);
    let mut classifiers = Vec::with_capacity(subjects.len());
    for (i, subject) in subjects.iter().enumerate() {
        let done = |what: &str, part: f64| {
            let what = format!("{}: {what}", subject.name);
            progress(&what, (i as f64 + part) / subjects.len() as f64);
        };
        classifiers.push(judge(data, subject, &parts, options, &done)?);
    }
    let agreements = categories::agreements(data.labels, subjects);
    progress("judged", 1.0);
    Ok(Evaluation {
        candidates,
        real,
        bogus,
        bogus_per_real,
        at_mdr: options.at_mdr,
        level: options.level,
        distributions,
        classifiers,
        agreements,
    })
}

/// Part of the work on a classifier that goes into the intervals of its metrics.
const INTERVALS: f64 = 0.9;

fn judge(
    data: &Labelled,
    subject: &Subject,
    parts: &[breakdown::Parts],
    options: &Options,
    progress: &(dyn Fn(&str, f64) + Sync),
) -> Result<Judged> {
    progress("sorting", 0.0);
    let sorted = Scored::new(data.labels, subject.scores)?;
    let threshold = subject.threshold;
    let reliability = reliability::reliability(&sorted, options.level);
    let metrics = intervals::metrics(&sorted, threshold, options, &|part| {
        progress("intervals", INTERVALS * part);
    });
    progress("curves and parts", INTERVALS);
    let breakdowns = breakdown::breakdowns(data.labels, subject, parts, options)?;
    let scan = (0..=100).map(|i| {
        let threshold = 0.01 * f64::from(i);
        Point {
            threshold,
            confusion: sorted.confusion(threshold, Cut::AtLeast),
        }
    });
    Ok(Judged {
        name: subject.name.clone(),
        threshold,
        threshold_from: subject.threshold_from.clone(),
        confusion: sorted.confusion(threshold, Cut::AtLeast),
        metrics,
        thresholds: choose::thresholds(&sorted, options),
        curve: curve::thinned(&sorted, POINTS),
        scan: scan.collect(),
        histogram: histogram::equal(data.labels, subject.scores, 0.0, 1.0, SCORE_BINS),
        breakdowns,
        completeness: completeness::completeness(data, subject, options.level),
        reliability,
        categories: categories::categories(data.labels, subject.scores),
        training: subject.training.clone(),
    })
}
