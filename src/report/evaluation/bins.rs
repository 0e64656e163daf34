//! The same rates within parts of the data: by magnitude, its error, and what was asked for.

use super::axes::{Axis, Item, Panel};
use super::key::{Entry, cut};
use super::look::{self, Look};
use super::number::with_interval;
use super::roc::{rates, smallest_rate};
use super::{Figure, HALF, THIRD, cells, fitting, picture, slug, with_unit};
use crate::judge::Confusion;
use crate::judge::evaluation::{Bin, Breakdown, Evaluation, Judged};
use crate::judge::intervals::{quantile, wilson};

/// More lines than these nobody can tell apart.
const MOST: usize = 13;

/// Three figures for each column.
pub(super) fn breakdowns(evaluation: &Evaluation) -> Vec<Figure> {
    let mut columns: Vec<&str> = Vec::new();
    for breakdown in evaluation.classifiers.iter().flat_map(|j| &j.breakdowns) {
        if !columns.contains(&breakdown.column.as_str()) {
            columns.push(&breakdown.column);
        }
    }
    let mut all = Vec::new();
    for column in columns {
        let parts: Vec<Part> = evaluation
            .classifiers
            .iter()
            .enumerate()
            .filter_map(|(i, judged)| {
                let found = judged.breakdowns.iter().find(|b| b.column == column)?;
                Some(Part {
                    i,
                    judged,
                    breakdown: found,
                })
            })
            .collect();
        all.push(curves(evaluation, &parts, column, Kind::Roc));
        all.push(curves(evaluation, &parts, column, Kind::PrecisionRecall));
        all.push(by_bin(evaluation, &parts, column));
    }
    all
}

/// One classifier in parts of one column.
struct Part<'a> {
    i: usize,
    judged: &'a Judged,
    breakdown: &'a Breakdown,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Roc,
    PrecisionRecall,
}

/// The bins that have a curve, the fullest where there are too many, in their order.
fn drawn(breakdown: &Breakdown) -> Vec<&Bin> {
    let mut bins: Vec<(usize, &Bin)> = breakdown
        .bins
        .iter()
        .enumerate()
        .filter(|(_, bin)| !bin.curve.is_empty())
        .collect();
    bins.sort_by_key(|(_, bin)| std::cmp::Reverse(bin.real + bin.bogus));
    bins.truncate(MOST);
    bins.sort_by_key(|(at, _)| *at);
    bins.into_iter().map(|(_, bin)| bin).collect()
}

/// Numbers have an order, and their lines too; words are told apart as well as can be.
fn line_of(bins: &[&Bin], k: usize) -> Look {
    match bins[k].low.is_finite() {
        true => look::part(k, bins.len()),
        false => look::classifier(k),
    }
}

/// What is not drawn, and why.
fn left_out(breakdown: &Breakdown) -> String {
    let curved = breakdown
        .bins
        .iter()
        .filter(|b| !b.curve.is_empty())
        .count();
    let one: Vec<&str> = breakdown
        .bins
        .iter()
        .filter(|bin| bin.curve.is_empty())
        .map(|bin| bin.label.as_str())
        .collect();
    let mut said = String::new();
    if !one.is_empty() {
        let shown = one[..one.len().min(MOST)].join(", ");
        let more = if one.len() > MOST { ", …" } else { "" };
        said.push_str(&format!(
            " Of one class only, and not drawn: {shown}{more}."
        ));
    }
    if curved > MOST {
        said.push_str(&format!(" The {MOST} fullest of {curved} are drawn."));
    }
    if breakdown.unknown > 0 {
        let unknown = breakdown.unknown;
        said.push_str(&format!(" {unknown} candidates are in none of them."));
    }
    said
}

fn axes(evaluation: &Evaluation, kind: Kind, near: bool) -> (Axis, Axis) {
    let low = smallest_rate(evaluation.bogus);
    match (kind, near) {
        (Kind::Roc, false) => (
            Axis::part("false positive rate"),
            Axis::part("true positive rate"),
        ),
        (Kind::Roc, true) => (
            Axis::log("false positive rate, logarithmic", low, 1.0),
            Axis::part("true positive rate"),
        ),
        (Kind::PrecisionRecall, false) => (Axis::part("recall"), Axis::part("precision")),
        (Kind::PrecisionRecall, true) => (
            Axis::linear("recall", 0.8, 1.0),
            Axis::linear("precision", 0.8, 1.0),
        ),
    }
}

/// ROC or precision-recall of each bin; with one classifier also enlarged, with several one
/// panel for each.
fn curves(evaluation: &Evaluation, parts: &[Part], column: &str, kind: Kind) -> Figure {
    let precision = |c: &Confusion| match c.tp + c.fp {
        0 => f64::NAN,
        _ => c.precision(),
    };
    let panel_of = |part: &Part, near: bool, title: String| {
        let (x, y) = axes(evaluation, kind, near);
        let mut panel = Panel::new(title, x, y);
        let bins = drawn(part.breakdown);
        for (k, bin) in bins.iter().enumerate() {
            let line = match kind {
                Kind::Roc => rates(&bin.curve, Confusion::fpr, Confusion::tpr),
                Kind::PrecisionRecall => rates(&bin.curve, Confusion::tpr, precision),
            };
            panel.line(line, line_of(&bins, k));
        }
        if bins.is_empty() {
            panel.note("no bin with both classes");
        }
        panel
    };
    let mut entries = Vec::new();
    let (panels, cell, columns) = match parts {
        [part] => {
            let bins = drawn(part.breakdown);
            for (k, bin) in bins.iter().enumerate() {
                let label = match kind {
                    Kind::Roc => format!("{}: AUC {}", bin.label, with_interval(&bin.auc)),
                    Kind::PrecisionRecall => {
                        format!(
                            "{}: AP {}",
                            bin.label,
                            with_interval(&bin.average_precision)
                        )
                    }
                };
                entries.push(Entry::line(label, line_of(&bins, k)));
            }
            let panels = [false, true].map(|near| panel_of(part, near, String::new()));
            (panels.to_vec(), HALF, 2)
        }
        _ => {
            let (cell, columns) = cells(parts.len());
            // The bins are of the data, but which of them are drawn is each classifier's.
            if let Some(part) = parts.first() {
                let bins = drawn(part.breakdown);
                for (k, bin) in bins.iter().enumerate() {
                    entries.push(Entry::line(bin.label.clone(), line_of(&bins, k)));
                }
            }
            let near = kind == Kind::Roc;
            let panels = parts
                .iter()
                .map(|part| panel_of(part, near, fitting(&part.judged.name, cell)));
            (panels.collect(), cell, columns)
        }
    };
    let unit = parts
        .first()
        .map_or("", |part| part.breakdown.unit.as_str());
    let of = with_unit(column, unit);
    let rest = parts
        .first()
        .map_or(String::new(), |part| left_out(part.breakdown));
    let (stem, title, what) = match kind {
        Kind::Roc => ("roc", "ROC", "The ROC within each bin"),
        Kind::PrecisionRecall => (
            "precision-recall",
            "Precision against recall",
            "Precision against recall within each bin",
        ),
    };
    let paper = match (kind, column) {
        (Kind::Roc, "magnitude") => " (O'TRAIN Fig. 10 and A.1–A.4, bottom right)",
        _ => "",
    };
    Figure {
        name: format!("{stem}-by-{}", slug(column)),
        title: format!("{title} by {column}"),
        caption: format!("{what} of {of}{paper}.{rest}"),
        drawing: picture(&panels, columns, cell, &entries),
    }
}

/// A rate with the ends of its interval.
type Interval = (f64, f64, f64);

/// Of a bin, with z of the interval; `None` where it does not exist.
type Rate = fn(&Bin, f64) -> Option<Interval>;

fn of(k: u64, n: u64, z: f64) -> Option<Interval> {
    let [low, high] = wilson(k as f64, n as f64, z);
    (n > 0).then(|| (k as f64 / n as f64, low, high))
}

/// AUC, MDR and FPR of every bin.
fn by_bin(evaluation: &Evaluation, parts: &[Part], column: &str) -> Figure {
    let z = quantile(evaluation.level);
    let kinds: [(&str, Rate); 3] = [
        ("AUC", |bin, _| {
            let auc = &bin.auc;
            let value = auc.value.is_finite().then_some(auc.value)?;
            let or = |end: f64| if end.is_finite() { end } else { value };
            Some((value, or(auc.low), or(auc.high)))
        }),
        ("missed detection rate", |bin, z| {
            let c = &bin.confusion;
            of(c.fn_, c.tp + c.fn_, z)
        }),
        ("false positive rate", |bin, z| {
            let c = &bin.confusion;
            of(c.fp, c.fp + c.tn, z)
        }),
    ];
    let unit = parts
        .first()
        .map_or("", |part| part.breakdown.unit.as_str());
    let label = with_unit(column, unit);
    let bins = || parts.iter().flat_map(|part| &part.breakdown.bins);
    let numeric = bins().all(|bin| bin.low.is_finite() && bin.high.is_finite());
    let names: Vec<String> = parts.first().map_or(Vec::new(), |part| {
        let labels = part
            .breakdown
            .bins
            .iter()
            .map(|bin| cut(&bin.label, 12, 90.0));
        labels.collect()
    });
    let x = || {
        if !numeric || names.is_empty() {
            return Axis::named(label.clone(), names.clone());
        }
        let low = bins().map(|bin| bin.low).fold(f64::INFINITY, f64::min);
        let high = bins().map(|bin| bin.high).fold(f64::NEG_INFINITY, f64::max);
        Axis::linear(label.clone(), low, high)
    };
    let panels = kinds.map(|(name, rate)| {
        let all = || bins().filter_map(|bin| rate(bin, z));
        let y = if name == "AUC" {
            let lowest = all().map(|r| r.1).fold(0.95, f64::min);
            Axis::linear(name, ((lowest * 20.0).floor() / 20.0).max(0.0), 1.0)
        } else {
            let highest = all().map(|r| r.2).fold(0.02, f64::max);
            Axis::linear(name, 0.0, (1.05 * highest).min(1.0))
        };
        let mut panel = Panel::new("", x(), y);
        if all().next().is_none() {
            panel.note("no value");
        }
        for part in parts {
            let look = look::classifier(part.i);
            draw_bins(&mut panel, part, &|bin| rate(bin, z), numeric, parts, look);
        }
        panel
    });
    let entries = parts.iter().map(|part| {
        let look = look::classifier(part.i);
        Entry::both(part.judged.name.clone(), look)
    });
    let mut entries: Vec<Entry> = entries.collect();
    if !numeric {
        for entry in &mut entries {
            entry.line = false;
        }
    }
    Figure {
        name: format!("rates-by-{}", slug(column)),
        title: format!("AUC, MDR and FPR by {column}"),
        caption: format!(
            "Each rate within each bin of {label}, the MDR and FPR at the threshold in use, with \
             {:.0} % intervals (Wilson for the rates). A point is missing where a bin has one class only.",
            100.0 * evaluation.level
        ),
        drawing: picture(&panels, 3, THIRD, &entries),
    }
}

/// Marks with their intervals, beside those of the other classifiers.
fn draw_bins(
    panel: &mut Panel,
    part: &Part,
    rate: &dyn Fn(&Bin) -> Option<Interval>,
    numeric: bool,
    parts: &[Part],
    look: Look,
) {
    let turn = parts.iter().position(|p| p.i == part.i).unwrap_or(0) as f64;
    let count = parts.len() as f64;
    let aside = (turn - (count - 1.0) / 2.0) * 0.36 / count.max(3.0);
    // A bin may be much wider than the others; its marks still stand together.
    let widest = 0.1 * (panel.x.high - panel.x.low);
    let bins = part.breakdown.bins.iter().enumerate();
    let placed = bins.filter_map(|(k, bin)| {
        let (middle, width) = match numeric {
            true => ((bin.low + bin.high) / 2.0, (bin.high - bin.low).min(widest)),
            false => (k as f64, 1.0),
        };
        rate(bin).map(|(value, low, high)| (middle + aside * width, value, low, high))
    });
    let placed: Vec<_> = placed.collect();
    let bars = placed.iter().map(|&(x, _, low, high)| (x, low, high));
    panel.items.push(Item::Intervals(bars.collect(), look));
    let points: Vec<_> = placed.iter().map(|&(x, value, ..)| (x, value)).collect();
    if numeric {
        panel.line(points.clone(), look);
    }
    panel.marks(points, look, 4.0);
}
