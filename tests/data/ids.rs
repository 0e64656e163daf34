//! Ids that were floats, and labels in every spelling, whatever file they stand in.

use std::path::Path;

use rbgpu::data::labels::LabelFile;
use rbgpu::data::{ReadOptions, open, stream};
use rbgpu::data::{Row, Rows};

use super::errors::{npy, npz};
use super::{labelled, says};

fn f64s(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn cube(count: usize) -> Vec<u8> {
    let data: Vec<u8> = (0..4 * count).map(|i| (i % 251) as u8).collect();
    npy("|u1", false, &format!("({count}, 2, 2, 1)"), &data)
}

/// A cube of three with these ids.
fn with_ids(path: &Path, candids: Vec<u8>) {
    npz(path, &[("cube", cube(3)), ("candids", candids)]);
}

#[test]
fn float_ids_of_a_cube_are_whole_below_2_to_53_and_refused_from_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cube.npz");
    let ids = |path: &Path| {
        let set = open(&[path], &ReadOptions::default()).unwrap();
        let ids = set.candidates.into_iter().map(|c| c.id);
        (ids.collect::<Vec<_>>(), set.notices)
    };
    with_ids(
        &path,
        npy(
            "<f8",
            false,
            "(3,)",
            &f64s(&[123.0, 9_007_199_254_740_991.0, f64::NAN]),
        ),
    );
    let (found, notices) = ids(&path);
    assert_eq!(found, ["123", "9007199254740991", "2"]);
    says(&notices.join("\n"), &["1 of 3 ids are empty"]);
    for (wrong, part) in [
        (1_074_092_621_215_010_000.0, "2^53 or more"),
        (9_007_199_254_740_992.0, "2^53 or more"),
        (0.5, "not a whole number"),
        (f64::INFINITY, "not a whole number"),
    ] {
        with_ids(&path, npy("<f8", false, "(3,)", &f64s(&[1.0, wrong, 2.0])));
        let error = open(&[&path], &ReadOptions::default()).unwrap_err();
        says(
            &error.to_string(),
            &["cube.npz", "candids, row 1", part, "integers or text"],
        );
    }
    let single: Vec<u8> = [1.0, 16_777_216.0, 2.0_f32]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    with_ids(&path, npy("<f4", false, "(3,)", &single));
    let error = open(&[&path], &ReadOptions::default()).unwrap_err();
    says(&error.to_string(), &["candids, row 1", "2^24 or more"]);
    // As text, and as integers, whatever they are.
    with_ids(&path, npy("|S4", false, "(3,)", b"1.0\x002.0\x003.0\x00"));
    assert_eq!(ids(&path).0, ["1", "2", "3"]);
    with_ids(&path, npy("|S4", false, "(3,)", b"1.0\x00SN2\x000.5\x00"));
    assert_eq!(ids(&path).0, ["1.0", "SN2", "0.5"]);
}

/// The label of each of `ids` in a label file that holds `text`.
fn label_file(name: &str, text: &str) -> rbgpu::Result<LabelFile> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    LabelFile::read(&path)
}

#[test]
fn float_ids_of_text_tables_are_refused_with_the_row() {
    for (name, text, place) in [
        ("t.csv", "id,label\n1,0\n1.07e18,1\n", "line 3, column id"),
        (
            "t.csv",
            "id,label\nname,0\n1.07409E+18,1\n",
            "line 3, column id",
        ),
        (
            "t.csv",
            "id,label\n1074092621215010000.0,1\n",
            "line 2, column id",
        ),
        ("t.dat", "# id label\n1.07e18 1\n", "line 2, column id"),
        (
            "t.jsonl",
            "{\"id\":1,\"label\":0}\n{\"id\":1.07409262121501e18,\"label\":1}\n",
            "line 2, column id",
        ),
        ("t.jsonl", "{\"id\":0.5,\"label\":1}\n", "line 1, column id"),
        (
            "t.jsonl",
            "{\"id\":\"1.07e+18\",\"label\":1}\n",
            "line 1, column id",
        ),
    ] {
        let error = label_file(name, text).unwrap_err().to_string();
        says(&error, &[name, place, "integers or text"]);
    }
    let file = label_file("t.csv", "id,label\n123.0,1\n1074092621215010001,0\n").unwrap();
    assert_eq!(file.get("123"), Some(Some(1)));
    assert_eq!(file.get("1074092621215010001"), Some(Some(0)));
    let file = label_file("t.jsonl", "{\"id\":123.0,\"label\":1}\n").unwrap();
    assert_eq!(file.get("123"), Some(Some(1)));
}

/// What is known of the labels of a cube with `labels`, row by row, as `pack` reads it.
fn rows(labels: Vec<u8>) -> Vec<Option<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cube.npz");
    npz(&path, &[("cube", cube(6)), ("labels", labels)]);
    let options = ReadOptions {
        labels_kept: true,
        ..ReadOptions::default()
    };
    let mut rows = stream(&[&path], &options).unwrap();
    let label = |row| match row {
        Row::Cutout(cutout) => cutout.label,
        Row::Failed(failed) => panic!("{failed:?}"),
    };
    rows.next(10).unwrap().into_iter().map(label).collect()
}

#[test]
fn one_unknown_label_drops_no_other() {
    let known = [Some(1), Some(0), None, Some(1), None, Some(0)];
    let floats = npy(
        "<f8",
        false,
        "(6,)",
        &f64s(&[1.0, 0.0, f64::NAN, 1.0, -1.0, 0.0]),
    );
    assert_eq!(rows(floats), known);
    let words = |words: [&str; 6]| {
        let mut bytes = words
            .map(|word| format!("{word:\0<9}"))
            .concat()
            .into_bytes();
        bytes.truncate(54);
        npy("|S9", false, "(6,)", &bytes)
    };
    assert_eq!(
        rows(words(["real", "bogus", "", "True", "unsure", "FALSE"])),
        known
    );
    assert_eq!(
        rows(words(["1.0", "0", "nan", "1", "undecided", "0.0"])),
        known
    );
    let flags = npy("|b1", false, "(6,)", &[1, 0, 1, 0, 1, 0]);
    assert_eq!(rows(flags), [1, 0, 1, 0, 1, 0].map(Some));
}

#[test]
fn a_set_for_training_leaves_out_what_has_no_label() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cube.npz");
    let labels = npy(
        "<f4",
        false,
        "(3,)",
        &[1.0, f32::NAN, 0.0].map(f32::to_le_bytes).concat(),
    );
    npz(&path, &[("cube", cube(3)), ("labels", labels)]);
    let set = open(&[&path], &labelled()).unwrap();
    assert_eq!(set.labels.as_deref(), Some(&[1, 0][..]));
    assert_eq!(set.skipped[0].count, 1);
}

#[test]
fn words_are_not_turned_by_the_polarity_and_numbers_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cube.npz");
    let options = ReadOptions {
        label_polarity: rbgpu::data::LabelPolarity::RealIsZero,
        ..labelled()
    };
    for (labels, expected) in [
        (npy("|S5", false, "(3,)", b"real\0bogusreal\0"), [1, 0, 1]),
        (
            npy("|S5", false, "(3,)", b"1\0\0\0\x000\0\0\0\x001\0\0\0\0"),
            [0, 1, 0],
        ),
        (npy("|b1", false, "(3,)", &[1, 0, 1]), [0, 1, 0]),
    ] {
        npz(&path, &[("cube", cube(3)), ("labels", labels)]);
        let set = open(&[&path], &options).unwrap();
        assert_eq!(set.labels.unwrap(), expected);
    }
}

#[test]
fn cubes_with_the_channels_first_are_refused_at_any_size() {
    let dir = tempfile::tempdir().unwrap();
    let array = |shape: [usize; 4]| {
        let [n, h, w, c] = shape;
        let text = format!("({n}, {h}, {w}, {c})");
        npy("|u1", false, &text, &vec![1; n * h * w * c])
    };
    for shape in [[5, 4, 16, 16], [5, 2, 12, 10], [5, 3, 20, 20], [5, 1, 9, 9]] {
        let npz_path = dir.path().join("cube.npz");
        npz(&npz_path, &[("cube", array(shape))]);
        let npy_path = dir.path().join("cube.npy");
        std::fs::write(&npy_path, array(shape)).unwrap();
        let triple = dir.path().join("des_x.npy");
        std::fs::write(&triple, array(shape)).unwrap();
        for path in [&npz_path, &npy_path, &triple] {
            let error = open(&[path], &ReadOptions::default())
                .unwrap_err()
                .to_string();
            says(&error, &["images first", "numpy.moveaxis(x, 1, -1)"]);
        }
    }
    let path = dir.path().join("cube.npz");
    for (shape, unclear) in [
        ([5, 16, 16, 4], false),
        ([5, 12, 10, 2], false),
        ([5, 4, 4, 4], true),
    ] {
        npz(&path, &[("cube", array(shape))]);
        let set = open(&[&path], &ReadOptions::default()).unwrap();
        assert_eq!(set.shape.channels, shape[3]);
        let said = set.notices.iter().any(|n| n.contains("images come first"));
        assert_eq!(said, unclear, "{:?}", set.notices);
    }
    // A file that names its images says what they are.
    let names = npy(
        "|S10",
        false,
        "(3,)",
        b"template\0\0search\0\0\0\0difference",
    );
    npz(&path, &[("cube", array([5, 3, 3, 3])), ("channels", names)]);
    let set = open(&[&path], &ReadOptions::default()).unwrap();
    assert_eq!(set.notices, Vec::<String>::new());
}
