//! FITS files of all kinds.

use std::fs;
use std::path::Path;

use fitsio_pure::gzip;
use rbgpu::data::fits::read_fits_bytes;
use rbgpu::data::{ReadOptions, open};

use super::{labelled, pixels};

/// A header or HDU from cards, and data, each filled to 2880 bytes.
pub fn hdu(cards: &[&str], data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for card in cards.iter().chain(&["END"]) {
        bytes.extend_from_slice(format!("{card:<80}").as_bytes());
    }
    bytes.resize(bytes.len().next_multiple_of(2880), b' ');
    bytes.extend_from_slice(data);
    bytes.resize(bytes.len().next_multiple_of(2880), 0);
    bytes
}

/// The keywords that O'TRAIN demands for training.
pub const DEMANDED: [&str; 2] = ["CANDID  = '7       '", "EDGE    = 'False   '"];

/// An extension called `name` with an image of 1 x 2.
pub fn extension(name: &str, first: f32) -> Vec<u8> {
    hdu(
        &[
            "XTENSION= 'IMAGE   '",
            "BITPIX  =                  -32",
            "NAXIS   =                    2",
            "NAXIS1  =                    2",
            "NAXIS2  =                    1",
            "PCOUNT  =                    0",
            "GCOUNT  =                    1",
            &format!("EXTNAME = '{name:<8}'"),
        ],
        &floats(&[first, 0.0]),
    )
}

/// A primary image of 2 x 3 (rows x columns).
pub fn image(bitpix: i32, extra: &[&str], data: &[u8]) -> Vec<u8> {
    let bitpix = format!("BITPIX  = {bitpix:>20}");
    let mut cards = vec![
        "SIMPLE  =                    T",
        &bitpix,
        "NAXIS   =                    2",
    ];
    cards.extend([
        "NAXIS1  =                    3",
        "NAXIS2  =                    2",
    ]);
    cards.extend(extra);
    hdu(&cards, data)
}

pub fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_be_bytes()).collect()
}

fn values(bytes: &[u8]) -> Vec<f32> {
    read_fits_bytes(bytes, Path::new("x.fits"), None)
        .unwrap()
        .values
}

#[test]
fn every_bitpix_and_scaling() {
    let numbers = [1_i64, 2, 3, 4, 5, 100];
    let expected = [1.0, 2.0, 3.0, 4.0, 5.0, 100.0];
    let be = |f: fn(i64) -> Vec<u8>| numbers.iter().flat_map(|&n| f(n)).collect::<Vec<u8>>();
    assert_eq!(values(&image(8, &[], &be(|n| vec![n as u8]))), expected);
    assert_eq!(
        values(&image(16, &[], &be(|n| (n as i16).to_be_bytes().into()))),
        expected
    );
    assert_eq!(
        values(&image(32, &[], &be(|n| (n as i32).to_be_bytes().into()))),
        expected
    );
    assert_eq!(
        values(&image(64, &[], &be(|n| n.to_be_bytes().into()))),
        expected
    );
    assert_eq!(
        values(&image(-32, &[], &be(|n| (n as f32).to_be_bytes().into()))),
        expected
    );
    assert_eq!(
        values(&image(-64, &[], &be(|n| (n as f64).to_be_bytes().into()))),
        expected
    );
    let cards = [
        "BSCALE  =                  0.5",
        "BZERO   =                 10.0",
        "BLANK   =                    3",
    ];
    let scaled = values(&image(16, &cards, &be(|n| (n as i16).to_be_bytes().into())));
    assert_eq!(scaled[..2], [10.5, 11.0]);
    assert!(scaled[2].is_nan());
    assert_eq!(scaled[5], 60.0);
}

#[test]
fn keywords_and_their_fallbacks() {
    let data = floats(&[0.0; 6]);
    let read = |cards: &[&str]| {
        let cutout =
            read_fits_bytes(&image(-32, cards, &data), Path::new("dir/x.fits"), None).unwrap();
        (cutout.candidate.clone(), cutout.candidate.edge)
    };
    let (c, edge) = read(&[
        "CANDID  =  1034530232615015004",
        "MAG     =                18.25",
        "MAGERR  = '0.5     '",
        "FILTER  = 'r       '",
        "FWHM    =                  2.5",
        "EDGE    = 'False   '",
    ]);
    assert_eq!(
        (c.id.as_str(), c.mag, c.mag_err),
        ("1034530232615015004", 18.25, 0.5)
    );
    assert_eq!((c.filter.as_str(), c.fwhm, edge), ("r", 2.5, Some(false)));
    let (c, edge) = read(&[
        "NAME    = 'obj 1   '",
        "MAG     =                 99.0",
        "HIERARCH mag_calib = 17.5 / calibrated",
        "EDGE    = 'True    '",
    ]);
    assert_eq!((c.id.as_str(), c.mag, edge), ("obj 1", 17.5, Some(true)));
    let (c, edge) = read(&["MAG     = '-99.0   '", "EDGE    =                    T"]);
    assert_eq!((c.id.as_str(), edge), ("x.fits", Some(true)));
    assert!(c.mag.is_nan() && c.mag_err.is_nan() && c.fwhm.is_nan() && c.filter.is_empty());
}

#[test]
fn extensions_planes_and_gzip() {
    let primary = hdu(
        &[
            "SIMPLE  =                    T",
            "BITPIX  =                    8",
            "NAXIS   =                    0",
            "EXTEND  =                    T",
            "CANDID  = 'mef     '",
        ],
        &[],
    );
    let mef = [
        primary.clone(),
        extension("IMAGE", 1.0),
        extension("DIFF", 2.0),
    ]
    .concat();
    let cutout = read_fits_bytes(&mef, Path::new("x.fits"), None).unwrap();
    assert_eq!(
        (cutout.values[0], cutout.candidate.id.as_str()),
        (2.0, "mef")
    );
    let only = [primary.clone(), extension("SCI", 3.0)].concat();
    assert_eq!(values(&gzip::compress(&only, 6))[0], 3.0);
    let two = [primary, extension("SCI", 3.0), extension("REF", 3.0)].concat();
    let error = read_fits_bytes(&two, Path::new("x.fits"), None)
        .unwrap_err()
        .to_string();
    super::says(&error, &["x.fits", "SCI, REF", "DIFF"]);

    let planes = hdu(
        &[
            "SIMPLE  =                    T",
            "BITPIX  =                    8",
            "NAXIS   =                    3",
            "NAXIS1  =                    2",
            "NAXIS2  =                    1",
            "NAXIS3  =                    3",
        ],
        &[1, 2, 3, 4, 5, 6],
    );
    let cutout = read_fits_bytes(&planes, Path::new("x.fits"), None).unwrap();
    assert_eq!(cutout.shape.to_string(), "1x2x3");
    assert_eq!(cutout.values, [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
}

#[test]
fn a_folder_with_everything_that_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: Vec<u8>| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let cards = [&DEMANDED[..], &["MAG     =                 18.0"]].concat();
    let good = |v: f32| image(-32, &cards, &floats(&[v; 6]));
    file("true/b.fits", good(2.0));
    file("true/a.FIT", good(1.0));
    file(
        "true/edge.fits",
        image(
            -32,
            &[DEMANDED[0], "EDGE    = 'True    '"],
            &floats(&[0.0; 6]),
        ),
    );
    file("true/._b.fits", b"resource fork".to_vec());
    file("false/c.fts.gz", gzip::compress(&good(3.0), 6));
    file(
        "false/nan.fits",
        image(-32, &DEMANDED, &floats(&[f32::NAN; 6])),
    );
    file("false/broken.fits", good(4.0)[..2900].to_vec());
    file(
        "false/lfs.fits",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n".to_vec(),
    );
    file("false/notes.txt", b"hello".to_vec());
    let set = open(&[dir.path()], &labelled()).unwrap();
    assert_eq!(set.labels.as_deref(), Some(&[1, 1, 0][..]));
    assert_eq!(
        [pixels(&set, 0)[0], pixels(&set, 1)[0], pixels(&set, 2)[0]],
        [1.0, 2.0, 3.0]
    );
    let why: Vec<(&str, &str)> = set
        .skipped
        .iter()
        .map(|s| (s.what.rsplit('/').next().unwrap(), s.why.as_str()))
        .collect();
    assert_eq!(
        why.iter().map(|w| w.0).collect::<Vec<_>>(),
        ["edge.fits", "broken.fits", "lfs.fits", "nan.fits"]
    );
    super::says(why[0].1, &["EDGE"]);
    super::says(why[1].1, &["2900 bytes", "truncated"]);
    let unreadable: Vec<bool> = set.skipped.iter().map(|s| s.unreadable).collect();
    assert_eq!(unreadable, [false, true, true, false]);
    super::says(why[2].1, &["git lfs pull"]);
    super::says(why[3].1, &["no finite pixel"]);
    assert!(
        set.notices.iter().any(|n| n.starts_with("1 entries of")),
        "{:?}",
        set.notices
    );

    let strict = ReadOptions {
        strict: true,
        ..labelled()
    };
    super::says(
        &super::error(dir.path(), &strict),
        &["broken.fits", "truncated"],
    );
}

#[test]
fn a_folder_without_labels_and_a_single_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("b.fits"), image(8, &[], &[1; 6])).unwrap();
    fs::write(dir.path().join("a.fits"), image(8, &[], &[2; 6])).unwrap();
    let set = open(&[dir.path()], &ReadOptions::default()).unwrap();
    assert_eq!((set.len(), &set.labels), (2, &None));
    assert_eq!(set.candidates[0].id, "a.fits");
    assert!(
        set.notices[0].contains("2 of 2 cutouts have no magnitude"),
        "{:?}",
        set.notices
    );
    let set = open(&[dir.path().join("b.fits")], &ReadOptions::default()).unwrap();
    assert_eq!((set.len(), pixels(&set, 0)[0]), (1, 1.0));
    super::says(
        &super::error(dir.path(), &labelled()),
        &["true/ and false/"],
    );
    super::says(
        &super::error(dir.path().join("b.fits"), &labelled()),
        &["b.fits", "labels"],
    );
}
