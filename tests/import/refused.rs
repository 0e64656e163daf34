//! What rbgpu does not have is refused, by the name of the layer.

use std::path::Path;

use rbgpu::formats::ImportOptions;
use serde_json::Value;

use super::{fixture, refusal};

/// Each network of refused.json, with what the error must say.
const REFUSED: [(&str, &[&str]); 18] = [
    (
        "separable",
        &[
            "layer 2 (separable_conv2d",
            "SeparableConv2D",
            "does not have",
        ],
    ),
    ("dilated", &["layer 2", "Conv2D", "dilation_rate = [2,2]"]),
    ("groups", &["layer 2", "Conv2D", "groups = 2"]),
    ("elu", &["layer 2", "Conv2D", "activation elu"]),
    ("relu6", &["layer 3", "ReLU", "max_value = 6"]),
    (
        "pool_same",
        &["layer 2", "MaxPooling2D", "padding = \"same\""],
    ),
    ("norm_axis", &["layer 2", "BatchNormalization", "axis = 1"]),
    (
        "logits",
        &["layer 3", "Dense", "the end of the network", "sigmoid"],
    ),
    ("three_classes", &["layer 3", "Dense", "softmax on 3 units"]),
    ("dense_on_images", &["layer 2", "Dense", "Flatten"]),
    (
        "sigmoid_inside",
        &["layer 2", "Conv2D", "sigmoid on a convolution"],
    ),
    ("too_small", &["layer 3", "Conv2D", "8x8x2"]),
    ("quantised", &["layer 3", "Dense", "quantised"]),
    ("two_inputs", &["Concatenate"]),
    ("monte_carlo", &["Dropout", "training=True"]),
    ("two_outputs", &["2 outputs"]),
    ("shared", &["Conv2D", "used 2 times"]),
    ("skip", &["Add"]),
];

/// The error for an architecture, beside weights that are never looked at.
fn error_for(description: &Value) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.json");
    std::fs::write(&path, description.to_string()).unwrap();
    let files: [&Path; 2] = [&path, &fixture("keras2_weights.h5")];
    refusal(&files, &ImportOptions::default())
}

#[test]
fn every_network_with_something_else() {
    let text = std::fs::read_to_string(fixture("refused.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let mut left: Vec<&String> = all.as_object().unwrap().keys().collect();
    for (name, parts) in REFUSED {
        let Some(description) = all.get(name) else {
            continue;
        };
        left.retain(|other| *other != name);
        let error = error_for(description);
        for part in parts {
            assert!(error.contains(part), "{name}: {part}: {error}");
        }
    }
    assert!(left.is_empty(), "not looked at: {left:?}");
}

/// The first network of refused.json with `change` made to its JSON.
fn changed(change: impl Fn(&mut Value)) -> String {
    let text = std::fs::read_to_string(fixture("keras3.json")).unwrap();
    let mut network: Value = serde_json::from_str(&text).unwrap();
    change(&mut network);
    error_for(&network)
}

#[test]
fn a_layer_that_only_has_the_name_of_keras_own() {
    let error = changed(|n| n["config"]["layers"][1]["registered_name"] = "Mine>Conv2D".into());
    assert!(
        error.contains("layer 2 (conv2d") && error.contains("not Keras' own"),
        "{error}"
    );
    let error = changed(|n| n["config"]["layers"][1]["module"] = "mine.layers".into());
    assert!(error.contains("not Keras' own"), "{error}");
}

#[test]
fn options_of_nonsense() {
    let cases = [
        ("filters", Value::from(0), "filters = 0"),
        ("filters", "three".into(), "filters = \"three\""),
        ("filters", Value::from(u64::MAX), "more than"),
        ("kernel_size", Value::Null, "no kernel_size"),
        (
            "kernel_size",
            serde_json::json!([3, 3, 3]),
            "kernel_size = [3,3,3]",
        ),
        ("strides", serde_json::json!([0, 1]), "stride"),
        ("padding", "causal".into(), "padding = \"causal\""),
        (
            "data_format",
            "channels_first".into(),
            "data_format = \"channels_first\"",
        ),
        ("use_bias", "yes".into(), "use_bias = \"yes\""),
    ];
    for (option, value, part) in cases {
        let error = changed(|n| n["config"]["layers"][1]["config"][option] = value.clone());
        assert!(error.contains("layer 2"), "{option}: {error}");
        assert!(error.contains(part), "{option}: {error}");
    }
    let error = changed(|n| n["class_name"] = "Mine".into());
    assert!(error.contains("a model of class Mine"), "{error}");
    let error = changed(|n| n["config"]["layers"] = Value::Array(Vec::new()));
    assert!(error.contains("no list of layers"), "{error}");
}

#[test]
fn weights_that_are_not_the_architectures() {
    let other = |json: &str, h5: &str| {
        let files = [fixture(json), fixture(h5)];
        refusal(&[&files[0], &files[1]], &ImportOptions::default())
    };
    let error = other("keras3.json", "keras2_weights.h5");
    assert!(
        error.contains("fc_out/kernel:0") && error.contains("shape"),
        "{error}"
    );
    let error = other("keras2.json", "keras3.weights.h5");
    assert!(
        error.contains("layers/dense_1/vars/0") && error.contains("shape"),
        "{error}"
    );
    let error = other("keras2.json", "keras2_functional.h5");
    assert!(error.contains("left over: a, b, c, f, g"), "{error}");
    assert!(error.contains("layer 2 (conv1), Conv2D"), "{error}");
}
