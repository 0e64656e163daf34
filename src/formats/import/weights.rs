//! Where Keras puts the weights of a layer in an HDF5 file.

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

/// The values of every parameter of `plan`, in its order; `origins` are its layers'.
pub fn values(
    file: &H5,
    plan: &Plan,
    origins: &[Origin],
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
        Layout::Counted { root } => counted(file, root, origins)?,
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

/// Of each layer, where its weights are: by its name if all are there by their names,
/// else in the order of the file, as Keras does it.
fn named(
    file: &H5,
    root: &str,
    groups: &[Group],
    origins: &[Origin],
    notices: &mut Vec<String>,
) -> Result<Vec<Vec<String>>> {
    let weighted = || origins.iter().filter(|o| !o.parameters.is_empty());
    let find = |origin: &Origin| groups.iter().find(|g| g.layer == origin.name);
    let by_name = weighted().all(|origin| find(origin).is_some());
    if !by_name && groups.len() == weighted().count() {
        notices.push(
            "the layers have other names in the file of weights: they are taken in its order"
                .into(),
        );
    }
    let list = |names: Vec<&str>| match names.is_empty() {
        true => "none".to_string(),
        false => names.join(", "),
    };
    if groups.len() != weighted().count() {
        let missing = weighted().filter(|o| find(o).is_none());
        let missing = list(missing.map(|o| o.place.as_str()).collect());
        let more = groups
            .iter()
            .filter(|g| !weighted().any(|o| o.name == g.layer));
        let more = list(more.map(|g| g.layer.as_str()).collect());
        return Err(Error::input(
            file.path(),
            "weights",
            format!("weights of {} layers (left over: {more})", groups.len()),
            format!("of {} layers (missing: {missing})", weighted().count()),
        ));
    }
    let mut next = groups.iter();
    let mut all = Vec::new();
    for origin in origins {
        if origin.parameters.is_empty() {
            all.push(Vec::new());
            continue;
        }
        let in_order = next.next().expect("counted");
        let group = find(origin).filter(|_| by_name).unwrap_or(in_order);
        let place = format!("{root}/{}", group.layer);
        // "conv1/kernel:0" is the kernel.
        let own = |name: &String| {
            let last = name.rsplit('/').next().unwrap_or(name);
            last.split(':').next().unwrap_or(last).to_string()
        };
        let wrong = || {
            let found = format!("weights {}", group.weights.join(", "));
            let expected = format!("{} for {}", origin.parameters.join(", "), origin.place);
            Error::input(file.path(), place.trim_start_matches('/'), found, expected)
        };
        if group.weights.len() != origin.parameters.len() {
            return Err(wrong());
        }
        let weight = |parameter: &&str| {
            let found = group.weights.iter().find(|name| own(name) == **parameter);
            found
                .map(|name| format!("{place}/{name}"))
                .ok_or_else(wrong)
        };
        all.push(
            origin
                .parameters
                .iter()
                .map(weight)
                .collect::<Result<_>>()?,
        );
    }
    Ok(all)
}

/// The same where layers are `conv2d`, `conv2d_1`, … in the order of the model,
/// whatever their own names, and weights `vars/0`, `vars/1`, ….
fn counted(file: &H5, root: &str, origins: &[Origin]) -> Result<Vec<Vec<String>>> {
    let mut used = Vec::new();
    let mut all = Vec::new();
    for (i, origin) in origins.iter().enumerate() {
        let before = origins[..i]
            .iter()
            .filter(|o| o.stem == origin.stem)
            .count();
        let name = match before {
            0 => origin.stem.to_string(),
            _ => format!("{}_{before}", origin.stem),
        };
        let place = format!("{root}/{name}/vars");
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
    for group in file.groups(root)? {
        let place = format!("{root}/{group}/vars");
        if !used.contains(&group) && !file.datasets(&place)?.is_empty() {
            let expected = "weights of the architecture's layers only";
            return Err(Error::input(
                file.path(),
                place,
                "weights that are left over",
                expected,
            ));
        }
    }
    Ok(all)
}
