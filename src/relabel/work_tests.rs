use std::path::Path;

use super::*;
use crate::relabel::decide::{Request, Wish};
use crate::relabel::subjects::made;

const PEOPLE: [&str; 4] = ["ana", "ben", "eva", "kim"];

fn open(folder: &tempfile::TempDir, mode: Mode) -> Work {
    let (data, labels) = made(10);
    let subjects = Subjects::all(data, labels).unwrap();
    let options = Options {
        mode,
        block: 4,
        votes: 3,
        seed: 1,
        secret: "secret".into(),
    };
    let path: &Path = &folder.path().join("a.journal.jsonl");
    Work::open(subjects, options, path).unwrap().0
}

fn wish(key: &str, answer: Answer, seen: u64, token: &str) -> Wish {
    Wish {
        key: key.into(),
        answer,
        seen,
        token: token.into(),
    }
}

fn request(who: &str, decisions: Vec<Wish>) -> Request {
    Request {
        who: who.into(),
        tab: format!("{who}'s"),
        decisions,
    }
}

/// The keys of the block that `who` is shown.
fn shown(work: &Work, who: &str) -> Vec<String> {
    let block = work.block(who, &format!("{who}'s"), None, &[]).unwrap();
    block.cards.into_iter().map(|card| card.state.key).collect()
}

#[test]
fn a_decision_sent_twice_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut work = open(&folder, Mode::Repair);
    let key = shown(&work, "ana").remove(0);
    let asked = request("ana", vec![wish(&key, Answer::Real, 0, "1")]);
    let first = work.decide(&asked).unwrap();
    assert_eq!(
        (first.written[0].seen, first.written[0].mine),
        (1, Some("real"))
    );
    assert_eq!(work.decide(&asked).unwrap(), first);
    // Also by a program that was started again.
    drop(work);
    let mut work = open(&folder, Mode::Repair);
    assert_eq!(work.decide(&asked).unwrap(), first);
    assert_eq!((work.last(), work.written()), (1, 0));
    assert_eq!(work.counts("ana").flipped, 1);
}

#[test]
fn what_a_tab_has_not_seen_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let mut work = open(&folder, Mode::Repair);
    let keys = shown(&work, "ana");
    work.decide(&request("ben", vec![wish(&keys[0], Answer::Bogus, 0, "b")]))
        .unwrap();
    let both = vec![
        wish(&keys[0], Answer::Real, 0, "a0"),
        wish(&keys[1], Answer::Real, 0, "a1"),
    ];
    let outcome = work.decide(&request("ana", both)).unwrap();
    assert_eq!(outcome.written[0].key, keys[1]);
    let state = &outcome.conflicts[0];
    assert_eq!(
        (state.key.as_str(), state.seen, state.mine),
        (keys[0].as_str(), 1, None)
    );
    assert_eq!(
        (state.others[0].who.as_str(), state.others[0].answer),
        ("ben", "bogus")
    );
    // Now that it was seen she may differ; ben's answer stays beside hers.
    let again = request("ana", vec![wish(&keys[0], Answer::Real, 1, "a2")]);
    let state = work.decide(&again).unwrap().written.remove(0);
    assert_eq!(
        (state.mine, state.others[0].answer),
        (Some("real"), "bogus")
    );
    let news = work.changes("ben", "ben's", 1);
    assert_eq!(news.len(), 2);
    assert!(news.iter().all(|state| state.others[0].who == "ana"));
    assert!(work.changes("ben", "ben's", work.last()).is_empty());
}

#[test]
fn undoing_takes_back_and_can_be_undone() {
    let folder = tempfile::tempdir().unwrap();
    let mut work = open(&folder, Mode::Repair);
    let key = shown(&work, "ana").remove(0);
    let steps = [
        (Answer::Real, Some("real"), 1),
        (Answer::Bogus, Some("bogus"), 1),
        (Answer::Real, Some("real"), 1),
        (Answer::Withdrawn, None, 0),
    ];
    for (seen, (answer, mine, done)) in steps.into_iter().enumerate() {
        let asked = request(
            "ana",
            vec![wish(&key, answer, seen as u64, &seen.to_string())],
        );
        let outcome = work.decide(&asked).unwrap();
        assert_eq!((outcome.written[0].mine, outcome.counts.done), (mine, done));
    }
    assert_eq!(shown(&work, "ana")[0], key);
}

#[test]
fn a_block_is_shown_when_those_before_are_decided() {
    let folder = tempfile::tempdir().unwrap();
    let mut work = open(&folder, Mode::Repair);
    let first = work.block("ana", "t", None, &[]).unwrap();
    assert_eq!(
        (first.number, first.of, first.cards.len()),
        (Some(0), Some(3), 4)
    );
    assert_eq!(first.cards[1].about.as_ref().unwrap().label, Some(1));
    assert!(matches!(
        work.block("ana", "t", Some(1), &[]),
        Err(Refusal::Early)
    ));
    let keys = shown(&work, "ana");
    for (key, who) in keys.iter().zip(PEOPLE) {
        work.decide(&request(who, vec![wish(key, Answer::Real, 0, key)]))
            .unwrap();
    }
    assert_eq!(work.block("ana", "t", None, &[]).unwrap().number, Some(1));
    assert_eq!(work.block("ana", "t", Some(0), &[]).unwrap().cards.len(), 4);
    let counts = work.counts("ana");
    assert_eq!(
        (counts.done, counts.mine, counts.kept, counts.flipped),
        (4, 1, 2, 2)
    );
}

#[test]
fn three_people_vote_and_nobody_sees_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut work = open(&folder, Mode::Vote);
    let first = shown(&work, "ana");
    for key in &first {
        work.decide(&request("ana", vec![wish(key, Answer::Real, 0, key)]))
            .unwrap();
    }
    // Those that were rated already come first for the next, in another order.
    let second = shown(&work, "ben");
    let sorted = |mut keys: Vec<String>| {
        keys.sort();
        keys
    };
    assert_eq!(sorted(second.clone()), sorted(first.clone()));
    let block = work.block("ben", "ben's", None, &[]).unwrap();
    let sent = serde_json::to_string(&(&block, work.changes("ben", "ben's", 0))).unwrap();
    for hidden in [
        "label", "score", "rank", "ana", "real", "others", "about", "category",
    ] {
        assert!(!sent.contains(hidden), "{hidden}: {sent}");
    }
    // The key of a candidate is not its id, nor does its place among the keys say it.
    assert!(block.cards.iter().all(|card| card.state.key.len() == 16));
    for who in &PEOPLE[1..3] {
        for key in &first {
            let token = format!("{who}{key}");
            let outcome = work.decide(&request(who, vec![wish(key, Answer::Bogus, 0, &token)]));
            assert!(outcome.unwrap().conflicts.is_empty());
        }
    }
    let counts = work.counts("kim");
    assert_eq!((counts.done, counts.mine, counts.left), (4, 0, 6));
    assert!(shown(&work, "kim").iter().all(|key| !first.contains(key)));
    // One's own vote from another tab is not told either, but that there is one.
    let state = work
        .block("ana", "other", None, &first[..1])
        .unwrap()
        .cards
        .remove(0)
        .state;
    assert_eq!((state.mine, state.seen), (Some("voted"), 1));
    let again = Request {
        tab: "other".into(),
        ..request("ana", vec![wish(&first[0], Answer::Bogus, 0, "again")])
    };
    assert_eq!(work.decide(&again).unwrap().conflicts.len(), 1);
    drop(work);
    // Votes are no repair.
    let work = open(&folder, Mode::Repair);
    assert_eq!(work.counts("ana").done, 0);
}

#[test]
fn requests_that_make_no_sense_write_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut work = open(&folder, Mode::Repair);
    let key = shown(&work, "ana").remove(0);
    let one = || vec![wish(&key, Answer::Real, 0, "t")];
    for who in ["", " ana", "a+b", "a\nb", &"x".repeat(65)] {
        let asked = Request {
            tab: "t".into(),
            ..request(who, one())
        };
        assert!(
            matches!(work.decide(&asked), Err(Refusal::Bad(_))),
            "{who:?}"
        );
    }
    let twice = [one(), one()].concat();
    assert!(matches!(
        work.decide(&request("ana", twice)),
        Err(Refusal::Bad(_))
    ));
    let unknown = vec![wish("0", Answer::Real, 0, "t")];
    assert!(matches!(
        work.decide(&request("ana", unknown)),
        Err(Refusal::Unknown)
    ));
    let nameless = vec![wish(&key, Answer::Real, 0, "")];
    assert!(matches!(
        work.decide(&request("ana", nameless)),
        Err(Refusal::Bad(_))
    ));
    assert_eq!((work.last(), work.written()), (0, 0));
}

#[test]
fn a_journal_of_other_data_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut work = open(&folder, Mode::Repair);
    let key = shown(&work, "ana").remove(0);
    work.decide(&request("ana", vec![wish(&key, Answer::Real, 0, "1")]))
        .unwrap();
    let options = work.options().clone();
    drop(work);
    let (mut data, labels) = made(10);
    let values = vec![0.5; 40];
    data.pixels = Box::new(crate::data::InMemory { values, stride: 4 });
    let subjects = Subjects::all(data, labels).unwrap();
    let path = folder.path().join("a.journal.jsonl");
    let error = Work::open(subjects, options, &path).unwrap_err();
    assert!(error.to_string().contains("other data"), "{error}");
}
