//! Tables 1 to 3, and how all tables write a number.

use super::compare::{metric, shares};
use super::first::First;
use super::published::{CATEGORIES, TABLE_1, TABLE_2, TABLE_3_ARTIFACTS, TABLE_3_NON_ARTIFACTS};
use crate::judge::evaluation::Judged;
use crate::report::{Cell, PaperTable};

/// "0.9876 [0.98, 0.99]".
pub(super) fn measured(judged: &Judged, name: &str) -> String {
    let m = metric(judged, name);
    match (m.value.is_finite(), m.low.is_finite() && m.high.is_finite()) {
        (false, _) => "–".into(),
        (true, false) => format!("{:.4}", m.value),
        (true, true) => format!("{:.4} [{:.4}, {:.4}]", m.value, m.low, m.high),
    }
}

pub(super) fn table_1(first: &First) -> PaperTable {
    let mut rows = Vec::new();
    for (i, (network, paper)) in first.networks.iter().zip(TABLE_1).enumerate() {
        let judged = &first.evaluation.classifiers[i];
        rows.push(vec![
            Cell::text(format!("{} ({})", network.name, network.network)),
            Cell::pair(
                Some(paper.parameters),
                format!("{:.0}k", network.parameters as f64 / 1e3),
            ),
            Cell::pair(Some(paper.auc), measured(judged, "auc")),
            Cell::pair(
                Some(paper.seconds),
                network
                    .seconds_per_epoch
                    .map_or("–".into(), |seconds| format!("{seconds:.1}")),
            ),
            Cell::pair(None, measured(judged, "fpr_at_mdr")),
        ]);
    }
    let forest = first.evaluation.classifiers.last().expect("the forest");
    rows.push(vec![
        Cell::text(forest.name.clone()),
        Cell::number("–"),
        Cell::pair(None, measured(forest, "auc")),
        Cell::number("–"),
        Cell::pair(None, measured(forest, "fpr_at_mdr")),
    ]);
    table(
        "table-1",
        "The best networks and the forest, on candidates that none was fitted to, labels as given.",
        &[
            "Network",
            "Parameters",
            "AUC",
            "Seconds per epoch",
            "FPR at MDR 0.05",
        ],
        rows,
    )
}

pub(super) fn table(name: &str, caption: &str, head: &[&str], rows: Vec<Vec<Cell>>) -> PaperTable {
    PaperTable {
        name: name.into(),
        caption: caption.into(),
        head: head.iter().map(ToString::to_string).collect(),
        rows,
    }
}

/// A share in per cent as tables have it.
pub(super) fn percent(share: f64) -> String {
    format!("{share:.2}")
}

pub(super) fn table_2(first: &First) -> PaperTable {
    let classifiers = &first.evaluation.classifiers;
    let shown = [&classifiers[0], &classifiers[2], &classifiers[4]];
    let ours = shown.map(shares);
    let rows = (0..6).map(|k| {
        let mut row = vec![Cell::number((k + 1).to_string()), Cell::text(CATEGORIES[k])];
        row.extend((0..3).map(|i| Cell::pair(Some(TABLE_2[k][i]), percent(ours[i][k]))));
        row
    });
    table(
        "table-2",
        "Per cent of the candidates in each category.",
        &["Category", "", "Model 1", "Model 3", "Random forest"],
        rows.collect(),
    )
}

pub(super) fn table_3(first: &First) -> [PaperTable; 2] {
    let of = |category: u8, paper: &[[&str; 3]; 4], name: &str| {
        let from = if category == 1 { 1 } else { 4 };
        let heads: Vec<String> = (from..from + 3).map(|k| format!("Category {k}")).collect();
        let mut head = vec![""];
        head.extend(heads.iter().map(String::as_str));
        let agreement = first.evaluation.agreements.iter();
        let mut agreement = agreement.filter(|a| a.category == category);
        let own = agreement.next().expect("model 1 comes first");
        let rows = own.others.iter().zip(paper).map(|((name, counts), paper)| {
            let all: u64 = counts.iter().sum();
            let mut row = vec![Cell::text(name.clone())];
            row.extend(counts.iter().zip(paper).map(|(&n, paper)| {
                let ours = match all {
                    0 => "–".into(),
                    all => format!("{:.1}", 100.0 * n as f64 / all as f64),
                };
                Cell::pair(Some(paper), ours)
            }));
            row
        });
        let seen = match category {
            1 => "149",
            _ => "354",
        };
        let caption = format!(
            "Where the others put, in per cent, the {} candidates (the paper: {seen}) that model 1 \
             puts into category {category}.",
            own.candidates
        );
        table(name, &caption, &head, rows.collect())
    };
    [
        of(1, &TABLE_3_ARTIFACTS, "table-3-category-1"),
        of(6, &TABLE_3_NON_ARTIFACTS, "table-3-category-6"),
    ]
}
