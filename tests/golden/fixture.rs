//! One network's golden numbers as they lie in a folder.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rbgpu::backend::Device;
use rbgpu::engine::Tensor;
use rbgpu::nn::{Activation, Architecture, Layer, Model, Pair, Plan, Training};
use rbgpu::ops::Padding;
use serde::Deserialize;

use super::choices::Problem;
use super::npz::{Array, Npz};

/// `<network>.json`, as far as it is used here.
#[derive(Debug, Deserialize)]
pub struct Description {
    pub input_shape: [usize; 3],
    pub trainable: usize,
    pub non_trainable: usize,
    pub layers: Vec<LayerEntry>,
    pub variables: Vec<Variable>,
    pub loss_f64: f64,
    pub grad_norms_f64: HashMap<String, Norm>,
    pub traj: HashMap<String, Trajectory>,
}

/// A layer; in the shared set only its name and class.
#[derive(Debug, Deserialize)]
pub struct LayerEntry {
    pub cls: String,
    filters: Option<usize>,
    kernel_size: Option<[usize; 2]>,
    strides: Option<[usize; 2]>,
    padding: Option<Padding>,
    activation: Option<Activation>,
    momentum: Option<f64>,
    epsilon: Option<f64>,
    pool_size: Option<[usize; 2]>,
    rate: Option<f64>,
    units: Option<usize>,
}

#[derive(Debug, Deserialize)]
pub struct Variable {
    pub key: String,
    pub shape: Vec<usize>,
    pub trainable: bool,
}

#[derive(Debug, Deserialize)]
pub struct Norm {
    pub l2: f64,
    #[serde(default)]
    pub delta_l2: f64,
}

/// Five steps of Adam on the one batch.
#[derive(Debug, Deserialize)]
pub struct Trajectory {
    pub lr: f64,
    pub file: String,
    pub losses_f64: Vec<f64>,
    pub infer_after_f64: Vec<Vec<f64>>,
    pub infer_after_f32: Vec<Vec<f64>>,
    pub final_norms_f64: HashMap<String, Norm>,
    pub keras_f32_rel_delta_max: f64,
    pub keras_f32_loss_rel_max: f64,
}

/// A network with everything that Keras computed for it.
#[derive(Debug)]
pub struct Golden {
    pub name: String,
    pub folder: PathBuf,
    pub description: Description,
    pub architecture: Architecture,
    pub weights: Vec<Vec<f32>>,
    pub x: Array,
    pub target: Array,
    /// P(real) per image, in inference and with batch statistics.
    pub infer: Vec<f64>,
    pub train: Vec<f64>,
    pub gradients: Npz,
}

impl Golden {
    /// Reads `name` from `folder`. `architecture` is what the .json does not say;
    /// `weights` are read from `.weights.npz` unless given.
    pub fn read(
        folder: &Path,
        name: &str,
        architecture: Option<Architecture>,
        weights: impl FnOnce(&Description) -> Option<Vec<Vec<f32>>>,
    ) -> Golden {
        let file = |ending: &str| folder.join(format!("{name}.{ending}"));
        let text = std::fs::read_to_string(file("json")).expect("the description is there");
        let description: Description =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}.json: {e}"));
        let architecture = architecture.unwrap_or_else(|| described(name, &description));
        let weights = weights(&description).unwrap_or_else(|| {
            let all = Npz::read(&file("weights.npz"));
            let each = description.variables.iter();
            each.map(|v| all.get(&v.key).values.iter().map(|w| *w as f32).collect())
                .collect()
        });
        let golden = Npz::read(&file("golden.npz"));
        let input = Npz::read(&file("input.npz"));
        let real = |key: &str| {
            let both = golden.get(key);
            let classes = both.shape[1];
            let rows = both.values.chunks(classes);
            rows.map(|row| row[classes - 1]).collect()
        };
        let golden = Golden {
            name: name.into(),
            folder: folder.into(),
            architecture,
            weights,
            x: input.get("x").clone(),
            target: input.get("target").clone(),
            infer: real("infer_f64"),
            train: real("train_f64"),
            gradients: Npz::read(&file("grads.npz")),
            description,
        };
        golden.check();
        golden
    }

    /// The architecture must be the one that Keras had: layer by layer, variable
    /// by variable, in the same order.
    fn check(&self) {
        let plan = Plan::new(&self.architecture, self.description.input_shape).unwrap();
        let keras = self.description.layers.iter().map(|l| l.cls.as_str());
        let keras: Vec<&str> = keras.filter(|cls| *cls != "InputLayer").collect();
        let ours: Vec<&str> = plan.layers.iter().map(|l| class(&l.layer)).collect();
        assert_eq!(ours, keras, "{}: layers", self.name);
        assert_eq!(plan.trainable(), self.description.trainable);
        assert_eq!(plan.not_trainable(), self.description.non_trainable);
        let ours: Vec<_> = plan
            .parameters()
            .map(|p| (p.name.as_str(), p.shape.to_vec(), p.trainable))
            .collect();
        let variables = self.description.variables.iter();
        let keras: Vec<_> = variables
            .map(|v| {
                (
                    v.key.trim_start_matches("sequential/"),
                    v.shape.clone(),
                    v.trainable,
                )
            })
            .collect();
        assert_eq!(ours, keras, "{}: variables", self.name);
        for (values, (key, shape, _)) in self.weights.iter().zip(&keras) {
            assert_eq!(values.len(), shape.iter().product::<usize>(), "{key}");
        }
    }

    /// The network on `device`, with Keras' weights.
    pub fn model(&self, device: &Device) -> Model {
        let input = self.description.input_shape;
        let weights = |i: usize, _: &Plan| Ok(self.weights[i].clone());
        Model::with_values(self.architecture.clone(), input, device, weights).unwrap()
    }

    /// The same as [`Judged`](super::choices::Judged) takes it.
    pub fn problem(&self) -> Problem {
        let wide = |values: &Vec<f32>| values.iter().map(|v| f64::from(*v)).collect();
        Problem {
            architecture: self.architecture.clone(),
            input: self.description.input_shape,
            weights: self.weights.iter().map(wide).collect(),
            x: self.x.values.clone(),
            target: self.target.values.clone(),
            count: self.x.shape[0],
        }
    }

    /// The batch and its targets on `device`.
    pub fn batch(&self, device: &Device) -> (Tensor, Tensor) {
        let tensor =
            |a: &Array| Tensor::new(device, a.shape.clone(), &a.values).expect("it fits its shape");
        (tensor(&self.x), tensor(&self.target))
    }
}

fn class(layer: &Layer) -> &'static str {
    match layer {
        Layer::Conv2d { .. } => "Conv2D",
        Layer::BatchNorm { .. } => "BatchNormalization",
        Layer::MaxPool { .. } => "MaxPooling2D",
        Layer::AvgPool { .. } => "AveragePooling2D",
        Layer::Dropout { .. } => "Dropout",
        Layer::Relu {} => "ReLU",
        Layer::LeakyRelu { .. } => "LeakyReLU",
        Layer::Rescaling { .. } => "Rescaling",
        Layer::Flatten {} => "Flatten",
        Layer::Dense { .. } => "Dense",
    }
}

/// The architecture that the layers' settings describe.
fn described(name: &str, description: &Description) -> Architecture {
    let layer = |entry: &LayerEntry| -> Option<Layer> {
        let pool = || {
            assert_eq!(entry.padding, Some(Padding::Valid), "pools do not pad");
            (Pair(entry.pool_size.unwrap()), entry.strides.map(Pair))
        };
        Some(match entry.cls.as_str() {
            "InputLayer" => return None,
            "Conv2D" => Layer::Conv2d {
                filters: entry.filters.unwrap(),
                kernel: Pair(entry.kernel_size.unwrap()),
                stride: Pair(entry.strides.unwrap()),
                padding: entry.padding.unwrap(),
                activation: entry.activation.unwrap(),
            },
            "BatchNormalization" => Layer::BatchNorm {
                epsilon: entry.epsilon.unwrap(),
                momentum: entry.momentum.unwrap(),
            },
            "MaxPooling2D" => {
                let (window, stride) = pool();
                Layer::MaxPool { window, stride }
            }
            "AveragePooling2D" => {
                let (window, stride) = pool();
                Layer::AvgPool { window, stride }
            }
            "Dropout" => Layer::Dropout {
                rate: entry.rate.unwrap(),
            },
            "Flatten" => Layer::Flatten {},
            "Dense" => Layer::Dense {
                units: entry.units.unwrap(),
                activation: entry.activation.unwrap(),
            },
            other => panic!("{name}.json: an unknown layer {other}"),
        })
    };
    Architecture {
        name: name.into(),
        input: Some(description.input_shape),
        training: Training::default(),
        layers: description.layers.iter().filter_map(layer).collect(),
    }
}
