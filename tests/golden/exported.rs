//! Keras' weights, exported to ONNX and run by an interpreter of the tests, give
//! Keras' scores.
//!
//! With RBGPU_EXPORT_DIR the models are left there, for tests/peers/export_check.py.

use std::path::Path;

use ndarray::ArrayD;
use rbgpu::backend::Device;
use rbgpu::data::{Normalisation, Preprocess};
use rbgpu::formats::{Export, Format, ModelFile, Provenance};

use super::committed;
use super::common::worst;
use super::fixture::Golden;
use super::interpreter;
use super::shared;

fn exported(golden: &Golden) {
    let model = ModelFile {
        model: golden.model(&Device::cpu()),
        preprocess: Preprocess::Plain(Normalisation::None),
        channels: None,
        calibration: None,
        threshold: 0.5,
        provenance: Provenance::default(),
    };
    if let Some(folder) = std::env::var_os("RBGPU_EXPORT_DIR") {
        let file = format!("{}.safetensors", golden.name);
        model.write(&Path::new(&folder).join(file)).unwrap();
    }
    let export = Export {
        format: Format::Onnx,
        with_normalisation: false,
    };
    let file = export.bytes(&model, Path::new(&golden.name)).unwrap();
    let x = ArrayD::from_shape_vec(golden.x.shape.clone(), golden.x.values.clone()).unwrap();
    let got = interpreter::run(&file, x);
    let difference = worst(&got, &golden.infer).0;
    println!("{}: {difference:.1e}", golden.name);
    // Both are f64; the rest is Keras' epsilon, which ONNX has in f32.
    assert!(difference <= 1e-8, "{}: {difference}", golden.name);
}

#[test]
fn small_networks() {
    for name in ["tiny_des1", "tiny_des2", "tiny_des4", "tiny_otrain"] {
        exported(&Golden::read(&committed::folder(), name, None, |_| None));
    }
}

/// A test each: the interpreter is slow, and they run side by side.
macro_rules! published {
    ($($name:ident),*) => {$(
        #[test]
        fn $name() {
            if let Some(folder) = shared::folder() {
                exported(&shared::read(&folder, stringify!($name)));
            }
        }
    )*};
}

published!(des1, des2, des3, des4, otrain, otrain32);
