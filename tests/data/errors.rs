//! Every error names the file, the place, what was found, what was expected.

use std::fs;
use std::path::Path;

use rbgpu::data::writer::write_cube;
use rbgpu::data::{Dataset, InMemory, ReadOptions, open, stream};

use super::folders::{DEMANDED, hdu, image};
use super::{error, fixture, keys, labelled, made, pixels, says};

/// A .npy file of version 1.
pub fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let dict = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
    let dict = format!("{dict:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((dict.len() as u16).to_le_bytes());
    bytes.extend(dict.as_bytes());
    bytes.extend(data);
    bytes
}

/// A .npz of such files.
pub fn npz(path: &Path, members: &[(&str, Vec<u8>)]) {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (name, bytes) in members {
        zip.start_file(
            format!("{name}.npy"),
            zip::write::SimpleFileOptions::default(),
        )
        .unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

fn cube() -> Vec<u8> {
    npy("|u1", false, "(3, 2, 2, 1)", &[1; 12])
}

#[test]
fn paths() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("nothing");
    says(
        &error(&missing, &labelled()),
        &["nothing", "no such file or folder", "nothing_x.npy"],
    );
    says(
        &error(dir.path(), &ReadOptions::default()),
        &["no FITS file", ".fits"],
    );
    fs::create_dir(dir.path().join("true")).unwrap();
    fs::create_dir(dir.path().join("false")).unwrap();
    says(
        &error(dir.path(), &labelled()),
        &["folders of the classes", "no FITS file"],
    );
    let none: [&Path; 0] = [];
    says(
        &open(&none, &labelled()).unwrap_err().to_string(),
        &["INPUT"],
    );
    for (bytes, found) in [
        (
            &b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 5"[..],
            "git lfs pull",
        ),
        (b"\x89HDF\r\n\x1a\n", "HDF"),
        (b"", "an empty file"),
    ] {
        let path = dir.path().join("cube.npz");
        fs::write(&path, bytes).unwrap();
        says(&error(&path, &labelled()), &["cube.npz", found]);
    }
    fs::write(
        dir.path().join("lfs_x.npy"),
        b"version https://git-lfs.github.com/spec/v1\n",
    )
    .unwrap();
    says(
        &error(dir.path().join("lfs"), &ReadOptions::default()),
        &["lfs_x.npy", "git lfs pull"],
    );
}

#[test]
fn one_class_is_an_error_when_splitting() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("true")).unwrap();
    for name in ["a", "b"] {
        fs::write(
            dir.path().join(format!("true/{name}.fits")),
            image(8, &DEMANDED, &[1; 6]),
        )
        .unwrap();
    }
    let set = open(&[dir.path()], &labelled()).unwrap();
    let error = rbgpu::data::Split::make(&set, Default::default(), 1)
        .unwrap_err()
        .to_string();
    says(
        &error,
        &[
            &dir.path().display().to_string(),
            "found 2 real and 0 bogus, expected both",
        ],
    );
}

#[test]
fn sizes_that_differ() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.fits"), image(8, &[], &[1; 6])).unwrap();
    fs::write(dir.path().join("c.fits"), image(8, &[], &[1; 6])).unwrap();
    let other = |size: usize| {
        hdu(
            &[
                "SIMPLE  =                    T",
                "BITPIX  =                    8",
                "NAXIS   =                    2",
                &format!("NAXIS1  = {size:>20}"),
                &format!("NAXIS2  = {size:>20}"),
            ],
            &vec![1; size * size],
        )
    };
    fs::write(dir.path().join("b.fits"), other(2)).unwrap();
    let set = open(&[dir.path()], &ReadOptions::default()).unwrap();
    assert!(pixels(&set, 1)[2].is_nan(), "padded at the right");
    let notice = "1 of 3 cutouts are smaller than 2x3";
    assert!(set.notices.iter().any(|n| n.starts_with(notice)));
    fs::write(dir.path().join("d.fits"), other(4)).unwrap();
    says(
        &error(dir.path(), &ReadOptions::default()),
        &["d.fits", "4x4x1", "2x3x1, as most of 4"],
    );

    let (one, two) = (dir.path().join("one.npz"), dir.path().join("two.npz"));
    write_cube(&one, &made(4, 5, 5, 1)).unwrap();
    write_cube(&two, &made(4, 6, 5, 1)).unwrap();
    let error = open(&[&one, &two], &labelled()).unwrap_err().to_string();
    says(&error, &["two.npz", "6x5x1", "5x5x1", "one.npz"]);
}

#[test]
fn truncated_cubes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cube.npz");
    write_cube(&path, &made(8, 5, 5, 1)).unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    says(&error(&path, &labelled()), &["cube.npz", "truncated"]);
    npz(
        &path,
        &[
            ("cube", npy("<f4", false, "(3, 2, 2, 1)", &[0; 40])),
            ("labels", npy("|u1", false, "(3,)", &[1; 3])),
        ],
    );
    says(
        &error(&path, &labelled()),
        &["cube.npz: cube", "40 bytes", "3x2x2x1", "truncated"],
    );
    let mut damaged = bytes;
    damaged[200] ^= 1;
    fs::write(&path, damaged).unwrap();
    says(
        &error(&path, &labelled()),
        &["cube.npz: cube", "damaged", "checksum"],
    );
}

#[test]
fn keys_that_are_not_there() {
    let named = fixture("named.npz");
    let there = "the keys id, label, magpsf, part, stamps";
    says(
        &error(&named, &labelled()),
        &["named.npz", there, "a key cube; --key cube=KEY"],
    );
    says(
        &error(&named, &keys(&[("cube", "stamps")])),
        &[there, "--key labels=KEY"],
    );
    says(
        &error(
            &named,
            &keys(&[("cube", "stamps"), ("labels", "label"), ("mags", "m")]),
        ),
        &["a key m"],
    );
    says(
        &error(&named, &keys(&[("image", "stamps")])),
        &["--key", "image=", "cube, labels, mags"],
    );
    let mut options = keys(&[("cube", "stamps"), ("labels", "label")]);
    options.split_key = Some("fold".into());
    says(
        &error(&named, &options),
        &[there, "a key fold for the split"],
    );
    options.split_key = Some("magpsf".into());
    says(
        &error(&named, &options),
        &["magpsf, row 0", "18.5", "1 or validation"],
    );
    let empty = tempfile::tempdir().unwrap();
    npz(&empty.path().join("none.npz"), &[]);
    says(
        &error(empty.path().join("none.npz"), &labelled()),
        &["no arrays at all"],
    );
}

#[test]
fn labels_that_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cube.npz");
    for (labels, parts) in [
        (
            npy("|i1", false, "(3,)", &[0, 1, 2]),
            &[
                "labels, row 2",
                "label 2",
                "1, true or real",
                "--key labels=KEY",
            ][..],
        ),
        (
            npy("|u1", false, "(2,)", &[0, 1]),
            &["labels", "2 values", "3, one per cutout"],
        ),
        (
            npy("|u1", false, "(3, 3)", &[0; 9]),
            &["labels", "3x3 values", "3, one per cutout"],
        ),
        (
            npy("|u1", false, "(3, 2)", &[0, 1, 1, 0, 1, 1]),
            &["labels, row 2", "[1.0, 1.0]", "[0, 1]"],
        ),
        (
            npy("|S4", false, "(3,)", b"realSN\0\0real"),
            &["labels, row 1", "label 'SN'", "bogus"],
        ),
        (
            npy("|O", false, "(3,)", b"pickle"),
            &["labels", "a Python pickle", "astype"],
        ),
        (
            npy("<c8", false, "(3,)", &[0; 24]),
            &["labels", "c8", "integer"],
        ),
    ] {
        npz(&path, &[("cube", cube()), ("labels", labels)]);
        says(&error(&path, &labelled()), parts);
        // For scoring, labels that make no sense are no obstacle.
        if let Ok(set) = open(&[&path], &ReadOptions::default()) {
            assert!(
                set.labels.is_none() && set.notices[0].contains("labels"),
                "{:?}",
                set.notices
            );
        }
        // What is packed keeps its labels, or is an error.
        let packing = ReadOptions {
            labels_kept: true,
            ..ReadOptions::default()
        };
        assert!(stream(&[&path], &packing).is_err());
    }
    says(
        &error(fixture("object.npz"), &labelled()),
        &["object.npz: labels", "pickle"],
    );
    npz(
        &path,
        &[
            ("cube", cube()),
            ("labels", npy("|i1", false, "(3,)", &[255; 3])),
        ],
    );
    says(
        &error(&path, &labelled()),
        &["no usable cutout among 3", "undecided"],
    );
    let mags = npy("<f4", false, "(4,)", &[0; 16]);
    npz(
        &path,
        &[
            ("cube", cube()),
            ("labels", npy("|u1", false, "(3,)", &[0, 1, 1])),
            ("mags", mags),
        ],
    );
    says(
        &error(&path, &labelled()),
        &["mags", "4 values", "3, one per cutout"],
    );
}

#[test]
fn cubes_that_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cube.npz");
    for (cube, parts) in [
        (
            npy("<f4", false, "(0, 5, 5, 1)", &[]),
            &["cube", "[0, 5, 5, 1]", "N, H, W and C at least 1"][..],
        ),
        (
            npy("<f4", false, "(2, 2)", &[0; 16]),
            &["[2, 2]", "(N, H, W, C)"],
        ),
        (
            npy("<U1", false, "(1, 1, 1, 1)", &[65, 0, 0, 0]),
            &["strings"],
        ),
        (npy("|O", false, "(1, 1, 1, 1)", b"x"), &["a Python pickle"]),
        (
            npy("<f4", false, "(9999999999, 9999999999, 9999, 1)", &[]),
            &["too large"],
        ),
        (
            npy("<f4", false, "(99999999, 9999, 9999, 1)", &[0; 8]),
            &["a file of", "truncated"],
        ),
        (b"not an array".to_vec(), &["not an ar", "numpy array"]),
    ] {
        npz(
            &path,
            &[("cube", cube), ("labels", npy("|u1", false, "(1,)", &[1]))],
        );
        says(
            &error(&path, &labelled()),
            &[&["cube.npz: cube"], parts].concat(),
        );
    }
    let blank = dir.path().join("blank.npz");
    let nothing = InMemory {
        values: vec![f32::NAN; 12],
        stride: 4,
    };
    write_cube(
        &blank,
        &Dataset {
            pixels: Box::new(nothing),
            ..made(3, 2, 2, 1)
        },
    )
    .unwrap();
    says(
        &error(&blank, &labelled()),
        &["no usable cutout among 3", "no finite pixel"],
    );
}
