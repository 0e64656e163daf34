//! `pack`: what any reader gives comes back from the cube or the triple that is made of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rbgpu::data::pack::{Dtype, Format, PackOptions, Packed, pack};
use rbgpu::data::writer::write_cube;
use rbgpu::data::writer_fits::write_fits_folder;
use rbgpu::data::{Channel, Dataset, ReadOptions, open, stream};

use super::writers::{known, same};
use super::{fixture, keys, labelled, made, pixels, says};

/// Packs `inputs` to `out`, quietly.
pub fn packed<P: AsRef<Path>>(
    inputs: &[P],
    read: &ReadOptions,
    options: &PackOptions,
    out: &Path,
) -> rbgpu::Result<Packed> {
    let read = ReadOptions {
        labels_required: false,
        ..read.clone()
    };
    pack(&mut stream(inputs, &read)?, out, options, None, |_| {})
}

pub const TRIPLE: PackOptions = PackOptions {
    format: Format::Triple,
    dtype: Dtype::Auto,
    cutout_size: None,
    frac_true: None,
    seed: 1,
    strict: false,
};

/// The names of the arrays in a .npz, in order.
fn arrays(path: &Path) -> Vec<String> {
    let zip = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
    let names = zip.file_names().map(|name| name.unwrap().into_owned());
    names
        .map(|name| name.trim_end_matches(".npy").to_string())
        .collect()
}

/// NaN is equal to NaN here.
fn bits(set: &Dataset, row: usize) -> Vec<u32> {
    pixels(set, row).iter().map(|v| v.to_bits()).collect()
}

#[test]
fn every_kind_of_input_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out.npz");
    let folder = dir.path().join("folder");
    write_fits_folder(&folder, &made(6, 4, 5, 3)).unwrap();
    let stamps = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/autoscan");
    let named = keys(&[("cube", "stamps"), ("labels", "label"), ("mags", "magpsf")]);
    for (input, options) in [
        (fixture("half.npz"), labelled()),
        (fixture("big_fortran.npz"), labelled()),
        (fixture("compressed.npz"), labelled()),
        (fixture("onehot.npz"), labelled()),
        (fixture("named.npz"), named),
        (fixture("nan.npz"), labelled()),
        (fixture("des"), labelled()),
        (fixture("float"), ReadOptions::default()),
        (fixture("float_x.npy"), ReadOptions::default()),
        (folder.clone(), labelled()),
        (stamps, labelled()),
        (folder.join("true/c1.fits"), ReadOptions::default()),
    ] {
        let name = input.display();
        let expected = open(&[&input], &options).unwrap();
        let report = packed(&[&input], &options, &PackOptions::default(), &out).unwrap();
        assert_eq!(report.shape, expected.shape, "{name}");
        assert!(!report.bytes, "{name}: a cube is f32");
        let read = ReadOptions {
            labels_required: options.labels_required,
            ..ReadOptions::default()
        };
        let found = open(&[&out], &read).unwrap();
        assert_eq!(found.channels, expected.channels, "{name}");
        assert_eq!(
            (found.len(), &found.labels),
            (expected.len(), &expected.labels),
            "{name}"
        );
        for row in 0..found.len() {
            assert_eq!(bits(&found, row), bits(&expected, row), "{name}");
            let (found, expected) = (&found.candidates[row], &expected.candidates[row]);
            assert_eq!(known(found), known(expected), "{name}");
        }
        // And once more as a triple, which has ids and labels only.
        let prefix = dir.path().join("again");
        let _ = fs::remove_file(dir.path().join("again_y.npy"));
        // Three images are read as template, search, difference from one, and so must be those.
        let order = ReadOptions {
            planes: (found.shape.channels == 3).then(|| Channel::ALL.to_vec()),
            ..read.clone()
        };
        if found.shape.channels == 3 && found.channels.is_none() {
            let error = packed(&[&out], &read, &TRIPLE, &prefix).unwrap_err();
            says(&error.to_string(), &["--planes", "3 images without names"]);
        }
        packed(&[&out], &order, &TRIPLE, &prefix).unwrap();
        let again = open(&[&prefix], &read).unwrap();
        assert_eq!(
            (again.len(), &again.labels),
            (found.len(), &found.labels),
            "{name}"
        );
        for row in 0..found.len() {
            assert_eq!(bits(&again, row), bits(&found, row), "{name}");
            assert_eq!(again.candidates[row].id, found.candidates[row].id, "{name}");
        }
    }
}

/// Undecided labels stay what they are; blank cutouts are left out and counted.
#[test]
fn undecided_and_blank_ones() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out.npz");
    let named = keys(&[("cube", "stamps"), ("labels", "label")]);
    let report = packed(
        &[fixture("named.npz")],
        &named,
        &PackOptions::default(),
        &out,
    )
    .unwrap();
    assert_eq!((report.count, report.labels), (6, Some([2, 3, 1])));
    assert!(
        report.notices.iter().any(|n| n.contains("1 of 6")),
        "{:?}",
        report.notices
    );
    assert_eq!(open(&[&out], &labelled()).unwrap().len(), 5);

    let report = packed(
        &[fixture("nan.npz")],
        &labelled(),
        &PackOptions::default(),
        &out,
    )
    .unwrap();
    let left: Vec<&str> = report.skipped.iter().map(|s| s.what.as_str()).collect();
    assert_eq!((report.count, left), (4, vec!["1", "3"]));
    assert!(report.skipped.iter().all(|s| !s.unreadable));
}

#[test]
fn all_metadata_and_the_images_names() {
    let dir = tempfile::tempdir().unwrap();
    let (cube, out) = (dir.path().join("cube.npz"), dir.path().join("out.npz"));
    let mut set = made(4, 3, 3, 2);
    write_cube(&cube, &set).unwrap();
    let otrains = [
        "cube", "labels", "mags", "errmags", "filters", "fwhms", "candids",
    ];
    assert_eq!(arrays(&cube), otrains, "nothing that is not known");

    set.channels = Some(vec![Channel::Difference, Channel::Template].into());
    for (i, candidate) in set.candidates.iter_mut().enumerate() {
        candidate.ra = 99.0 + i as f64;
        candidate.dec = -99.0 + i as f64 / 8.0;
        candidate.mjd = 58_000.5;
        (candidate.x, candidate.y) = (12.5, -3.25);
    }
    let last = &mut set.candidates[3];
    (last.object, last.parent, last.fwhm_psf) = ("ZTF18é".into(), "ccd.fits".into(), 2.25);
    last.ra = f64::NAN;
    last.mag = f64::NAN;
    write_cube(&cube, &set).unwrap();
    let mut all = otrains.to_vec();
    all.extend([
        "objects",
        "parents",
        "ras",
        "decs",
        "mjds",
        "xs",
        "ys",
        "fwhms_psf",
        "channels",
    ]);
    assert_eq!(arrays(&cube), all);
    packed(&[&cube], &labelled(), &PackOptions::default(), &out).unwrap();
    for path in [&cube, &out] {
        let found = open(&[path], &labelled()).unwrap();
        same(&found, &set);
        assert_eq!(found.channels, set.channels);
    }
    let one = ReadOptions {
        channels: Some(vec![Channel::Template]),
        ..labelled()
    };
    packed(&[&cube], &one, &PackOptions::default(), &out).unwrap();
    let found = open(&[&out], &labelled()).unwrap();
    assert_eq!(found.channels.as_deref(), Some(&[Channel::Template][..]));
    assert_eq!(pixels(&found, 2)[..2], [201.0, 203.0]);
}

/// Arrays of another program may have names that ours have too.
#[test]
fn names_that_mean_something_else_elsewhere() {
    use super::errors::{npy, npz};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other.npz");
    let members = [
        ("cube", npy("|u1", false, "(3, 2, 2, 1)", &[1; 12])),
        ("labels", npy("|u1", false, "(3,)", &[1, 0, 1])),
        ("xs", npy("|u1", false, "(5,)", &[1; 5])),
        ("parents", npy("|O", false, "(3,)", &[0x80; 24])),
        ("channels", npy("|S3", false, "(1,)", b"red")),
        ("ras", npy("|u1", false, "(3,)", &[7, 8, 9])),
    ];
    npz(&path, &members);
    let set = open(&[&path], &labelled()).unwrap();
    assert_eq!((set.candidates[2].ra, set.channels), (9.0, None));
    assert!(set.candidates[0].x.is_nan());
    says(
        &set.notices.join("\n"),
        &["xs is not used", "channels is not used"],
    );
    let mut named = keys(&[("xs", "xs")]);
    assert!(
        open(&[&path], &named)
            .unwrap_err()
            .to_string()
            .contains("xs")
    );
    named.keys = [("ras".to_string(), "labels".to_string())].into();
    assert_eq!(open(&[&path], &named).unwrap().candidates[0].ra, 1.0);
}

#[test]
fn the_share_of_real_ones() {
    let dir = tempfile::tempdir().unwrap();
    let (cube, out) = (dir.path().join("cube.npz"), dir.path().join("out.npz"));
    let mut set = made(60, 2, 2, 1);
    // 15 real, 45 bogus.
    set.labels = Some((0..60).map(|i| u8::from(i % 4 == 0)).collect());
    write_cube(&cube, &set).unwrap();
    let run = |share: f64, seed: u64| -> rbgpu::Result<(Packed, Vec<String>)> {
        let options = PackOptions {
            frac_true: Some(share),
            seed,
            ..PackOptions::default()
        };
        let report = packed(&[&cube], &labelled(), &options, &out)?;
        let found = open(&[&out], &ReadOptions::default()).unwrap();
        for row in 0..found.len() {
            let from = (pixels(&found, row)[0] / 100.0) as usize;
            assert_eq!(found.candidates[row].id, set.candidates[from].id);
            assert_eq!(
                found.labels.as_ref().unwrap()[row],
                u8::from(from.is_multiple_of(4))
            );
        }
        let ids: Vec<String> = found.candidates.iter().map(|c| c.id.clone()).collect();
        Ok((report, ids))
    };
    for (share, kept) in [(0.5, [15, 15, 0]), (0.35, [10, 19, 0]), (0.9, [15, 2, 0])] {
        let (report, _) = run(share, 1).unwrap();
        assert_eq!(report.labels, Some(kept), "{share}");
        assert!(report.notices[0].contains("of 60 candidates were chosen"));
    }
    let ids = |seed| run(0.5, seed).unwrap().1;
    assert_eq!(ids(1), ids(1));
    assert_ne!(ids(1), ids(2), "the seed chooses");
    says(
        &run(1.5, 1).unwrap_err().to_string(),
        &["--frac-true", "1.5"],
    );
    set.labels = None;
    write_cube(&cube, &set).unwrap();
    says(
        &run(0.5, 1).unwrap_err().to_string(),
        &["--frac-true", "labelled"],
    );
}

/// Nothing is left behind by a run that fails: neither file, nor the pixels that waited.
#[test]
fn a_failed_run_leaves_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("in");
    write_fits_folder(&input, &made(6, 4, 5, 1)).unwrap();
    let broken: PathBuf = input.join("true/c3.fits");
    let whole = fs::read(&broken).unwrap();
    fs::write(&broken, &whole[..2900]).unwrap();
    let out = dir.path().join("out.npz");
    fs::write(&out, b"old").unwrap();
    let strict = ReadOptions {
        strict: true,
        ..labelled()
    };
    let error = packed(&[&input], &strict, &PackOptions::default(), &out).unwrap_err();
    says(&error.to_string(), &["c3.fits", "truncated"]);
    let prefix = dir.path().join("des");
    packed(&[&input], &strict, &TRIPLE, &prefix).unwrap_err();
    assert_eq!(fs::read(&out).unwrap(), b"old");
    let mut names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["in", "out.npz"]);

    let report = packed(&[&input], &labelled(), &PackOptions::default(), &out).unwrap();
    assert_eq!((report.count, report.skipped.len()), (5, 1));
    assert!(report.skipped[0].unreadable);
}

/// `pack --truth`: within the radius real, elsewhere bogus, without a position left out.
#[test]
fn true_by_position() {
    use rbgpu::data::truth::{Radius, Truth};
    let dir = tempfile::tempdir().unwrap();
    let (cube, out) = (dir.path().join("cube.npz"), dir.path().join("out.npz"));
    let mut set = made(5, 2, 2, 1);
    for (candidate, (ra, dec)) in set.candidates.iter_mut().zip([
        (10.0, 20.0),
        (10.0, 20.0 + 2.0 / 3600.0),
        (10.5, 20.0),
        (f64::NAN, 20.0),
        (359.9999, 0.0),
    ]) {
        (candidate.ra, candidate.dec) = (ra, dec);
        candidate.x = 7.0;
        candidate.y = 7.0;
    }
    write_cube(&cube, &set).unwrap();
    let text = "ra,dec\n10.0,20.00005\n0.0,0.0\n200,0\n";
    let truth = Truth::parse(text, Path::new("truth.csv")).unwrap();
    let run = |truth: &Truth, radius: &str, options: &PackOptions| {
        let mut rows = stream(&[&cube], &ReadOptions::default()).unwrap();
        let radius: Radius = radius.parse().unwrap();
        pack(&mut rows, &out, options, Some((truth, radius)), |_| {})
    };
    let report = run(&truth, "1", &PackOptions::default()).unwrap();
    assert_eq!((report.count, report.labels), (4, Some([2, 2, 0])));
    says(
        &report.notices.join("\n"),
        &[
            "2 of 3 positions in truth.csv",
            "1 have none",
            "5 candidates had labels",
        ],
    );
    assert_eq!(report.skipped[0].what, "c3");
    says(&report.skipped[0].why, &["no RA and Dec"]);
    let found = open(&[&out], &labelled()).unwrap();
    assert_eq!(found.labels.as_deref(), Some(&[1, 0, 0, 1][..]));
    assert_eq!(
        run(&truth, "2", &PackOptions::default()).unwrap().labels,
        Some([3, 1, 0])
    );
    let strict = PackOptions {
        strict: true,
        ..PackOptions::default()
    };
    says(
        &run(&truth, "1", &strict).unwrap_err().to_string(),
        &["c3: no RA and Dec"],
    );
    let error = run(&truth, "2px", &PackOptions::default()).unwrap_err();
    says(&error.to_string(), &["truth.csv", "no x and y"]);
    let named = Truth::parse("x,y,image\n7,7,a.fits\n", Path::new("t.csv")).unwrap();
    let error = run(&named, "2px", &PackOptions::default()).unwrap_err();
    says(
        &error.to_string(),
        &["no usable cutout", "no name of its image"],
    );
}
