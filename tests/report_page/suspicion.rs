//! Labels that may be wrong, drawn: suspects, what was found, what people dispute.

use rbgpu::data::votes::{Answer, Vote};
use rbgpu::judge::agreement::compare;
use rbgpu::judge::confident::expected;
use rbgpu::judge::planted::recovered;
use rbgpu::judge::suspicion::{Rule, by_agreement, by_category, by_confidence};
use rbgpu::judge::votes::{Consensus, count};
use rbgpu::report::{Figure, disputed, planted, suspected};

use crate::folder;

/// From 0 to 1, without a pattern.
fn noise(i: usize, of: u64) -> f64 {
    let mixed = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15 ^ of << 17);
    ((mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11) as f64 / (1u64 << 53) as f64
}

/// Labels, which of them are wrong, and the scores of three networks.
fn survey() -> (Vec<u8>, Vec<bool>, [Vec<f64>; 3]) {
    let truth = |i: usize| noise(i, 1) < 0.4;
    let wrong: Vec<bool> = (0..4000).map(|i| noise(i, 2) < 0.02).collect();
    let labels = (0..4000).map(|i| u8::from(truth(i) != wrong[i])).collect();
    let scores = |of: u64| {
        let score = |i: usize| {
            let side = if truth(i) { 1.0 } else { -1.0 };
            let logit = 4.0 * side + 5.0 * (noise(i, of) + noise(i, 9) - 1.0);
            1.0 / (1.0 + f64::exp(-logit))
        };
        (0..4000).map(score).collect()
    };
    (labels, wrong, [scores(3), scores(4), scores(5)])
}

fn drawn(figure: &Figure, name: &str, says: &[&str]) {
    for ending in ["svg", "png"] {
        let path = folder("suspicion").join(format!("{name}.{ending}"));
        figure.drawing.save(path).unwrap();
    }
    let svg = figure.drawing.svg().unwrap();
    assert!(svg.len() < 150_000, "{}: {} bytes", figure.name, svg.len());
    for part in says {
        let there = svg.contains(part) || figure.caption.contains(part);
        assert!(there, "{}: no '{part}'", figure.name);
    }
}

#[test]
fn suspects_and_what_they_were_worth() {
    let (labels, wrong, networks) = survey();
    let all: Vec<&[f64]> = networks.iter().map(Vec::as_slice).collect();
    let rankings = [
        by_category(Rule::Category, &labels, all[0]).unwrap(),
        by_agreement(&labels, &all).unwrap(),
        by_confidence(&labels, all[0]).unwrap(),
    ];
    let expected = expected(&labels, all[0], 100, 1).unwrap();
    let figure = suspected(&labels, all[0], &rankings[2], &expected);
    drawn(
        &figure,
        "suspects",
        &["labelled real", "rule confident", "P(real)"],
    );
    let found = rankings.map(|ranking| recovered(&ranking, &wrong).unwrap());
    drawn(
        &planted(&found),
        "planted",
        &["agreement: names", "precision", "and no other"],
    );
    // A rule that names none, and nothing wrong.
    let none = recovered(
        &by_category(Rule::Folds, &[0, 1, 1], &[0.1, 0.9, 0.8]).unwrap(),
        &[false; 3],
    );
    drawn(
        &planted(&[none.unwrap()]),
        "planted-none",
        &["folds: names none", "all 0"],
    );
}

#[test]
fn what_people_dispute() {
    let (labels, _, networks) = survey();
    let mut votes = Vec::new();
    for (i, &label) in labels.iter().enumerate() {
        for who in 0..5 {
            let right = noise(i, 20 + who) > 0.1;
            votes.push(Vote {
                id: i.to_string(),
                who: who.to_string(),
                answer: match (label == 1) == right {
                    true => Answer::Real,
                    false => Answer::Bogus,
                },
                pixels: None,
            });
        }
    }
    let counted = count(&votes, Consensus::Majority, 3).unwrap();
    let compared = compare(&counted.tallies, &networks[0]).unwrap();
    drawn(
        &disputed(&compared),
        "disputed",
        &["most say real", "disputed", "all agree"],
    );
    // Nobody voted on anything that has a score.
    let nothing = compare(&counted.tallies, &vec![f64::NAN; labels.len()]).unwrap();
    drawn(&disputed(&nothing), "disputed-none", &["no candidate"]);
}
