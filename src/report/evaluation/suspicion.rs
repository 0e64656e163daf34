//! Labels that may be wrong: scores by label, what rules find, and what people dispute.

use super::axes::{Axis, Item, Panel};
use super::histograms::{classes, counted, highest, stairs};
use super::key::Entry;
use super::{Figure, HALF, WIDE, look, picture};
use crate::judge::agreement::Compared;
use crate::judge::confident::Expected;
use crate::judge::histogram;
use crate::judge::planted::Recovered;
use crate::judge::suspicion::Ranking;

/// Bins of scores: the ends of categories 1 and 6 are edges.
const BINS: usize = 40;

/// P(real) by label (1 real, 0 bogus), with those that `ranking` names, and how many wrong
/// labels are expected.
pub fn suspected(labels: &[u8], scores: &[f64], ranking: &Ranking, expected: &Expected) -> Figure {
    let all = histogram(labels, scores, 0.0, 1.0, BINS);
    let of = |rows: &[usize]| -> (Vec<u8>, Vec<f64>) {
        rows.iter().map(|&row| (labels[row], scores[row])).unzip()
    };
    let (theirs, doubted) = of(ranking.suspects());
    let named = histogram(&theirs, &doubted, 0.0, 1.0, BINS);
    let top = 2.0 * highest(&all).max(5.0);
    let y = Axis::log("candidates per bin", 0.5, top);
    let mut panel = Panel::new("", Axis::part("P(real)"), y);
    for (real, counts) in [(true, &named.real), (false, &named.bogus)] {
        let area = counted(&named.edges, counts, 0.5);
        panel.items.push(Item::Area(area, look::class(real), 0.45));
    }
    classes(&mut panel, &all);
    for x in [0.1, 0.9] {
        panel.line(vec![(x, 0.5), (x, top)], look::aside());
    }
    let rule = ranking.rule;
    let count = |real: u8| labels.iter().filter(|&&label| label == real).count();
    let few = |real: u8| theirs.iter().filter(|&&label| label == real).count();
    let entry = |real: u8, name: &str| {
        let text = format!(
            "labelled {name}: {}, {} of them suspects (filled)",
            count(real),
            few(real)
        );
        Entry::line(text, look::class(real == 1))
    };
    let entries = [
        entry(1, "real"),
        entry(0, "bogus"),
        Entry::line("ends of categories 6 and 1", look::aside()),
    ];
    let [all, bogus, real] = [
        expected.wrong,
        expected.labelled_bogus,
        expected.labelled_real,
    ]
    .map(|e| format!("{} ({}\u{2013}{})", e.value, e.low.round(), e.high.round()));
    Figure {
        name: "suspects".into(),
        title: "Scores by label, and the suspects among them".into(),
        caption: format!(
            "How many candidates of each label got which score, on a logarithmic scale; strongly \
             tinted what rule {rule} names: {} labelled bogus and {} labelled real. Confident \
             learning expects {all} wrong labels: {bogus} labelled bogus, {real} labelled real.",
            few(0),
            few(1)
        ),
        drawing: picture(&[panel], 1, WIDE, &entries),
    }
}

/// How many labels known to be wrong are among the first n of each rule's order.
pub fn planted(found: &[Recovered]) -> Figure {
    let wrong = found.iter().map(|f| f.wrong).max().unwrap_or(0);
    let longest = found.iter().map(|f| f.among_first.len()).max().unwrap_or(0);
    let listed = found.iter().map(|f| f.listed).max().unwrap_or(0);
    // As far as there is something to see: three times what is wrong, and all that is named.
    let last = (3 * wrong)
        .max(listed + listed / 10)
        .clamp(1, longest.max(1));
    let top = 1.05 * wrong.max(1) as f64;
    let x = Axis::linear("the first n suspects", 0.0, last as f64);
    let mut panel = Panel::new("", x, Axis::linear("wrong labels among them", 0.0, top));
    let ideal = [
        (0.0, 0.0),
        (wrong as f64, wrong as f64),
        (last as f64, wrong as f64),
    ];
    panel.line(ideal.to_vec(), look::aside());
    let mut entries = Vec::with_capacity(found.len() + 1);
    for (i, rule) in found.iter().enumerate() {
        let look = look::classifier(i);
        let counts = rule.among_first.iter().take(last).enumerate();
        let line = counts.map(|(n, &count)| (n as f64 + 1.0, count as f64));
        panel.line([(0.0, 0.0)].into_iter().chain(line).collect(), look);
        panel.marks(vec![(rule.listed as f64, rule.found as f64)], look, 5.0);
        let label = match rule.listed {
            0 => format!("{}: names none", rule.rule),
            _ => format!(
                "{}: names {}, precision {:.2}, recall {:.2}",
                rule.rule, rule.listed, rule.precision, rule.recall
            ),
        };
        entries.push(Entry::both(label, look));
    }
    entries.push(Entry::line(
        format!("all {wrong}, and no other"),
        look::aside(),
    ));
    Figure {
        name: "planted".into(),
        title: "Wrong labels that were found".into(),
        caption: format!(
            "How many of the {wrong} labels known to be wrong are among the first n candidates of \
             each rule's order. The mark is where a rule's own list ends."
        ),
        drawing: picture(&[panel], 1, WIDE, &entries),
    }
}

/// Scores of candidates that people agree on, and of those they do not (DES Sect. 4.6).
pub fn disputed(compared: &[Compared]) -> Figure {
    let panels: Vec<Panel> = compared.iter().map(one).collect();
    let entries = [
        Entry::line("all agree", look::classifier(0)),
        Entry::line("disputed", look::classifier(1)),
    ];
    Figure {
        name: "disputed".into(),
        title: "Scores of what people agree on, and of what they do not".into(),
        caption: "The share of candidates with each score, of those whose votes all agree and of \
                  those with a majority by two and votes against it; upright the means (DES \
                  Sect. 4.6)."
            .into(),
        drawing: picture(&panels, 2, HALF, &entries),
    }
}

fn one(compared: &Compared) -> Panel {
    let title = match compared.majority {
        1 => "most say real",
        _ => "most say bogus",
    };
    let shares = compared.scores.each_ref().map(|scores| {
        let counts = histogram(&vec![1; scores.len()], scores, 0.0, 1.0, BINS / 2);
        let all = scores.len().max(1) as f64;
        (
            counts.edges,
            counts.real.into_iter().map(move |n| n as f64 / all),
        )
    });
    let shares = shares.map(|(edges, shares)| (edges, shares.collect::<Vec<f64>>()));
    let most = shares
        .iter()
        .flat_map(|(_, s)| s)
        .fold(0.05, |a: f64, b| a.max(*b));
    let y = Axis::linear("share of candidates", 0.0, 1.1 * most);
    let mut panel = Panel::new(title, Axis::part("P(real)"), y);
    for (i, (edges, shares)) in shares.iter().enumerate() {
        panel.line(stairs(edges, shares, 0.0), look::classifier(i));
    }
    for (i, mean) in [compared.consensus, compared.disputed].iter().enumerate() {
        let upright = [0.0, 1.1 * most].map(|y| (mean.mean, y));
        panel.line(upright.to_vec(), look::classifier(i));
    }
    if compared.scores.iter().all(Vec::is_empty) {
        panel.note("no candidate");
    }
    panel
}
