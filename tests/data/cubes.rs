//! .npz cubes of every type, and DES triples.

use rbgpu::data::{LabelPolarity, Part, ReadOptions, open};

use super::{fixture, keys, labelled, pixels};

fn formula(row: usize, channels: usize, value: impl Fn(f32) -> f32) -> Vec<f32> {
    let mut out = Vec::new();
    for i in 0..20 {
        for c in 0..channels {
            let (h, w) = (i / 4, i % 4);
            out.push(value(
                100.0 * row as f32 + 10.0 * h as f32 + w as f32 + c as f32 / 2.0,
            ));
        }
    }
    out
}

#[test]
fn half_precision_with_text_magnitudes_and_too_many_ids() {
    let set = open(&[fixture("half.npz")], &labelled()).unwrap();
    assert_eq!((set.len(), set.shape.to_string().as_str()), (6, "5x4x2"));
    assert_eq!(set.labels.as_deref(), Some(&[1, 0, 1, 0, 1, 0][..]));
    for row in 0..6 {
        assert_eq!(pixels(&set, row), formula(row, 2, |v| v));
    }
    let mags: Vec<f64> = set.candidates.iter().map(|c| c.mag).collect();
    assert_eq!((mags[0], mags[2], mags[5]), (18.5, 19.25, 21.0));
    assert!(mags[1].is_nan() && mags[3].is_nan() && mags[4].is_nan());
    assert!(set.candidates[1].mag_err.is_nan() && set.candidates[1].fwhm.is_nan());
    assert_eq!(
        (
            set.candidates[1].filter.as_str(),
            set.candidates[1].id.as_str()
        ),
        ("r", "1")
    );
    assert!(
        set.notices[0].contains("candids holds 18 ids for 6 cutouts"),
        "{:?}",
        set.notices
    );
}

#[test]
fn big_endian_fortran_with_large_ids() {
    let set = open(&[fixture("big_fortran.npz")], &labelled()).unwrap();
    for row in 0..6 {
        assert_eq!(pixels(&set, row), formula(row, 2, |v| v));
    }
    assert_eq!(set.labels.as_deref(), Some(&[1, 0, 1, 0, 1, 0][..]));
    assert_eq!(set.candidates[1].id, "9223372036854775809");
    assert_eq!(
        (set.candidates[1].filter.as_str(), set.candidates[2].mag),
        ("2", 19.25)
    );
    assert!(set.candidates[1].mag.is_nan() && set.notices.is_empty());
}

#[test]
fn deflated_with_empty_columns_and_byte_strings() {
    let set = open(&[fixture("compressed.npz")], &labelled()).unwrap();
    assert_eq!(pixels(&set, 5), formula(5, 2, |v| v));
    assert_eq!(set.candidates[3].id, "ZTF3é");
    assert_eq!(set.candidates[3].filter, "r");
    assert!(set.candidates[3].mag_err.is_nan());
}

#[test]
fn one_hot_labels_and_cubes_without_a_channel_axis() {
    let set = open(&[fixture("onehot.npz")], &labelled()).unwrap();
    assert_eq!(set.shape.to_string(), "5x4x1");
    assert_eq!(set.labels.as_deref(), Some(&[1, 0, 1, 0, 1, 0][..]));
    assert_eq!(pixels(&set, 3), formula(3, 1, |v| v));
    assert_eq!(set.class_counts(), (3, 3));
}

#[test]
fn named_keys_split_and_undecided_rows() {
    let mut options = keys(&[
        ("cube", "stamps"),
        ("labels", "label"),
        ("mags", "magpsf"),
        ("candids", "id"),
    ]);
    options.split_key = Some("part".into());
    let set = open(&[fixture("named.npz")], &options).unwrap();
    assert_eq!(set.len(), 5);
    assert_eq!(set.labels.as_deref(), Some(&[1, 0, 0, 1, 0][..]));
    use Part::{Test, Train, Validation};
    assert_eq!(
        set.parts.as_deref(),
        Some(&[Train, Train, Test, Test, Validation][..])
    );
    assert_eq!(set.candidates[2].id, "ZTF3é");
    assert_eq!(pixels(&set, 2), formula(3, 2, |v| (v / 3.0) as u8 as f32));
    assert_eq!(set.skipped.len(), 1);
    assert!(set.skipped[0].what.contains("1 rows of label"));
    assert!(
        set.notices[0].contains("label 1 in label was taken as real"),
        "{:?}",
        set.notices
    );

    // Scoring wants a score for the undecided as well.
    options.labels_required = false;
    let all = open(&[fixture("named.npz")], &options).unwrap();
    assert_eq!((all.len(), all.labels), (6, None));
}

#[test]
fn polarity() {
    let turned = ReadOptions {
        label_polarity: LabelPolarity::RealIsZero,
        ..labelled()
    };
    let set = open(&[fixture("half.npz")], &turned).unwrap();
    assert_eq!(set.labels.as_deref(), Some(&[0, 1, 0, 1, 0, 1][..]));
    for (text, polarity) in [
        ("auto", LabelPolarity::Auto),
        ("real-is-one", LabelPolarity::RealIsOne),
        ("real-is-zero", LabelPolarity::RealIsZero),
    ] {
        assert_eq!(text.parse::<LabelPolarity>().unwrap(), polarity);
    }
    assert!("upside-down".parse::<LabelPolarity>().is_err());
}

#[test]
fn cutouts_without_a_finite_pixel_are_left_out() {
    for (file, options) in [
        ("nan.npz", labelled()),
        ("float_x.npy", ReadOptions::default()),
    ] {
        let input = if file == "nan.npz" {
            fixture(file)
        } else {
            fixture("float")
        };
        let set = open(&[input], &options).unwrap();
        assert_eq!(set.len(), 4, "{file}");
        let left: Vec<&str> = set.skipped.iter().map(|s| s.what.as_str()).collect();
        assert_eq!(left, ["row 1 (1)", "row 3 (3)"]);
        assert!(set.skipped.iter().all(|s| s.why == "no finite pixel"));
        assert!(
            pixels(&set, 1)[0].is_nan(),
            "NaN stays NaN until it is normalised"
        );
        assert_eq!(pixels(&set, 2), formula(4, 2, |v| v));
    }
}

#[test]
fn des_triple() {
    for input in ["des", "des_x.npy"] {
        let set = open(&[fixture(input)], &labelled()).unwrap();
        assert_eq!(set.len(), 6);
        assert_eq!(
            set.labels.as_deref(),
            Some(&[0, 1, 0, 1, 0, 1][..]),
            "1 is an artifact"
        );
        assert_eq!(set.candidates[4].id, "11004");
        assert_eq!(pixels(&set, 4), formula(4, 2, |v| (v / 3.0) as u8 as f32));
        assert!(set.notices[0].contains("an artifact"), "{:?}", set.notices);
    }
    let turned = ReadOptions {
        label_polarity: LabelPolarity::RealIsOne,
        ..labelled()
    };
    let set = open(&[fixture("des")], &turned).unwrap();
    assert_eq!(set.labels.as_deref(), Some(&[1, 0, 1, 0, 1, 0][..]));
    assert!(set.notices.is_empty());
}

#[test]
fn several_inputs() {
    let set = open(
        &[
            fixture("half.npz"),
            fixture("compressed.npz"),
            fixture("nan.npz"),
        ],
        &labelled(),
    );
    let set = set.unwrap();
    assert_eq!(
        (set.len(), set.labels.as_ref().map(Vec::len)),
        (16, Some(16))
    );
    assert_eq!(pixels(&set, 0), formula(0, 2, |v| v));
    assert_eq!(pixels(&set, 11), formula(5, 2, |v| v));
    assert_eq!(pixels(&set, 15), formula(5, 2, |v| v));
    assert_eq!(
        (set.candidates[6].id.as_str(), set.skipped.len()),
        ("ZTF0é", 2)
    );

    let set = open(
        &[fixture("half.npz"), fixture("float")],
        &ReadOptions::default(),
    )
    .unwrap();
    assert_eq!(set.labels, None);
    assert!(
        set.notices
            .iter()
            .any(|n| n.contains("1 of 2 inputs have labels")),
        "{:?}",
        set.notices
    );
}

/// A sparse file of the size of the survey's full set: nothing of it is loaded.
#[test]
fn des_at_full_size_is_not_loaded() {
    use std::io::{Seek, SeekFrom, Write};
    let dir = tempfile::tempdir().unwrap();
    let mut file = std::fs::File::create(dir.path().join("full_x.npy")).unwrap();
    let (n, stride) = (898_963_u64, 51 * 51 * 3_u64);
    let dict = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({n}, 51, 51, 3), }}");
    let length = 118 - 1;
    file.write_all(b"\x93NUMPY\x01\x00\x76\x00").unwrap();
    file.write_all(format!("{dict:<length$}\n").as_bytes())
        .unwrap();
    file.set_len(128 + n * stride).unwrap();
    file.seek(SeekFrom::Start(128 + (n - 1) * stride)).unwrap();
    file.write_all(&[7; 51 * 51 * 3]).unwrap();
    drop(file);
    let start = std::time::Instant::now();
    let set = open(&[dir.path().join("full")], &ReadOptions::default()).unwrap();
    assert_eq!(set.len(), n as usize);
    assert!(pixels(&set, n as usize - 1).iter().all(|&v| v == 7.0));
    assert!(pixels(&set, 449_000).iter().all(|&v| v == 0.0));
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
