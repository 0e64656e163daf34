//! Whether a score of 0.8 means that four in five are real.

use super::axes::{Axis, Item, Panel};
use super::key::Entry;
use super::look;
use super::number::part;
use super::{Figure, HALF, picture};
use crate::judge::evaluation::Evaluation;

/// Share of real ones against the mean score, and how many candidates that rests on.
pub(super) fn reliability(evaluation: &Evaluation) -> Figure {
    let share = Axis::part("share of real ones");
    let mut panel = Panel::new("", Axis::part("mean P(real) of the bin"), share);
    panel.line(vec![(0.0, 0.0), (1.0, 1.0)], look::aside());
    let bins = || evaluation.classifiers.iter().map(|j| &j.reliability.bins);
    let most = bins().flatten().map(|bin| bin.candidates).max();
    let top = 2.0 * (most.unwrap_or(0) as f64).max(5.0);
    let mut counts = Panel::new(
        "",
        Axis::part("P(real)"),
        Axis::log("candidates per bin", 0.5, top),
    );
    for (i, bins) in bins().enumerate() {
        let look = look::classifier(i);
        let filled: Vec<_> = bins.iter().filter(|bin| bin.candidates > 0).collect();
        let intervals = filled
            .iter()
            .map(|bin| (bin.mean_score, bin.share_low, bin.share_high));
        panel.items.push(Item::Intervals(intervals.collect(), look));
        let points: Vec<_> = filled
            .iter()
            .map(|bin| (bin.mean_score, bin.share))
            .collect();
        panel.line(points.clone(), look);
        panel.marks(points, look, 4.0);
        let steps = bins.iter().flat_map(|bin| {
            let height = (bin.candidates as f64).max(0.5);
            [(bin.low, height), (bin.high, height)]
        });
        counts.line(steps.collect(), look);
    }
    let entries = evaluation
        .classifiers
        .iter()
        .enumerate()
        .map(|(i, judged)| {
            let label = format!("{}: ECE {}", judged.name, part(judged.reliability.ece));
            Entry::both(label, look::classifier(i))
        });
    let mut entries: Vec<Entry> = entries.collect();
    entries.push(Entry::line("as it should be", look::aside()));
    Figure {
        name: "reliability".into(),
        title: "Reliability".into(),
        caption:
            "Left: the share of real ones among candidates of like score; on the diagonal, P(real) \
                  is a probability; under it fewer are real than P(real) says, above it more. Right: how many \
                  candidates each point rests on. ECE is the expected calibration error."
                .into(),
        drawing: picture(&[panel, counts], 2, HALF, &entries),
    }
}
