//! Rows that a model was fitted to are not looked at.

use std::path::Path;

use rbgpu::data::Part::{self, Test, Train, Validation};
use rbgpu::data::{Dataset, Skipped};
use rbgpu::evaluate::held_out::{Asked, Parts, Rows, rows};
use rbgpu::formats::Provenance;
use rbgpu::simulate::{SurveyConfig, survey};

fn parts(of: &[Option<Part>]) -> Parts {
    Parts::new(of.to_vec(), "a test")
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
    assert_eq!(rows(Rows::HeldOut, std::slice::from_ref(&one), 4).0, [2, 3]);
    let untested = parts(&[Some(Train), Some(Validation), Some(Validation), None]);
    let (kept, which) = rows(Rows::HeldOut, std::slice::from_ref(&untested), 4);
    assert_eq!(kept, [1, 2, 3]);
    assert!(which.contains("validation part chose"), "{which}");
    // Of two models what neither was fitted to.
    let other = parts(&[Some(Test), Some(Validation), Some(Train), Some(Test)]);
    assert_eq!(rows(Rows::HeldOut, &[one.clone(), other.clone()], 4).0, [3]);
    assert_eq!(rows(Rows::HeldOut, &[untested, other], 4).0, [1, 3]);
    assert_eq!(
        rows(Rows::All, std::slice::from_ref(&one), 4).0,
        [0, 1, 2, 3]
    );
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
        "id,part,label\na,train,1\nb,validation,0\nc,test,1\nd,test,0\nd,train,0\n\
         e,test,0\ne,validation,0\n",
    )
    .unwrap();
    let (ids, labels) = (ids(&["d", "c", "b", "a", "e", "new"]), [0, 1, 0, 1, 0, 0]);
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
        [
            Some(Train),
            Some(Test),
            Some(Validation),
            Some(Train),
            Some(Validation),
            None
        ]
    );
    assert!(
        found.notices[0].contains("1 of 6 candidates are not in"),
        "{:?}",
        found.notices
    );
}

/// A model beside `split`, in a folder that goes away.
fn beside(split: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rb.split.csv"), split).unwrap();
    let model = folder.path().join("rb.safetensors");
    (folder, model)
}

#[test]
fn row_numbers_are_believed_only_with_all_their_labels() {
    let (_folder, model) = beside("id,part,label\n0,train,1\n1,test,0\n2,train,0\n");
    let numbers = ids(&["0", "1", "2"]);
    let of = |source: &str, labels: [u8; 3], count: usize| {
        let asked = Asked {
            ids: &numbers[..count],
            labels: &labels[..count],
            source: Path::new(source),
            data: None,
        };
        Parts::of_model(&model, &trained_on("set.npz"), None, &asked)
    };
    // Whatever the file is called now.
    for source in ["set.npz", "renamed.npz"] {
        let found = of(source, [1, 0, 0], 3).unwrap();
        assert_eq!(found.of, [Some(Train), Some(Test), Some(Train)]);
        // In another order, or other data of the same size: nobody can tell.
        let error = of(source, [0, 1, 0], 3).unwrap_err().to_string();
        assert!(error.contains("--split FILE, or --all"), "{error}");
    }
    assert!(
        of("set.npz", [1, 0, 0], 2).is_err(),
        "a part of it, by its name"
    );
    let found = of("other.npz", [1, 0, 0], 2).unwrap();
    assert_eq!(found.of, [None, None]);
    assert!(
        found.notices[0].contains("row numbers"),
        "{:?}",
        found.notices
    );
    let (_, which) = rows(Rows::HeldOut, &[found], 2);
    assert!(
        which.contains("what was in training is not known"),
        "{which}"
    );
}

#[test]
fn row_numbers_are_that_where_most_rows_were_left_out() {
    let (_folder, model) = beside("id,part,label\n0,train,1\n10,test,0\n77,train,0\n");
    let numbers: Vec<String> = (0..40).map(|i| (i * 500).to_string()).collect();
    let config = SurveyConfig {
        count: 40,
        size: 16,
        ..SurveyConfig::default()
    };
    let mut data = survey(&config).unwrap().dataset;
    let labels = data.labels.clone().unwrap();
    let of = |data: &Dataset| {
        let asked = Asked {
            ids: &numbers,
            labels: &labels,
            source: Path::new("set.npz"),
            data: Some(data),
        };
        Parts::of_model(&model, &trained_on("other.npz"), None, &asked).unwrap()
    };
    // 20,000 rows of which 40 were kept, with one reason for all others.
    data.skipped.push(Skipped {
        what: "19960 of 20000 candidates".into(),
        why: "undecided".into(),
        unreadable: false,
        count: 19_960,
    });
    let found = of(&data);
    assert_eq!(found.of, [None; 40]);
    assert!(
        found.notices[0].contains("row numbers"),
        "{:?}",
        found.notices
    );
    // Such numbers of so few are names.
    data.skipped.clear();
    assert_eq!(of(&data).of[0], Some(Train));
}

#[test]
fn a_survey_s_ids_are_found_in_a_file_of_another_name() {
    let (_folder, model) = beside("id,part,label\n558416222815015030,train,1\n#7,test,0\n");
    let (ids, labels) = (
        ids(&["558416222815015030", " #7 ", "697252380115010010"]),
        [1, 0, 1],
    );
    let asked = Asked {
        ids: &ids,
        labels: &labels,
        source: Path::new("packed.npz"),
        data: None,
    };
    let found = Parts::of_model(&model, &trained_on("set/"), None, &asked).unwrap();
    assert_eq!(found.of, [Some(Train), Some(Test), None]);
    // Relabelled since: it is said, and the parts are the same.
    let asked = Asked {
        labels: &[0, 0, 1],
        ..asked
    };
    let found = Parts::of_model(&model, &trained_on("set/"), None, &asked).unwrap();
    assert_eq!(found.of, [Some(Train), Some(Test), None]);
    assert!(
        found.notices[0].contains("1 of 2 candidates have another label"),
        "{:?}",
        found.notices
    );
}

#[test]
fn a_split_that_knows_none_of_the_candidates_is_an_error_where_it_should() {
    let (folder, model) = beside("id,part,label\na,train,1\n");
    let (ids, labels) = (ids(&["x", "y"]), [1, 0]);
    let asked = Asked {
        ids: &ids,
        labels: &labels,
        source: Path::new("set.npz"),
        data: None,
    };
    let named = folder.path().join("rb.split.csv");
    let error = Parts::of_model(&model, &trained_on("set.npz"), Some(&named), &asked).unwrap_err();
    assert!(
        error.to_string().contains("none of the candidates"),
        "{error}"
    );
    assert!(Parts::of_model(&model, &trained_on("set.npz"), None, &asked).is_err());
    let found = Parts::of_model(&model, &trained_on("other.npz"), None, &asked).unwrap();
    assert!(
        found.notices[0].contains("none of set.npz is in"),
        "{:?}",
        found.notices
    );
    let (kept, which) = rows(Rows::HeldOut, &[found], 2);
    assert_eq!(
        (kept, which.as_str()),
        (vec![0, 1], "all rows, none of them in training")
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
