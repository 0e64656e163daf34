//! Keras' files. The .h5 is the one of Keras 2, which Keras 3 still reads:
//! `model_config` and, under `model_weights`, a group per layer. The .keras zip and
//! .weights.h5 are Keras 3's: `layers/<name>/vars/<number>`.
//!
//! HDF5 is written by hdf5-writer. Texts are fixed-length, in the group's header, as
//! Keras 2 wrote them with older h5py; h5py gives them back as bytes, which Keras decodes.

use std::io::{Cursor, Write};
use std::path::Path;

use hdf5_writer::{AttributeBuilder, DatasetBuilder, Hdf5Builder, WriteOptions};
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

use super::facts::Facts;
use crate::engine::Shape;
use crate::formats::tensors::NamedTensor;
use crate::nn::{Activation, Layer, LayerPlan, Model, Pair};
use crate::ops::Padding;
use crate::{Error, Result};

/// The versions whose layouts these are. Keras 2 and 3 tell files apart by them.
const KERAS_2: &str = "2.15.0";
const KERAS_3: &str = "3.0.0";

/// Bytes of a text beside the weights: HDF5 has 64 KiB for one with its name.
const LONGEST: usize = 65_000;

/// Keras' .h5 of model and weights.
pub fn h5(model: &Model, weights: &[NamedTensor], facts: &Facts, path: &Path) -> Result<Vec<u8>> {
    let config = config(model).to_string();
    if config.len() > LONGEST {
        let found = format!("a description of {} bytes", config.len());
        let expected = "less than 64 KiB, which is what HDF5 holds there; .keras has no such limit";
        return Err(Error::input(path, "model_config", found, expected));
    }
    let mut file = told(facts)
        .attribute(text("model_config", &config))
        .attribute(text("keras_version", KERAS_2))
        .attribute(text("backend", "tensorflow"));
    let layers = &model.plan().layers;
    let names: Vec<&str> = layers.iter().map(|layer| layer.name.as_str()).collect();
    file = file
        .group_attribute("model_weights", texts("layer_names", &names, path)?)
        .group_attribute("model_weights", text("keras_version", KERAS_2))
        .group_attribute("model_weights", text("backend", "tensorflow"));
    for layer in layers {
        let names: Vec<String> = layer
            .parameters
            .iter()
            .map(|p| p.name.clone() + ":0")
            .collect();
        let group = format!("model_weights/{}", layer.name);
        file = file.group_attribute(group, texts("weight_names", &names, path)?);
    }
    for tensor in weights {
        let layer = tensor.name.split('/').next().unwrap_or_default();
        let name = format!("model_weights/{layer}/{}:0", tensor.name);
        file = file.dataset(dataset(name, tensor, path)?);
    }
    encoded(file, path)
}

/// Keras 3's .weights.h5.
pub fn weights_h5(
    model: &Model,
    weights: &[NamedTensor],
    facts: &Facts,
    path: &Path,
) -> Result<Vec<u8>> {
    let mut file = told(facts).group_attribute("vars", text("name", "sequential"));
    let mut weights = weights;
    for layer in &model.plan().layers {
        let (own, rest) = weights.split_at(layer.parameters.len());
        let group = format!("layers/{}/vars", layer.name);
        for (i, tensor) in own.iter().enumerate() {
            file = file.dataset(dataset(format!("{group}/{i}"), tensor, path)?);
        }
        file = file.group_attribute(group, text("name", &layer.name));
        weights = rest;
    }
    encoded(file, path)
}

/// Keras 3's .keras.
pub fn zipped(
    model: &Model,
    weights: &[NamedTensor],
    facts: &Facts,
    path: &Path,
) -> Result<Vec<u8>> {
    let mut metadata = json!({ "keras_version": KERAS_3 });
    for (key, value) in facts {
        metadata[prefixed(key)] = value.as_str().into();
    }
    let members = [
        ("metadata.json", metadata.to_string().into_bytes()),
        ("config.json", config(model).to_string().into_bytes()),
        ("model.weights.h5", weights_h5(model, weights, facts, path)?),
    ];
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    // Stored, as Keras does: weights hardly shrink.
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let written = (|| {
        for (name, bytes) in &members {
            zip.start_file(*name, options)?;
            zip.write_all(bytes)?;
        }
        zip.finish()
    })();
    let zip = written.map_err(|e| Error::input(path, "zip", e.to_string(), "what a zip holds"))?;
    Ok(zip.into_inner())
}

/// The model as Keras describes it.
fn config(model: &Model) -> Value {
    let [h, w, c] = model.plan().input;
    let input = json!({
        "name": "input_layer", "dtype": "float32", "sparse": false, "ragged": false,
        // Keras 2's word for it, which Keras 3 knows too.
        "batch_input_shape": [null, h, w, c],
    });
    let mut layers = vec![object("InputLayer", input, None)];
    let mut before = Shape::from(model.plan().input);
    for layer in &model.plan().layers {
        let (class, config) = described(layer);
        layers.push(object(class, config, Some(&before)));
        before = layer.output.clone();
    }
    let config = json!({ "name": "sequential", "trainable": true, "layers": layers });
    object("Sequential", config, Some(&Shape::from([h, w, c])))
}

/// A class with its settings, where it comes from, and what it is built on.
fn object(class: &str, config: Value, input: Option<&Shape>) -> Value {
    let module = match class {
        "Sequential" => "keras",
        _ => "keras.layers",
    };
    let mut object = json!({
        "module": module, "class_name": class, "config": config, "registered_name": null,
    });
    if let Some(input) = input {
        let batch = [Value::Null].into_iter();
        let shape: Value = batch.chain(input.iter().map(|n| (*n).into())).collect();
        object["build_config"] = json!({ "input_shape": shape });
    }
    object
}

/// A layer's class and settings.
fn described(plan: &LayerPlan) -> (&'static str, Value) {
    let (class, mut config) = match &plan.layer {
        Layer::Conv2d {
            filters,
            kernel,
            stride,
            padding,
            activation,
        } => (
            "Conv2D",
            json!({
                "filters": filters, "kernel_size": kernel.0, "strides": stride.0,
                "padding": match padding { Padding::Same => "same", Padding::Valid => "valid" },
                "data_format": "channels_last", "dilation_rate": [1, 1], "groups": 1,
                "activation": name(*activation), "use_bias": true,
            }),
        ),
        Layer::BatchNorm { epsilon, momentum } => (
            "BatchNormalization",
            json!({
                // The same as -1, which Keras 2 does not store.
                "axis": axis(&plan.output), "momentum": momentum, "epsilon": epsilon,
                "center": true, "scale": true,
            }),
        ),
        Layer::MaxPool { window, stride } => ("MaxPooling2D", pooling(*window, *stride)),
        Layer::AvgPool { window, stride } => ("AveragePooling2D", pooling(*window, *stride)),
        Layer::Dropout { rate } => ("Dropout", json!({ "rate": rate })),
        Layer::Relu {} => (
            "ReLU",
            json!({ "max_value": null, "negative_slope": 0.0, "threshold": 0.0 }),
        ),
        // Keras 2's word for the slope, which Keras 3 knows too.
        Layer::LeakyRelu { slope } => ("LeakyReLU", json!({ "alpha": slope })),
        Layer::Rescaling { scale, offset } => {
            ("Rescaling", json!({ "scale": scale, "offset": offset }))
        }
        Layer::Flatten {} => ("Flatten", json!({ "data_format": "channels_last" })),
        Layer::Dense { units, activation } => (
            "Dense",
            json!({ "units": units, "activation": name(*activation), "use_bias": true }),
        ),
    };
    config["name"] = plan.name.as_str().into();
    config["trainable"] = true.into();
    config["dtype"] = "float32".into();
    (class, config)
}

/// The last axis, counted with the batch.
fn axis(shape: &Shape) -> usize {
    shape[..].len()
}

fn pooling(window: Pair, stride: Option<Pair>) -> Value {
    json!({
        "pool_size": window.0, "strides": stride.unwrap_or(window).0,
        "padding": "valid", "data_format": "channels_last",
    })
}

fn name(activation: Activation) -> &'static str {
    match activation {
        Activation::Linear => "linear",
        Activation::Relu => "relu",
        Activation::Sigmoid => "sigmoid",
        Activation::Softmax => "softmax",
    }
}

fn dataset(name: String, tensor: &NamedTensor, path: &Path) -> Result<DatasetBuilder> {
    let shape: Vec<u64> = tensor.shape.iter().map(|n| *n as u64).collect();
    DatasetBuilder::typed_data(name, shape, &tensor.values).map_err(wrong(path, &tensor.name))
}

/// A file that says the facts; Keras does not look at them. One that is too long is
/// about where the model comes from, and nothing that its use depends on.
fn told(facts: &Facts) -> Hdf5Builder {
    let short = facts.iter().filter(|(_, value)| value.len() <= LONGEST);
    short.fold(Hdf5Builder::new(), |file, (key, value)| {
        file.attribute(text(&prefixed(key), value))
    })
}

/// A fact's key beside Keras' own.
fn prefixed(key: &str) -> String {
    match key.starts_with("rbgpu") {
        true => key.into(),
        false => format!("rbgpu_{key}"),
    }
}

fn text(name: &str, value: &str) -> AttributeBuilder {
    AttributeBuilder::fixed_string(name, value)
}

/// A list of texts. An empty one is of numbers, as h5py writes it.
fn texts<S: AsRef<str>>(name: &str, values: &[S], path: &Path) -> Result<AttributeBuilder> {
    match values {
        [] => AttributeBuilder::vector::<f64>(name, &[]),
        _ => AttributeBuilder::fixed_string_vector(name, values),
    }
    .map_err(wrong(path, name))
}

fn encoded(file: Hdf5Builder, path: &Path) -> Result<Vec<u8>> {
    file.into_plan()
        .and_then(|plan| plan.encode(WriteOptions::default()))
        .map_err(wrong(path, "file"))
}

fn wrong(path: &Path, place: &str) -> impl FnOnce(hdf5_writer::Error) -> Error {
    move |e| Error::input(path, place, e.to_string(), "what a file of HDF5 holds")
}
