//! The words and tables of the live survey.

use super::compare::metric;
use super::live::Live;
use super::published::LIVE_THRESHOLD;
use crate::judge::Evaluation;
use crate::report::{Cell, PaperTable};
use crate::reproduce::words::{percent, three};

/// Section 4.6.
pub fn votes(live: &Live) -> String {
    let counted = &live.counted;
    format!(
        "Another survey: worse seeing, a shallower template, seven bogus candidates for each real \
         one, and no truth, only votes. Five simulated people (two experts, three students) vote on \
         {} candidates, three to five on each; what their errors are is our choice and not the \
         paper's. Where the majority is larger than the minority by two its label counts: {} real \
         and {} bogus, {} without a label. Fleiss' κ is {}.",
        live.candidates,
        counted.labelled(Some(1)),
        counted.labelled(Some(0)),
        counted.labelled(None),
        three(counted.fleiss.value)
    )
}

/// How people agreed.
pub fn table_of_votes(live: &Live) -> PaperTable {
    let counted = &live.counted;
    let row = |what: &str, paper: &str, ours: String| {
        vec![Cell::text(what), Cell::pair(Some(paper), ours)]
    };
    PaperTable {
        name: "votes".into(),
        caption: "What people said.".into(),
        head: vec![String::new(), "Candidates".into()],
        rows: vec![
            row(
                "with three votes or more",
                "25,000",
                counted.enough.of.to_string(),
            ),
            row(
                "majority real",
                "1,700",
                counted.labelled(Some(1)).to_string(),
            ),
            row(
                "majority bogus",
                "19,000",
                counted.labelled(Some(0)).to_string(),
            ),
            row(
                "unanimous, of those the majority calls real",
                "75 %",
                percent(counted.majority_real.percent() / 100.0),
            ),
            row(
                "unanimous, of those the majority calls bogus",
                "95 %",
                percent(counted.majority_bogus.percent() / 100.0),
            ),
        ],
    }
}

/// Figures 12 and 13.
pub fn figures_12_13(live: &Live) -> String {
    let c = &live.retrained.classifiers[0].confusion;
    format!(
        "Model 1 of Sect. 4.5, trained on with the majority's labels of {} candidates, on the {} of \
         the test part. From P(real) {LIVE_THRESHOLD} on an alert is sent: MDR {} and FPR {} \
         (the paper: about 0.055 and 0.04).",
        live.split.train.len(),
        live.split.test.len(),
        three(c.mdr()),
        three(c.fpr())
    )
}

/// The network before, after, and one that saw votes alone.
pub fn table_of_networks(live: &Live) -> PaperTable {
    let evaluation: &Evaluation = &live.evaluation;
    let paper = [
        (Some("about 0.5"), None),
        (Some("0.055"), Some("0.04")),
        (None, None),
    ];
    let rows = evaluation.classifiers.iter().zip(paper);
    let rows = rows.enumerate().map(|(k, (judged, (mdr, fpr)))| {
        let unanimous = live.scores(k, 1, true);
        let missed = unanimous
            .iter()
            .filter(|&&score| score < LIVE_THRESHOLD)
            .count();
        let missed = missed as f64 / unanimous.len() as f64;
        let before = k == 0;
        vec![
            Cell::text(judged.name.clone()),
            Cell::pair(mdr.filter(|_| before), three(missed)),
            Cell::pair(mdr.filter(|_| !before), three(judged.confusion.mdr())),
            Cell::pair(fpr, three(judged.confusion.fpr())),
            Cell::pair(None, three(metric(judged, "auc").value)),
        ]
    });
    PaperTable {
        name: "live-networks".into(),
        caption: format!("On the test part of the live survey, at P(real) {LIVE_THRESHOLD}."),
        head: [
            "Network",
            "MDR of the unanimously real",
            "MDR",
            "FPR",
            "AUC",
        ]
        .map(String::from)
        .to_vec(),
        rows: rows.collect(),
    }
}

/// Mean scores where people agreed and where not.
pub fn table_of_scores(live: &Live) -> PaperTable {
    let cell = |label: u8, unanimous: bool, paper: &str| {
        let scores = live.scores(1, label, unanimous);
        let n = scores.len() as f64;
        let mean = scores.iter().sum::<f64>() / n;
        let spread = scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let ours = match scores.len() {
            0 | 1 => "–".into(),
            count => format!("{mean:.2} ± {:.2} ({count})", (spread / n).sqrt()),
        };
        Cell::pair(Some(paper), ours)
    };
    PaperTable {
        name: "live-scores".into(),
        caption:
            "Mean P(real) of the retrained network, with its standard error and the number of \
                  candidates, where people were unanimous and where the majority was larger by two \
                  at least, but not unanimous."
                .into(),
        head: ["", "Unanimous", "Disputed"].map(String::from).to_vec(),
        rows: vec![
            vec![
                Cell::text("majority real"),
                cell(1, true, "0.87"),
                cell(1, false, "0.75"),
            ],
            vec![
                Cell::text("majority bogus"),
                cell(0, true, "0.05"),
                cell(0, false, "0.25"),
            ],
        ],
    }
}
