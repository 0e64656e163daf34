use super::*;
use crate::relabel::subjects::made;

/// The line that `who` said `answer` of row `id` of what [`made`] makes.
fn line(who: &str, id: &str, answer: Answer) -> Line {
    let row: usize = id.parse().unwrap();
    Line {
        at: String::new(),
        who: who.into(),
        id: id.into(),
        pixels: mark_text(pixels_mark(&[row as f32; 4])),
        answer,
        was: None,
        mode: Mode::Repair,
        tab: String::new(),
        number: 0,
        token: String::new(),
    }
}

fn decisions(said: &[(&str, &str, Answer)]) -> Decisions {
    let lines: Vec<Line> = said.iter().map(|(w, i, a)| line(w, i, *a)).collect();
    Decisions::of(Path::new("journal"), &lines, Mode::Repair)
}

use Answer::{Bogus, Real, Unsure as NotSure, Withdrawn};

#[test]
fn the_last_line_of_a_person_counts() {
    let all = decisions(&[
        ("ana", "0", Real),
        ("ben", "0", Bogus),
        ("ana", "0", Bogus),
        ("ana", "1", Real),
        ("ana", "1", Withdrawn),
        ("ana", "2", Withdrawn),
        ("ana", "2", Real),
    ]);
    let said = |id: &str| -> Vec<_> {
        let said = all.by_id.get(id).into_iter().flatten();
        said.map(|s| (s.who.as_str(), s.answer)).collect()
    };
    assert_eq!(said("0"), [("ana", Bogus), ("ben", Bogus)]);
    assert_eq!(said("1"), []);
    assert_eq!(said("2"), [("ana", Real)]);
}

#[test]
fn votes_do_not_repair() {
    let mut vote = line("ana", "0", Real);
    vote.mode = Mode::Vote;
    let all = Decisions::of(Path::new("journal"), &[vote.clone()], Mode::Repair);
    assert!(all.is_empty() && all.others == 1);
    assert!(!Decisions::of(Path::new("journal"), &[vote], Mode::Vote).is_empty());
}

#[test]
fn labels_follow_the_majority_and_ties_are_said() {
    // Labels of `made`: 0, 1, 0, 1, …
    let all = decisions(&[
        ("ana", "0", Real),
        ("ana", "1", Real),
        ("ana", "2", NotSure),
        ("ana", "3", Bogus),
        ("ben", "3", Real),
        ("ana", "4", Real),
        ("ben", "4", Bogus),
        ("eva", "4", Real),
        ("ana", "5", NotSure),
        ("ben", "5", Bogus),
    ]);
    let (data, mut labels) = made(8);
    labels[7] = None;
    let applied = apply(&all, &data, &labels, Unsure::Keep).unwrap();
    let rows: Vec<_> = applied
        .rows
        .iter()
        .map(|r| (r.label, r.was, r.decision, &*r.by))
        .collect();
    let expected = [
        (Some(1), Some(0), Decided::Flipped, "ana"),
        (Some(1), Some(1), Decided::Kept, "ana"),
        (Some(0), Some(0), Decided::Unsure, "ana"),
        (Some(1), Some(1), Decided::Unsure, "ana+ben"),
        (Some(1), Some(0), Decided::Flipped, "ana+ben+eva"),
        (Some(0), Some(1), Decided::Flipped, "ana+ben"),
        (Some(0), Some(0), Decided::Untouched, ""),
        (None, None, Decided::Untouched, ""),
    ];
    assert_eq!(rows, expected);
    assert_eq!((applied.flipped, applied.to_real, applied.kept), (3, 2, 1));
    assert_eq!((applied.unsure, applied.conflicts), (1, 3));
    assert_eq!(applied.tied, ["3"]);
    let dropped = apply(&all, &data, &labels, Unsure::Drop).unwrap();
    assert_eq!((dropped.rows[2].label, dropped.rows[3].label), (None, None));
    assert_eq!(applied.rows[1].pixels, Some(pixels_mark(&[1.0; 4])));
    assert_eq!(applied.rows[6].pixels, None);
}

#[test]
fn decisions_about_other_pixels_or_nobody_are_refused() {
    let (data, labels) = made(3);
    let mut other = line("ana", "1", Real);
    other.pixels = "12345678".into();
    let other = Decisions::of(Path::new("journal"), &[other], Mode::Repair);
    let error = apply(&other, &data, &labels, Unsure::Keep).unwrap_err();
    assert!(
        error.to_string().contains("pixels 12345678 of '1'"),
        "{error}"
    );
    let strange = decisions(&[("ana", "77", Real)]);
    let error = apply(&strange, &data, &labels, Unsure::Keep).unwrap_err();
    assert!(
        error.to_string().contains("none of the candidates"),
        "{error}"
    );
    let both = decisions(&[("ana", "77", Real), ("ana", "1", Real)]);
    assert_eq!(
        apply(&both, &data, &labels, Unsure::Keep)
            .unwrap()
            .strangers,
        1
    );
}

#[test]
fn no_labels_are_made_where_an_id_is_of_several_candidates() {
    let (mut data, labels) = made(4);
    // Nobody looked at them, but labels by id could not tell them apart.
    data.candidates[3].id = "2".into();
    let all = decisions(&[("ana", "0", Real)]);
    let error = apply(&all, &data, &labels, Unsure::Keep).unwrap_err();
    assert!(
        error.to_string().contains("'2', the id of several"),
        "{error}"
    );
    // One candidate that was read twice does no harm.
    let (data, labels) = made(4);
    let twice = data.into_subset(vec![0, 1, 1]);
    let applied = apply(&all, &twice, &labels[..3], Unsure::Keep).unwrap();
    assert_eq!((applied.rows.len(), applied.flipped), (3, 1));
}
