//! How faint a source may be to be called real.

use super::axes::{Axis, Item, Panel};
use super::key::Entry;
use super::look;
use super::{Figure, WIDE, picture};
use crate::judge::evaluation::{Completeness, Evaluation};

/// Part of the real ones that is called real, against magnitude.
pub(super) fn completeness(evaluation: &Evaluation) -> Option<Figure> {
    let all: Vec<(usize, &str, &Completeness)> = evaluation
        .classifiers
        .iter()
        .enumerate()
        .filter_map(|(i, judged)| Some((i, judged.name.as_str(), judged.completeness.as_ref()?)))
        .collect();
    let bins = || all.iter().flat_map(|(_, _, c)| &c.bins);
    let low = bins().map(|bin| bin.low).fold(f64::INFINITY, f64::min);
    let high = bins().map(|bin| bin.high).fold(f64::NEG_INFINITY, f64::max);
    if !(low < high && low.is_finite() && high.is_finite()) {
        return None;
    }
    let y = Axis::linear("real ones called real (completeness)", 0.0, 1.04);
    let mut panel = Panel::new("", Axis::linear("magnitude (mag)", low, high), y);
    panel.line(vec![(low, 0.5), (high, 0.5)], look::aside());
    let mut entries = Vec::new();
    let count = all.len() as f64;
    for (turn, &(i, name, completeness)) in all.iter().enumerate() {
        let look = look::classifier(i);
        let filled = completeness.bins.iter().filter(|bin| bin.real > 0);
        // Side by side, so that the bars do not hide each other.
        let points = filled.map(|bin| {
            let aside = (turn as f64 - (count - 1.0) / 2.0) * 0.12 * (bin.high - bin.low)
                / count.max(3.0)
                * 3.0;
            ((bin.low + bin.high) / 2.0 + aside, bin)
        });
        let points: Vec<_> = points.collect();
        let line: Vec<_> = points.iter().map(|(x, bin)| (*x, bin.value)).collect();
        let bars = points
            .iter()
            .map(|(x, bin)| (*x, bin.value_low, bin.value_high));
        panel.items.push(Item::Intervals(bars.collect(), look));
        panel.line(line.clone(), look);
        panel.marks(line, look, 4.5);
        let half = match completeness.half.is_finite() {
            true => format!("half at {:.2} mag", completeness.half),
            false => "does not fall to one half".into(),
        };
        entries.push(Entry::both(format!("{name}: {half}"), look));
        if completeness.half.is_finite() {
            let upright = vec![(completeness.half, 0.0), (completeness.half, 0.5)];
            panel.line(upright, look);
        }
    }
    entries.push(Entry::line("one half", look::aside()));
    Some(Figure {
        name: "completeness".into(),
        title: "Completeness against magnitude".into(),
        caption: "The part of the real candidates of each magnitude that is called real at the \
                  threshold in use, with Wilson intervals, and the faintest magnitude at which it falls through \
                  one half."
            .into(),
        drawing: picture(&[panel], 1, WIDE, &entries),
    })
}
