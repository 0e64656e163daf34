//! PyTorch's weights (a state dict as .pth or safetensors) for a network that is
//! described elsewhere: such files do not say what the layers are.
//!
//! A module's tensors go to the layer whose shapes they have. Layers of the same shapes
//! take their modules in the order of the file, see [`order`](super::order), or where it keeps
//! none in that of the names, with numbers read as numbers ("features.3" before "features.10").

use std::collections::BTreeMap;
use std::path::Path;

use half::{bf16, f16};
use pytorch_reader::{DType, PytorchReader};
use safetensors::tensor::{Dtype, SafeTensors};

use super::order::{by_offsets, by_pickle, ordered};
use super::{ImportOptions, Network, guarded, plan_named, read_whole};
use crate::nn::{Architecture, Layer, LayerPlan, Plan};
use crate::{Error, Result};

/// One tensor as a file has it.
struct Given {
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// A module's tensors by their last name: weight, bias, running_mean, ….
type Module = BTreeMap<String, Given>;

/// Where training scripts put the state dict in a larger file.
const NESTS: [&str; 4] = ["state_dict", "model_state_dict", "model", "net"];

/// Reads a .pth or .pt file.
pub fn pickled(path: &Path, options: &ImportOptions) -> Result<Network> {
    let expected = "a state dict as torch.save writes it; it may be truncated";
    let reader = guarded(path, "pickle", expected, || PytorchReader::new(path))?;
    let tensors = reader.into_tensors();
    let most = file_size(path)?.saturating_mul(8).max(1 << 20);
    let all = tensors.into_iter().map(|(name, tensor)| {
        // A view may repeat one element as often as it likes.
        if tensor.byte_len() as u64 > most {
            let found = format!("shape {:?}", tensor.shape());
            return Err(Error::input(path, name, found, "no larger than the file"));
        }
        let bytes = guarded(path, &name, "a readable tensor", || tensor.read())?;
        let values = match tensor.dtype() {
            DType::F32 => floats(&bytes, f32::from_le_bytes),
            DType::F64 => floats(&bytes, |b| f64::from_le_bytes(b) as f32),
            DType::F16 => floats(&bytes, |b| f16::from_le_bytes(b).to_f32()),
            DType::BF16 => floats(&bytes, |b| bf16::from_le_bytes(b).to_f32()),
            // num_batches_tracked, and whatever else is no weight.
            _ => Vec::new(),
        };
        let shape = tensor.shape().to_vec();
        Ok((name, Given { shape, values }))
    });
    let tensors = all.collect::<Result<Vec<_>>>()?;
    let order = by_pickle(path, tensors.iter().map(|(name, _)| name.as_str()));
    build(path, tensors, order, "PyTorch pickle", options)
}

/// Reads a safetensors file.
pub fn safetensors(path: &Path, options: &ImportOptions) -> Result<Network> {
    let bytes = read_whole(path)?;
    let expected = "a whole safetensors file; it may be truncated";
    let file = guarded(path, "header", expected, || {
        SafeTensors::deserialize(&bytes)
    })?;
    let (_, header) = guarded(path, "header", expected, || {
        SafeTensors::read_metadata(&bytes)
    })?;
    let metadata = header.metadata().as_ref();
    if metadata.is_some_and(|metadata| metadata.contains_key("rbgpu")) {
        let expected = "a network of another program; rbgpu score takes this one as it is";
        return Err(Error::input(
            path,
            "header",
            "a model of rbgpu's own",
            expected,
        ));
    }
    let all = file.tensors().into_iter().map(|(name, view)| {
        let values = match view.dtype() {
            Dtype::F32 => floats(view.data(), f32::from_le_bytes),
            Dtype::F64 => floats(view.data(), |b| f64::from_le_bytes(b) as f32),
            Dtype::F16 => floats(view.data(), |b| f16::from_le_bytes(b).to_f32()),
            Dtype::BF16 => floats(view.data(), |b| bf16::from_le_bytes(b).to_f32()),
            _ => Vec::new(),
        };
        let shape = view.shape().to_vec();
        (name, Given { shape, values })
    });
    let order = by_offsets(&header);
    build(path, all.collect(), order, "PyTorch safetensors", options)
}

fn file_size(path: &Path) -> Result<u64> {
    let metadata = std::fs::metadata(path).map_err(Error::io("read", path))?;
    Ok(metadata.len())
}

fn floats<const N: usize>(bytes: &[u8], one: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|b| one(*b)).collect()
}

fn build(
    path: &Path,
    tensors: Vec<(String, Given)>,
    order: Option<Vec<String>>,
    kind: &str,
    options: &ImportOptions,
) -> Result<Network> {
    let Some(described) = &options.network else {
        let expected = "--network NAME or --network FILE.toml: PyTorch's files hold weights, and do not say of which layers";
        return Err(Error::config("--network", "none", expected));
    };
    let architecture = Architecture::named(described)?;
    let input = options.input.or(architecture.input).ok_or_else(|| {
        let expected = "--input H,W,C: the size of the cutouts";
        Error::config("--input", "none", expected)
    })?;
    let own = |i: usize| format!("layer {} of {described}", i + 1);
    let plan = plan_named(path, &architecture, input, own)?;
    let modules = modules(path, tensors)?;
    let mut notices = vec![format!(
        "strides, padding and activations are those of {described}: PyTorch's file does not say them"
    )];
    let of = assign(path, &plan, &modules, order.as_deref(), &mut notices)?;
    let mut values = Vec::new();
    let mut origins = Vec::new();
    let mut flattened = None;
    let mut before = input.to_vec();
    for (layer, module) in plan.layers.iter().zip(&of) {
        if matches!(layer.layer, Layer::Flatten {}) {
            flattened = <[usize; 3]>::try_from(before.as_slice()).ok();
        }
        before = layer.output.to_vec();
        let Some(name) = module else { continue };
        origins.push((layer.name.clone(), (*name).clone()));
        take(
            layer,
            name,
            &modules[*name],
            flattened,
            &mut values,
            &mut notices,
        );
        if matches!(layer.layer, Layer::Dense { .. }) {
            flattened = None;
        }
    }
    let epsilon = plan.layers.iter().find_map(|layer| match layer.layer {
        Layer::BatchNorm { epsilon, .. } => Some(epsilon),
        _ => None,
    });
    if let Some(epsilon) = epsilon.filter(|epsilon| *epsilon != 1e-5) {
        notices.push(format!(
            "batch normalisation adds {epsilon} to variances, as {described} says; PyTorch's default is 1e-5"
        ));
    }
    Ok(Network {
        architecture,
        input,
        values,
        kind: kind.into(),
        origins,
        notices,
    })
}

/// How the names of a layer's tensors end.
const OWN: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

/// Whether a tensor's name ends as those of layers do.
fn is_parameter(name: &str) -> bool {
    (name.rsplit_once('.')).is_some_and(|(_, own)| OWN.contains(&own))
}

/// Tensors by module. What no layer of rbgpu has is refused.
fn modules(path: &Path, tensors: Vec<(String, Given)>) -> Result<BTreeMap<String, Module>> {
    let nest = NESTS.iter().find(|nest| {
        let inside = |name: &String| {
            name.strip_prefix(**nest)
                .is_some_and(|r| r.starts_with('.'))
        };
        tensors.iter().any(|(name, _)| inside(name))
    });
    let mut modules: BTreeMap<String, Module> = BTreeMap::new();
    for (name, tensor) in tensors {
        let name = match nest {
            Some(nest) => match name.strip_prefix(nest).and_then(|r| r.strip_prefix('.')) {
                Some(inside) => inside,
                // A module beside one that is called as a nest is; the optimiser's state, an
                // epoch and such are left.
                None if is_parameter(&name) => &name,
                None => continue,
            },
            None => &name,
        };
        let (module, own) = name.rsplit_once('.').unwrap_or(("", name));
        match own {
            "num_batches_tracked" => continue,
            own if OWN.contains(&own) => {}
            _ => {
                let found = format!("a tensor of shape {:?}", tensor.shape);
                let expected = "weight, bias, running_mean or running_var at the end of its name";
                return Err(Error::input(path, name, found, expected));
            }
        }
        if tensor.values.len() != tensor.shape.iter().product::<usize>() {
            let expected = "f32, f64, f16 or bf16";
            return Err(Error::input(
                path,
                name,
                "another type of numbers",
                expected,
            ));
        }
        if tensor.values.iter().any(|value| !value.is_finite()) {
            return Err(Error::input(
                path,
                name,
                "NaN or infinity",
                "finite weights",
            ));
        }
        let module = modules.entry(module.to_string()).or_default();
        module.insert(own.to_string(), tensor);
    }
    Ok(modules)
}

/// What a module must have: the shape of its weight in PyTorch's order of axes, or for
/// batch normalisation that of its running mean.
fn wanted(layer: &LayerPlan) -> Option<Vec<usize>> {
    let shape = &layer.parameters.first()?.shape;
    Some(match (&layer.layer, &shape[..]) {
        (Layer::Conv2d { .. }, [h, w, inputs, outputs]) => vec![*outputs, *inputs, *h, *w],
        (Layer::Dense { .. }, [inputs, outputs]) => vec![*outputs, *inputs],
        (_, other) => other.to_vec(),
    })
}

/// The shape by which a module is recognised.
fn given(module: &Module) -> Option<&Vec<usize>> {
    let tensor = module.get("running_mean").or_else(|| module.get("weight"));
    tensor.map(|tensor| &tensor.shape)
}

/// For each layer of `plan`, the name of its module.
fn assign<'a>(
    path: &Path,
    plan: &Plan,
    modules: &'a BTreeMap<String, Module>,
    order: Option<&[String]>,
    notices: &mut Vec<String>,
) -> Result<Vec<Option<&'a String>>> {
    let (mut left, kept) = ordered(modules.keys(), order);
    let mut missing = Vec::new();
    let mut of = Vec::new();
    for layer in &plan.layers {
        let Some(shape) = wanted(layer) else {
            of.push(None);
            continue;
        };
        let fits = |name: &&String| given(&modules[*name]) == Some(&shape);
        match left.iter().position(fits) {
            Some(at) => of.push(Some(left.remove(at))),
            None => {
                missing.push(format!("{} of shape {shape:?}", layer.name));
                of.push(None);
            }
        }
    }
    let shapes = left.iter().flat_map(|name| {
        let module = modules[*name].iter();
        module.map(move |(own, tensor)| format!("{name}.{own} of shape {:?}", tensor.shape))
    });
    let over: Vec<String> = shapes.collect();
    if !(missing.is_empty() && over.is_empty()) {
        let list = |all: &[String]| match all.is_empty() {
            true => "nothing".to_string(),
            false => all.join(", "),
        };
        let found = format!("left over: {}", list(&over));
        let expected = format!("the network's; missing: {}", list(&missing));
        return Err(Error::input(path, "tensors", found, expected));
    }
    let pairs: Vec<(&LayerPlan, &String)> = (plan.layers.iter().zip(&of))
        .filter_map(|(layer, name)| name.map(|name| (layer, name)))
        .collect();
    let alike = |layer: &LayerPlan| {
        let same = pairs
            .iter()
            .filter(|(other, _)| wanted(other) == wanted(layer));
        same.count() > 1
    };
    let several: Vec<String> = (pairs.iter().filter(|(layer, _)| alike(layer)))
        .map(|(layer, name)| format!("{} is {name}", layer.name))
        .collect();
    if !several.is_empty() {
        let by = match kept {
            true => "the order of the file",
            false => "the order of their names, since the file keeps none",
        };
        let several = several.join(", ");
        notices.push(format!(
            "layers of the same shape are taken in {by}: {several}"
        ));
    }
    check_vectors(path, &pairs, modules)?;
    Ok(of)
}

/// Every tensor beside the weight is one number per output.
fn check_vectors(
    path: &Path,
    pairs: &[(&LayerPlan, &String)],
    modules: &BTreeMap<String, Module>,
) -> Result<()> {
    for (layer, name) in pairs {
        let last = layer.parameters.last().expect("it has some");
        let is_norm = matches!(layer.layer, Layer::BatchNorm { .. });
        let module = &modules[*name];
        for (own, tensor) in module {
            let fits = match (is_norm, own.as_str()) {
                (false, "weight") => true,
                (false, "running_mean" | "running_var") => false,
                _ => tensor.shape == last.shape[..],
            };
            if !fits {
                let place = format!("{name}.{own}");
                let found = format!("shape {:?}", tensor.shape);
                let expected = format!("shape {} for {}", last.shape, layer.name);
                return Err(Error::input(path, place, found, expected));
            }
        }
        if is_norm && !module.contains_key("running_var") {
            let place = format!("{name}.running_var");
            return Err(Error::input(path, place, "none", "one beside running_mean"));
        }
    }
    Ok(())
}

/// Adds the parameters of `layer`, turned from PyTorch's order of axes to Keras'.
/// `flattened` is (H, W, C) where the layer's input was images until just before:
/// PyTorch flattens channel by channel, Keras pixel by pixel.
fn take(
    layer: &LayerPlan,
    name: &str,
    module: &Module,
    flattened: Option<[usize; 3]>,
    values: &mut Vec<Vec<f32>>,
    notices: &mut Vec<String>,
) {
    let from = |i: usize| match flattened {
        Some([h, w, c]) => (i % c) * h * w + i / c,
        None => i,
    };
    for parameter in &layer.parameters {
        let (_, own) = parameter.name.rsplit_once('/').expect("layer/name");
        let length = parameter.shape.len();
        let theirs = match own {
            "kernel" | "gamma" => "weight",
            "bias" | "beta" => "bias",
            "moving_mean" => "running_mean",
            _ => "running_var",
        };
        let Some(tensor) = module.get(theirs) else {
            let value = if own == "gamma" { 1.0 } else { 0.0 };
            notices.push(format!(
                "{name} has no {theirs}: rbgpu gives it one of {value}"
            ));
            values.push(vec![value; length]);
            continue;
        };
        let given = &tensor.values;
        values.push(match (&layer.layer, own, &parameter.shape[..]) {
            (Layer::Conv2d { .. }, "kernel", [h, w, inputs, outputs]) => (0..length)
                .map(|i| {
                    let (o, i) = (i % outputs, i / outputs);
                    let (channel, window) = (i % inputs, i / inputs);
                    given[(o * inputs + channel) * h * w + window]
                })
                .collect(),
            (Layer::Dense { .. }, "kernel", [inputs, outputs]) => (0..length)
                .map(|i| given[(i % outputs) * inputs + from(i / outputs)])
                .collect(),
            (Layer::BatchNorm { .. }, ..) => (0..length).map(|i| given[from(i)]).collect(),
            _ => given.clone(),
        });
    }
}
