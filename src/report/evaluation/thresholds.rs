//! What becomes of the rates as the threshold moves.

use super::axes::{Axis, Panel};
use super::key::Entry;
use super::look::{self, Look};
use super::number::{part, percent};
use super::roc::{both_classes, rates, smallest_rate};
use super::{Figure, HALF, Ratio, WIDE, cells, fitting, heading, picture};
use crate::judge::Confusion;
use crate::judge::evaluation::{Chosen, Evaluation, Judged, Point};

fn against_threshold(scan: &[Point], rate: Ratio) -> Vec<(f64, f64)> {
    let points = scan.iter().map(|p| (p.threshold, rate(&p.confusion)));
    points.collect()
}

fn by_threshold() -> Axis {
    Axis::part("threshold on P(real)")
}

/// From a little under the lowest of the values that matter up to 1.
fn upper_part(label: &str, values: impl Iterator<Item = f64>) -> Axis {
    let lowest = values.filter(|v| v.is_finite()).fold(1.0, f64::min);
    let low = ((lowest * 10.0).floor() / 10.0).clamp(-1.0, 0.9);
    Axis::linear(label, low, 1.0)
}

/// The rule's threshold of a classifier, where it has one that can be drawn.
fn chosen<'a>(judged: &'a Judged, rule: &str) -> Option<&'a Chosen> {
    let found = judged.thresholds.iter().find(|c| c.rule == rule);
    found.filter(|c| c.threshold.is_finite())
}

/// O'TRAIN's way to a threshold.
pub(super) fn mcc_and_f1(evaluation: &Evaluation) -> Figure {
    let rates: [(&str, Ratio); 2] = [("MCC", Confusion::mcc), ("F1", Confusion::f1)];
    let caption = "Both metrics over the threshold; the marks are where F1 + MCC is highest, the \
                   threshold that O'TRAIN takes (Sect. 6.2, Fig. 10 and A.1–A.4, top left).";
    let best = |judged: &Judged| match chosen(judged, "F1 + MCC") {
        Some(c) => format!("F1 + MCC best at {}", part(c.threshold)),
        None => "no best threshold".into(),
    };
    let mark = |panel: &mut Panel, judged: &Judged, rate: Ratio, look: Look| {
        if let Some(c) = chosen(judged, "F1 + MCC") {
            panel.marks(vec![(c.threshold, rate(&c.confusion))], look, 6.0);
        }
    };
    let drawing = if let [judged] = &evaluation.classifiers[..] {
        let mut panel = Panel::new("", by_threshold(), Axis::part("MCC, F1"));
        let mut entries = Vec::new();
        for (i, (label, rate)) in rates.into_iter().enumerate() {
            let look = look::classifier(i);
            panel.line(against_threshold(&judged.scan, rate), look);
            mark(&mut panel, judged, rate, look);
            entries.push(Entry::both(format!("{label} ({})", best(judged)), look));
        }
        lower_for_negative(&mut panel, &[judged], &rates);
        picture(&[panel], 1, WIDE, &entries)
    } else {
        let all: Vec<&Judged> = evaluation.classifiers.iter().collect();
        let panels = rates.map(|(label, rate)| {
            let mut panel = Panel::new("", by_threshold(), Axis::part(label));
            for (i, judged) in all.iter().enumerate() {
                panel.line(against_threshold(&judged.scan, rate), look::classifier(i));
                mark(&mut panel, judged, rate, look::classifier(i));
            }
            lower_for_negative(&mut panel, &all, &[(label, rate)]);
            panel
        });
        let entries = all.iter().enumerate().map(|(i, judged)| {
            let label = format!("{}: {}", judged.name, best(judged));
            Entry::both(label, look::classifier(i))
        });
        let entries: Vec<Entry> = entries.collect();
        picture(&panels, 2, HALF, &entries)
    };
    Figure {
        name: "mcc-f1-threshold".into(),
        title: "MCC and F1 against the threshold".into(),
        caption: caption.into(),
        drawing,
    }
}

/// MCC can be below 0.
fn lower_for_negative(panel: &mut Panel, all: &[&Judged], rates: &[(&str, Ratio)]) {
    let points = all.iter().flat_map(|judged| &judged.scan);
    let values = points.flat_map(|p| rates.iter().map(|(_, rate)| rate(&p.confusion)));
    let lowest = values.filter(|v| v.is_finite()).fold(0.0, f64::min);
    if lowest < 0.0 {
        panel.y.low = (lowest * 5.0).floor() / 5.0;
    }
}

/// The two metrics against each other, the threshold running along the line.
pub(super) fn mcc_against_f1(evaluation: &Evaluation) -> Figure {
    let ends = |rate: Ratio| {
        let best = evaluation.classifiers.iter().map(move |judged| {
            let all = judged.curve.iter().map(|p| rate(&p.confusion));
            all.fold(0.0, f64::max)
        });
        best.map(|best| 1.0 - 5.0 * (1.0 - best))
    };
    let whole = (Axis::part("F1"), Axis::part("MCC"));
    let near = (
        upper_part("F1", ends(Confusion::f1)),
        upper_part("MCC", ends(Confusion::mcc)),
    );
    let panels = [whole, near].map(|(x, y)| {
        let mut panel = Panel::new("", x, y);
        for (i, judged) in evaluation.classifiers.iter().enumerate() {
            let line = rates(&judged.curve, Confusion::f1, Confusion::mcc);
            panel.line(line, look::classifier(i));
        }
        for (i, judged) in evaluation.classifiers.iter().enumerate() {
            if let Some(c) = chosen(judged, "F1 + MCC") {
                let best = (c.confusion.f1(), c.confusion.mcc());
                panel.marks(vec![best], look::classifier(i), 6.0);
            }
        }
        panel
    });
    let entries = evaluation
        .classifiers
        .iter()
        .enumerate()
        .map(|(i, judged)| {
            let label = match chosen(judged, "F1 + MCC") {
                Some(c) => {
                    let (f1, mcc) = (part(c.confusion.f1()), part(c.confusion.mcc()));
                    format!(
                        "{}: F1 {f1} and MCC {mcc} at {}",
                        judged.name,
                        part(c.threshold)
                    )
                }
                None => format!("{}: no best threshold", judged.name),
            };
            Entry::both(label, look::classifier(i))
        });
    Figure {
        name: "mcc-f1".into(),
        title: "MCC against F1".into(),
        caption:
            "Each line runs through all thresholds; its upper right end, enlarged on the right, \
                  is where both metrics agree on the best one, which is marked (O'TRAIN Sect. 6.2)."
                .into(),
        drawing: picture(&panels, 2, HALF, &entries.collect::<Vec<_>>()),
    }
}

/// Both kinds of error against the threshold.
pub(super) fn mdr_and_fpr(evaluation: &Evaluation) -> Figure {
    let smallest = smallest_rate(evaluation.real.min(evaluation.bogus));
    let kinds: [(&str, Ratio); 2] = [
        ("missed detection rate", Confusion::mdr),
        ("false positive rate", Confusion::fpr),
    ];
    let drawing = if let [judged] = &evaluation.classifiers[..] {
        let scales = [
            Axis::part("MDR, FPR"),
            Axis::log("MDR, FPR, logarithmic", smallest, 1.0),
        ];
        let panels = scales.map(|y| {
            let mut panel = Panel::new("", by_threshold(), y);
            for (i, (_, rate)) in kinds.into_iter().enumerate() {
                panel.line(against_threshold(&judged.scan, rate), look::classifier(i));
            }
            let upright = [panel.y.low, panel.y.high].map(|y| (judged.threshold, y));
            panel.line(upright.to_vec(), look::aside());
            panel
        });
        let mut entries: Vec<Entry> = kinds
            .iter()
            .enumerate()
            .map(|(i, (label, rate))| {
                let here = part(rate(&judged.confusion));
                Entry::line(format!("{label}: {here}"), look::classifier(i))
            })
            .collect();
        let here = format!("threshold in use, {}", part(judged.threshold));
        entries.push(Entry::line(here, look::aside()));
        picture(&panels, 2, HALF, &entries)
    } else {
        let panels = kinds.map(|(label, rate)| {
            let y = Axis::log(format!("{label}, logarithmic"), smallest, 1.0);
            let mut panel = Panel::new("", by_threshold(), y);
            for (i, judged) in evaluation.classifiers.iter().enumerate() {
                let look = look::classifier(i);
                panel.line(against_threshold(&judged.scan, rate), look);
                let here = (judged.threshold, rate(&judged.confusion));
                panel.marks(vec![here], look, 5.0);
            }
            panel
        });
        let entries = evaluation
            .classifiers
            .iter()
            .enumerate()
            .map(|(i, judged)| {
                let c = &judged.confusion;
                let (at, mdr, fpr) = (part(judged.threshold), part(c.mdr()), part(c.fpr()));
                let label = format!("{}: MDR {mdr}, FPR {fpr} at {at}", judged.name);
                Entry::both(label, look::classifier(i))
            });
        picture(&panels, 2, HALF, &entries.collect::<Vec<_>>())
    };
    Figure {
        name: "mdr-fpr-threshold".into(),
        title: "MDR and FPR against the threshold".into(),
        caption:
            "A higher threshold loses more of the real ones and lets through less of the bogus; \
                  the thresholds in use are marked (DES Fig. 12, middle)."
                .into(),
        drawing,
    }
}

/// How pure the stream of alerts is on a night of so many bogus for each real one.
pub(super) fn cleanliness(evaluation: &Evaluation) -> Figure {
    let clean = |c: &Confusion, ratio: f64| match c.tp + c.fp {
        0 => f64::NAN,
        _ => c.tpr() / (c.tpr() + ratio * c.fpr()),
    };
    // Without a real one there is no ratio.
    let ratios = evaluation.bogus_per_real.iter().copied();
    let ratios: Vec<f64> = ratios.filter(|ratio| ratio.is_finite()).collect();
    let (cell, columns) = cells(evaluation.classifiers.len());
    let panels: Vec<Panel> = evaluation
        .classifiers
        .iter()
        .map(|judged| {
            let title = heading(evaluation, judged);
            let mdr = Axis::part("missed detection rate");
            let mut panel = Panel::new(fitting(title, cell), mdr, Axis::part("stream cleanliness"));
            if !both_classes(&judged.confusion) {
                panel.note("candidates of one class only");
                return panel;
            }
            for (k, &ratio) in ratios.iter().enumerate() {
                let look = look::part(k, ratios.len());
                let points = judged.curve.iter().map(|p| &p.confusion);
                let line = points.map(|c| (c.mdr(), clean(c, ratio)));
                panel.line(line.collect(), look);
                let here = (judged.confusion.mdr(), clean(&judged.confusion, ratio));
                panel.marks(vec![here], look, 5.0);
            }
            panel
        })
        .collect();
    let entries = ratios.iter().enumerate().map(|(k, &ratio)| {
        let mut label = format!("{} bogus per real", (ratio * 100.0).round() / 100.0);
        if Some(&ratio) == evaluation.bogus_per_real.first() {
            label.push_str(" (as in these data)");
        }
        if let [judged] = &evaluation.classifiers[..] {
            let here = percent(clean(&judged.confusion, ratio));
            label.push_str(&format!(": {here} clean"));
        }
        Entry::both(label, look::part(k, ratios.len()))
    });
    Figure {
        name: "cleanliness".into(),
        title: "Stream cleanliness against missed detection rate".into(),
        caption:
            "The share of real ones among what passes the threshold, TPR / (TPR + r FPR) with r \
                  bogus candidates for each real one, against what is lost; marks are at the \
                  threshold in use (DES Fig. 12, right)."
                .into(),
        drawing: picture(&panels, columns, cell, &entries.collect::<Vec<_>>()),
    }
}
