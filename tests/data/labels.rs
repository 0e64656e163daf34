//! Labels in a file of their own, beside every kind of input.

use std::path::{Path, PathBuf};

use rbgpu::data::labels::{Decided, LabelFile, LabelRow, pixels_mark, write_labels};
use rbgpu::data::{Channel, Dataset, ReadOptions, Row, Rows, open, stream, writer};

use super::{fixture, labelled, made, pixels, says};

/// A folder with a cube of `count` candidates c0, c1, … of which odd ones are real.
fn cube(count: usize) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set.npz");
    writer::write_cube(&path, &made(count, 4, 4, 1)).unwrap();
    (folder, path)
}

/// Options for training with the labels of `text`, which is written to `folder`.
fn with(folder: &Path, text: &str) -> ReadOptions {
    let path = folder.join("labels.csv");
    std::fs::write(&path, text).unwrap();
    ReadOptions {
        labels: Some(path),
        ..labelled()
    }
}

fn labels(set: &Dataset) -> Vec<(&str, u8)> {
    let ids = set.candidates.iter().map(|c| c.id.as_str());
    ids.zip(set.labels.iter().flatten().copied()).collect()
}

fn refused(input: &Path, options: &ReadOptions) -> String {
    let error = open(&[input], options).unwrap_err().to_string();
    // Whoever reads one by one is told the same.
    let streamed = stream(&[input], options).and_then(|mut rows| {
        while !rows.next(3)?.is_empty() {}
        Ok(())
    });
    assert_eq!(streamed.unwrap_err().to_string(), error);
    error
}

#[test]
fn named_candidates_get_its_labels_and_others_keep_theirs() {
    let (folder, input) = cube(6);
    let text = "ID,Label,was,decision,by,pixels\nc1,0,1,flipped,ana,\nc4,1,0,flipped,ana,\nc5,-1,1,unsure,ana,\nx9,1,,voted,,\n";
    let set = open(&[&input], &with(folder.path(), text)).unwrap();
    assert_eq!(
        labels(&set),
        [("c0", 0), ("c1", 0), ("c2", 0), ("c3", 1), ("c4", 1)]
    );
    let notices = set.notices.join("; ");
    says(
        &notices,
        &[
            "labels of 3 of 6 candidates: 2 are others",
            "1 undecided now",
        ],
    );
    says(&notices, &["1 of 4 rows of", "name no candidate"]);
    assert_eq!(set.skipped.len(), 1);
    assert_eq!(set.skipped[0].count, 1);
    says(&set.skipped[0].why, &["no label in", "undecided"]);
    let relabelled = set.relabelled.as_ref().unwrap();
    let was = [Some(0), Some(1), Some(0), Some(1), Some(0)];
    assert_eq!(
        (relabelled.was.as_slice(), relabelled.left_out),
        (&was[..], 1)
    );
    assert_eq!(pixels(&set, 4)[0], 400.0);
    // Where labels need not be, every candidate stays.
    let all = ReadOptions {
        labels_required: false,
        ..with(folder.path(), text)
    };
    let set = open(&[&input], &all).unwrap();
    assert_eq!((set.len(), set.labels.is_none()), (6, true));
    says(
        &set.notices.join("; "),
        &["1 of 6 candidates have no label"],
    );
}

#[test]
fn one_by_one_they_are_the_same() {
    let (folder, input) = cube(6);
    let options = with(
        folder.path(),
        "id,label\nc1,bogus\nc4,real\nc5,unsure\nx9,1\n",
    );
    let mut rows = stream(&[&input], &options).unwrap();
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    loop {
        let some = rows.next(4).unwrap();
        if some.is_empty() {
            break;
        }
        for row in some {
            match row {
                Row::Cutout(cutout) => found.push((cutout.candidate.id, cutout.label.unwrap())),
                Row::Failed(failed) => left_out.push((failed.candidate.id, failed.unreadable)),
            }
        }
    }
    let expected = [("c0", 0), ("c1", 0), ("c2", 0), ("c3", 1), ("c4", 1)];
    assert_eq!(found, expected.map(|(id, label)| (id.to_string(), label)));
    assert_eq!(left_out, [("c5".to_string(), false)]);
    says(&rows.notices().join("; "), &["1 of 4 rows of"]);
}

#[test]
fn inputs_without_labels_have_those_of_the_file() {
    // Alerts, a FITS folder and an array alone.
    let folder = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let alerts = fixtures.join("alerts/night.tar.gz");
    let fits = folder.path().join("fits");
    rbgpu::data::writer_fits::write_fits_folder(&fits, &made(4, 8, 8, 1)).unwrap();
    let array = folder.path().join("array.npy");
    let bare: Vec<u8> = {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        let mut head = "{'descr': '|u1', 'fortran_order': False, 'shape': (4, 2, 2), }".to_string();
        while !(10 + head.len() + 1).is_multiple_of(64) {
            head.push(' ');
        }
        head.push('\n');
        bytes.extend((head.len() as u16).to_le_bytes());
        bytes.extend(head.bytes());
        bytes.extend(1..=16);
        bytes
    };
    std::fs::write(&array, bare).unwrap();
    for input in [alerts, fits.join("true"), array] {
        assert!(
            open(&[&input], &labelled()).is_err(),
            "{} has labels",
            input.display()
        );
        let all = open(&[&input], &ReadOptions::default()).unwrap();
        let [first, second] = [0, 1].map(|i| all.candidates[i].id.clone());
        let options = with(
            folder.path(),
            &format!("id\tlabel\n{second}\t0\n{first}\t1\n"),
        );
        let set = open(&[&input], &options).unwrap();
        assert_eq!(labels(&set), [(first.as_str(), 1), (second.as_str(), 0)]);
        assert!(all.len() == 2 || set.skipped.last().unwrap().why.contains("no label in"));
        assert_eq!(set.relabelled.unwrap().was, [None, None]);
    }
}

#[test]
fn stamps_take_either_kind_of_table() {
    let stamps = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/autoscan");
    let before = open(&[&stamps], &labelled()).unwrap();
    let id = before.candidates[0].id.clone();
    let turned = 1 - before.labels.as_ref().unwrap()[0];
    let folder = tempfile::tempdir().unwrap();
    let options = with(folder.path(), &format!("id,label\n{id},{turned}\n"));
    let set = open(&[&stamps], &options).unwrap();
    assert_eq!(set.len(), before.len());
    assert_eq!(labels(&set)[0], (id.as_str(), turned));
    assert_eq!(labels(&set)[1..], labels(&before)[1..]);
    // 1 is an artifact there, and here is not.
    let options = with(folder.path(), &format!("ID,OBJECT_TYPE\n{id},{turned}\n"));
    let set = open(&[&stamps], &options).unwrap();
    assert_eq!(labels(&set), [(id.as_str(), 1 - turned)]);
    let (_folder, cube) = cube(4);
    says(
        &refused(&cube, &options),
        &["--labels", "a folder of DES stamps", "columns id and label"],
    );
}

#[test]
fn own_undecided_labels_may_be_decided() {
    let input = fixture("named.npz");
    let keys = super::keys(&[("cube", "stamps"), ("labels", "label"), ("candids", "id")]);
    let before = open(&[&input], &keys).unwrap();
    let all = ReadOptions {
        labels_required: false,
        ..keys.clone()
    };
    let all = open(&[&input], &all).unwrap();
    assert!(all.len() > before.len(), "none is undecided");
    let known = |id: &str| before.candidates.iter().any(|c| c.id == id);
    let undecided = all.candidates.iter().find(|c| !known(&c.id)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let labels = with(folder.path(), &format!("id,label\n{},1\n", undecided.id)).labels;
    let set = open(&[&input], &ReadOptions { labels, ..keys }).unwrap();
    assert_eq!(set.len(), before.len() + 1);
    let row = set.candidates.iter().position(|c| c.id == undecided.id);
    assert_eq!(set.labels.unwrap()[row.unwrap()], 1);
}

#[test]
fn bad_files_are_refused_with_the_row() {
    let (folder, input) = cube(6);
    for (text, parts) in [
        (
            "id,label\nc1,1\nc2,0\nc1,0\n",
            &["row 3", "'c1' with another label than in row 1"][..],
        ),
        ("id,label\nc1,2\n", &["label in row 1", "found 2"]),
        ("id,label\nc1,maybe\n", &["label in row 1", "'maybe'"]),
        (
            "id,score\nc1,2\n",
            &["line of names", "id, score", "columns id and label"],
        ),
        (
            "id,label\nd1,1\nd2,0\n",
            &["none of the candidates (the first is 'd1')", "such as 'c0'"],
        ),
        ("id,label\n", &["none of the candidates"]),
        (
            "id,label,pixels\nc1,1,123\n",
            &["row 1, column pixels", "'123'"],
        ),
        (
            "id,label,pixels\nc1,1,+1234567\n",
            &["row 1, column pixels"],
        ),
    ] {
        says(&refused(&input, &with(folder.path(), text)), parts);
    }
    let journal = ReadOptions {
        labels: Some(folder.path().join("j.jsonl")),
        ..labelled()
    };
    std::fs::write(
        folder.path().join("j.jsonl"),
        "{\"rbgpu\":\"journal\",\"version\":1}\n",
    )
    .unwrap();
    says(&refused(&input, &journal), &["rbgpu relabel --apply"]);
    let none = with(
        folder.path(),
        "id,label\nc0,-1\nc1,-1\nc2,-1\nc3,-1\nc4,-1\nc5,-1\n",
    );
    says(
        &open(&[&input], &none).unwrap_err().to_string(),
        &["none of 6 candidates decided"],
    );
}

#[test]
fn marks_tell_other_data_with_the_same_ids() {
    let (folder, input) = cube(4);
    let set = open(&[&input], &labelled()).unwrap();
    let path = folder.path().join("labels.csv");
    let write = |mark: u32| {
        let row = |i: usize, pixels| LabelRow {
            id: format!("c{i}"),
            label: Some(1),
            was: Some((i % 2) as u8),
            decision: Decided::Kept,
            by: "ana+ben".into(),
            pixels,
        };
        write_labels(&path, &[row(0, None), row(2, Some(mark))]).unwrap();
        ReadOptions {
            labels: Some(path.clone()),
            ..labelled()
        }
    };
    let options = write(pixels_mark(&pixels(&set, 2)));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.starts_with("id,label,was,decision,by,pixels\nc0,1,0,kept,ana+ben,\nc2,1,0,"),
        "{text}"
    );
    assert_eq!(
        open(&[&input], &options).unwrap().labels.unwrap(),
        [1, 1, 1, 1]
    );
    let options = write(7);
    says(
        &refused(&input, &options),
        &["row 2, column pixels", "found 00000007 of 'c2'"],
    );
    // Whoever asks for other images cannot compare; one of three is told from all.
    let triplets = folder.path().join("triplets.npz");
    writer::write_cube(&triplets, &made(4, 4, 4, 3)).unwrap();
    let whole = open(&[&triplets], &labelled()).unwrap();
    let difference: Vec<f32> = pixels(&whole, 2).into_iter().skip(2).step_by(3).collect();
    for mark in [pixels_mark(&difference), pixels_mark(&pixels(&whole, 2))] {
        let options = write(mark);
        assert!(open(&[&triplets], &options).is_ok());
        let one = ReadOptions {
            planes: Some(Channel::ALL.to_vec()),
            channels: Some(vec![Channel::Difference]),
            ..options
        };
        assert!(open(&[&triplets], &one).is_ok());
    }
}

#[test]
fn every_not_a_number_has_one_mark() {
    let quiet = [1.0, f32::NAN];
    let other = [1.0, f32::from_bits(0xffc0_0123)];
    assert_eq!(pixels_mark(&quiet), pixels_mark(&other));
    assert_ne!(pixels_mark(&[0.0]), pixels_mark(&[-0.0]));
    // CRC-32 of 00 00 80 3f 00 00 c0 7f, by Python's zlib.crc32.
    assert_eq!(pixels_mark(&quiet), 0x53a3_5f05);
}

#[test]
fn ids_are_of_all_inputs_together() {
    let (folder, first) = cube(4);
    let second = folder.path().join("second.npz");
    let mut set = made(4, 4, 4, 1);
    for candidate in &mut set.candidates {
        candidate.id = candidate.id.replace('c', "d");
    }
    writer::write_cube(&second, &set).unwrap();
    let options = with(folder.path(), "id,label\nd0,1\nc1,0\n");
    let both = open(&[&first, &second], &options).unwrap();
    assert_eq!(both.labels.unwrap(), [0, 0, 0, 1, 1, 1, 0, 1]);
    // The same candidates twice do no harm; two of one id do.
    assert_eq!(
        open(&[&first, &first], &with(folder.path(), "id,label\nc1,0\n"))
            .unwrap()
            .len(),
        8
    );
    let mut moved = made(5, 4, 4, 1).into_subset(vec![1, 2, 3, 4]);
    for (i, candidate) in moved.candidates.iter_mut().enumerate() {
        candidate.id = format!("c{i}");
    }
    let third = folder.path().join("third.npz");
    writer::write_cube(&third, &moved).unwrap();
    let options = with(folder.path(), "id,label\nc3,0\n");
    let error = open(&[&first, &third], &options).unwrap_err().to_string();
    says(&error, &["row 1", "the id of several candidates"]);
    // A file of all candidates in their order says itself which is which.
    let all: String = (0..8).map(|i| format!("c{},{}\n", i % 4, i / 4)).collect();
    let options = with(folder.path(), &format!("id,label\n{all}"));
    let set = open(&[&first, &third], &options).unwrap();
    assert_eq!(set.labels.unwrap(), [0, 0, 0, 0, 1, 1, 1, 1]);
}

#[test]
fn labels_may_be_in_memory() {
    let (_folder, input) = cube(4);
    let row = LabelRow {
        id: "c1".into(),
        label: Some(0),
        was: Some(1),
        decision: Decided::Flipped,
        by: String::new(),
        pixels: None,
    };
    let options = ReadOptions {
        relabelled: Some(LabelFile::new("votes", &[row]).into()),
        ..labelled()
    };
    assert_eq!(
        open(&[&input], &options).unwrap().labels.unwrap(),
        [0, 0, 0, 1]
    );
}
