//! DES triples and FITS files that cannot be read, and how the errors say so.

use std::fs;

use rbgpu::data::ReadOptions;

use super::errors::npy;
use super::folders::{floats, hdu, image};
use super::{error, fixture, keys, labelled, says};

#[test]
fn des_triples_that_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: Vec<u8>| fs::write(dir.path().join(name), bytes).unwrap();
    write("a_x.npy", npy("|u1", false, "(3, 2, 2, 3)", &[0; 36]));
    let a = dir.path().join("a");
    says(
        &error(&a, &labelled()),
        &["a_y.npy", "no such file", "1 artifact"],
    );
    write("a_y.npy", npy("|u1", false, "(4,)", &[0; 4]));
    says(
        &error(&a, &labelled()),
        &["a_y.npy", "4 values", "3, one per cutout"],
    );
    write("b_x.npy", npy("|u1", false, "(3, 2, 2, 3)", &[0; 30]));
    let b = dir.path().join("b");
    says(
        &error(&b, &ReadOptions::default()),
        &["b_x.npy", "158 bytes", "164", "truncated"],
    );
    says(
        &error(fixture("fortran"), &ReadOptions::default()),
        &["fortran_x.npy", "ascontiguousarray"],
    );
    let options = ReadOptions {
        split_key: Some("split".into()),
        ..ReadOptions::default()
    };
    says(&error(&a, &options), &["--split-key", "split", ".npz"]);
    let options = keys(&[("cube", "x")]);
    says(&error(&a, &options), &["--key", "cube=x", ".npz"]);
}

#[test]
fn fits_files_that_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.fits");
    let whole = image(-32, &[], &floats(&[1.0; 6]));
    let no_data = hdu(
        &[
            "SIMPLE  =                    T",
            "BITPIX  =                    8",
            "NAXIS   =                    0",
        ],
        &[],
    );
    let spectrum = hdu(
        &[
            "SIMPLE  =                    T",
            "BITPIX  =                    8",
            "NAXIS   =                    1",
            "NAXIS1  =                    6",
        ],
        &[1; 6],
    );
    let mut negative = whole.clone();
    negative[160..190].copy_from_slice(b"NAXIS   =                   -1");
    for (bytes, parts) in [
        (no_data, &["no image data", "DIFF"][..]),
        (spectrum, &["NAXIS = 1", "2 axes"]),
        (whole[..2890].to_vec(), &["2890 bytes", "truncated"]),
        (whole[..100].to_vec(), &["100 bytes", "truncated"]),
        (negative, &["NAXIS = -1"]),
        (
            image(-32, &[], &floats(&[f32::NAN; 6])),
            &["no usable cutout", "no finite pixel"],
        ),
    ] {
        fs::write(&path, bytes).unwrap();
        says(
            &error(&path, &ReadOptions::default()),
            &[&["x.fits"], parts].concat(),
        );
    }
    // A folder of nothing but broken files names the first.
    fs::write(&path, &whole[..2890]).unwrap();
    says(
        &error(dir.path(), &ReadOptions::default()),
        &["no usable cutout among 1", "x.fits", "truncated"],
    );
}
