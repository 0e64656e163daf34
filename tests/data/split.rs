//! Parts of a data set.

use std::collections::BTreeSet;

use rbgpu::data::{Fractions, Part, Split};

use super::{made, says};

#[test]
fn fractions() {
    for (text, shares, again) in [
        ("70/10/20", [0.7, 0.1, 0.2], "70/10/20"),
        ("85/15", [0.85, 0.15, 0.0], "85/15"),
        ("0.8/0.1/0.1", [0.8, 0.1, 0.1], "80/10/10"),
        ("100/0", [1.0, 0.0, 0.0], "100/0"),
        (
            " 33.3 / 33.3 / 33.4 ",
            [0.333, 0.333, 0.334],
            "33.3/33.3/33.4",
        ),
    ] {
        let parsed: Fractions = text.parse().unwrap();
        for (found, expected) in parsed.shares().iter().zip(shares) {
            assert!((found - expected).abs() < 1e-12, "{text}");
        }
        assert_eq!(parsed.to_string(), again);
        let json = serde_json::to_string(&parsed).unwrap();
        assert_eq!(
            serde_json::from_str::<Fractions>(&json)
                .unwrap()
                .to_string(),
            again
        );
    }
    for text in [
        "",
        "70",
        "70/20",
        "a/b",
        "0/50/50",
        "120/-20",
        "nan/1",
        "10/20/30/40",
        "inf/0",
    ] {
        let error = text.parse::<Fractions>().unwrap_err().to_string();
        says(&error, &["--split", text, "70/10/20"]);
    }
}

#[test]
fn parts_are_disjoint_whole_stratified_and_seeded() {
    let set = made(1000, 1, 1, 1);
    let split = Split::make(&set, Fractions::default(), 42).unwrap();
    assert_eq!(
        (split.train.len(), split.validation.len(), split.test.len()),
        (700, 100, 200)
    );
    let all: BTreeSet<usize> = split
        .train
        .iter()
        .chain(&split.validation)
        .chain(&split.test)
        .copied()
        .collect();
    assert_eq!(all.len(), 1000);
    for part in [&split.train, &split.validation, &split.test] {
        assert!(part.is_sorted());
        assert_eq!(part.iter().filter(|&&i| i % 2 == 1).count() * 2, part.len());
    }
    assert_eq!(split, Split::make(&set, Fractions::default(), 42).unwrap());
    assert_ne!(split, Split::make(&set, Fractions::default(), 43).unwrap());
    assert_eq!(split.part(Part::Test), split.test);
}

#[test]
fn a_few_of_a_class_still_reach_every_part() {
    let mut set = made(103, 1, 1, 1);
    set.labels = Some((0..103).map(|i| u8::from(i % 34 == 0)).collect());
    let split = Split::make(&set, Fractions::default(), 1).unwrap();
    for part in [&split.train, &split.validation, &split.test] {
        assert!(part.iter().any(|i| i % 34 == 0), "{part:?}");
    }
}

#[test]
fn the_files_own_split_comes_first() {
    let mut set = made(9, 1, 1, 1);
    use Part::{Test, Train, Validation};
    let [t, v] = [Train, Validation];
    set.parts = Some(vec![t, t, t, t, v, v, v, v, Test]);
    let split = Split::make(&set, "50/50".parse().unwrap(), 9).unwrap();
    assert_eq!(
        (split.train, split.validation, split.test),
        (vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8])
    );
    set.parts = Some(vec![t, t, t, t, v, Test, v, Test, v]);
    let error = Split::make(&set, Fractions::default(), 9)
        .unwrap_err()
        .to_string();
    says(&error, &["validation part", "found 0 real and 3 bogus"]);
    set.parts = Some(vec![t, v, t, v, t, v, Test, v, Test]);
    let error = Split::make(&set, Fractions::default(), 9)
        .unwrap_err()
        .to_string();
    says(&error, &["training part", "found 0 real and 3 bogus"]);
}

#[test]
fn too_few_classes() {
    let mut set = made(400, 1, 1, 1);
    set.labels = Some(vec![1; 400]);
    let error = Split::make(&set, Fractions::default(), 1)
        .unwrap_err()
        .to_string();
    says(
        &error,
        &["made", "found 400 real and 0 bogus, expected both"],
    );
    set.labels = Some((0..400).map(|i| u8::from(i > 0)).collect());
    let error = Split::make(&set, Fractions::default(), 1)
        .unwrap_err()
        .to_string();
    says(
        &error,
        &["found 399 real and 1 bogus, expected at least two of each"],
    );
    set.labels = None;
    let error = Split::make(&set, Fractions::default(), 1)
        .unwrap_err()
        .to_string();
    says(&error, &["labels", "found none"]);
}
