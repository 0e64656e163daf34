//! Candidates one after the other, and the images of a cutout by name.

use std::fs;
use std::path::Path;

use rbgpu::data::fits::read_fits_bytes;
use rbgpu::data::writer::write_cube;
use rbgpu::data::{Channel, ReadOptions, Row, Rows, open, stream};

use super::folders::{DEMANDED, extension, floats, hdu, image};
use super::{error, labelled, made, pixels, says};

/// A multi-extension file as STDPipe writes it: nothing in the primary HDU but
/// keywords, one 1 x 2 image per name, whose first pixel is its place.
fn extensions(primary: &[&str], names: &[&str]) -> Vec<u8> {
    let mut cards = vec![
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    0",
        "EXTEND  =                    T",
    ];
    cards.extend(primary);
    let mut bytes = hdu(&cards, &[]);
    for (place, name) in names.iter().enumerate() {
        bytes.extend(extension(name, place as f32));
    }
    bytes
}

fn first_pixels(bytes: &[u8], wanted: Option<&[Channel]>) -> Vec<f32> {
    let cutout = read_fits_bytes(bytes, Path::new("x.fits"), wanted).unwrap();
    cutout.values[..cutout.shape.channels].to_vec()
}

#[test]
fn extensions_are_chosen_by_name() {
    use Channel::{Difference, Search, Template};
    let file = extensions(&[], &["IMAGE", "TEMPLATE", "DIFF", "MASK"]);
    assert_eq!(first_pixels(&file, None), [2.0], "what O'TRAIN takes");
    let all = first_pixels(&file, Some(&Channel::ALL));
    assert_eq!(all, [1.0, 0.0, 2.0], "template, search, difference");
    assert_eq!(first_pixels(&file, Some(&[Search, Difference])), [0.0, 2.0]);

    let other = extensions(&[], &["SCIENCE", "REFERENCE"]);
    assert_eq!(first_pixels(&other, Some(&[Template, Search])), [1.0, 0.0]);
    let error = read_fits_bytes(&other, Path::new("x.fits"), Some(&[Difference]));
    let error = error.unwrap_err().to_string();
    says(
        &error,
        &["x.fits", "SCIENCE, REFERENCE", "named difference"],
    );
}

#[test]
fn otrains_fallbacks_are_for_files_with_extensions() {
    let read = |bytes: &[u8]| read_fits_bytes(bytes, Path::new("dir/x.fits"), None).unwrap();
    let cards = [
        "NAME    = 'obj 1   '",
        "MAG     =                 18.0",
        "HIERARCH mag_calib = 17.5 / calibrated",
        "RA      = '12:30:36'",
        "DEC     = '-00:30:00'",
        "XPOS    =                 99.0",
        "FILE    = 'field_7.fits'",
        "DATE-OBS= '1858-11-18T12:00:00'",
    ];
    let several = read(&extensions(&cards, &["IMAGE", "DIFF"]));
    let candidate = &several.candidate;
    assert_eq!((candidate.id.as_str(), candidate.mag), ("obj 1", 17.5));
    assert_eq!((candidate.ra, candidate.dec), (187.65, -0.5));
    assert_eq!((candidate.x, candidate.mjd), (99.0, 1.5));
    assert_eq!(
        (candidate.parent.as_str(), candidate.filter.as_str()),
        ("field_7.fits", "Clear")
    );
    assert!(several.missing.is_empty());

    let alone = read(&image(-32, &cards, &floats(&[0.0; 6])));
    assert_eq!(
        alone.candidate.mag, 18.0,
        "gmadet's own magnitude comes first"
    );
    assert_eq!(alone.missing, ["EDGE", "CANDID"]);
    assert_eq!(
        read(&image(-32, &DEMANDED, &floats(&[0.0; 6]))).missing,
        [""; 0]
    );
}

#[test]
fn training_demands_what_otrain_demands() {
    let dir = tempfile::tempdir().unwrap();
    for class in ["true", "false"] {
        fs::create_dir(dir.path().join(class)).unwrap();
        let bare = image(-32, &[], &floats(&[1.0; 6]));
        fs::write(dir.path().join(class).join("bare.fits"), bare).unwrap();
    }
    let error = open(&[dir.path()], &labelled()).unwrap_err().to_string();
    says(
        &error,
        &[
            "no usable cutout among 2",
            "no keyword EDGE and CANDID",
            "--lenient",
        ],
    );
    let whole = image(-32, &DEMANDED, &floats(&[1.0; 6]));
    fs::write(dir.path().join("true/whole.fits"), whole).unwrap();
    let set = open(&[dir.path()], &labelled()).unwrap();
    assert_eq!((set.len(), set.skipped.len()), (1, 2));
    let lenient = ReadOptions {
        lenient: true,
        ..labelled()
    };
    assert_eq!(
        open(&[dir.path()], &lenient).unwrap().class_counts(),
        (2, 1)
    );
}

#[test]
fn a_stream_gives_every_candidate_a_row() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("night");
    fs::create_dir(&folder).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
    write("a.fits", &image(-32, &[], &floats(&[1.0; 6])));
    write(
        "b.fits",
        &image(-32, &["EDGE    = 'True    '"], &floats(&[1.0; 6])),
    );
    write("c.fits", b"SIMPLE  = nonsense");
    write("d.fits", &image(-32, &[], &floats(&[f32::NAN; 6])));
    write("e.fits", &image(-32, &[], &floats(&[5.0; 6])));
    let cube = dir.path().join("cube.npz");
    let mut set = made(5, 2, 3, 1);
    set.labels = None;
    write_cube(&cube, &set).unwrap();

    let mut rows = stream(&[&folder, &cube], &ReadOptions::default()).unwrap();
    assert_eq!(rows.expected(), Some(10));
    let mut all = Vec::new();
    loop {
        let some = rows.next(3).unwrap();
        if some.is_empty() {
            break;
        }
        assert!(some.len() <= 3);
        all.extend(some);
    }
    let told: Vec<(String, String)> = all
        .iter()
        .map(|row| match row {
            Row::Cutout(cutout) => (cutout.candidate.id.clone(), cutout.values[0].to_string()),
            Row::Failed(failed) => (failed.candidate.id.clone(), failed.why.clone()),
        })
        .collect();
    let ids: Vec<&str> = told.iter().map(|(id, _)| id.as_str()).collect();
    let files = ["a.fits", "b.fits", "c.fits", "d.fits", "e.fits"];
    assert_eq!(ids, [&files[..], &["c0", "c1", "c2", "c3", "c4"]].concat());
    for (row, said) in [
        (0, "1"),
        (1, "EDGE is True"),
        (3, "no finite pixel"),
        (6, "100"),
    ] {
        says(&told[row].1, &[said]);
    }
    let broken: Vec<bool> = all
        .iter()
        .map(|row| matches!(row, Row::Failed(failed) if failed.unreadable))
        .collect();
    assert_eq!(broken.iter().filter(|b| **b).count(), 1, "c.fits alone");

    let strict = ReadOptions {
        strict: true,
        ..ReadOptions::default()
    };
    let mut rows = stream(&[&folder], &strict).unwrap();
    says(&rows.next(9).unwrap_err().to_string(), &["c.fits"]);
}

/// A cube in the order search, template, difference was read as template, search, difference.
#[test]
fn images_without_names_are_not_chosen_until_they_are_declared() {
    use Channel::{Difference, Search, Template};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cube.npz");
    write_cube(&path, &made(2, 1, 1, 3)).unwrap();
    let reading = |planes: &[Channel], channels: &[Channel]| ReadOptions {
        planes: (!planes.is_empty()).then(|| planes.to_vec()),
        channels: (!channels.is_empty()).then(|| channels.to_vec()),
        ..labelled()
    };
    for wanted in [&[Difference][..], &Channel::ALL] {
        let parts = ["cube.npz", "3 images without names", "--planes"];
        says(&error(&path, &reading(&[], wanted)), &parts);
        let rows = stream(&[&path], &reading(&[], wanted));
        let refused = rows.and_then(|mut rows| rows.next(9)).unwrap_err();
        says(&refused.to_string(), &parts);
    }
    let own = [Search, Template, Difference];
    let set = open(&[&path], &reading(&own, &[])).unwrap();
    assert_eq!(set.channels.as_deref(), Some(&own[..]));
    assert_eq!(pixels(&set, 1), [100.0, 101.0, 102.0]);
    let set = open(&[&path], &reading(&own, &[Template, Difference])).unwrap();
    assert_eq!(pixels(&set, 1), [101.0, 102.0]);
    let mut rows = stream(&[&path], &reading(&own, &[Template])).unwrap();
    match &rows.next(9).unwrap()[1] {
        Row::Cutout(cutout) => assert_eq!(cutout.values, [101.0]),
        row => panic!("{row:?}"),
    }
    // What is unnamed stays so, and nothing is said of an order.
    let set = open(&[&path], &reading(&[], &[])).unwrap();
    assert_eq!(set.channels, None);
    let orders = |notice: &String| notice.contains("template");
    assert!(!set.notices.iter().any(orders), "{:?}", set.notices);
    says(
        &error(&path, &reading(&own[..2], &[])),
        &[
            "3 images without names",
            "2: --planes names search, template",
        ],
    );

    // A file that names its images is believed.
    let named = dir.path().join("named.npz");
    let mut set = made(2, 1, 1, 3);
    set.channels = Some(Channel::ALL.to_vec().into());
    write_cube(&named, &set).unwrap();
    open(&[&named], &reading(&Channel::ALL, &[])).unwrap();
    says(
        &error(&named, &reading(&own, &[])),
        &["named.npz", "template, search, difference", "--planes"],
    );
}

/// A single image has no order, but no name either.
#[test]
fn one_image_without_a_name_is_not_chosen_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one.npz");
    write_cube(&path, &made(2, 1, 1, 1)).unwrap();
    let asked = |model_images, channels| ReadOptions {
        model_images,
        channels,
        ..labelled()
    };
    let difference = Some(vec![Channel::Difference]);
    says(
        &error(&path, &asked(None, difference.clone())),
        &["one image without a name", "--planes difference"],
    );
    let set = open(&[&path], &asked(difference, None)).unwrap();
    assert_eq!((set.channels, set.shape.channels), (None, 1));
}

#[test]
fn a_difference_alone_is_no_folder_of_des_stamps() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a.fits", "diff9.fits", "diff10.fits"] {
        fs::write(dir.path().join(name), image(8, &[], &[1; 6])).unwrap();
    }
    let set = open(&[dir.path()], &ReadOptions::default()).unwrap();
    assert_eq!(set.len(), 3);
}

#[test]
fn the_image_that_is_wanted_must_have_a_pixel() {
    let nan = hdu(
        &[
            "SIMPLE  =                    T",
            "BITPIX  =                  -32",
            "NAXIS   =                    3",
            "NAXIS1  =                    1",
            "NAXIS2  =                    1",
            "NAXIS3  =                    3",
        ],
        &floats(&[1.0, 2.0, f32::NAN]),
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.fits");
    fs::write(&path, nan).unwrap();
    let options = ReadOptions {
        planes: Some(Channel::ALL.to_vec()),
        channels: Some(vec![Channel::Difference]),
        ..ReadOptions::default()
    };
    let rows = stream(&[&path], &options).unwrap().next(9).unwrap();
    assert!(matches!(&rows[0], Row::Failed(failed) if failed.why == "no finite pixel"));
}

/// A fuzzer's: 50 brackets in the type took the parser forever.
#[test]
fn brackets_in_a_header_cost_no_time() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cubes/nested_header.npy");
    let error = open(&[path], &ReadOptions::default())
        .unwrap_err()
        .to_string();
    says(&error, &["nested_header.npy", "deep nesting"]);
}
