//! Counts by class: of scores, and of the columns that came with the candidates.

use super::axes::{Axis, Item, Panel};
use super::key::Entry;
use super::look;
use super::{Figure, WIDE, cells, fitting, heading, picture, slug, with_unit};
use crate::judge::evaluation::{Evaluation, Histogram};

/// Down at the first edge and the last, level in between. Empty bins are at `floor`.
pub(super) fn stairs(edges: &[f64], heights: &[f64], floor: f64) -> Vec<(f64, f64)> {
    let mut line = Vec::new();
    for (ends, &height) in edges.windows(2).zip(heights) {
        let height = height.max(floor);
        line.extend([(ends[0], height), (ends[1], height)]);
    }
    if let (Some(first), Some(last)) = (line.first().copied(), line.last().copied()) {
        line.insert(0, (first.0, floor));
        line.push((last.0, floor));
    }
    line
}

/// As [`stairs`], of counts.
pub(super) fn counted(edges: &[f64], counts: &[u64], floor: f64) -> Vec<(f64, f64)> {
    let heights: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
    stairs(edges, &heights, floor)
}

/// Both classes as steps over a tinted ground.
pub(super) fn classes(panel: &mut Panel, histogram: &Histogram) {
    let floor = panel.y.low;
    for (real, counts) in [(true, &histogram.real), (false, &histogram.bogus)] {
        let area = counted(&histogram.edges, counts, floor);
        panel.items.push(Item::Area(area, look::class(real), 0.13));
    }
    for (real, counts) in [(true, &histogram.real), (false, &histogram.bogus)] {
        panel.line(counted(&histogram.edges, counts, floor), look::class(real));
    }
}

pub(super) fn highest(histogram: &Histogram) -> f64 {
    let all = histogram.real.iter().chain(&histogram.bogus);
    all.copied().max().unwrap_or(0) as f64
}

fn key_of(evaluation: &Evaluation) -> Vec<Entry> {
    vec![
        Entry::line(
            format!("labelled real: {}", evaluation.real),
            look::class(true),
        ),
        Entry::line(
            format!("labelled bogus: {}", evaluation.bogus),
            look::class(false),
        ),
    ]
}

/// O'TRAIN Fig. 10, top right.
pub(super) fn scores(evaluation: &Evaluation) -> Figure {
    let (cell, columns) = cells(evaluation.classifiers.len());
    let panels: Vec<Panel> = evaluation
        .classifiers
        .iter()
        .map(|judged| {
            let title = heading(evaluation, judged);
            let top = 2.0 * highest(&judged.histogram).max(5.0);
            let y = Axis::log("candidates per bin", 0.5, top);
            let mut panel = Panel::new(fitting(title, cell), Axis::part("P(real)"), y);
            classes(&mut panel, &judged.histogram);
            let upright = [0.5, top].map(|y| (judged.threshold, y));
            panel.line(upright.to_vec(), look::aside());
            panel
        })
        .collect();
    let mut entries = key_of(evaluation);
    entries.push(Entry::line("threshold", look::aside()));
    Figure {
        name: "scores".into(),
        title: "Probabilities by class".into(),
        caption:
            "How many candidates of each label got which score, on a logarithmic scale. A good \
                  classifier has two separate heaps; what stands under the other class's is worth \
                  looking at (O'TRAIN Fig. 10, top right)."
                .into(),
        drawing: picture(&panels, columns, cell, &entries),
    }
}

/// O'TRAIN Fig. 4, and the same of every other column.
pub(super) fn distributions(evaluation: &Evaluation) -> Vec<Figure> {
    let drawn = evaluation.distributions.iter().filter_map(|distribution| {
        let histogram = &distribution.histogram;
        let (low, high) = (histogram.edges.first()?, histogram.edges.last()?);
        let label = with_unit(&distribution.column, &distribution.unit);
        let x = Axis::linear(label, *low, *high);
        let y = Axis::linear("candidates per bin", 0.0, 1.1 * highest(histogram).max(1.0));
        let mut panel = Panel::new("", x, y);
        classes(&mut panel, histogram);
        let mut caption = format!(
            "How the candidates are spread in {}, by label",
            distribution.column
        );
        if distribution.column == "magnitude" {
            caption.push_str(" (O'TRAIN Fig. 4)");
        }
        caption.push('.');
        if distribution.unknown > 0 {
            let unknown = distribution.unknown;
            caption.push_str(&format!(
                " {unknown} candidates have no value, or one far outside, and are not shown."
            ));
        }
        let sum = |counts: &[u64]| counts.iter().sum::<u64>();
        let real = format!("labelled real: {}", sum(&histogram.real));
        let bogus = format!("labelled bogus: {}", sum(&histogram.bogus));
        let entries = [
            Entry::line(real, look::class(true)),
            Entry::line(bogus, look::class(false)),
        ];
        Some(Figure {
            name: format!("distribution-{}", slug(&distribution.column)),
            title: format!("Distribution of {}", distribution.column),
            caption,
            drawing: picture(&[panel], 1, WIDE, &entries),
        })
    });
    drawn.collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn stairs_go_up_and_down() {
        let line = super::counted(&[0.0, 1.0, 2.0], &[3, 0], 0.5);
        let expected = [
            (0.0, 0.5),
            (0.0, 3.0),
            (1.0, 3.0),
            (1.0, 0.5),
            (2.0, 0.5),
            (2.0, 0.5),
        ];
        assert_eq!(line, expected);
        assert!(super::counted(&[], &[], 0.5).is_empty());
    }
}
