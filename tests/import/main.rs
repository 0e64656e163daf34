//! Networks that others trained: taken over exactly, or refused by name.

#[path = "../common/mod.rs"]
mod common;
#[path = "../golden/npz.rs"]
#[allow(dead_code)]
mod npz;

mod damaged;
mod images;
mod keras;
mod layers;
mod preprocess;
mod pytorch;
mod real;
mod refused;
mod taken_over;

use std::path::{Path, PathBuf};

use rbgpu::backend::Device;
use rbgpu::formats::{ImportOptions, ModelFile, import};

use npz::Npz;

/// A file of tests/fixtures/keras.
fn fixture(name: &str) -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.join("tests/fixtures/keras").join(name)
}

/// What the networks of tests/fixtures/keras give, by Keras and PyTorch.
fn expected() -> Npz {
    Npz::read(&fixture("expected.npz"))
}

fn f32s(values: &[f64]) -> Vec<f32> {
    values.iter().map(|v| *v as f32).collect()
}

/// Imports without an error.
fn imported(files: &[&Path], options: &ImportOptions) -> (ModelFile, Vec<String>) {
    import(files[0], files.get(1).copied(), options).unwrap_or_else(|error| panic!("{error}"))
}

/// The error of an import that must fail.
fn refusal(files: &[&Path], options: &ImportOptions) -> String {
    match import(files[0], files.get(1).copied(), options) {
        Ok(_) => panic!("{} was imported", files[0].display()),
        Err(error) => error.to_string(),
    }
}

/// The cpu, and the gpu where there is one.
fn devices() -> Vec<Device> {
    let gpu = common::gpu().map(Device::Gpu);
    [Device::cpu()].into_iter().chain(gpu).collect()
}

/// The model as it is after it was written and read onto `device`.
fn reread(file: &ModelFile, device: &Device) -> ModelFile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    file.write(&path).unwrap();
    ModelFile::read(&path, device).unwrap()
}

/// The largest difference; NaN if one is.
fn worst(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let each = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    each.fold(0.0, |worst, d| if d <= worst { worst } else { d })
}

/// P(real) for `x`, made ready already, on every device: `expected` to `tolerance`.
fn check_scores(file: &ModelFile, x: &[f64], expected: &[f64], tolerance: f64) {
    for device in devices() {
        let file = reread(file, &device);
        let input = file.model.input(&f32s(x)).unwrap();
        let scores = file.model.score(input).unwrap();
        let worst = worst(&scores, expected);
        assert!(
            worst <= tolerance,
            "{}: {worst} > {tolerance}",
            device.name()
        );
    }
}
