//! Scores of anything, joined by candidate.

use std::path::PathBuf;

use rbgpu::data::{LabelPolarity, Part};
use rbgpu::evaluate::score_file::{Reading, ScoreFile, rows_of};
use rbgpu::evaluate::source::{What, sort};

/// A file that goes away with the folder.
struct Written {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn written(name: &str, text: &str) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    Written {
        _folder: folder,
        path,
    }
}

fn read(text: &str, reading: &Reading) -> rbgpu::Result<ScoreFile> {
    ScoreFile::read(&written("s.csv", text).path, reading)
}

#[test]
fn the_usual_columns_are_found_in_any_case() {
    let text = "CANDID,Score,y_true,MAG,magerr,telescope\n7,0.25,real,18.5,0.1,FRAM\n8,1,0,99,,TCA\n9,,-1,,,\n";
    let reading = Reading {
        by: vec!["Telescope".into()],
        ..Reading::default()
    };
    let file = read(text, &reading).unwrap();
    assert_eq!(file.ids.unwrap(), ["7", "8", "9"]);
    assert_eq!(file.scores[..2], [0.25, 1.0]);
    assert!(file.scores[2].is_nan());
    let labels = file.labels.unwrap();
    assert_eq!(labels[..2], [1.0, 0.0]);
    assert!(labels[2].is_nan());
    assert_eq!(file.mag.unwrap()[0], 18.5);
    assert_eq!(file.mag_err.unwrap()[0], 0.1);
    assert_eq!(file.others.len(), 1);
}

#[test]
fn a_column_of_parts_says_what_the_classifier_was_fitted_to() {
    let text = "id,score,part\na,0.5,train\nb,0.5,\nc,0.5,Test\n";
    let parts = read(text, &Reading::default()).unwrap().parts;
    assert_eq!(parts, Some(vec![Some(Part::Train), None, Some(Part::Test)]));
    // A part of something else.
    let text = "id,score,part\na,0.5,south\nb,0.5,north\n";
    assert_eq!(read(text, &Reading::default()).unwrap().parts, None);
    // One that is no part among parts must not make all of them go away.
    let text = "id,score,part\na,0.5,train\nb,0.5,north\n";
    let error = read(text, &Reading::default()).unwrap_err().to_string();
    assert!(
        error.contains("row 2, column part: found 'north'"),
        "{error}"
    );
}

#[test]
fn polarity_and_names_are_as_asked() {
    let text = "key,p,label\na,0.25,1\nb,0.75,0\n";
    let reading = Reading {
        score_name: Some("p".into()),
        id_name: Some("KEY".into()),
        artifact: true,
        polarity: LabelPolarity::RealIsZero,
        ..Reading::default()
    };
    let file = read(text, &reading).unwrap();
    assert_eq!(file.scores, [0.75, 0.25]);
    assert_eq!(file.labels.unwrap(), [0.0, 1.0]);
    assert_eq!(file.ids.unwrap(), ["a", "b"]);
}

#[test]
fn what_is_no_probability_or_no_label_is_refused_with_its_row() {
    let usual = Reading::default();
    for (text, place) in [
        ("id,score\na,0.5\nb,1.5\n", "score in row 2: found 1.5"),
        ("id,score\na,-0.5\n", "score in row 1: found -0.5"),
        ("id,score\na,inf\n", "score in row 1: found inf"),
        ("id,score,label\na,0.5,2\n", "label in row 1: found 2"),
        (
            "id,score,label\na,0.5,maybe\n",
            "label in row 1: found 'maybe'",
        ),
        ("id,magic\na,0.5\n", "a column of scores"),
        ("id,score\n", "no row"),
    ] {
        let error = read(text, &usual).unwrap_err().to_string();
        assert!(error.contains(place), "{error}");
    }
    let named = Reading {
        score_name: Some("xyz".into()),
        ..Reading::default()
    };
    let error = read("id,score\na,0.5\n", &named).unwrap_err().to_string();
    assert!(error.contains("a column xyz (--score-name)"), "{error}");
}

#[test]
fn rows_go_by_id_or_by_order() {
    let ids = ["a", "b", "c"].map(String::from);
    let mut notices = Vec::new();
    let mut of = |text: &str| {
        let file = written("s.csv", text);
        let scores = ScoreFile::read(&file.path, &Reading::default()).unwrap();
        rows_of(&file.path, &scores, Some(&ids), ids.len(), &mut notices)
    };
    assert_eq!(
        of("id,score\nc,0.3\na,0.1\n").unwrap(),
        [Some(1), None, Some(0)]
    );
    assert_eq!(
        of("id,score\na,0.1\nb,0.2\nc,0.3\n").unwrap(),
        [Some(0), Some(1), Some(2)]
    );
    assert_eq!(
        of("score\n0.1\n0.2\n0.3\n").unwrap(),
        [Some(0), Some(1), Some(2)]
    );
    // An id that nobody asks for may be there twice.
    assert_eq!(
        of("id,score\nz,0\nz,1\nb,0.5\n").unwrap(),
        [None, Some(2), None]
    );
    for (text, place) in [
        ("id,score\na,0.1\na,0.2\n", "'a' more than once"),
        (
            "id,score\nx,0.1\ny,0.2\n",
            "none of the candidates (the first is 'x')",
        ),
        (
            "score\n0.1\n",
            "1 scores, and nothing to find the candidates by",
        ),
    ] {
        let error = of(text).unwrap_err().to_string();
        assert!(error.contains(place), "{error}");
    }
    assert!(
        notices[0].contains("in the order of the candidates"),
        "{notices:?}"
    );
}

#[test]
fn ids_that_are_twice_in_the_data_go_by_order() {
    let ids = ["a", "a", "b"].map(String::from);
    let file = written("s.csv", "id,score\na,0.1\na,0.2\nb,0.3\n");
    let scores = ScoreFile::read(&file.path, &Reading::default()).unwrap();
    let rows = rows_of(&file.path, &scores, Some(&ids), ids.len(), &mut Vec::new()).unwrap();
    assert_eq!(rows, [Some(0), Some(1), Some(2)]);
}

#[test]
fn inputs_are_sorted_into_classifiers_and_data() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["rb.safetensors", "forest.csv", "p.npy"] {
        std::fs::write(at(name), "x").unwrap();
    }
    let mut tensors = 2u64.to_le_bytes().to_vec();
    tensors.extend(b"{}and more");
    std::fs::write(at("renamed.txt"), tensors).unwrap();
    let (renamed, _) = sort(&[at("renamed.txt")]).unwrap();
    assert_eq!(renamed[0].what, What::Model, "whatever it is called");
    let named = PathBuf::from(format!("keras={}", at("p.npy").display()));
    let inputs = [
        at("rb.safetensors"),
        at("forest.csv"),
        named,
        at("cube.npz"),
    ];
    let (sources, data) = sort(&inputs).unwrap();
    let found: Vec<_> = sources.iter().map(|s| (s.name.as_str(), s.what)).collect();
    assert_eq!(
        found,
        [
            ("rb", What::Model),
            ("forest", What::Scores),
            ("keras", What::Scores)
        ]
    );
    assert_eq!(data, [at("cube.npz")]);
    for (inputs, place) in [
        (vec![at("cube.npz")], "none among the inputs"),
        (vec![at("rb.safetensors"), at("rb.safetensors")], "twice"),
        (vec![at("no.safetensors")], "no such file"),
    ] {
        let error = sort(&inputs).unwrap_err().to_string();
        assert!(error.contains(place), "{error}");
    }
}
