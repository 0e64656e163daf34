//! Files that are damaged, or something else: an error, quickly, and never a panic that
//! ends the program.

use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rbgpu::formats::{ImportOptions, import};

use super::{fixture, refusal};

/// What is imported with the damaged bytes in the place of `name`.
const FILES: [(&str, &[&str]); 8] = [
    ("keras2.h5", &["keras2.h5"]),
    ("keras2.keras", &["keras2.keras"]),
    ("keras2_weights.h5", &["keras2.json", "keras2_weights.h5"]),
    ("keras2.json", &["keras2.json", "keras2_weights.h5"]),
    ("keras3.h5", &["keras3.h5"]),
    ("keras3.weights.h5", &["keras3.json", "keras3.weights.h5"]),
    ("torch.pth", &["torch.pth"]),
    ("torch.safetensors", &["torch.safetensors"]),
];

/// A damaged file may be slow to refuse, not endless.
const LONGEST: Duration = Duration::from_secs(20);

fn options() -> ImportOptions {
    ImportOptions {
        network: Some(fixture("torch.toml").display().to_string()),
        input: None,
        ..ImportOptions::default()
    }
}

/// Imports `damaged` in the place of `name`: whatever comes of it, it comes back.
fn survive(name: &str, files: &[&str], damaged: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join(name);
    std::fs::write(&place, damaged).unwrap();
    let paths: Vec<_> = files
        .iter()
        .map(|file| {
            if *file == name {
                place.clone()
            } else {
                fixture(file)
            }
        })
        .collect();
    let mut options = options();
    if name.starts_with("torch") {
        options.input = Some([10, 8, 2]);
    }
    let begun = Instant::now();
    let result = import(&paths[0], paths.get(1).map(|p| p.as_path()), &options);
    assert!(
        begun.elapsed() < LONGEST,
        "{name} took {:?}",
        begun.elapsed()
    );
    if let Err(error) = result {
        assert!(error.to_string().len() < 4000, "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn flipped_and_cut_files(
        which in 0..FILES.len(),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in proptest::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let (name, files) = FILES[which];
        let mut bytes = std::fs::read(fixture(name)).unwrap();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(end) = end {
            bytes.truncate(end.index(bytes.len()));
        }
        survive(name, files, &bytes);
    }
}

/// The beginnings, where the structure is, byte by byte.
#[test]
fn every_byte_of_the_headers() {
    for (name, files) in FILES {
        let whole = std::fs::read(fixture(name)).unwrap();
        for at in (0..whole.len().min(900)).step_by(3) {
            let mut bytes = whole.clone();
            bytes[at] = if bytes[at] == 0xff { 0x7f } else { 0xff };
            survive(name, files, &bytes);
        }
    }
}

#[test]
fn cut_files_are_refused() {
    for (name, files) in FILES {
        let whole = std::fs::read(fixture(name)).unwrap();
        for part in [1, 5, 9] {
            survive(name, files, &whole[..whole.len() * part / 10]);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("half.h5");
    let whole = std::fs::read(fixture("keras2.h5")).unwrap();
    std::fs::write(&place, &whole[..whole.len() / 2]).unwrap();
    let error = refusal(&[&place], &options());
    assert!(error.contains("half.h5"), "{error}");
}

#[test]
fn other_files_are_named_for_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let refuses = |bytes: &[u8], parts: &[&str]| {
        let path = folder.path().join("file.h5");
        std::fs::write(&path, bytes).unwrap();
        let error = refusal(&[&path], &options());
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    };
    refuses(b"", &["an empty file"]);
    refuses(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        &["LFS"],
    );
    refuses(
        b"SIMPLE  =                    T",
        &["a FITS file", ".keras"],
    );
    refuses(
        b"{\"class_name\": \"Sequential\"}",
        &["weights", "ARCHITECTURE.json"],
    );
    let error = refusal(&[folder.path()], &options());
    assert!(error.contains("a folder"), "{error}");
    let error = refusal(&[Path::new("nowhere.h5")], &options());
    assert!(error.contains("nowhere.h5"), "{error}");
    let error = refusal(&[&fixture("keras2_weights.h5")], &options());
    assert!(
        error.contains("no model_config") && error.contains("ARCHITECTURE.json"),
        "{error}"
    );
    let files = [fixture("keras2.h5"), fixture("keras3.h5")];
    let error = refusal(&[&files[0], &files[1]], &options());
    assert!(
        error.contains("an HDF5 file beside an HDF5 file"),
        "{error}"
    );
    let error = refusal(&[&fixture("expected.npz")], &options());
    assert!(error.contains("expected.npz"), "{error}");
}

/// A description may promise what its file cannot hold: nothing is allocated for it.
#[test]
fn promises_beyond_the_file() {
    let text = std::fs::read_to_string(fixture("keras2.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.json");
    std::fs::write(&path, text.replace("\"units\": 5", "\"units\": 70000000")).unwrap();
    let error = refusal(&[&path, &fixture("keras2_weights.h5")], &options());
    assert!(
        error.contains("much smaller") && error.contains("parameters"),
        "{error}"
    );
}
