//! Real files, where they are: `RBGPU_SHARED` or `../shared` beside the
//! checkout. Absent, these tests say so and pass.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rbgpu::data::writer::write_cube;
use rbgpu::data::{Dataset, Fractions, Part, ReadOptions, Split, open};

use super::{keys, labelled, pixels};

pub fn shared(path: &str) -> Option<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("RBGPU_SHARED").map(PathBuf::from);
    // A worktree lies one folder deeper than a checkout.
    let places = named
        .into_iter()
        .chain([manifest.join("../shared"), manifest.join("../../shared")]);
    let found = places
        .map(|p| p.join(path))
        .find(|p| p.exists() || p.with_extension("npy").exists());
    if found.is_none() {
        println!("skipped: no {path} in RBGPU_SHARED or ../shared");
    }
    found
}

fn by_id(set: &Dataset) -> HashMap<String, usize> {
    set.candidates
        .iter()
        .enumerate()
        .map(|(i, c)| (c.id.clone(), i))
        .collect()
}

fn same_number(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

#[test]
fn otrain_folder_equals_what_otrain_made_of_it() {
    let Some(dir) = shared("real/ztf_otrain_fits") else {
        return;
    };
    let ours = open(&[&dir], &labelled()).unwrap();
    let theirs = open(&[dir.join("otrain_convert_reference.npz")], &labelled()).unwrap();
    assert_eq!((ours.len(), ours.class_counts()), (800, (400, 400)));
    assert_eq!(
        (theirs.len(), theirs.shape, theirs.class_counts()),
        (800, ours.shape, (400, 400))
    );
    let rows = by_id(&theirs);
    let mut with_nan = 0;
    for (row, candidate) in ours.candidates.iter().enumerate() {
        let other = rows[&candidate.id];
        let bits = |v: Vec<f32>| {
            v.iter()
                .map(|x| if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() })
                .collect::<Vec<_>>()
        };
        let mine = pixels(&ours, row);
        with_nan += usize::from(mine.iter().any(|v| v.is_nan()));
        assert_eq!(bits(mine), bits(pixels(&theirs, other)), "{}", candidate.id);
        assert_eq!(
            ours.labels.as_ref().unwrap()[row],
            theirs.labels.as_ref().unwrap()[other]
        );
        let reference = &theirs.candidates[other];
        assert_eq!(candidate.filter, reference.filter);
        assert!(
            same_number(candidate.mag, reference.mag),
            "{candidate:?} {reference:?}"
        );
        assert!(
            same_number(candidate.mag_err, reference.mag_err),
            "{candidate:?} {reference:?}"
        );
        assert!(
            same_number(candidate.fwhm, reference.fwhm),
            "{candidate:?} {reference:?}"
        );
    }
    assert_eq!(with_nan, 52);
    let split = Split::make(&ours, Fractions::default(), 1).unwrap();
    assert_eq!(
        (split.train.len(), split.validation.len(), split.test.len()),
        (560, 80, 160)
    );
}

/// One array of a .npz: its type, its shape, and its bytes without the header.
fn array(path: &Path, key: &str) -> (String, Vec<u64>, Vec<u8>) {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut bytes = Vec::new();
    let mut member = zip.by_name(&format!("{key}.npy")).unwrap();
    std::io::Read::read_to_end(&mut member, &mut bytes).unwrap();
    let mut rest = &bytes[..];
    let header = npyz::NpyHeader::from_reader(&mut rest).unwrap();
    (
        header.dtype().descr(),
        header.shape().to_vec(),
        rest.to_vec(),
    )
}

/// Array by array and bit by bit, in the order of candid: O'TRAIN takes the files as the
/// folder has them.
#[test]
fn pack_writes_otrains_cube() {
    use rbgpu::data::pack::PackOptions;
    let Some(dir) = shared("real/ztf_otrain_fits") else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let (out, theirs) = (
        place.path().join("cube.npz"),
        dir.join("otrain_convert_reference.npz"),
    );
    let options = PackOptions {
        frac_true: Some(0.5),
        ..PackOptions::default()
    };
    let report = super::pack::packed(&[&dir], &labelled(), &options, &out).unwrap();
    assert_eq!(report.labels, Some([400, 400, 0]));
    let order = |path: &Path| {
        let (_, shape, ids) = array(path, "candids");
        let item = ids.len() / shape[0] as usize;
        let mut rows: Vec<usize> = (0..shape[0] as usize).collect();
        rows.sort_by_key(|&row| &ids[row * item..(row + 1) * item]);
        rows
    };
    let (our_rows, their_rows) = (order(&out), order(&theirs));
    for key in [
        "cube", "labels", "mags", "errmags", "filters", "fwhms", "candids",
    ] {
        let (ours, theirs) = (array(&out, key), array(&theirs, key));
        assert_eq!((&ours.0, &ours.1), (&theirs.0, &theirs.1), "{key}");
        let item = ours.2.len() / 800;
        let row = |bytes: &[u8], row: usize| bytes[row * item..(row + 1) * item].to_vec();
        for (&a, &b) in our_rows.iter().zip(&their_rows) {
            assert!(
                row(&ours.2, a) == row(&theirs.2, b),
                "{key}, rows {a} and {b}"
            );
        }
    }
}

#[test]
fn triplets_with_named_keys() {
    let Some(path) = shared("real/ztf_train51/ztf51_uint8.npz") else {
        return;
    };
    let mut options = keys(&[
        ("cube", "stamps"),
        ("labels", "label"),
        ("mags", "magpsf"),
        ("candids", "candid"),
        ("fwhms", "fwhm"),
        ("filters", "fid"),
    ]);
    options.split_key = Some("split".into());
    let set = open(&[&path], &options).unwrap();
    assert_eq!(set.shape.to_string(), "51x51x3");
    assert!(
        set.len() < 2880 && set.skipped.len() == 1,
        "{:?}",
        set.skipped
    );
    let parts = set.parts.as_ref().unwrap();
    assert!(parts.contains(&Part::Train) && parts.contains(&Part::Validation));
    assert_eq!(set.candidates[0].id, "516171791415015025");
    assert_eq!(set.candidates[0].filter, "2");
    assert!((set.candidates[0].mag - 19.867216).abs() < 1e-6);
    let (real, bogus) = set.class_counts();
    assert!(real > 100 && bogus > 100);
    let all = open(
        &[&path],
        &ReadOptions {
            labels_required: false,
            ..options
        },
    )
    .unwrap();
    assert_eq!(
        (all.len(), pixels(&all, 0)[..3].to_vec()),
        (2880, vec![16.0, 112.0, 152.0])
    );
}

#[test]
fn third_party_fits_and_des_stamps() {
    if let Some(dir) = shared("real/ztf_stargal_fits/star") {
        let set = open(&[&dir], &ReadOptions::default()).unwrap();
        assert_eq!(set.shape.to_string(), "20x20x1");
        assert!(set.skipped.is_empty() && set.notices.iter().any(|n| n.contains("no magnitude")));
    }
    if let Some(prefix) = shared("real/des_autoscan10/input_x.npy") {
        let set = open(&[prefix.with_file_name("input")], &ReadOptions::default()).unwrap();
        assert_eq!((set.len(), set.shape.to_string().as_str()), (10, "51x51x3"));
    }
}

#[test]
fn golden_cubes() {
    let Some(small) = shared("golden/cube_small.npz") else {
        return;
    };
    let read = |name: &str| open(&[small.with_file_name(name)], &labelled()).unwrap();
    let (stored, deflated) = (read("cube_small.npz"), read("cube_small_compressed.npz"));
    assert_eq!((stored.len(), stored.class_counts()), (400, (200, 200)));
    assert_eq!(pixels(&stored, 0)[0], 14.843_676);
    assert_eq!(pixels(&stored, 5)[3 * 32 + 17], -37.220_27);
    for row in 0..400 {
        assert_eq!(pixels(&stored, row), pixels(&deflated, row));
    }
    assert!(stored.candidates[1].mag.is_nan() && stored.candidates[0].mag == 19.8222);
    assert_eq!(stored.candidates[2].filter, "sdss_r");
    let text = read("cube_small_strmags.npz");
    assert_eq!(
        (text.candidates[1].id.as_str(), text.candidates[1].mag),
        ("100007", 17.8829)
    );
    assert!(text.candidates[0].mag.is_nan());
    let validation = read("cube_validation.npz");
    assert_eq!((validation.len(), validation.class_counts().0), (60, 21));
    let dir = tempfile::tempdir().unwrap();
    write_cube(dir.path().join("again.npz"), &stored).unwrap();
    let again = open(&[dir.path().join("again.npz")], &labelled()).unwrap();
    assert_eq!(pixels(&again, 399), pixels(&stored, 399));
}
