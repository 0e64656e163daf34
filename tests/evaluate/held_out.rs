//! Rows that a model was fitted to are not looked at.

use std::path::Path;

use rbgpu::data::Part::{self, Test, Train, Validation};
use rbgpu::evaluate::held_out::{Asked, Parts, Rows, rows};
use rbgpu::formats::Provenance;

fn parts(of: &[Option<Part>]) -> Parts {
    Parts::new(of.to_vec(), "a test", None)
}

/// A model that was trained on `data`.
fn trained_on(data: &str) -> Provenance {
    Provenance {
        data: data.into(),
        parts: [2, 1, 1],
        ..Provenance::default()
    }
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| id.to_string()).collect()
}

#[test]
fn the_test_part_is_taken_where_there_is_one() {
    let one = parts(&[Some(Train), Some(Validation), Some(Test), None]);
    assert_eq!(rows(Rows::HeldOut, &[one.clone()], 4).0, [2, 3]);
    let untested = parts(&[Some(Train), Some(Validation), Some(Validation), None]);
    let (kept, which) = rows(Rows::HeldOut, &[untested.clone()], 4);
    assert_eq!(kept, [1, 2, 3]);
    assert!(which.contains("validation part chose"), "{which}");
    // Of two models what neither was fitted to.
    let other = parts(&[Some(Test), Some(Validation), Some(Train), Some(Test)]);
    assert_eq!(rows(Rows::HeldOut, &[one.clone(), other.clone()], 4).0, [3]);
    assert_eq!(rows(Rows::HeldOut, &[untested, other], 4).0, [1, 3]);
    assert_eq!(rows(Rows::All, &[one.clone()], 4).0, [0, 1, 2, 3]);
    assert_eq!(rows(Rows::Part(Train), &[one], 4).0, [0]);
    let unknown = parts(&[None; 4]);
    assert_eq!(rows(Rows::HeldOut, &[unknown], 4).0, [0, 1, 2, 3]);
    assert_eq!(rows(Rows::HeldOut, &[], 2).0, [0, 1]);
}

#[test]
fn a_split_is_found_by_id_and_an_id_twice_counts_as_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rb.split.csv");
    std::fs::write(
        &path,
        "id,part,label\na,train,1\nb,validation,0\nc,test,1\nd,test,0\nd,train,0\n",
    )
    .unwrap();
    let (ids, labels) = (ids(&["d", "c", "b", "a", "new"]), [0, 1, 0, 1, 0]);
    let asked = Asked {
        ids: &ids,
        labels: &labels,
        source: Path::new("set.npz"),
        data: None,
    };
    let model = folder.path().join("rb.safetensors");
    let found = Parts::of_model(&model, &trained_on("set.npz"), None, &asked).unwrap();
    assert_eq!(
        found.of,
        [Some(Train), Some(Test), Some(Validation), Some(Train), None]
    );
    assert!(
        found.notices[0].contains("1 of 5 candidates are not in"),
        "{:?}",
        found.notices
    );
}

#[test]
fn other_data_have_no_parts_and_are_not_mistaken_for_the_old() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("rb.safetensors");
    std::fs::write(
        folder.path().join("rb.split.csv"),
        "id,part,label\n0,train,1\n1,train,0\n",
    )
    .unwrap();
    // Row numbers of another file are no ids.
    let (numbers, labels) = (ids(&["0", "1"]), [1, 0]);
    let asked = Asked {
        ids: &numbers,
        labels: &labels,
        source: Path::new("other.npz"),
        data: None,
    };
    let found = Parts::of_model(&model, &trained_on("set.npz"), None, &asked).unwrap();
    assert_eq!(found.of, [None, None]);
    assert!(
        found.notices[0].contains("row numbers"),
        "{:?}",
        found.notices
    );
    let asked = Asked {
        source: Path::new("elsewhere/set.npz"),
        ..asked
    };
    let found = Parts::of_model(&model, &trained_on("set.npz"), None, &asked).unwrap();
    assert_eq!(found.of, [Some(Train), Some(Train)]);
    // With other labels it is said.
    let labels = [0, 1];
    let asked = Asked {
        labels: &labels,
        ..asked
    };
    let found = Parts::of_model(&model, &trained_on("set.npz"), None, &asked).unwrap();
    assert!(
        found.notices[0].contains("another label"),
        "{:?}",
        found.notices
    );
}

#[test]
fn without_a_split_it_is_an_error_unless_the_training_is_not_known() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("rb.safetensors");
    let (ids, labels) = (ids(&["a"]), [1]);
    let asked = Asked {
        ids: &ids,
        labels: &labels,
        source: Path::new("set.npz"),
        data: None,
    };
    let error = Parts::of_model(&model, &trained_on("set.npz"), None, &asked).unwrap_err();
    assert!(
        error.to_string().contains("--split FILE, or --all"),
        "{error}"
    );
    let imported = Provenance::default();
    let found = Parts::of_model(&model, &imported, None, &asked).unwrap();
    assert_eq!(found.of, [None]);
    assert!(
        found.notices[0].contains("is not known"),
        "{:?}",
        found.notices
    );
}

#[test]
fn a_broken_split_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("split.csv");
    let (ids, labels) = (ids(&["a"]), [1]);
    let asked = Asked {
        ids: &ids,
        labels: &labels,
        source: Path::new("set.npz"),
        data: None,
    };
    for (text, place) in [
        (
            "id,part\na,holdout\n",
            "row 1, column part: found 'holdout'",
        ),
        ("id,label\na,1\n", "a column part"),
        ("part\ntrain\n", "a column id"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = Parts::from_table(&path, &asked).unwrap_err().to_string();
        assert!(
            error.contains(place) && error.contains("split.csv"),
            "{error}"
        );
    }
}
