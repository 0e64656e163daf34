//! Votes: DES' rule on cases by hand, agreement against statsmodels, scikit-learn and SciPy.

use proptest::prelude::*;
use rbgpu::data::votes::{Answer, Vote};
use rbgpu::judge::agreement::{cohen, compare, fleiss, mann_whitney};
use rbgpu::judge::votes::{AT_LEAST, Consensus, Counted, count};
use serde_json::Value;

use super::{at_manifest, close, number, numbers};

/// Votes on candidates "0", "1", …: a letter for each person a, b, c, …; r, b, u, or `.` for none.
fn said(candidates: &[&str]) -> Vec<Vote> {
    let mut votes = Vec::new();
    for (id, letters) in candidates.iter().enumerate() {
        for (who, letter) in ('a'..).zip(letters.chars()) {
            let answer = match letter {
                'r' => Answer::Real,
                'b' => Answer::Bogus,
                'u' => Answer::Unsure,
                _ => continue,
            };
            votes.push(Vote {
                id: id.to_string(),
                who: who.to_string(),
                answer,
                pixels: None,
            });
        }
    }
    votes
}

fn labels(counted: &Counted) -> Vec<Option<u8>> {
    counted.tallies.iter().map(|tally| tally.label).collect()
}

#[test]
fn a_majority_is_larger_by_two() {
    // Three votes have to be unanimous; of five, four to one will do, three to two will not.
    let votes = said(&[
        "rrr",
        "bbb",
        "rrb",
        "rrrrb",
        "bbbrr",
        "rr",
        "rrrb",
        "rrbb",
        "rrru",
        "rru",
        "bbbbbbrrrr",
    ]);
    let majority = count(&votes, Consensus::Majority, AT_LEAST).unwrap();
    let (real, bogus) = (Some(1), Some(0));
    assert_eq!(
        labels(&majority),
        [
            real, bogus, None, real, None, None, real, None, real, None, bogus
        ]
    );
    assert_eq!(majority.labelled(real), 4);
    assert_eq!(majority.labelled(None), 5);
    let unanimous = count(&votes, Consensus::Unanimous, AT_LEAST).unwrap();
    // One who could not say did not agree.
    let mut expected = vec![None; 11];
    (expected[0], expected[1]) = (real, bogus);
    assert_eq!(labels(&unanimous), expected);
    let two = count(&votes, Consensus::Majority, 2).unwrap();
    assert_eq!((two.tallies[5].label, two.tallies[9].label), (real, real));

    assert_eq!((majority.enough.of, majority.enough.unanimous), (9, 2));
    let good = majority.majority_real;
    assert_eq!((good.of, good.unanimous, good.percent()), (4, 1, 25.0));
    let bad = majority.majority_bogus;
    assert_eq!((bad.of, bad.unanimous, bad.percent()), (2, 1, 50.0));
}

#[test]
fn people_are_compared_with_the_others() {
    let counted = count(&said(&["rrb", "bbb", "ru.", "rbr"]), Consensus::Majority, 3).unwrap();
    let names: Vec<&str> = counted.people.iter().map(|p| p.who.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let a = &counted.people[0];
    assert_eq!((a.votes, a.real, a.bogus, a.unsure), (4, 3, 1, 0));
    // Of the others one says real and one bogus in the first and the last; in the third the
    // only other could not say.
    assert_eq!((a.compared, a.with_the_others), (1, 1));
    let c = &counted.people[2];
    // Against both in the first, with both in the second, the others differ in the last.
    assert_eq!((c.votes, c.compared, c.with_the_others), (3, 2, 1));
    assert_eq!(counted.people[1].unsure, 1);
    let pair = &counted.pairs[0];
    assert_eq!(pair.who, ["a", "b"]);
    assert_eq!((pair.both, pair.alike), (3, 2));
    // Said alike by chance: 2/3 x 1/3 of real, 1/3 x 2/3 of bogus.
    close("kappa", pair.kappa, (2.0 / 3.0 - 4.0 / 9.0) / (5.0 / 9.0));
    assert_eq!(counted.tallies[0].who, ["a", "b", "c"]);
}

#[test]
fn agreement_equals_statsmodels_and_scikit_learn() {
    let text = std::fs::read_to_string(at_manifest("tests/fixtures/votes.json")).unwrap();
    let golden: Value = serde_json::from_str(&text).expect("votes.json is JSON");
    for (name, case) in golden["cases"].as_object().unwrap() {
        let letters = |row: &Value| -> String {
            let said = numbers(row).into_iter();
            said.map(|v| if v == 1.0 { 'r' } else { 'b' }).collect()
        };
        let rows: Vec<String> = case["votes"]
            .as_array()
            .unwrap()
            .iter()
            .map(letters)
            .collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let counted = count(&said(&rows), Consensus::Majority, 3).unwrap();
        let kappa = counted.fleiss;
        close(name, kappa.value, number(&case["fleiss"]));
        assert!(
            kappa.low < kappa.value && kappa.value < kappa.high,
            "{name}"
        );
        assert_eq!(kappa.candidates, rows.len() as u64);
        assert_eq!(kappa.votes, [rows[0].len() as u32; 2]);
        let pairs = case["cohen"].as_array().unwrap();
        assert_eq!(pairs.len(), counted.pairs.len());
        for (theirs, ours) in pairs.iter().zip(&counted.pairs) {
            let who = numbers(&theirs["who"]).into_iter();
            let who: Vec<String> = who
                .map(|i| ((b'a' + i as u8) as char).to_string())
                .collect();
            assert_eq!(ours.who.to_vec(), who);
            close(name, ours.kappa, number(&theirs["kappa"]));
        }
    }
    for case in golden["mann_whitney"].as_array().unwrap() {
        let p = mann_whitney(&numbers(&case["a"]), &numbers(&case["b"]));
        close("Mann-Whitney", p, number(&case["p"]));
    }
}

#[test]
fn what_does_not_exist_is_nan() {
    assert!(fleiss(&[]).value.is_nan() && fleiss(&[[1, 0], [0, 1]]).value.is_nan());
    // All alike: no chance to disagree by.
    assert!(fleiss(&[[3, 0], [2, 0]]).value.is_nan());
    assert!(cohen(&[[5, 0], [0, 0]]).is_nan() && cohen(&[[0, 0], [0, 0]]).is_nan());
    assert_eq!(cohen(&[[5, 0], [0, 1]]), 1.0);
    assert_eq!(fleiss(&[[3, 0], [0, 2]]).value, 1.0);
    assert!(mann_whitney(&[], &[1.0]).is_nan());
    let mixed = fleiss(&[[3, 0], [0, 2], [1, 0]]);
    assert_eq!((mixed.candidates, mixed.votes), (2, [2, 3]));
    assert!(count(&[], Consensus::Majority, 0).is_err());
    let twice = said(&["r", "r"]).into_iter().map(|v| Vote {
        id: "one".into(),
        ..v
    });
    let error = count(&twice.collect::<Vec<_>>(), Consensus::Majority, 3).unwrap_err();
    assert!(error.to_string().contains("two votes of a on 'one'"));
}

#[test]
fn scores_of_disputed_candidates_stand_beside_the_others() {
    let counted = count(
        &said(&["rrr", "rrrr", "rrrb", "bbb", "bbbr", "bbbr", "rrr"]),
        Consensus::Majority,
        3,
    )
    .unwrap();
    let scores = [0.9, 0.7, 0.5, 0.1, 0.2, 0.4, f64::NAN];
    let [bogus, real] = compare(&counted.tallies, &scores).unwrap();
    assert_eq!((bogus.majority, real.majority), (0, 1));
    assert_eq!((real.consensus.count, real.disputed.count), (2, 1));
    close("mean", real.consensus.mean, 0.8);
    // Deviation 0.1414 of two, over the root of two.
    close("error", real.consensus.error, 0.1);
    assert!(real.disputed.error.is_nan());
    close("mean", bogus.disputed.mean, 0.3);
    assert_eq!(bogus.scores[0], [0.1]);
    assert!(compare(&counted.tallies, &scores[1..]).is_err());
}

proptest! {
    #[test]
    fn real_and_bogus_may_change_places(
        rows in prop::collection::vec("[rbu.]{1,6}", 1..40)
    ) {
        let turned: Vec<String> = rows.iter().map(|row| {
            row.chars().map(|c| match c { 'r' => 'b', 'b' => 'r', c => c }).collect()
        }).collect();
        let of = |rows: &[String], rule| {
            let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
            count(&said(&rows), rule, 3).unwrap()
        };
        for rule in [Consensus::Majority, Consensus::Unanimous] {
            let (one, other) = (of(&rows, rule), of(&turned, rule));
            let swapped: Vec<Option<u8>> = labels(&other).iter().map(|l| l.map(|l| 1 - l)).collect();
            prop_assert_eq!(labels(&one), swapped);
            prop_assert_eq!(one.majority_real, other.majority_bogus);
            prop_assert_eq!(one.enough, other.enough);
            let (a, b) = (one.fleiss.value, other.fleiss.value);
            prop_assert!(a.is_nan() && b.is_nan() || (a - b).abs() < 1e-12);
            for (p, q) in one.pairs.iter().zip(&other.pairs) {
                prop_assert_eq!(p.alike, q.alike);
                prop_assert!(p.kappa.is_nan() && q.kappa.is_nan() || (p.kappa - q.kappa).abs() < 1e-12);
            }
            // What all agree on, most agree on by two: of three votes and more.
            let unanimous = of(&rows, Consensus::Unanimous);
            let majority = of(&rows, Consensus::Majority);
            for (u, m) in labels(&unanimous).iter().zip(labels(&majority)) {
                prop_assert!(u.is_none() || *u == m);
            }
        }
    }
}
