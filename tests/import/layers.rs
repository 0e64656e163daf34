//! Layers that stand by themselves, and models within models: tests/fixtures/layers.

use std::path::{Path, PathBuf};

use rbgpu::formats::{Export, Format, ImportOptions, RealOutput};
use rbgpu::nn::Layer;
use serde_json::{Value, json};

use super::npz::Npz;
use super::{check_scores, imported, refusal};

/// Float32 in another order of summation.
const TOLERANCE: f64 = 1e-6;

fn file(name: &str) -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.join("tests/fixtures/layers").join(name)
}

fn options() -> ImportOptions {
    ImportOptions {
        real_output: Some(RealOutput::Output(0)),
        ..ImportOptions::default()
    }
}

/// Cases `keras-common-layers-refused`: all of it was refused.
#[test]
fn layers_of_most_networks_in_use_give_what_keras_gives() {
    let expected = Npz::read(&file("expected.npz"));
    for (keras, names) in [
        ("keras2", &["keras2.h5"][..]),
        ("keras2", &["keras2.keras"]),
        ("keras3", &["keras3.h5"]),
        ("keras3", &["keras3.keras"]),
        ("keras3", &["keras3.json", "keras3.weights.h5"]),
    ] {
        let paths: Vec<PathBuf> = names.iter().map(|name| file(name)).collect();
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        let (model, notices) = imported(&paths, &options());
        let said = |n: &String| n.contains("of turns (random_flip") && n.contains("left out");
        assert!(notices.iter().any(said), "{notices:?}");
        let scores = &expected.get(keras).values;
        check_scores(&model, &expected.get("x").values, scores, TOLERANCE);
        let layers = &model.model.architecture().layers;
        assert_eq!(
            layers[0],
            Layer::Rescaling {
                scale: 0.5,
                offset: -0.25
            }
        );
        assert!(layers.contains(&Layer::Relu {}), "{layers:?}");
    }
}

/// What leaves as Keras' file comes back as the same network.
#[test]
fn they_are_exported_as_layers_of_their_own() {
    let expected = Npz::read(&file("expected.npz"));
    let (model, _) = imported(&[&file("keras3.keras")], &options());
    let folder = tempfile::tempdir().unwrap();
    for (format, name) in [(Format::KerasH5, "a.h5"), (Format::Keras, "a.keras")] {
        let path = folder.path().join(name);
        let export = Export {
            format,
            with_normalisation: false,
        };
        std::fs::write(&path, export.bytes(&model, &path).unwrap()).unwrap();
        let (again, _) = imported(&[&path], &options());
        let scores = &expected.get("keras3").values;
        check_scores(&again, &expected.get("x").values, scores, TOLERANCE);
    }
}

/// keras3.json with its model "features" changed by `change`.
fn changed(change: impl Fn(&mut Value)) -> String {
    let text = std::fs::read_to_string(file("keras3.json")).unwrap();
    let mut network: Value = serde_json::from_str(&text).unwrap();
    let layers = network["config"]["layers"].as_array_mut().unwrap();
    let model = layers
        .iter_mut()
        .find(|l| l["config"]["name"] == "features");
    change(model.expect("it has one"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.json");
    std::fs::write(&path, network.to_string()).unwrap();
    refusal(&[&path, &file("keras3.weights.h5")], &options())
}

#[test]
fn an_error_names_the_model_that_a_layer_stands_in() {
    let error = changed(|model| {
        model["config"]["layers"][1]["config"]["dilation_rate"] = json!([2, 2]);
    });
    assert!(error.contains("of features (conv_a), Conv2D"), "{error}");
    let error = changed(|model| {
        model["config"]["layers"][2]["class_name"] = "Lambda".into();
    });
    assert!(error.contains("of features (norm_a), Lambda"), "{error}");
    let error = changed(|model| {
        let layers = model["config"]["layers"].as_array_mut().unwrap();
        layers.retain(|layer| layer["config"]["name"] != "conv_b");
    });
    assert!(error.contains("left over"), "{error}");
}

/// A model holds itself as deeply as a hand can write it; the reader must end.
#[test]
fn models_within_models_have_a_limit() {
    let error = changed(|model| {
        let mut inner = model.clone();
        for _ in 0..20 {
            let mut outer = model.clone();
            outer["config"]["layers"] = json!([inner]);
            inner = outer;
        }
        *model = inner;
    });
    assert!(error.contains("more than 10 models"), "{error}");
}

/// Keras casts pixels to the input's type: uint8 cut their fractions off, without a word here.
#[test]
fn an_input_of_whole_numbers_is_refused() {
    let error = changed(|model| {
        model["config"]["layers"][0]["config"]["dtype"] = "uint8".into();
    });
    assert!(
        error.contains("an input of type uint8") && error.contains("of features"),
        "{error}"
    );
}
