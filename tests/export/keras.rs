//! Keras' files, read back by another crate than the one that wrote them.

use std::io::{Cursor, Read};

use hdf5_reader::Hdf5File;
use rbgpu::data::Normalisation;
use rbgpu::formats::{Export, Format, ModelFile};
use rbgpu::nn::{Activation, Layer, Pair};
use rbgpu::ops::Padding;
use serde_json::{Value, json};

use super::networks::{FLAT, all, exported, model, parsed};

/// Asserts that the dataset at `place` has the bits of parameter `index`.
fn same_bits(file: &Hdf5File, place: &str, model: &ModelFile, index: usize) {
    let parameter = &model.model.parameters()[index];
    let set = file
        .dataset(place)
        .unwrap_or_else(|e| panic!("{place}: {e}"));
    let read = set
        .read_array::<f32>()
        .unwrap_or_else(|e| panic!("{place}: {e}"));
    assert_eq!(read.shape(), &parameter.tensor.shape()[..], "{place}");
    let own = parameter.tensor.to_vec().unwrap();
    let own: Vec<u32> = own.into_iter().map(|v| (v as f32).to_bits()).collect();
    let read: Vec<u32> = read.iter().map(|v| v.to_bits()).collect();
    assert_eq!(read, own, "{place}");
}

/// What Keras must be told of a layer, written down once more.
fn wanted(layer: &Layer) -> (&'static str, Value) {
    let word = |activation: &Activation| format!("{activation:?}").to_lowercase();
    let pool = |window: &Pair, stride: &Option<Pair>| {
        let strides = stride.unwrap_or(*window).0;
        json!({"pool_size": window.0, "strides": strides, "padding": "valid",
            "data_format": "channels_last"})
    };
    match layer {
        Layer::Conv2d {
            filters,
            kernel,
            stride,
            padding,
            activation,
        } => {
            let padding = if *padding == Padding::Same {
                "same"
            } else {
                "valid"
            };
            (
                "Conv2D",
                json!({"filters": filters, "kernel_size": kernel.0, "strides": stride.0,
                "padding": padding, "activation": word(activation), "use_bias": true,
                "data_format": "channels_last", "dilation_rate": [1, 1], "groups": 1}),
            )
        }
        Layer::BatchNorm { epsilon, momentum } => (
            "BatchNormalization",
            json!({"epsilon": epsilon, "momentum": momentum,
                "center": true, "scale": true}),
        ),
        Layer::MaxPool { window, stride } => ("MaxPooling2D", pool(window, stride)),
        Layer::AvgPool { window, stride } => ("AveragePooling2D", pool(window, stride)),
        Layer::Dropout { rate } => ("Dropout", json!({"rate": rate})),
        Layer::Relu {} => (
            "ReLU",
            json!({"max_value": null, "negative_slope": 0.0, "threshold": 0.0}),
        ),
        Layer::LeakyRelu { slope } => ("LeakyReLU", json!({"alpha": slope})),
        Layer::Rescaling { scale, offset } => {
            ("Rescaling", json!({"scale": scale, "offset": offset}))
        }
        Layer::Flatten {} => ("Flatten", json!({"data_format": "channels_last"})),
        Layer::Dense { units, activation } => (
            "Dense",
            json!({"units": units, "activation": word(activation), "use_bias": true}),
        ),
    }
}

fn check_config(config: &Value, model: &ModelFile) {
    assert_eq!(config["class_name"], "Sequential");
    let layers = config["config"]["layers"].as_array().expect("layers");
    let plan = model.model.plan();
    let [h, w, c] = plan.input;
    assert_eq!(layers[0]["class_name"], "InputLayer");
    assert_eq!(
        layers[0]["config"]["batch_input_shape"],
        json!([null, h, w, c])
    );
    assert_eq!(layers.len(), 1 + plan.layers.len());
    let mut input = plan.input.to_vec();
    for (layer, own) in layers[1..].iter().zip(&plan.layers) {
        let (class, settings) = wanted(&own.layer);
        assert_eq!(layer["class_name"], class, "{}", own.name);
        assert_eq!(layer["config"]["name"], *own.name);
        for (key, value) in settings.as_object().unwrap() {
            assert_eq!(&layer["config"][key], value, "{}: {key}", own.name);
        }
        if let Layer::BatchNorm { .. } = own.layer {
            // With the batch's axis in front, the channels' is the last.
            assert_eq!(layer["config"]["axis"], input.len(), "{}", own.name);
        }
        let built: Vec<Value> = [Value::Null]
            .into_iter()
            .chain(input.iter().map(|n| json!(n)))
            .collect();
        assert_eq!(
            layer["build_config"]["input_shape"],
            json!(built),
            "{}",
            own.name
        );
        input = own.output.to_vec();
    }
}

#[test]
fn h5_has_the_architecture_and_the_weights_bit_for_bit() {
    for architecture in all() {
        let model = model(architecture, Normalisation::Standard);
        let bytes = exported(&model, Format::KerasH5);
        let file = Hdf5File::from_vec(bytes).unwrap();
        let root = file.root_group().unwrap();
        let text = |name: &str| root.attribute(name).unwrap().read_string().unwrap();
        check_config(
            &serde_json::from_str(&text("model_config")).unwrap(),
            &model,
        );
        assert_eq!(text("backend"), "tensorflow");
        assert!(
            text("keras_version").starts_with("2."),
            "the layout is Keras 2's"
        );
        assert_eq!(text("rbgpu_normalisation"), "standard");
        assert_eq!(text("rbgpu_threshold"), "0.37");
        assert_eq!(text("rbgpu_version"), env!("CARGO_PKG_VERSION"));

        let group = file.group("model_weights").unwrap();
        let names = group
            .attribute("layer_names")
            .unwrap()
            .read_strings()
            .unwrap();
        let plan = model.model.plan();
        let own: Vec<&str> = plan.layers.iter().map(|l| l.name.as_str()).collect();
        assert_eq!(names, own);
        let mut index = 0;
        for layer in &plan.layers {
            let group = file
                .group(&format!("model_weights/{}", layer.name))
                .unwrap();
            let names = group.attribute("weight_names").unwrap();
            assert_eq!(
                names.num_elements().unwrap() as usize,
                layer.parameters.len()
            );
            if layer.parameters.is_empty() {
                continue;
            }
            let names = names.read_strings().unwrap();
            for (name, parameter) in names.iter().zip(&layer.parameters) {
                assert_eq!(*name, format!("{}:0", parameter.name));
                same_bits(
                    &file,
                    &format!("model_weights/{}/{name}", layer.name),
                    &model,
                    index,
                );
                index += 1;
            }
        }
        assert_eq!(index, model.model.parameters().len());
    }
}

fn check_weights(bytes: Vec<u8>, model: &ModelFile) {
    let file = Hdf5File::from_vec(bytes).unwrap();
    let mut index = 0;
    for layer in &model.model.plan().layers {
        let vars = file.group(&format!("layers/{}/vars", layer.name)).unwrap();
        assert_eq!(vars.datasets().unwrap().len(), layer.parameters.len());
        for i in 0..layer.parameters.len() {
            same_bits(
                &file,
                &format!("layers/{}/vars/{i}", layer.name),
                model,
                index,
            );
            index += 1;
        }
    }
    assert_eq!(index, model.model.parameters().len());
}

#[test]
fn weights_h5_has_them_by_layer_and_number() {
    for architecture in all() {
        let model = model(architecture, Normalisation::Standard);
        check_weights(exported(&model, Format::KerasWeights), &model);
    }
}

#[test]
fn the_zip_has_both() {
    for architecture in all() {
        let model = model(architecture, Normalisation::Minmax);
        let bytes = exported(&model, Format::Keras);
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut member = |name: &str| {
            let mut bytes = Vec::new();
            zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        };
        check_config(
            &serde_json::from_slice(&member("config.json")).unwrap(),
            &model,
        );
        let metadata: Value = serde_json::from_slice(&member("metadata.json")).unwrap();
        assert!(
            metadata["keras_version"]
                .as_str()
                .unwrap()
                .starts_with("3.")
        );
        assert_eq!(metadata["rbgpu_normalisation"], "minmax");
        check_weights(member("model.weights.h5"), &model);
    }
}

#[test]
fn a_description_beyond_what_hdf5_holds_is_refused() {
    let mut long = parsed(FLAT);
    let dropout = Layer::Dropout { rate: 0.1 };
    long.layers.splice(0..0, vec![dropout; 500]);
    let model = model(long, Normalisation::None);
    let export = Export {
        format: Format::KerasH5,
        with_normalisation: false,
    };
    let folder = tempfile::tempdir().unwrap();
    let refused = export.write(&model, &folder.path().join("long.h5"));
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("long.h5") && refused.contains("64 KiB"),
        "{refused}"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    // The zip has no such limit.
    exported(&model, Format::Keras);
}
