//! The networks that are written: the published five, and one with everything that
//! they lack. Weights are drawn, moving statistics and biases too.

use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rbgpu::backend::Device;
use rbgpu::data::{Normalisation, Preprocess};
use rbgpu::formats::{Export, Format, ModelFile, Provenance};
use rbgpu::nn::{Architecture, Init, Model, Plan};

/// Layers that stand by themselves, odd strides and sizes, 'same' and 'valid', pools that overlap, a linear layer, batch
/// norm after each kind of layer, and a softmax.
pub const ODD: &str = r#"
name = "odd"
input = [17, 14, 2]
layers = [
    { kind = "rescaling", scale = 0.8, offset = -0.125 },
    { kind = "batch_norm", epsilon = 0.01 },
    { kind = "conv2d", filters = 4, kernel = [4, 3], stride = [2, 3], activation = "relu" },
    { kind = "max_pool", window = [2, 1], stride = 1 },
    { kind = "conv2d", filters = 5, kernel = [2, 5], stride = [3, 1], padding = "same" },
    { kind = "batch_norm" },
    { kind = "relu" },
    { kind = "conv2d", filters = 6, kernel = 2, padding = "valid", activation = "relu" },
    { kind = "avg_pool", window = [1, 2], stride = [1, 1] },
    { kind = "leaky_relu", slope = 0.2 },
    { kind = "leaky_relu", slope = 0.0 },
    { kind = "dropout", rate = 0.25 },
    { kind = "flatten" },
    { kind = "batch_norm" },
    { kind = "dense", units = 7 },
    { kind = "dense", units = 2, activation = "softmax" },
]
"#;

/// The smallest: flat from the start, and a sigmoid.
pub const FLAT: &str = r#"
name = "flat"
input = [3, 2, 2]
layers = [
    { kind = "flatten" },
    { kind = "dense", units = 3, activation = "relu" },
    { kind = "dense", units = 1, activation = "sigmoid" },
]
"#;

/// All of them, by name.
pub fn all() -> Vec<Architecture> {
    let published = Architecture::published().map(|name| Architecture::named(name).unwrap());
    published.chain([ODD, FLAT].map(parsed)).collect()
}

/// A network from its description.
pub fn parsed(text: &str) -> Architecture {
    Architecture::parse(text, Path::new("test.toml")).unwrap()
}

/// A model of `architecture` with drawn weights.
pub fn model(architecture: Architecture, normalisation: Normalisation) -> ModelFile {
    let input = architecture.input.unwrap();
    let values = |i: usize, plan: &Plan| {
        let parameter = plan.parameters().nth(i).unwrap();
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(i as u64);
        // Kernels that keep the signal's size; what starts as 0 or 1 is around it.
        let (centre, spread) = match parameter.init {
            Init::GlorotUniform { fan_in, .. } => (0.0, (3.0 / fan_in as f64).sqrt()),
            Init::Zeros => (0.0, 0.3),
            Init::Ones => (1.0, 0.5),
        };
        let draw = |_| (centre + spread * (2.0 * rng.random::<f64>() - 1.0)) as f32;
        Ok((0..parameter.shape.len()).map(draw).collect::<Vec<f32>>())
    };
    ModelFile {
        model: Model::with_values(architecture, input, &Device::cpu(), values).unwrap(),
        preprocess: Preprocess::Plain(normalisation),
        channels: None,
        calibration: None,
        threshold: 0.37,
        provenance: Provenance::default(),
    }
}

/// `count` cutouts for `model`, of about unit size.
pub fn cutouts(model: &ModelFile, count: usize) -> Vec<f32> {
    let len = count * model.model.plan().input.iter().product::<usize>();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(99);
    (0..len)
        .map(|_| (4.0 * rng.random::<f64>() - 2.0) as f32)
        .collect()
}

/// rbgpu's own P(real) of normalised cutouts.
pub fn scores(model: &ModelFile, cutouts: &[f32]) -> Vec<f64> {
    model
        .model
        .score(model.model.input(cutouts).unwrap())
        .unwrap()
}

/// The bytes of `model` in `format`, without the normalisation.
pub fn exported(model: &ModelFile, format: Format) -> Vec<u8> {
    let export = Export {
        format,
        with_normalisation: false,
    };
    export.bytes(model, Path::new("test")).unwrap()
}
