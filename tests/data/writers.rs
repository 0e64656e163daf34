//! What is written is read back; nothing half-written stays.

use std::io::Write;

use rbgpu::data::atomic::atomic_write;
use rbgpu::data::writer::{CubeKind, write_cube, write_cube_rows};
use rbgpu::data::writer_fits::write_fits_folder;
use rbgpu::data::{Candidate, Dataset, InMemory, open};

use super::{labelled, made, pixels, says};

/// What is known of a candidate, to compare: not known is NaN, which is equal to nothing;
/// the file and EDGE are the format's.
pub fn known(candidate: &Candidate) -> String {
    let candidate = Candidate {
        edge: None,
        file: String::new(),
        ..candidate.clone()
    };
    format!("{candidate:?}")
}

/// Asserts that two sets hold the same but for where they came from.
#[track_caller]
pub fn same(found: &Dataset, expected: &Dataset) {
    assert_eq!((found.len(), found.shape), (expected.len(), expected.shape));
    assert_eq!(found.labels, expected.labels);
    for row in 0..found.len() {
        assert_eq!(pixels(found, row), pixels(expected, row));
        assert_eq!(
            known(&found.candidates[row]),
            known(&expected.candidates[row])
        );
    }
}

#[test]
fn a_cube_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cube.npz");
    for channels in [1, 3] {
        let mut set = made(7, 4, 5, channels);
        set.candidates[3].id = "Å–名".into();
        write_cube(&path, &set).unwrap();
        let found = open(&[&path], &labelled()).unwrap();
        same(&found, &set);
        assert!(found.notices.is_empty() && found.skipped.is_empty());
    }
    let first = std::fs::read(&path).unwrap();
    write_cube(&path, &open(&[&path], &labelled()).unwrap()).unwrap();
    assert_eq!(std::fs::read(&path).unwrap().len(), first.len());
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        1,
        "no temporary file stays"
    );
}

#[test]
fn rows_unknown_values_and_the_validation_cube() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cube_validation.npz");
    let mut set = made(6, 2, 2, 1);
    set.candidates[4].mag = f64::NAN;
    write_cube_rows(&path, &set, &[4, 1, 5], CubeKind::Validation).unwrap();
    let found = open(&[&path], &labelled()).unwrap();
    assert_eq!(found.labels.as_deref(), Some(&[0, 1, 1][..]));
    assert_eq!(
        (found.candidates[1].id.as_str(), found.candidates[1].mag),
        ("c1", 19.0)
    );
    assert!(found.candidates[0].mag.is_nan() && found.candidates[1].fwhm.is_nan());
    assert_eq!(pixels(&found, 2), pixels(&set, 5));
}

#[test]
fn a_cube_keeps_nan() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cube.npz");
    let mut set = made(2, 1, 2, 1);
    set.pixels = Box::new(InMemory {
        values: vec![f32::NAN, 1.0, 2.0, 3.0],
        stride: 2,
    });
    write_cube(&path, &set).unwrap();
    assert!(pixels(&open(&[&path], &labelled()).unwrap(), 0)[0].is_nan());
}

#[test]
fn a_folder_comes_back() {
    for channels in [1, 3] {
        let dir = tempfile::tempdir().unwrap();
        let set = made(6, 4, 5, channels);
        write_fits_folder(dir.path(), &set).unwrap();
        let found = open(&[dir.path()], &labelled()).unwrap();
        // Real ones come first.
        let order = vec![1, 3, 5, 0, 2, 4];
        same(&found, &set.into_subset(order));
        let error = write_fits_folder(dir.path(), &found)
            .unwrap_err()
            .to_string();
        says(&error, &["files in it", "empty"]);
    }
}

#[test]
fn a_folder_takes_any_id() {
    let dir = tempfile::tempdir().unwrap();
    let mut set = made(6, 2, 2, 1);
    set.labels = None;
    let long = "x".repeat(300);
    for (candidate, id) in set
        .candidates
        .iter_mut()
        .zip(["a/b", "A_B", "", "../up", &long, "it's é"])
    {
        candidate.id = id.into();
    }
    set.candidates[0].mag = f64::NAN;
    write_fits_folder(dir.path(), &set).unwrap();
    let found = open(&[dir.path()], &Default::default()).unwrap();
    assert_eq!(found.len(), 6);
    let ids: Vec<&str> = found.candidates.iter().map(|c| c.id.as_str()).collect();
    for id in ["a/b", "A_B", "../up", &long[..68], "it's ?", "cutout.fits"] {
        assert!(ids.contains(&id), "{id} in {ids:?}");
    }
}

#[test]
fn a_failed_write_leaves_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model");
    atomic_write(&path, |file| file.write_all(b"old")).unwrap();
    let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
    let error = atomic_write(&path, |file| {
        file.write_all(b"new")?;
        Err::<(), _>(full())
    });
    says(
        &error.unwrap_err().to_string(),
        &["could not write", &path.display().to_string()],
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        1,
        "no temporary file stays"
    );
    let nowhere = dir.path().join("no/such/model");
    let error = atomic_write(&nowhere, |_| Ok(())).unwrap_err().to_string();
    says(
        &error,
        &["could not create", &nowhere.display().to_string()],
    );
}

#[cfg(unix)]
#[test]
fn written_files_have_the_usual_mode() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (ours, usual) = (dir.path().join("a"), dir.path().join("b"));
    atomic_write(&ours, |file| file.write_all(b"x")).unwrap();
    std::fs::write(&usual, b"x").unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(ours), mode(usual));
}
