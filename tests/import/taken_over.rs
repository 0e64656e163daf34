//! Layers of Keras that have no layer of rbgpu's own and are taken over all the same.

use std::io::{Read, Write};
use std::path::Path;

use rbgpu::backend::Device;
use rbgpu::data::Normalisation;
use rbgpu::formats::{Export, Format, ImportOptions, ModelFile, Provenance, RealOutput};
use rbgpu::nn::{Architecture, Model};

use super::{fixture, imported};

fn real(output: RealOutput) -> ImportOptions {
    ImportOptions {
        real_output: Some(output),
        ..ImportOptions::default()
    }
}

/// keras2.json with `layers` put in front of layer `at`, from 0, read with its weights.
fn with_layers(at: usize, layers: &[serde_json::Value]) -> (ModelFile, Vec<String>) {
    let text = std::fs::read_to_string(fixture("keras2.json")).unwrap();
    let mut network: serde_json::Value = serde_json::from_str(&text).unwrap();
    let all = network["config"]["layers"].as_array_mut().unwrap();
    all.splice(at..at, layers.iter().cloned());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.json");
    std::fs::write(&path, network.to_string()).unwrap();
    imported(
        &[&path, &fixture("keras2_weights.h5")],
        &real(RealOutput::Output(0)),
    )
}

/// What acts in training only was refused, though predict() does nothing there.
#[test]
fn layers_of_training_are_left_out_with_a_notice() {
    let layer = |class: &str, name: &str| {
        serde_json::json!({"module": "keras.layers", "class_name": class,
            "config": {"name": name, "dtype": "float32"}, "registered_name": null})
    };
    let (plain, _) = with_layers(1, &[]);
    let added = [layer("RandomFlip", "flip"), layer("GaussianNoise", "noise")];
    let (file, notices) = with_layers(1, &added);
    assert_eq!(
        file.model.architecture().layers,
        plain.model.architecture().layers
    );
    for (a, b) in file.model.parameters().iter().zip(plain.model.parameters()) {
        assert_eq!(a.tensor.to_vec().unwrap(), b.tensor.to_vec().unwrap());
    }
    for place in [
        "layer 2 (flip), RandomFlip",
        "layer 3 (noise), GaussianNoise",
    ] {
        assert!(
            notices
                .iter()
                .any(|n| n.contains(place) && n.contains("left out")),
            "{notices:?}"
        );
    }
}

/// An average over the whole image, which most networks of today end in, was refused.
#[test]
fn a_global_average_is_an_average_over_the_whole_image() {
    let text = r#"
        name = "gap"
        input = [9, 7, 2]
        layers = [
            { kind = "conv2d", filters = 4, kernel = 3, activation = "relu" },
            { kind = "avg_pool", window = [9, 7] },
            { kind = "flatten" },
            { kind = "dense", units = 1, activation = "sigmoid" },
        ]
    "#;
    let architecture = Architecture::parse(text, Path::new("gap.toml")).unwrap();
    let model = Model::new(architecture, [9, 7, 2], 5, &Device::cpu()).unwrap();
    let own = ModelFile {
        model,
        preprocess: Normalisation::None.into(),
        channels: None,
        calibration: None,
        threshold: 0.5,
        provenance: Provenance::default(),
    };
    let export = Export {
        format: Format::Keras,
        with_normalisation: false,
    };
    let bytes = export.bytes(&own, Path::new("gap")).unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gap.keras");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    for i in 0..archive.len() {
        let mut member = archive.by_index(i).unwrap();
        let name = member.name().unwrap().into_owned();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        if name == "config.json" {
            let mut network: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            let layers = network["config"]["layers"].as_array_mut().unwrap();
            layers.retain(|layer| layer["class_name"] != "Flatten");
            let is_pool =
                |layer: &&mut serde_json::Value| layer["class_name"] == "AveragePooling2D";
            let pool = layers.iter_mut().find(is_pool).unwrap();
            pool["class_name"] = "GlobalAveragePooling2D".into();
            let options = pool["config"].as_object_mut().unwrap();
            options.retain(|key, _| !["pool_size", "strides", "padding"].contains(&&key[..]));
            options.insert("keepdims".into(), false.into());
            bytes = network.to_string().into_bytes();
        }
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(name, options).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap();
    let (file, _) = imported(&[&path], &real(RealOutput::Output(0)));
    assert_eq!(
        file.model.architecture().layers,
        own.model.architecture().layers
    );
    let x: Vec<f32> = (0..3 * 126)
        .map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0)
        .collect();
    let scores = |file: &ModelFile| file.model.score(file.model.input(&x).unwrap()).unwrap();
    assert_eq!(scores(&file), scores(&own));
}
