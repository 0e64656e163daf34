//! What the paper says, one sentence each, and whether it is so here.

use super::compare::{metric, shares};
use super::published::{FPR_AT_MDR, LIVE_THRESHOLD};
use super::run::Outcome;
use super::tables::measured;
use crate::judge::Evaluation;
use crate::judge::evaluation::Metric;
use crate::report::{Claim, Holds};
use crate::reproduce::words::{percent, three};

/// FPR at MDR 0.05 of classifier `number`.
fn fpr(evaluation: &Evaluation, number: usize) -> Metric {
    metric(&evaluation.classifiers[number], "fpr_at_mdr")
}

/// Whether two intervals have a point in common.
fn overlap(a: &Metric, b: &Metric) -> bool {
    a.low <= b.high && b.low <= a.high
}

/// "0.0123 [0.0100, 0.0150]".
fn shown(m: &Metric) -> String {
    match m.value.is_finite() {
        true => format!("{:.4} [{:.4}, {:.4}]", m.value, m.low, m.high),
        false => "–".into(),
    }
}

/// Candidates below which a share says nothing.
const FEW: usize = 10;

/// As `holds`, or that nobody can tell from so few.
fn of(count: usize, yes: bool, partly: bool) -> Holds {
    match count >= FEW {
        true => holds(yes, partly),
        false => Holds::Unknown,
    }
}

/// As `holds`, or that nobody can tell where one of the numbers does not exist.
fn told(numbers: &[f64], yes: bool, partly: bool) -> Holds {
    match numbers.iter().all(|number| number.is_finite()) {
        true => holds(yes, partly),
        false => Holds::Unknown,
    }
}

fn holds(yes: bool, partly: bool) -> Holds {
    match (yes, partly) {
        (true, _) => Holds::Yes,
        (_, true) => Holds::Partly,
        _ => Holds::No,
    }
}

fn claim(place: &str, said: &str, paper: &str, ours: String, holds: Holds, remark: &str) -> Claim {
    Claim {
        place: place.into(),
        said: said.into(),
        paper: Some(paper.into()),
        ours,
        holds,
        remark: remark.into(),
    }
}

/// Mean per cent of the candidates in categories 1 and 6 of model 1 that classifiers in `which`
/// (of the others: 0 to 2 networks, 3 the forest) put there too; NaN of none.
pub(super) fn agreeing(evaluation: &Evaluation, which: std::ops::Range<usize>) -> f64 {
    let own = &evaluation.classifiers[0].name;
    let own = evaluation.agreements.iter().filter(|a| &a.of == own);
    let (mut same, mut all) = (0, 0);
    for agreement in own {
        let place = if agreement.category == 1 { 0 } else { 2 };
        for (_, counts) in &agreement.others[which.clone()] {
            same += counts[place];
            all += counts.iter().sum::<u64>();
        }
    }
    100.0 * same as f64 / all as f64
}

/// The claims in the paper's order.
pub fn claims(outcome: &Outcome) -> Vec<Claim> {
    let mut all = first(outcome);
    all.extend(repaired(outcome));
    all.extend(retrained(outcome));
    all.extend(live(outcome));
    all
}

fn first(outcome: &Outcome) -> Vec<Claim> {
    let evaluation = &outcome.first.evaluation;
    let aucs: Vec<f64> = evaluation.classifiers[..4]
        .iter()
        .map(|judged| metric(judged, "auc").value)
        .collect();
    let (low, high) = (
        aucs.iter().copied().fold(f64::INFINITY, f64::min),
        aucs.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    );
    let (network, forest) = (fpr(evaluation, 0), fpr(evaluation, 4));
    let lower = network.value < forest.value;
    // In categories 1 and 6 of model 1.
    let categories = &evaluation.classifiers[0].categories;
    let extreme = (categories[0] + categories[5]) as usize;
    let (nets, trees) = (agreeing(evaluation, 0..3), agreeing(evaluation, 3..4));
    vec![
        claim(
            "Table 1",
            "Four different networks do equally well.",
            "AUC 0.993 to 0.994",
            format!("AUC {low:.4} to {high:.4}"),
            holds(high - low <= 0.005 && low >= 0.99, high - low <= 0.02),
            "The survey, the number of candidates and the length of training are others.",
        ),
        claim(
            "Sect. 4.2, Fig. 4",
            "With labels as they are the networks do no better than the forest.",
            "comparable",
            format!(
                "FPR at MDR 0.05: model 1 {}, forest {}",
                shown(&network),
                shown(&forest)
            ),
            holds(overlap(&network, &forest), !lower),
            match (overlap(&network, &forest), lower) {
                (true, _) => "The intervals overlap.",
                (false, true) if outcome.sample.measured => {
                    "Here the networks are better at once: our forest has only the features that \
                     stamps alone give."
                }
                (false, true) => "Here the networks are better at once.",
                (false, false) => "Here the forest is better.",
            },
        ),
        claim(
            "Sect. 4.3, Table 3",
            "Networks contradict the same labels: most of what model 1 puts into categories 1 and \
             6 the other networks put there too.",
            "61 to 76 %",
            format!("{} on average", percent(nets / 100.0)),
            of(extreme, nets >= 60.0, nets >= 40.0),
            "",
        ),
        claim(
            "Sect. 4.3, Table 3",
            "The forest puts fewer of them there.",
            "27 and 40 %",
            percent(trees / 100.0),
            of(extreme, trees < nets - 10.0, trees < nets),
            "",
        ),
    ]
}

fn repaired(outcome: &Outcome) -> Vec<Claim> {
    let Some(repair) = &outcome.repair else {
        return Vec::new();
    };
    let (seen, changed) = (repair.seen.len(), repair.changed.len());
    let part = 100.0 * changed as f64 / seen.max(1) as f64;
    let total = outcome.sample.labels().len();
    let relabelled = 100.0 * changed as f64 / total as f64;
    let known = outcome.sample.wrong().map(|wrong| {
        let wrong = wrong.iter().filter(|&&wrong| wrong).count();
        format!("; {wrong} labels are wrong in truth")
    });
    let before = &outcome.first.evaluation;
    let after = &repair.evaluation;
    let better = |k: usize| fpr(after, k).value < fpr(before, k).value;
    let improved = (0..4).filter(|&k| better(k)).count();
    let (network, forest) = (fpr(after, 0), fpr(after, 4));
    vec![
        claim(
            "Sect. 4.4",
            "Of what model 1 contradicts surely nearly all labels are wrong.",
            "91 % (7,402 of 8,093)",
            format!("{part:.0} % ({changed} of {seen})"),
            of(seen, part >= 80.0, part >= 50.0),
            match (part >= 80.0, outcome.sample.truth.is_some()) {
                (false, true) => {
                    "A network that learned from fewer candidates is wrongly sure more often, which \
                     costs the expert time and no label."
                }
                _ => "",
            },
        ),
        claim(
            "Sect. 4.4",
            "Less than one label in a hundred had to be changed.",
            "0.8 %",
            format!("{relabelled:.2} %{}", known.unwrap_or_default()),
            holds(changed > 0 && relabelled < 1.0, changed > 0),
            match outcome.sample.truth {
                Some(_) => "Planted: the share is ours. What counts is how many of them are found.",
                None => "",
            },
        ),
        claim(
            "Sect. 4.4, Fig. 7",
            "The same networks, judged by repaired labels, do better, and better than the forest.",
            "clear in the figure",
            format!(
                "FPR at MDR 0.05: model 1 {} (before {:.4}), forest {} (before {:.4})",
                shown(&network),
                fpr(before, 0).value,
                shown(&forest),
                fpr(before, 4).value
            ),
            holds(
                improved == 4 && network.value < forest.value,
                better(0) || network.value < forest.value,
            ),
            "",
        ),
    ]
}

fn retrained(outcome: &Outcome) -> Vec<Claim> {
    let (Some(repair), Some(second)) = (&outcome.repair, &outcome.second) else {
        return Vec::new();
    };
    let (network, forest) = (fpr(&second.evaluation, 0), fpr(&second.evaluation, 1));
    let less = match 100.0 * (1.0 - network.value / forest.value) {
        less if !less.is_finite() => String::new(),
        less if less < -100.0 => format!(", {:.1} times", network.value / forest.value),
        less if less < 0.0 => format!(", {:.0} % higher", -less),
        less => format!(", {less:.0} % lower"),
    };
    let shares = [
        &outcome.first.evaluation,
        &repair.evaluation,
        &second.evaluation,
    ]
    .map(|evaluation| shares(&evaluation.classifiers[0]));
    let triple = |k: usize| {
        let [a, b, c] = [0, 1, 2].map(|i| shares[i][k]);
        format!("{a:.2} → {b:.2} → {c:.2} %")
    };
    let falls = [0, 5].map(|k| shares[1][k] < shares[0][k]);
    let rises = [0, 5].map(|k| shares[2][k] >= shares[1][k]);
    vec![
        claim(
            "Sect. 4.5, Fig. 8",
            "Retrained on repaired labels, model 1 has a lower FPR at MDR 0.05 than the forest.",
            &format!("{} against {}, 27 % lower", FPR_AT_MDR[0], FPR_AT_MDR[1]),
            format!("{} against {}{less}", shown(&network), shown(&forest)),
            holds(
                network.value < forest.value && !overlap(&network, &forest),
                network.value < forest.value,
            ),
            match overlap(&network, &forest) {
                true => "The intervals overlap: more candidates would tell.",
                false => "",
            },
        ),
        claim(
            "Table 5",
            "Categories 1 and 6 fall when the test labels alone are repaired, and rise a little \
             after retraining, since the repaired ones were chosen by the network that is judged.",
            "0.35 → 0.20 → 0.36 %; 0.84 → 0.23 → 0.33 %",
            format!("{}; {}", triple(0), triple(5)),
            of(
                repair.seen_first.len(),
                falls == [true; 2] && rises == [true; 2],
                falls.contains(&true),
            ),
            match rises == [true; 2] {
                true => "",
                false => {
                    "Where the expert cannot err and the network is new, nothing has to rise: the \
                     last column is on another split, after training on more candidates."
                }
            },
        ),
    ]
}

fn live(outcome: &Outcome) -> Vec<Claim> {
    let Some(live) = &outcome.live else {
        return Vec::new();
    };
    let counted = &live.counted;
    let (real, bogus) = (
        counted.majority_real.percent(),
        counted.majority_bogus.percent(),
    );
    let missed = |number: usize| {
        let scores = live.scores(number, 1, true);
        let missed = scores
            .iter()
            .filter(|&&score| score < LIVE_THRESHOLD)
            .count();
        missed as f64 / scores.len() as f64
    };
    let (before, after) = (missed(0), missed(1));
    let c = &live.retrained.classifiers[0];
    let untrained = &live.evaluation.classifiers[0].confusion;
    let mean = |label: u8, unanimous: bool| {
        let scores = live.scores(1, label, unanimous);
        scores.iter().sum::<f64>() / scores.len() as f64
    };
    let means = [(1, true), (1, false), (0, true), (0, false)].map(|(l, u)| mean(l, u));
    vec![
        claim(
            "Sect. 4.6",
            "People agree on bogus more often than on real.",
            "unanimous on 75 % of the real, 95 % of the bogus",
            format!(
                "{} of the real, {} of the bogus",
                percent(real / 100.0),
                percent(bogus / 100.0)
            ),
            told(&[real, bogus], real < bogus, false),
            "The voters here are simulated, and made to agree about as often.",
        ),
        claim(
            "Sect. 4.6",
            "The network trained on simulated transients misses many of what people are unanimous \
             on in a live survey; retrained on their votes it does not.",
            "MDR about 0.5; after retraining 0.055, at FPR 0.04",
            format!(
                "MDR {} of the unanimously real, of all {} at FPR {}; after retraining {}, of all \
                 {} at FPR {}",
                three(before),
                three(untrained.mdr()),
                three(untrained.fpr()),
                three(after),
                three(c.confusion.mdr()),
                three(c.confusion.fpr())
            ),
            told(
                &[before, after],
                after < before && before >= 0.2,
                after < before,
            ),
            "At P(real) 0.3. How much is missed before depends on how far the two surveys differ, \
             which is ours to choose here.",
        ),
        claim(
            "Sect. 4.6",
            "The retrained network is less sure where people disagreed, though it never saw that.",
            "real 0.87 and 0.75, bogus 0.05 and 0.25",
            format!(
                "real {} and {}, bogus {} and {}",
                three(means[0]),
                three(means[1]),
                three(means[2]),
                three(means[3])
            ),
            told(
                &means,
                means[0] > means[1] && means[2] < means[3],
                means[0] > means[1] || means[2] < means[3],
            ),
            "",
        ),
    ]
}

/// As tables of [`words`](super::words) have it.
pub(super) fn rate(evaluation: &Evaluation, number: usize) -> String {
    measured(&evaluation.classifiers[number], "fpr_at_mdr")
}
