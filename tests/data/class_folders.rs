//! Folders whose subfolders are classes, nights, or nights with classes.

use std::path::Path;

use rbgpu::data::{Dataset, ReadOptions, open};

use super::folders::{DEMANDED, floats, image};
use super::{labelled, says};

/// A folder with a FITS file at each of `paths`.
fn folder(paths: &[&str]) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for (at, path) in paths.iter().enumerate() {
        let path = place.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let pixels: Vec<f32> = (0..6).map(|p| (p + 10 * at) as f32).collect();
        std::fs::write(path, image(-32, &DEMANDED, &floats(&pixels))).unwrap();
    }
    place
}

/// The files below `root` with their labels.
fn read(root: &Path, options: ReadOptions) -> (Vec<(String, Option<u8>)>, Dataset) {
    let set = open(&[root], &options).unwrap();
    let name = |file: &str| {
        file.trim_start_matches(&format!("{}/", root.display()))
            .to_string()
    };
    let label = |row: usize| set.labels.as_ref().map(|labels| labels[row]);
    let files = set.candidates.iter().enumerate();
    let rows = files.map(|(row, c)| (name(&c.file), label(row))).collect();
    (rows, set)
}

fn row(file: &str, label: u8) -> (String, Option<u8>) {
    (file.to_string(), Some(label))
}

#[test]
fn classes_are_true_false_real_and_bogus_in_any_case() {
    for (real, bogus) in [
        ("true", "false"),
        ("True", "False"),
        ("real", "bogus"),
        ("REAL", "Artifact"),
    ] {
        let place = folder(&[&format!("{bogus}/b.fits"), &format!("{real}/a.fits")]);
        let (rows, set) = read(place.path(), labelled());
        assert_eq!(
            rows,
            [
                row(&format!("{real}/a.fits"), 1),
                row(&format!("{bogus}/b.fits"), 0)
            ]
        );
        // What everybody expects needs no words.
        let said = set.notices.iter().any(|n| n.contains("give the labels"));
        assert_eq!(said, real != "true", "{:?}", set.notices);
    }
}

#[test]
fn nights_with_classes_are_one_set() {
    let place = folder(&[
        "n1/real/a.fits",
        "n1/bogus/a.fits",
        "n2/real/b.fits",
        "n3/c.fits",
    ]);
    let (rows, set) = read(place.path(), labelled());
    let expected = [
        row("n1/real/a.fits", 1),
        row("n1/bogus/a.fits", 0),
        row("n2/real/b.fits", 1),
    ];
    assert_eq!(rows, expected);
    let notices = set.notices.join("\n");
    says(
        &notices,
        &[
            "n1/real/ (real)",
            "n1/bogus/ (bogus)",
            "1 files are in no folder",
        ],
    );
}

#[test]
fn classes_may_hold_nights() {
    let place = folder(&["true/n1/a.fits", "true/n2/b.fits", "false/n1/c.fits"]);
    let (rows, _) = read(place.path(), labelled());
    let expected = [
        row("true/n1/a.fits", 1),
        row("true/n2/b.fits", 1),
        row("false/n1/c.fits", 0),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn nights_without_classes_are_read_for_scoring_only() {
    let place = folder(&["n1/a.fits", "n2/a.fits", "n3/a.fits", "n4/a.fits"]);
    let (rows, set) = read(place.path(), ReadOptions::default());
    assert_eq!(rows.len(), 4);
    says(
        &set.notices.join("\n"),
        &["4 files in its subfolders", "n1/, n2/, n3/ and 1 more"],
    );

    let error = open(&[place.path()], &labelled()).unwrap_err().to_string();
    says(
        &error,
        &["n1/ with 1 files", "real/ and bogus/", "--labels"],
    );
}

#[test]
fn subfolders_that_are_not_read_are_said() {
    let place = folder(&["a.fits", "old/b.fits"]);
    let (rows, set) = read(place.path(), ReadOptions::default());
    assert_eq!(rows.len(), 1);
    says(
        &set.notices.join("\n"),
        &["1 subfolders of", "it has files of its own"],
    );

    let place = folder(&["real/a.fits", "bogus/b.fits", "other/c.fits", "d.fits"]);
    let (rows, set) = read(place.path(), labelled());
    assert_eq!(rows.len(), 2);
    says(
        &set.notices.join("\n"),
        &[
            "1 subfolders of",
            "are no class",
            "1 files are in no folder",
        ],
    );
}

#[test]
fn numbers_and_other_names_are_no_classes() {
    let place = folder(&["0/a.fits", "1/b.fits"]);
    let error = open(&[place.path()], &labelled()).unwrap_err().to_string();
    says(&error, &["0/ with 1 files, 1/ with 1 files"]);
}
