//! What a threshold trades: ROC, DES's FPR against MDR, precision against recall.

use super::axes::{Axis, Panel};
use super::key::Entry;
use super::look;
use super::number::{metric, percent, with_interval};
use super::{Figure, HALF, Ratio, picture};
use crate::judge::Confusion;
use crate::judge::evaluation::{Evaluation, Judged, Point};

/// Rates at the points of a curve.
pub(super) fn rates(curve: &[Point], x: Ratio, y: Ratio) -> Vec<(f64, f64)> {
    let rates = curve.iter().map(|p| (x(&p.confusion), y(&p.confusion)));
    rates.collect()
}

/// Whether there are both classes, without which there is no ROC.
pub(super) fn both_classes(confusion: &Confusion) -> bool {
    confusion.tp + confusion.fn_ > 0 && confusion.fp + confusion.tn > 0
}

/// The lower end of a logarithmic axis of rates of so many: a round power of ten under one of them.
pub(super) fn smallest_rate(of: u64) -> f64 {
    let decade = (of.max(100) as f64).log10().ceil().min(8.0);
    10f64.powf(-decade)
}

/// Draws each classifier's curve, and marks the place of its threshold if `marked`.
fn curves(
    panel: &mut Panel,
    evaluation: &Evaluation,
    (x, y): (Ratio, Ratio),
    usable: fn(&Confusion) -> bool,
    marked: bool,
) {
    let drawn = |judged: &&Judged| usable(&judged.confusion);
    if !evaluation.classifiers.iter().any(|judged| drawn(&judged)) {
        panel.note("no curve: candidates of one class only");
    }
    for (i, judged) in evaluation.classifiers.iter().enumerate() {
        if drawn(&judged) {
            panel.line(rates(&judged.curve, x, y), look::classifier(i));
        }
    }
    for (i, judged) in evaluation.classifiers.iter().enumerate() {
        if marked && drawn(&judged) {
            let here = (x(&judged.confusion), y(&judged.confusion));
            panel.marks(vec![here], look::classifier(i), 5.0);
        }
    }
}

fn named(evaluation: &Evaluation, said: impl Fn(&Judged) -> String) -> Vec<Entry> {
    let all = evaluation.classifiers.iter().enumerate();
    all.map(|(i, judged)| {
        let label = format!("{}: {}", judged.name, said(judged));
        Entry::both(label, look::classifier(i))
    })
    .collect()
}

/// True against false positive rate, linear and with the corner enlarged.
pub(super) fn roc(evaluation: &Evaluation) -> Figure {
    let low = smallest_rate(evaluation.bogus);
    let fpr = "false positive rate, FP / (FP + TN)";
    let mut linear = Panel::new(
        "",
        Axis::part(fpr),
        Axis::part("true positive rate, TP / (TP + FN)"),
    );
    let log = Axis::log("false positive rate, logarithmic", low, 1.0);
    let mut zoomed = Panel::new("", log, Axis::part("true positive rate"));
    linear.line(vec![(0.0, 0.0), (1.0, 1.0)], look::aside());
    let chance = (0..=100).map(|i| {
        let rate = low.powf(1.0 - f64::from(i) / 100.0);
        (rate, rate)
    });
    zoomed.line(chance.collect(), look::aside());
    for panel in [&mut linear, &mut zoomed] {
        curves(
            panel,
            evaluation,
            (Confusion::fpr, Confusion::tpr),
            both_classes,
            true,
        );
    }
    let mut entries = named(evaluation, |judged| {
        format!("AUC {}", with_interval(&metric(judged, "auc")))
    });
    entries.push(Entry::line("chance", look::aside()));
    Figure {
        name: "roc".into(),
        title: "ROC".into(),
        caption: "True against false positive rate over all thresholds, on the right with a \
                  logarithmic axis that shows the corner; the marks are the thresholds in use \
                  (O'TRAIN Fig. 10, bottom right)."
            .into(),
        drawing: picture(&[linear, zoomed], 2, HALF, &entries),
    }
}

/// What DES compares classifiers by. `published` are points that somebody else's classifier
/// reached, on other data, and what it is called.
pub fn fpr_against_mdr(
    evaluation: &Evaluation,
    published: Option<(&str, &[(f64, f64)])>,
) -> Figure {
    let wanted = evaluation.at_mdr;
    let mdr = "missed detection rate, FN / (TP + FN)";
    // DES draws both rates up to a few times the wanted one.
    let most = (4.0 * wanted).clamp(0.1, 1.0);
    let worst = evaluation.classifiers.iter();
    let worst = worst.map(|judged| metric(judged, "fpr_at_mdr").value);
    let worst = worst.filter(|v| v.is_finite()).fold(0.0, f64::max);
    let theirs = published.map_or(&[][..], |(_, points)| points);
    let highest = theirs.iter().map(|point| 1.2 * point.1).fold(0.0, f64::max);
    let top = (4.0 * worst).max(highest).clamp(0.02, 1.0);
    let near = Axis::linear(mdr, 0.0, most);
    let mut linear = Panel::new(
        "",
        near,
        Axis::linear("false positive rate, FP / (FP + TN)", 0.0, top),
    );
    let log = Axis::log(
        "false positive rate, logarithmic",
        smallest_rate(evaluation.bogus),
        1.0,
    );
    let mut whole = Panel::new("", Axis::part("missed detection rate"), log);
    for panel in [&mut linear, &mut whole] {
        panel.line(
            vec![(wanted, panel.y.low), (wanted, panel.y.high)],
            look::aside(),
        );
        curves(
            panel,
            evaluation,
            (Confusion::mdr, Confusion::fpr),
            both_classes,
            false,
        );
        for (i, judged) in evaluation.classifiers.iter().enumerate() {
            let there = (wanted, metric(judged, "fpr_at_mdr").value);
            panel.marks(vec![there], look::classifier(i), 5.0);
        }
        if published.is_some() {
            panel.marks(theirs.to_vec(), look::published(), 5.0);
        }
    }
    let mut entries = named(evaluation, |judged| {
        let rate = with_interval(&metric(judged, "fpr_at_mdr"));
        format!("FPR {rate}")
    });
    entries.push(Entry::line(
        format!("MDR {wanted}, at which these FPR are"),
        look::aside(),
    ));
    if let Some((name, _)) = published {
        entries.push(Entry::marks(name, look::published()));
    }
    Figure {
        name: "fpr-mdr".into(),
        title: "False positive rate against missed detection rate".into(),
        caption: format!(
            "What is let through against what is lost; lower and further left is better. \
             The false positive rate at MDR {wanted} is marked and stands in the key \
             (DES Figs. 4 and 8)."
        ),
        drawing: picture(&[linear, whole], 2, HALF, &entries),
    }
}

/// Precision against recall.
pub(super) fn precision_recall(evaluation: &Evaluation) -> Figure {
    // Nothing called real has no precision; its point would draw a line down to 0.
    let precision = |c: &Confusion| match c.tp + c.fp {
        0 => f64::NAN,
        _ => c.precision(),
    };
    let recall = "recall, TP / (TP + FN)";
    let mut whole = Panel::new(
        "",
        Axis::part(recall),
        Axis::part("precision, TP / (TP + FP)"),
    );
    let share = evaluation.real as f64 / (evaluation.candidates.max(1)) as f64;
    whole.line(vec![(0.0, share), (1.0, share)], look::aside());
    let low = corner_of(evaluation);
    let mut corner = Panel::new(
        "",
        Axis::linear("recall", low, 1.0),
        Axis::linear("precision", low, 1.0),
    );
    corner.line(vec![(0.0, share), (1.0, share)], look::aside());
    for panel in [&mut whole, &mut corner] {
        let usable = |c: &Confusion| c.tp + c.fn_ > 0;
        curves(panel, evaluation, (Confusion::tpr, precision), usable, true);
    }
    let mut entries = named(evaluation, |judged| {
        let metric = metric(judged, "average_precision");
        format!("average precision {}", with_interval(&metric))
    });
    let chance = format!("chance: {} are real", percent(share));
    entries.push(Entry::line(chance, look::aside()));
    Figure {
        name: "precision-recall".into(),
        title: "Precision against recall".into(),
        caption: "How pure what is called real is against how much of the real is called so; on \
                  the right the upper corner. It holds for the share of real ones in these data."
            .into(),
        drawing: picture(&[whole, corner], 2, HALF, &entries),
    }
}

/// Where the corner of precision and recall begins so that every classifier's best point is
/// well inside.
fn corner_of(evaluation: &Evaluation) -> f64 {
    let best = |judged: &Judged| {
        let f1 = judged.curve.iter().map(|p| p.confusion.f1());
        f1.fold(0.0, f64::max)
    };
    let worst = evaluation.classifiers.iter().map(best).fold(1.0, f64::min);
    let low = 1.0 - 4.0 * (1.0 - worst);
    ((low * 20.0).floor() / 20.0).clamp(0.0, 0.95)
}
