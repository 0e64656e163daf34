//! The numbers of an evaluation as tables.

use maud::{Markup, html};

use crate::judge::Confusion;
use crate::judge::evaluation::{Evaluation, Judged, Metric};
use crate::report::evaluation::{MEANING, part, percent, with_interval};

/// What a metric is called in a table.
fn label(name: &str, at_mdr: f64) -> String {
    match name {
        "f1" => "F1".into(),
        "mcc" => "MCC".into(),
        "tpr" => "TPR".into(),
        "fpr" => "FPR".into(),
        "mdr" => "MDR".into(),
        "auc" => "AUC".into(),
        "ece" => "ECE".into(),
        "brier" => "Brier score".into(),
        "fpr_at_mdr" => format!("FPR at MDR {at_mdr}"),
        other => {
            let words = other.replace('_', " ");
            let mut letters = words.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters).collect()
        }
    }
}

/// Classifiers beside each other, so that their metrics fit on a page.
const BESIDE: usize = 3;

/// Every metric of every classifier with its interval and how that was found.
pub(super) fn metrics(evaluation: &Evaluation) -> Markup {
    let mut names: Vec<&str> = Vec::new();
    for metric in evaluation.classifiers.iter().flat_map(|j| &j.metrics) {
        if !names.contains(&metric.name) {
            names.push(metric.name);
        }
    }
    let of = |judged: &Judged, name: &str| -> Option<Metric> {
        judged.metrics.iter().find(|m| m.name == name).cloned()
    };
    let methods = |name: &str| {
        let mut found: Vec<String> = Vec::new();
        for judged in &evaluation.classifiers {
            let method = of(judged, name).map_or(String::new(), |m| m.method);
            if !method.is_empty() && !found.contains(&method) {
                found.push(method);
            }
        }
        found.join("; ")
    };
    html! {
        @for group in evaluation.classifiers.chunks(BESIDE) { div.scroll { table {
            thead { tr {
                th { "Metric" }
                @for judged in group { th.name { (judged.name) } }
                th.left { "Interval, " (format!("{:.0} %", 100.0 * evaluation.level)) }
            } }
            tbody { @for &name in &names {
                tr {
                    td { (label(name, evaluation.at_mdr)) }
                    @for judged in group {
                        td { (of(judged, name).map_or("–".into(), |m| with_interval(&m))) }
                    }
                    td.left.quiet { (methods(name)) }
                }
            } }
        } } }
    }
}

/// The threshold in use and those that rules would choose, with what each would mean.
pub(super) fn thresholds(evaluation: &Evaluation) -> Markup {
    let number = |v: f64| match v {
        v if v == f64::INFINITY => "∞".to_string(),
        v => part(v),
    };
    let row = |rule: &str, threshold: f64, c: &Confusion| {
        html! {
            td { (rule) }
            td { (number(threshold)) }
            @for rate in c.meant() {
                td { (part(rate)) }
            }
        }
    };
    html! {
        @for judged in &evaluation.classifiers {
            h3 { (judged.name) }
            div.scroll { table {
                thead { tr {
                    th { "Rule" } th { "Threshold" } th { "TPR" } th { "FPR" } th { "MDR" }
                    th { "Precision" } th { "F1" } th { "MCC" }
                } }
                tbody {
                    tr.used { (row(
                        &format!("in use: {}", judged.threshold_from),
                        judged.threshold,
                        &judged.confusion,
                    )) }
                    @for chosen in &judged.thresholds {
                        tr { (row(&chosen.rule, chosen.threshold, &chosen.confusion)) }
                    }
                }
            } }
        }
    }
}

/// Counts and per cent of the label.
pub(super) fn confusion(evaluation: &Evaluation) -> Markup {
    let share = |k: u64, n: u64| percent(k as f64 / n as f64);
    html! {
        div.scroll { table {
            thead { tr {
                th { "Classifier" }
                th { "Labelled" } th { "Called bogus" } th { "" } th { "Called real" } th { "" }
            } }
            tbody { @for judged in &evaluation.classifiers {
                @let c = &judged.confusion;
                @for (label, bogus, real) in [("bogus", c.tn, c.fp), ("real", c.fn_, c.tp)] {
                    tr {
                        td.name { @if label == "bogus" { (judged.name) } }
                        td { (label) }
                        td { (bogus) } td.range { (share(bogus, bogus + real)) }
                        td { (real) } td.range { (share(real, bogus + real)) }
                    }
                }
            } }
        } }
    }
}

/// DES Table 2.
pub(super) fn categories(evaluation: &Evaluation) -> Markup {
    html! {
        div.scroll { table {
            thead {
                tr {
                    th { "Category" }
                    @for category in 1..=6 { th { (category) } }
                }
                tr {
                    th { "Label and P(real)" }
                    @for (label, score) in MEANING { th { (label) ", " (score) } }
                }
            }
            tbody { @for judged in &evaluation.classifiers {
                tr {
                    td.name { (judged.name) }
                    @for held in judged.categories { td { (held) } }
                }
            } }
        } }
    }
}

/// DES Table 3.
pub(super) fn agreements(evaluation: &Evaluation) -> Markup {
    html! {
        @for category in [1, 6] {
            @let first = if category == 1 { 1 } else { 4 };
            @let rows: Vec<_> = evaluation.agreements.iter().filter(|a| a.category == category).collect();
            @if !rows.is_empty() {
                h3 { "Of category " (category) }
                div.scroll { table {
                    thead { tr {
                        th { "In category " (category) " of" } th { "Candidates" }
                        th.left { "are put by" }
                        @for k in first..first + 3 { th { "into " (k) } }
                    } }
                    tbody { @for agreement in rows {
                        @for (i, (other, counts)) in agreement.others.iter().enumerate() {
                            tr {
                                td.name { @if i == 0 { (agreement.of) } }
                                td { @if i == 0 { (agreement.candidates) } }
                                td.left.name { (other) }
                                @for count in counts { td { (count) } }
                            }
                        }
                    } }
                } }
            }
        }
    }
}
