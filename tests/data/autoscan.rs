//! Folders of DES stamps. tests/fixtures/make_autoscan.py says what is in the fixture.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use rbgpu::data::{Channel, LabelPolarity, ReadOptions, Row, Rows, open, stream};

use super::folders::{floats, hdu};
use super::{error, labelled, pixels, says};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/autoscan")
}

/// Pixels of candidate `i`, those of the images `channels`.
fn expected(i: usize, channels: &[usize]) -> Vec<f32> {
    let mut out = Vec::new();
    for place in 0..99 {
        let (h, w) = (place / 9, place % 9);
        let one = |c: &usize| ((17 * i + 23 * c + 11 * h + 5 * w) % 256) as f32;
        out.extend(channels.iter().map(one));
    }
    out
}

/// A copy of the fixture, to be broken.
fn copy() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for inner in ["", "stamps_0", "stamps_1"] {
        fs::create_dir_all(dir.path().join(inner)).unwrap();
        for entry in fs::read_dir(folder().join(inner)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.file_name().unwrap();
                fs::copy(&path, dir.path().join(inner).join(name)).unwrap();
            }
        }
    }
    dir
}

#[test]
fn triplets_with_their_labels_and_features() {
    let set = open(&[folder()], &labelled()).unwrap();
    assert_eq!((set.len(), set.shape.to_string().as_str()), (10, "11x9x3"));
    assert_eq!(set.channels.as_deref(), Some(&Channel::ALL[..]));
    for i in 0..10 {
        assert_eq!(pixels(&set, i), expected(i, &[0, 1, 2]), "{i}");
        let candidate = &set.candidates[i];
        assert_eq!(candidate.id, (11800 + i).to_string());
        assert_eq!(candidate.filter, ["g", "r", "i", "z"][i % 4]);
        assert_eq!(candidate.mag, 20.0 + i as f64 / 8.0);
        let held = set.pixels.bytes(i).expect("bytes stay bytes");
        assert_eq!(held.len(), 99 * 3);
    }
    // OBJECT_TYPE 1 is an artifact.
    let real: Vec<u8> = (0..10).map(|i| 1 - (i % 3 % 2) as u8).collect();
    assert_eq!(set.labels, Some(real));
    assert!(
        set.skipped.is_empty() && set.notices.is_empty(),
        "{:?}",
        set.notices
    );

    let turned = ReadOptions {
        label_polarity: LabelPolarity::RealIsOne,
        ..labelled()
    };
    let set = open(&[folder()], &turned).unwrap();
    assert_eq!(set.class_counts(), (3, 7));
}

#[test]
fn one_image_of_each() {
    let dir = copy();
    // The templates are not looked at.
    fs::remove_file(dir.path().join("stamps_0/temp11800.gif")).unwrap();
    let options = ReadOptions {
        channels: Some(vec![Channel::Difference, Channel::Search]),
        ..labelled()
    };
    let set = open(&[dir.path()], &options).unwrap();
    assert_eq!((set.len(), set.shape.channels), (10, 2));
    assert_eq!(pixels(&set, 0), expected(0, &[2, 1]));
}

#[test]
fn a_table_of_ones_own_also_gzipped() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("labels.csv.gz");
    let text = "# mine\nobject_type, band ,id\n0,Y,11801\n1,Y,11803\n1,Y,7\n";
    let file = fs::File::create(&table).unwrap();
    let mut file = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    file.write_all(text.as_bytes()).unwrap();
    file.finish().unwrap();
    let options = ReadOptions {
        labels: Some(table.clone()),
        ..labelled()
    };
    let set = open(&[folder()], &options).unwrap();
    assert_eq!(set.labels.as_deref(), Some(&[1, 0][..]));
    assert_eq!(
        (
            set.candidates[1].id.as_str(),
            set.candidates[1].filter.as_str()
        ),
        ("11803", "Y")
    );
    assert_eq!((set.len(), set.skipped.len()), (2, 8));
    says(&set.skipped[0].why, &["no row in the table of labels"]);
    says(&set.notices[0], &["8 of 10 candidates"]);
    says(&set.notices[1], &["1 of 3 rows"]);
    // Where labels need not be, all are read.
    let options = ReadOptions {
        labels_required: false,
        ..options
    };
    let rows = stream(&[folder()], &options).unwrap().next(100).unwrap();
    let labels: Vec<Option<u8>> = rows
        .iter()
        .map(|row| match row {
            Row::Cutout(cutout) => cutout.label,
            Row::Failed(failed) => panic!("{failed:?}"),
        })
        .collect();
    assert_eq!(labels[..5], [None, Some(1), None, Some(0), None]);
    // A table for what has no IDs.
    says(
        &error(super::fixture("half.npz"), &options),
        &["--labels", "labels.csv.gz", "folder of DES stamps"],
    );
}

#[test]
fn missing_and_broken_stamps() {
    let dir = copy();
    let path = |name: &str| dir.path().join(name);
    fs::remove_file(path("stamps_1/srch11801.gif")).unwrap();
    let whole = fs::read(path("stamps_0/diff11802.gif")).unwrap();
    fs::write(path("stamps_0/diff11802.gif"), &whole[..whole.len() - 60]).unwrap();
    fs::write(path("stamps_1/temp11803.gif"), b"").unwrap();
    // One with colours, and one of another size.
    fs::write(path("stamps_0/diff11804.gif"), gif_of(9, 11, [1, 2, 3])).unwrap();
    fs::write(path("stamps_1/srch11805.gif"), gif_of(2, 2, [0; 3])).unwrap();
    fs::write(path("notes.txt"), b"hello").unwrap();
    let set = open(&[dir.path()], &labelled()).unwrap();
    assert_eq!(set.len(), 5);
    says(&set.notices[0], &["1 entries", "no stamps"]);
    let all: Vec<(&str, &str)> = set
        .skipped
        .iter()
        .map(|s| (s.what.as_str(), s.why.as_str()))
        .collect();
    for ((id, why), (expected, parts)) in all.into_iter().zip([
        ("11801", ["no srch11801.gif in", "stamps_1"]),
        ("11802", ["diff11802.gif", "truncated"]),
        ("11803", ["temp11803.gif", "an empty file"]),
        ("11804", ["diff11804.gif", "grey pixels only"]),
        (
            "11805",
            ["srch11805.gif", "found 2x2 pixels, expected 11x9"],
        ),
    ]) {
        assert_eq!(id, expected);
        says(why, &parts);
    }
    assert!(set.skipped.iter().all(|s| s.unreadable));
    let strict = ReadOptions {
        strict: true,
        ..labelled()
    };
    says(&error(dir.path(), &strict), &["11801", "no srch11801.gif"]);
}

/// A GIF of one colour.
fn gif_of(width: u16, height: u16, colour: [u8; 3]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, width, height, &colour.repeat(2)).unwrap();
    let pixels = vec![0; usize::from(width) * usize::from(height)];
    let frame = gif::Frame::from_indexed_pixels(width, height, pixels, None);
    encoder.write_frame(&frame).unwrap();
    drop(encoder);
    bytes
}

/// Deeper folders, digits with zeros before them, FITS stamps, and both kinds at once.
#[test]
fn names_and_formats() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("release/stamps_3");
    fs::create_dir_all(&deep).unwrap();
    for (at, name) in ["temp", "srch", "diff"].iter().enumerate() {
        let fits = |value: f32| {
            let cards = [
                "SIMPLE  =                    T",
                "BITPIX  =                  -32",
                "NAXIS   =                    2",
                "NAXIS1  =                    3",
                "NAXIS2  =                    2",
                "RA      =                 54.5",
            ];
            hdu(&cards, &floats(&[value; 6]))
        };
        fs::write(deep.join(format!("{name}007.fits")), fits(at as f32 + 0.5)).unwrap();
        fs::write(deep.join(format!("{name}8.fits")), fits(9.0)).unwrap();
        fs::write(deep.join(format!("{name}8.gif")), gif_of(3, 2, [0; 3])).unwrap();
    }
    let set = open(&[dir.path()], &ReadOptions::default()).unwrap();
    assert_eq!((set.len(), set.labels), (2, None));
    let set = open(&[dir.path()], &ReadOptions::default()).unwrap();
    assert_eq!(set.candidates[0].id, "007");
    assert_eq!(
        (set.candidates[0].ra, set.candidates[0].file.as_str()),
        (54.5, "")
    );
    assert_eq!(pixels(&set, 0), [0.5, 1.5, 2.5].repeat(6));
    assert_eq!(pixels(&set, 1), [0.0; 18], "the .gif");
    says(&set.notices[0], &["3 stamps are there in two formats"]);
    says(
        &error(dir.path(), &labelled()),
        &["autoscan_features*.csv", "--labels FILE"],
    );
}

#[test]
fn tables_that_cannot_be_used() {
    let dir = copy();
    let table = dir.path().join("autoscan_features.csv");
    for (text, parts) in [
        ("", ["autoscan_features.csv", "columns ID and OBJECT_TYPE"]),
        ("ID,KIND\n1,2\n", ["line of names", "ID, KIND"]),
        ("ID,OBJECT_TYPE\n1,0\n2,SN\n", ["line 3", "\"SN\""]),
        ("ID,OBJECT_TYPE\n1.07e18,0\n", ["line 2", "\"1.07e18\""]),
        ("ID,OBJECT_TYPE\nx1,0\n", ["line 2", "\"x1\""]),
        ("ID,OBJECT_TYPE\n1,0\n1,1\n", ["line 3", "it has two"]),
        ("ID,OBJECT_TYPE\n1,0,5\n", ["table", "3 fields"]),
    ] {
        fs::write(&table, text).unwrap();
        says(&error(dir.path(), &labelled()), &parts);
    }
}

/// Whatever a stamp holds, it is read or refused.
#[test]
fn damaged_stamps_are_no_panic() {
    let dir = copy();
    let path = dir.path().join("stamps_0/diff11800.gif");
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(3) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x5a;
        fs::write(&path, bytes).unwrap();
        let set = open(&[dir.path()], &labelled()).unwrap();
        assert!(set.len() + set.skipped.len() == 10 && set.len() >= 9);
    }
}
