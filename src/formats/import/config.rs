//! What Keras writes about a model: JSON with its layers and, for functional models,
//! how they are joined.

use std::path::Path;

use serde_json::{Map, Value};

use crate::{Error, Result};

/// A nested model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its own name: "features", …
    pub name: String,
    /// What Keras 3's files of weights call it: "sequential", "sequential_1", …
    pub group: String,
}

/// One layer as Keras describes it.
pub struct KerasLayer {
    /// Its place in Keras' list, from 1.
    pub number: usize,
    /// The nested models around it, outermost first.
    pub within: Vec<Holder>,
    /// Its own name: "conv1", "fc_out", …
    pub name: String,
    /// "Conv2D", …
    pub class: String,
    /// Its options.
    pub config: Map<String, Value>,
    /// Whether it is a layer of somebody's own that only has the name of Keras'.
    own: bool,
    /// Where its input comes from, one for each time it is called.
    inbound: Vec<Value>,
}

impl KerasLayer {
    /// "layer 7 (conv_conv_1), SeparableConv2D", "layer 2 of features (pool), MaxPooling2D".
    pub fn place(&self) -> String {
        let holders = self.within.iter().map(|model| model.name.as_str());
        let holders = holders.collect::<Vec<_>>().join("/");
        let of = match holders.as_str() {
            "" => String::new(),
            models => format!(" of {models}"),
        };
        format!("layer {}{of} ({}), {}", self.number, self.name, self.class)
    }

    /// Whether it is a nested model.
    fn is_model(&self) -> bool {
        MODELS.contains(&self.class.as_str())
    }
}

/// A model as Keras describes it.
pub struct KerasModel {
    /// In the order in which they follow each other.
    pub layers: Vec<KerasLayer>,
    /// The shape that the model was built for, if it is said beside the layers.
    pub built_for: Option<Value>,
    /// The version of Keras that the description names.
    pub version: Option<String>,
}

/// Layers of the longest network that is taken for one.
const MOST_LAYERS: usize = 1000;
/// Levels of nested models.
const DEEPEST: usize = 10;
/// The classes of models.
const MODELS: [&str; 3] = ["Sequential", "Functional", "Model"];

/// Reads `text`, a model's config. `known` says which classes of layers there are: a
/// layer of another class is an error before anything else.
pub fn parse(path: &Path, text: &str, known: &[&str]) -> Result<KerasModel> {
    let wrong = |place: &str, found: String, expected: &str| {
        Error::input(path, place, found, expected.to_string())
    };
    let whole: Value = serde_json::from_str(text)
        .map_err(|e| wrong("architecture", e.to_string(), "a Keras model as JSON"))?;
    match text_of(&whole, "class_name").unwrap_or_default() {
        class if MODELS.contains(&class) => {}
        "" => {
            let found = "JSON without class_name".into();
            return Err(wrong("architecture", found, "a Keras model as JSON"));
        }
        other => {
            let found = format!("a model of class {other}");
            let expected = "Sequential, or Functional with one layer after the other";
            return Err(wrong("architecture", found, expected));
        }
    }
    let config = whole.get("config").unwrap_or(&Value::Null);
    let layers = layers_of(path, &whole, &[], known)?;
    let built_for = config.get("build_input_shape").or_else(|| {
        let build = whole.get("build_config")?;
        build.get("input_shape")
    });
    Ok(KerasModel {
        layers,
        built_for: built_for.filter(|shape| shape.is_array()).cloned(),
        version: text_of(&whole, "keras_version").map(str::to_string),
    })
}

/// The layers of `model` in order, with nested models replaced by their layers. `within` are the
/// models around `model`, outermost first.
fn layers_of(
    path: &Path,
    model: &Value,
    within: &[Holder],
    known: &[&str],
) -> Result<Vec<KerasLayer>> {
    let wrong = |place: &str, found: String, expected: &str| {
        Error::input(path, place, found, expected.to_string())
    };
    let config = model.get("config").unwrap_or(&Value::Null);
    // Before Keras 2.2.3 the config of a sequential model was its list of layers.
    let list = config
        .as_array()
        .or_else(|| config.get("layers")?.as_array());
    let list = list
        .filter(|list| (1..=MOST_LAYERS).contains(&list.len()))
        .ok_or_else(|| {
            let place = match within.last() {
                Some(model) => format!("model {}", model.name),
                None => "architecture".into(),
            };
            let found = "no list of layers, an empty or too long a one".into();
            wrong(&place, found, "config.layers with a network's layers")
        })?;
    let layers: Vec<KerasLayer> = (list.iter().enumerate())
        .map(|(i, value)| {
            layer(i + 1, value, within).ok_or_else(|| {
                let place = format!("layer {}", i + 1);
                wrong(&place, "no class_name or config".into(), "a layer of Keras")
            })
        })
        .collect::<Result<_>>()?;
    let unknown = |layer: &&KerasLayer| {
        layer.own || !(layer.is_model() || known.contains(&layer.class.as_str()))
    };
    if let Some(first) = layers.iter().find(unknown) {
        let more = layers.iter().filter(unknown).count() - 1;
        let found = match (first.own, more) {
            (true, _) => "a layer that is not Keras' own".into(),
            (_, 0) => "a layer that rbgpu does not have".to_string(),
            _ => format!("a layer that rbgpu does not have, and {more} more such"),
        };
        let expected = format!("one of {}, {}", known.join(", "), MODELS.join(", "));
        return Err(wrong(&first.place(), found, &expected));
    }
    let layers = match text_of(model, "class_name") {
        Some("Sequential") => layers,
        _ => chain(path, layers, config)?,
    };
    let mut flat = Vec::with_capacity(layers.len());
    for layer in layers {
        if !layer.is_model() {
            flat.push(layer);
            continue;
        }
        if within.len() == DEEPEST {
            let found = format!("more than {DEEPEST} models within each other");
            return Err(wrong(&layer.place(), found, "fewer"));
        }
        // Keras 3 counts models by class in the order of the list.
        let at = layer.number - 1;
        let alike = |other: &&Value| text_of(other, "class_name") == Some(layer.class.as_str());
        let before = list[..at].iter().filter(alike).count();
        let holder = Holder {
            group: numbered(&layer.class.to_lowercase(), before),
            name: layer.name,
        };
        let within = [within, &[holder]].concat();
        flat.extend(layers_of(path, &list[at], &within, known)?);
    }
    match flat.len() <= MOST_LAYERS {
        true => Ok(flat),
        false => {
            let found = format!("{} layers", flat.len());
            let expected = format!("at most {MOST_LAYERS}");
            Err(wrong("architecture", found, &expected))
        }
    }
}

/// Keras' name for an object with `before` others of its kind before it.
pub fn numbered(stem: &str, before: usize) -> String {
    match before {
        0 => stem.to_string(),
        _ => format!("{stem}_{before}"),
    }
}

fn text_of<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

fn layer(number: usize, value: &Value, within: &[Holder]) -> Option<KerasLayer> {
    let config = value.get("config")?.as_object()?.clone();
    let name = config.get("name").and_then(Value::as_str);
    let name = name.or_else(|| text_of(value, "name")).unwrap_or("unnamed");
    let module = text_of(value, "module").unwrap_or("keras");
    let registered = text_of(value, "registered_name").unwrap_or_default();
    let class = text_of(value, "class_name")?;
    let inbound = value.get("inbound_nodes").and_then(Value::as_array);
    // Keras registers its own models under their class.
    let of_keras = registered.is_empty() || (MODELS.contains(&class) && registered == class);
    Some(KerasLayer {
        number,
        within: within.to_vec(),
        name: name.to_string(),
        class: class.to_string(),
        // A class of the user's own has a registered name, if only its class'; Keras' have none.
        own: !matches!(module.split('.').next(), Some("keras" | "tf_keras")) || !of_keras,
        config,
        inbound: inbound.cloned().unwrap_or_default(),
    })
}

/// The layers of a functional model in the order in which they follow each other.
fn chain(path: &Path, layers: Vec<KerasLayer>, config: &Value) -> Result<Vec<KerasLayer>> {
    let wrong = |place: String, found: String, expected: &str| {
        Error::input(path, place, found, expected.to_string())
    };
    for (key, what) in [("input_layers", "input"), ("output_layers", "output")] {
        let count = sources(config.get(key).unwrap_or(&Value::Null)).len();
        if count != 1 {
            let found = format!("{count} {what}s");
            return Err(wrong(
                "architecture".into(),
                found,
                "one input and one output",
            ));
        }
    }
    let source = |layer: &KerasLayer| -> Result<Option<String>> {
        let from: Vec<String> = layer.inbound.iter().flat_map(sources).collect();
        let one = "one input, used once";
        match (layer.class.as_str(), layer.inbound.len(), &from[..]) {
            ("InputLayer", _, []) => Ok(None),
            (_, 1, [one]) => Ok(Some(one.clone())),
            (_, 0 | 1, many) => Err(wrong(layer.place(), format!("{} inputs", many.len()), one)),
            (_, calls, _) => Err(wrong(layer.place(), format!("it used {calls} times"), one)),
        }
    };
    let from = layers.iter().map(source).collect::<Result<Vec<_>>>()?;
    for layer in &layers {
        if layer.inbound.iter().any(always_trains) {
            let found = "a call with training=True".into();
            return Err(wrong(
                layer.place(),
                found,
                "a call that leaves it to predict()",
            ));
        }
    }
    let mut waiting: Vec<(Option<String>, KerasLayer)> = from.into_iter().zip(layers).collect();
    let mut ordered: Vec<KerasLayer> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let last = ordered.last().map(|layer| layer.name.clone());
        let follows = |(from, _): &(Option<String>, KerasLayer)| *from == last;
        let next = waiting.iter().position(follows);
        let branches = waiting.iter().filter(|w| follows(w)).count();
        match (next, ordered.last()) {
            (Some(next), _) if branches == 1 => ordered.push(waiting.remove(next).1),
            (Some(_), Some(last)) => {
                let found = format!("an output that {branches} layers take");
                return Err(wrong(last.place(), found, "one layer after the other"));
            }
            (Some(_), None) => {
                let found = format!("{branches} input layers");
                return Err(wrong("architecture".into(), found, "one input"));
            }
            (None, _) => {
                let found = "a layer that nothing leads to".into();
                return Err(wrong(
                    waiting[0].1.place(),
                    found,
                    "one layer after the other",
                ));
            }
        }
    }
    let output = sources(config.get("output_layers").unwrap_or(&Value::Null));
    match ordered.last() {
        Some(last) if output[0] != last.name => {
            let found = format!("an output, '{}', before the last layer", output[0]);
            Err(wrong(last.place(), found, "the last layer as the output"))
        }
        _ => Ok(ordered),
    }
}

/// The layers that a reference, or a list of them, names: `["conv1", 0, 0, {}]` in
/// Keras 2, a `__keras_tensor__` with its history in Keras 3.
fn sources(value: &Value) -> Vec<String> {
    match value {
        Value::Array(all) => match &all[..] {
            [Value::String(name), Value::Number(_), Value::Number(_), ..] => vec![name.clone()],
            _ => all.iter().flat_map(sources).collect(),
        },
        Value::Object(map) => match map.get("keras_history") {
            Some(history) => sources(history),
            None => map.values().flat_map(sources).collect(),
        },
        _ => Vec::new(),
    }
}

/// Whether a call says `training=True`, as Monte Carlo dropout does.
fn always_trains(node: &Value) -> bool {
    match node {
        Value::Array(all) => all.iter().any(always_trains),
        Value::Object(map) => {
            // Keras 2 keeps the 1 of `training=1`.
            let trains = map.get("training").is_some_and(|said| match said {
                Value::Bool(said) => *said,
                Value::Number(said) => said.as_f64() != Some(0.0),
                _ => false,
            });
            trains || map.values().any(always_trains)
        }
        _ => false,
    }
}
