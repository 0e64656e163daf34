//! Sizes and types of what is packed.

use std::fs;
use std::path::Path;

use rbgpu::data::pack::{Dtype, PackOptions};
use rbgpu::data::writer::write_cube;
use rbgpu::data::{Dataset, InMemory, ReadOptions, open};

use super::pack::{TRIPLE, packed};
use super::{fixture, labelled, made, pixels, says};

/// A cube of `count` cutouts at `path`.
fn cube(path: &Path, count: usize, height: usize, width: usize, channels: usize) {
    write_cube(path, &made(count, height, width, channels)).unwrap();
}

fn sized(size: usize) -> PackOptions {
    PackOptions {
        cutout_size: Some(size),
        ..PackOptions::default()
    }
}

/// O'TRAIN: `startx = x//2 - cropx//2`, in numpy `img[starty:starty+c, startx:startx+c]`.
#[test]
fn the_middle_is_numpys() {
    let dir = tempfile::tempdir().unwrap();
    let (input, out) = (dir.path().join("in.npz"), dir.path().join("out.npz"));
    for (height, width, channels) in [(8, 8, 1), (7, 8, 2), (9, 9, 3)] {
        cube(&input, 4, height, width, channels);
        for size in 1..=7 {
            packed(&[&input], &labelled(), &sized(size), &out).unwrap();
            let found = open(&[&out], &labelled()).unwrap();
            assert_eq!([found.shape.height, found.shape.width], [size, size]);
            let (top, left) = (height / 2 - size / 2, width / 2 - size / 2);
            let mut expected = Vec::new();
            for h in top..top + size {
                for w in left..left + size {
                    let pixel = |c| (300 + (h * width + w) * channels + c) as f32;
                    expected.extend((0..channels).map(pixel));
                }
            }
            assert_eq!(pixels(&found, 3), expected, "{size} of {height}x{width}");
        }
    }
}

#[test]
fn several_sizes_become_the_one_that_most_have() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    // The first input is not the rule: an alert's first stamp may lie at the edge.
    cube(&path("small.npz"), 2, 4, 5, 1);
    cube(&path("usual.npz"), 5, 5, 5, 1);
    cube(&path("large.npz"), 3, 6, 5, 1);
    cube(&path("other.npz"), 1, 5, 5, 2);
    let inputs = ["small.npz", "usual.npz", "large.npz", "other.npz"].map(path);
    let out = path("out.npz");
    let report = packed(&inputs, &labelled(), &PackOptions::default(), &out).unwrap();
    assert_eq!(
        (report.count, report.shape.to_string().as_str()),
        (7, "5x5x1")
    );
    says(
        &report.notices.join("\n"),
        &["2 of 7 cutouts are smaller", "padded"],
    );
    assert_eq!(report.skipped.len(), 4);
    assert!(report.skipped.iter().all(|s| s.unreadable));
    says(
        &report.skipped[0].why,
        &["6x5x1", "most are 5x5x1", "--cutout-size"],
    );
    says(&report.skipped[3].why, &["5x5x2", "--channels"]);
    let found = open(&[&out], &labelled()).unwrap();
    let small = pixels(&found, 1);
    assert_eq!(
        small[..20],
        (100..120).map(|v| v as f32).collect::<Vec<_>>()
    );
    assert!(small[20..].iter().all(|v| v.is_nan()));

    let strict = PackOptions {
        strict: true,
        ..PackOptions::default()
    };
    let error = packed(&inputs, &labelled(), &strict, &out).unwrap_err();
    says(&error.to_string(), &["c0", "6x5x1"]);

    // A size that is asked for: cropped, padded, or neither.
    let report = packed(&inputs[..3], &labelled(), &sized(5), &out).unwrap();
    assert_eq!(
        (report.count, report.shape.to_string().as_str()),
        (10, "5x5x1")
    );
    cube(&path("wide.npz"), 1, 4, 9, 1);
    let mixed = [path("usual.npz"), path("wide.npz")];
    let report = packed(&mixed, &labelled(), &sized(5), &out).unwrap();
    assert_eq!((report.count, report.skipped.len()), (5, 1));
    says(&report.skipped[0].why, &["4x9x1", "smaller than 5 one way"]);
    let report = packed(&mixed[..1], &labelled(), &sized(7), &out).unwrap();
    assert_eq!(report.shape.to_string(), "7x7x1");
    says(
        &packed(&mixed, &labelled(), &sized(0), &out)
            .unwrap_err()
            .to_string(),
        &["--cutout-size"],
    );
}

#[test]
fn images_must_be_the_same() {
    use rbgpu::data::Channel::{Difference, Search, Template};
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for (name, channels) in [
        ("a.npz", [Template, Search]),
        ("b.npz", [Search, Difference]),
    ] {
        let mut set = made(2, 3, 3, 2);
        set.channels = Some(channels.to_vec().into());
        write_cube(path(name), &set).unwrap();
    }
    let inputs = [path("a.npz"), path("b.npz")];
    let report = packed(
        &inputs,
        &labelled(),
        &PackOptions::default(),
        &path("out.npz"),
    )
    .unwrap();
    assert_eq!((report.count, report.skipped.len()), (2, 2));
    says(
        &report.skipped[0].why,
        &["search, difference", "template, search", "--channels"],
    );
    let search = ReadOptions {
        channels: Some(vec![Search]),
        ..labelled()
    };
    let report = packed(&inputs, &search, &PackOptions::default(), &path("out.npz")).unwrap();
    assert_eq!((report.count, report.shape.channels), (4, 1));
    let found = open(&[path("out.npz")], &labelled()).unwrap();
    assert_eq!([pixels(&found, 0)[0], pixels(&found, 2)[0]], [1.0, 0.0]);
}

/// The dtype that the header of PREFIX_x.npy or of the cube states.
fn dtype(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let text = String::from_utf8_lossy(&bytes[..200]).into_owned();
    let at = text.find("'descr': '").expect("a header") + 10;
    text[at..at + 3].to_string()
}

#[test]
fn bytes_stay_bytes_in_a_triple() {
    let dir = tempfile::tempdir().unwrap();
    let prefix = dir.path().join("t");
    let x = dir.path().join("t_x.npy");
    let cube = dir.path().join("c.npz");
    let stamps = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/autoscan");
    let report = packed(&[&stamps], &labelled(), &TRIPLE, &prefix).unwrap();
    assert!(report.bytes);
    assert_eq!(dtype(&x), "|u1");
    assert_eq!(fs::metadata(&x).unwrap().len(), 128 + 10 * 11 * 9 * 3);
    says(&report.notices.join("\n"), &["no place for magnitudes"]);
    let found = open(&[&prefix], &labelled()).unwrap();
    assert_eq!(found.class_counts(), (7, 3), "turned and turned back");
    assert_eq!(found.candidates[9].id, "11809");
    // What is no byte makes all of them f32.
    packed(
        &[fixture("des"), fixture("half.npz")],
        &labelled(),
        &TRIPLE,
        &prefix,
    )
    .unwrap();
    assert_eq!(dtype(&x), "<f4");
    let (f32s, u8s) = ([TRIPLE, PackOptions::default()], |o: PackOptions| {
        PackOptions {
            dtype: Dtype::U8,
            ..o
        }
    });
    packed(
        &[&stamps],
        &labelled(),
        &PackOptions {
            dtype: Dtype::F32,
            ..f32s[0]
        },
        &prefix,
    )
    .unwrap();
    assert_eq!(dtype(&x), "<f4");
    packed(&[&stamps], &labelled(), &u8s(f32s[1]), &cube).unwrap();
    assert_eq!(dtype(&cube), "|u1");
    assert_eq!(pixels(&open(&[&cube], &labelled()).unwrap(), 1)[0], 17.0);
    let error = packed(&[fixture("half.npz")], &labelled(), &u8s(f32s[1]), &cube).unwrap_err();
    says(&error.to_string(), &["0: found pixels", "--dtype u8"]);
}

/// An old PREFIX_y.npy beside new cutouts would be read with them.
#[test]
fn a_triple_without_labels() {
    let dir = tempfile::tempdir().unwrap();
    let prefix = dir.path().join("t");
    let report = packed(&[fixture("float_x.npy")], &labelled(), &TRIPLE, &prefix).unwrap();
    assert_eq!(
        (report.labels, dir.path().join("t_y.npy").exists()),
        (None, false)
    );
    says(&report.notices.join("\n"), &["no candidate has a label"]);
    packed(&[fixture("des")], &labelled(), &TRIPLE, &prefix).unwrap();
    assert!(dir.path().join("t_y.npy").exists());
    packed(&[fixture("float_x.npy")], &labelled(), &TRIPLE, &prefix).unwrap();
    assert!(!dir.path().join("t_y.npy").exists());
}

#[test]
fn images_first_is_refused() {
    use super::errors::{npy, npz};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("first.npz");
    npz(
        &path,
        &[("cube", npy("|u1", false, "(2, 3, 5, 5)", &[1; 150]))],
    );
    says(
        &super::error(&path, &ReadOptions::default()),
        &["(N, 3, 5, 5)", "numpy.moveaxis(x, 1, -1)"],
    );
    npz(
        &path,
        &[("cube", npy("|u1", false, "(2, 3, 3, 3)", &[1; 54]))],
    );
    assert_eq!(open(&[&path], &ReadOptions::default()).unwrap().len(), 2);
}

#[test]
fn nothing_to_pack() {
    let dir = tempfile::tempdir().unwrap();
    let (cube, out) = (dir.path().join("in"), dir.path().join("out.npz"));
    let mut set: Dataset = made(2, 2, 2, 1);
    set.pixels = Box::new(InMemory {
        values: vec![f32::NAN; 8],
        stride: 4,
    });
    rbgpu::data::writer_fits::write_fits_folder(&cube, &set).unwrap();
    let error = packed(&[&cube], &labelled(), &PackOptions::default(), &out).unwrap_err();
    says(
        &error.to_string(),
        &["no usable cutout among 2", "no finite pixel"],
    );
    assert!(!out.exists());
}
