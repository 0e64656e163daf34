//! Where Keras puts the weights of a layer in an HDF5 file.
//!
//! Older files keep all weights of a nested model in one group, in an order that depends on which
//! layers were frozen. The files of Keras 3 nest the groups.

use super::config::{Holder, numbered};
use super::hdf5::H5;
use super::layers::Origin;
use crate::nn::Plan;
use crate::{Error, Result};

/// A layer's group and the weights in it, by their names in the file.
struct Group {
    layer: String,
    weights: Vec<String>,
}

/// How a file is laid out.
enum Layout {
    /// Keras 2, and .h5 of Keras 3: `layer_names`, and of each layer `weight_names`.
    Named {
        /// The group that holds the layers.
        root: &'static str,
        /// Those that have weights.
        groups: Vec<Group>,
    },
    /// .weights.h5 and .keras: layers are counted by class, weights are numbered.
    Counted {
        /// The group that holds the layers.
        root: &'static str,
    },
}

/// The values of every parameter of `plan`, in its order. `origins` has one entry per layer,
/// `models` the path of every nested model.
pub fn values(
    file: &H5,
    plan: &Plan,
    (origins, models): (&[Origin], &[Vec<Holder>]),
    notices: &mut Vec<String>,
) -> Result<Vec<Vec<f32>>> {
    let total = plan.parameters().map(|p| p.shape.len()).sum();
    if !file.may_hold(total) {
        let found = "a file that is much smaller";
        let expected = format!("{total} parameters, as its architecture has");
        return Err(Error::input(file.path(), "weights", found, expected));
    }
    let places = match layout(file)? {
        Layout::Named { root, groups } => named(file, root, &groups, origins, notices)?,
        Layout::Counted { root } => counted(file, root, origins, models)?,
    };
    let mut all = Vec::new();
    for ((layer, origin), places) in plan.layers.iter().zip(origins).zip(places) {
        for parameter in &layer.parameters {
            let (_, own) = parameter.name.rsplit_once('/').expect("layer/name");
            let at = origin.parameters.iter().position(|name| *name == own);
            let values = match at {
                Some(at) => file.values(&places[at], &parameter.shape)?,
                None => vec![if own == "gamma" { 1.0 } else { 0.0 }; parameter.shape.len()],
            };
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                let place = at.map_or(own, |at| &places[at]);
                let found = value.to_string();
                return Err(Error::input(file.path(), place, found, "finite weights"));
            }
            all.push(values);
        }
    }
    Ok(all)
}

fn layout(file: &H5) -> Result<Layout> {
    for root in ["model_weights", ""] {
        if let Some(layers) = file.long_strings(root, "layer_names")? {
            let group = |layer: String| {
                let weights = file.long_strings(&format!("{root}/{layer}"), "weight_names")?;
                let weights = weights.unwrap_or_default();
                Ok(Group { layer, weights })
            };
            let twice = |i: &usize| layers[..*i].contains(&layers[*i]);
            if let Some(i) = (0..layers.len()).find(twice) {
                let place = format!("{root} @layer_names");
                let found = format!("{} twice", layers[i]);
                return Err(Error::input(file.path(), place, found, "each layer once"));
            }
            let groups: Vec<Group> = layers.into_iter().map(group).collect::<Result<_>>()?;
            let groups = groups.into_iter().filter(|g| !g.weights.is_empty());
            return Ok(Layout::Named {
                root,
                groups: groups.collect(),
            });
        }
    }
    for root in ["layers", "_layer_checkpoint_dependencies"] {
        if file.has_group(root)? {
            return Ok(Layout::Counted { root });
        }
    }
    let found = "neither layer_names nor a group of layers";
    Err(Error::input(
        file.path(),
        "weights",
        found,
        "the weights of a Keras model",
    ))
}

/// The layers that share a group of weights: a single layer, or all of a nested model.
struct Unit<'a> {
    /// The name of the layer or of the model.
    name: &'a str,
    /// "layer 7 (conv_conv_1), Conv2D", or "model features".
    place: String,
    /// Its layers that have weights, by their index.
    layers: Vec<(usize, &'a Origin)>,
}

/// The units that have weights, in the order of the layers.
fn units(origins: &[Origin]) -> Vec<Unit<'_>> {
    let mut units: Vec<Unit> = Vec::new();
    for (i, origin) in origins.iter().enumerate() {
        if origin.parameters.is_empty() {
            continue;
        }
        let model = origin.within.first();
        let name = model.map_or(origin.name.as_str(), |model| model.name.as_str());
        match units.last_mut() {
            Some(unit) if model.is_some() && unit.name == name => unit.layers.push((i, origin)),
            _ => units.push(Unit {
                name,
                place: model.map_or(origin.place.clone(), |_| format!("model {name}")),
                layers: vec![(i, origin)],
            }),
        }
    }
    units
}

/// Of each layer, where its weights are: by its name if all are there by their names,
/// else in the order of the file, as Keras does it.
fn named(
    file: &H5,
    root: &str,
    groups: &[Group],
    origins: &[Origin],
    notices: &mut Vec<String>,
) -> Result<Vec<Vec<String>>> {
    let units = units(origins);
    let find = |unit: &Unit| groups.iter().find(|g| g.layer == unit.name);
    let by_name = units.iter().all(|unit| find(unit).is_some());
    if !by_name && groups.len() == units.len() {
        notices.push(
            "the layers have other names in the file of weights: they are taken in its order"
                .into(),
        );
    }
    let list = |names: Vec<&str>| match names.is_empty() {
        true => "none".to_string(),
        false => names.join(", "),
    };
    if groups.len() != units.len() {
        let missing = units.iter().filter(|unit| find(unit).is_none());
        let missing = list(missing.map(|unit| unit.place.as_str()).collect());
        let more = groups
            .iter()
            .filter(|g| !units.iter().any(|unit| unit.name == g.layer));
        let more = list(more.map(|g| g.layer.as_str()).collect());
        return Err(Error::input(
            file.path(),
            "weights",
            format!("weights of {} layers (left over: {more})", groups.len()),
            format!("of {} layers (missing: {missing})", units.len()),
        ));
    }
    let mut all: Vec<Vec<String>> = vec![Vec::new(); origins.len()];
    for (unit, in_order) in units.iter().zip(groups) {
        let group = find(unit).filter(|_| by_name).unwrap_or(in_order);
        let place = format!("{root}/{}", group.layer);
        let wanted = unit.layers.iter().flat_map(|(_, o)| &o.parameters);
        let wanted: Vec<&str> = wanted.copied().collect();
        let wrong = || {
            let found = format!("weights {}", group.weights.join(", "));
            let expected = format!("{} for {}", wanted.join(", "), unit.place);
            Error::input(file.path(), place.trim_start_matches('/'), found, expected)
        };
        if group.weights.len() != wanted.len() {
            return Err(wrong());
        }
        for (i, origin) in &unit.layers {
            for parameter in &origin.parameters {
                let name = weight(&group.weights, origin, parameter).ok_or_else(wrong)?;
                all[*i].push(format!("{place}/{name}"));
            }
        }
    }
    Ok(all)
}

/// The name of `parameter` of `origin` among the `weights` of a group: "conv1/kernel:0" is a kernel.
/// In a nested model the layer's name decides. If several layers share it, so do the names of the
/// enclosing models, which Keras 3 writes.
fn weight<'a>(weights: &'a [String], origin: &Origin, parameter: &str) -> Option<&'a String> {
    let mut end = match origin.within.is_empty() {
        true => parameter.to_string(),
        false => format!("{}/{parameter}", origin.name),
    };
    let mut around = origin.within.iter().rev();
    loop {
        let mut found = weights.iter().filter(|name| ends(name, &end));
        let first = found.next()?;
        if found.next().is_none() {
            return Some(first);
        }
        end = format!("{}/{end}", around.next()?.name);
    }
}

/// Whether the path `name`, without Keras 2's number, ends with the whole parts of `end`.
fn ends(name: &str, end: &str) -> bool {
    let name = name.split(':').next().unwrap_or(name);
    let before = name.strip_suffix(end);
    before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// The group of the layers of the innermost model in `within`.
fn layers_group(root: &str, within: &[Holder]) -> String {
    within.iter().fold(root.into(), |place, model| {
        format!("{place}/{}/layers", model.group)
    })
}

/// The same where layers are `conv2d`, `conv2d_1`, … in the order of the model,
/// whatever their own names, and weights `vars/0`, `vars/1`, ….
fn counted(
    file: &H5,
    root: &str,
    origins: &[Origin],
    models: &[Vec<Holder>],
) -> Result<Vec<Vec<String>>> {
    let mut used = Vec::new();
    let mut all = Vec::new();
    for (i, origin) in origins.iter().enumerate() {
        let before = origins[..i]
            .iter()
            .filter(|o| o.stem == origin.stem && o.within == origin.within)
            .count();
        let holder = layers_group(root, &origin.within);
        let name = format!("{holder}/{}", numbered(origin.stem, before));
        let place = format!("{name}/vars");
        let found = file.datasets(&place)?;
        let wanted = origin.parameters.len();
        if found.len() != wanted {
            let found = format!("{} weights ({})", found.len(), found.join(", "));
            let expected = format!("{wanted} for {}", origin.place);
            return Err(Error::input(file.path(), place, found, expected));
        }
        all.push((0..wanted).map(|i| format!("{place}/{i}")).collect());
        used.push(name);
    }
    let nested = models
        .iter()
        .flat_map(|m| (1..=m.len()).map(|depth| &m[..depth]));
    let nested: Vec<String> = nested.map(|within| layers_group(root, within)).collect();
    let mut waiting = vec![root.to_string()];
    while let Some(holder) = waiting.pop() {
        for group in file.groups(&holder)? {
            let name = format!("{holder}/{group}");
            let place = format!("{name}/vars");
            let inner = format!("{name}/layers");
            let left = !used.contains(&name) && !file.datasets(&place)?.is_empty();
            if left || (!nested.contains(&inner) && !file.groups(&inner)?.is_empty()) {
                let expected = "weights of the architecture's layers only";
                let found = "weights that are left over";
                return Err(Error::input(file.path(), place, found, expected));
            }
            if nested.contains(&inner) {
                waiting.push(inner);
            }
        }
    }
    Ok(all)
}
