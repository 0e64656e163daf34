//! What stands on the page between its figures: what the paper shows, what ours is, where it
//! differs and why.

use super::claims::{agreeing, rate};
use super::compare::{metric, shares};
use super::live::Live;
use super::page::measured;
use super::published::LIVE_THRESHOLD;
use super::repair::Repair;
use super::run::Outcome;
use super::second::Second;
use crate::judge::Evaluation;
use crate::report::{Cell, PaperTable};

/// The page's first paragraphs.
pub fn summary(outcome: &Outcome) -> Vec<String> {
    let done = match (&outcome.second, &outcome.live) {
        (Some(_), Some(_)) => "All of it was done again here, in that order.",
        (Some(_), None) => "All but the votes was done again here, in that order.",
        _ => "Here its first stage was done again: nobody has repaired the labels yet.",
    };
    let mut all = vec![format!(
        "The paper trains four networks on stamps of which some have the wrong label, finds these \
         labels by what the networks are strangely sure of, lets an expert repair them, trains \
         again, and last trains on the votes of people. {done}"
    )];
    let first = &outcome.first.evaluation;
    let mut line = format!(
        "False positive rate at a missed detection rate of 0.05, model 1 and the forest: {} and {} \
         with labels as given",
        rate(first, 0),
        rate(first, 4)
    );
    if let Some(repair) = &outcome.repair {
        line += &format!(
            "; {} and {} with test labels repaired",
            rate(&repair.evaluation, 0),
            rate(&repair.evaluation, 4)
        );
    }
    if let Some(second) = &outcome.second {
        line += &format!(
            "; {} and {} after retraining (the paper: 0.008 and 0.011)",
            rate(&second.evaluation, 0),
            rate(&second.evaluation, 1)
        );
        if let Some(truth) = &second.by_truth {
            line += &format!(
                ". By the true labels, which only a simulation knows: {} and {}",
                rate(truth, 0),
                rate(truth, 1)
            );
        }
    }
    all.push(line + ".");
    all
}

/// Section 3.
pub fn candidates(outcome: &Outcome) -> String {
    let sample = &outcome.sample;
    let (real, bogus) = sample.data.class_counts();
    let mut text = format!(
        "The paper has 898,963 stamps of 51×51 pixels in three images; its label 1 is an artifact, \
         ours is real. Here: {real} labelled real and {bogus} labelled bogus, of {}, {}.",
        sample.data.shape, sample.origin,
    );
    if let Some(wrong) = sample.wrong() {
        let labels = sample.labels();
        let of = |label: u8| {
            let is = |row: &usize| wrong[*row] && labels[*row] == label;
            (0..labels.len()).filter(is).count()
        };
        text += &format!(
            " Of their labels {} are wrong, of the two kinds that the paper saw: {} real sources \
             left among the bogus, {} injected sources on saturated stars or bad columns, labelled \
             real though the stamp shows none.",
            of(0) + of(1),
            of(0),
            of(1)
        );
    }
    text
}

/// Table 1.
pub fn table_1(outcome: &Outcome) -> String {
    let first = &outcome.first;
    let s = &first.split;
    let narrow = match outcome.scale.narrow {
        1 => "The networks are the paper's".to_string(),
        by => format!("The networks are the paper's with a {by}th of the filters"),
    };
    format!(
        "{narrow}, trained on {} candidates (50%) and validated on {} (5%); {} are held out (the \
         paper: 5% to test and 40% in reserve, here all that no network was fitted to is judged, \
         since 5% would be too few). Times are of this machine, the paper's of a GPU. Intervals are \
         95%.",
        s.train.len(),
        s.validation.len(),
        s.test.len()
    )
}

/// Figure 4.
pub fn figure_4(outcome: &Outcome) -> String {
    let evaluation = &outcome.first.evaluation;
    format!(
        "In the paper the four curves lie on each other and near the squares of the older forest. \
         Here FPR at MDR 0.05 is {} for model 1 and {} for the forest. The squares are of other \
         data and are drawn for scale only.",
        rate(evaluation, 0),
        rate(evaluation, 4)
    )
}

/// Figure 5.
pub fn figure_5(outcome: &Outcome) -> String {
    let shares = shares(&outcome.first.evaluation.classifiers[0]);
    format!(
        "The paper draws P(artifact) and we P(real), so left and right change places. What it is \
         about is in the corners: {:.2}% of the candidates are labelled bogus with P(real) of at \
         least 0.9, {:.2}% labelled real with at most 0.1 (the paper: 0.35% and 0.8%).",
        shares[0], shares[5]
    )
}

/// Table 2.
pub fn table_2(_: &Outcome) -> String {
    "Category 1 is labelled bogus with P(real) of at least 0.9 (the paper: label 1 with P(artifact) \
     up to 0.1), and so on down to category 6, labelled real with at most 0.1."
        .into()
}

/// Table 3.
pub fn table_3(outcome: &Outcome) -> String {
    let evaluation = &outcome.first.evaluation;
    format!(
        "If networks of different shape contradict the same labels, it is the labels that are \
         suspicious. Here the other networks put {:.0}% of what is in categories 1 and 6 of model \
         1 there too, and the forest {:.0}%.",
        agreeing(evaluation, 0..3),
        agreeing(evaluation, 3..4)
    )
}

/// Section 4.4.
pub fn repaired(repair: &Repair, outcome: &Outcome) -> String {
    if outcome.sample.looked.is_some() {
        return format!(
            "{} looked at {} candidates and gave {} of them the other label; {} of these are in the \
             held-out part, of which {} have another label now.",
            outcome.sample.expert,
            repair.seen.len(),
            repair.changed.len(),
            repair.seen_first.len(),
            repair.changed_first.len()
        );
    }
    format!(
        "{} saw the {} candidates of the held-out part in categories 1 and 6 of model 1 (the paper: \
         about 750) and gave {} the other label, then all {} of the whole sample (8,093) and gave \
         {} the other label (7,402).",
        outcome.sample.expert,
        repair.seen_first.len(),
        repair.changed_first.len(),
        repair.seen.len(),
        repair.changed.len()
    )
}

/// Figure 7.
pub fn figure_7(outcome: &Outcome, repair: &Repair) -> String {
    let (before, after) = (&outcome.first.evaluation, &repair.evaluation);
    format!(
        "Nothing is trained anew: {} labels of the held-out part are other ones. FPR at MDR 0.05 of \
         model 1 goes from {} to {}, of the forest from {} to {}. What was looked at was chosen by a \
         network, which flatters networks.",
        repair.changed_first.len(),
        rate(before, 0),
        rate(after, 0),
        rate(before, 4),
        rate(after, 4)
    )
}

/// Figure 8.
pub fn figure_8(outcome: &Outcome, second: &Second) -> String {
    let s = &second.split;
    let mut text = format!(
        "Model 1 and the forest anew, with repaired labels and another split: {} to train on (70%), \
         {} to validate (10%), {} to test (20%). FPR at MDR 0.05: {} and {}.",
        s.train.len(),
        s.validation.len(),
        s.test.len(),
        rate(&second.evaluation, 0),
        rate(&second.evaluation, 1)
    );
    if let Some(truth) = &second.by_truth {
        text += &format!(
            " By the true labels of the same candidates: {} and {}.",
            rate(truth, 0),
            rate(truth, 1)
        );
    }
    if outcome.sample.measured {
        text += " The paper's forest has 38 features, some from catalogues and from the images \
                 around; ours has those that the stamps alone give.";
    }
    text
}

/// Figure 9.
pub fn figure_9(second: &Second) -> String {
    let [network, forest] = [0, 1].map(|k| measured(&second.evaluation.classifiers[k], "auc"));
    format!("AUC {network} of model 1 and {forest} of the forest.")
}

/// Figure 10.
pub fn figure_10(second: &Second) -> String {
    let network = &second.network;
    format!(
        "{} epochs were trained and the weights of epoch {} kept. In the paper loss and accuracy of \
         the validation part are stable after about 10 epochs.",
        network.history.len(),
        network.best_epoch
    )
}

/// Figure 11.
pub fn figure_11(second: &Second) -> String {
    format!(
        "At P(real) 0.5, of the {} candidates of the test part.",
        second.split.test.len()
    )
}

/// Table 5.
pub fn table_5(outcome: &Outcome) -> String {
    let columns = match outcome.sample.truth {
        Some(_) => {
            " The first two columns are of the first stage's held-out part, the third of the second \
             stage's test part. Categories also hold honest mistakes of the network; those stay \
             when labels are repaired."
        }
        None => "",
    };
    format!(
        "The paper takes the second column as biased, since the labels were repaired where this very \
         network had contradicted them, and the third as what is left.{columns}"
    )
}

/// Section 4.6.
pub fn votes(live: &Live) -> String {
    let counted = &live.counted;
    format!(
        "Another survey: worse seeing, a shallower template, seven bogus candidates for each real \
         one, and no truth, only votes. Five simulated people (two experts, three students) vote on \
         {} candidates, three to five on each; what their errors are is our choice and not the \
         paper's. Where the majority is larger than the minority by two its label counts: {} real \
         and {} bogus, {} without a label. Fleiss' κ is {:.3}.",
        live.candidates,
        counted.labelled(Some(1)),
        counted.labelled(Some(0)),
        counted.labelled(None),
        counted.fleiss.value
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
                format!("{:.0} %", counted.majority_real.percent()),
            ),
            row(
                "unanimous, of those the majority calls bogus",
                "95 %",
                format!("{:.0} %", counted.majority_bogus.percent()),
            ),
        ],
    }
}

/// Figures 12 and 13.
pub fn figures_12_13(live: &Live) -> String {
    let c = &live.retrained.classifiers[0].confusion;
    format!(
        "Model 1 of Sect. 4.5, trained on with the majority's labels of {} candidates, on the {} of \
         the test part. From P(real) {LIVE_THRESHOLD} on an alert is sent: MDR {:.3} and FPR {:.3} \
         (the paper: about 0.055 and 0.04).",
        live.split.train.len(),
        live.split.test.len(),
        c.mdr(),
        c.fpr()
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
            Cell::pair(mdr.filter(|_| before), format!("{missed:.3}")),
            Cell::pair(
                mdr.filter(|_| !before),
                format!("{:.3}", judged.confusion.mdr()),
            ),
            Cell::pair(fpr, format!("{:.3}", judged.confusion.fpr())),
            Cell::pair(None, format!("{:.4}", metric(judged, "auc").value)),
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
