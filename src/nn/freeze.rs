//! Layers that training leaves as they are.

use super::model::Model;
use crate::{Error, Result};

impl Model {
    /// Leaves the layers `names` as they are in training: names as Keras gives them and `rbgpu
    /// summary` shows them, in which `*` stands for anything ("conv2d*"). Adam does not move
    /// their parameters; batch normalisation among them normalises with its moving statistics,
    /// which stay too, as Keras does where `trainable` is false. Returns which layers these are,
    /// in their order. An error names the layers where one of `names` fits none, or nothing is
    /// left to learn.
    pub fn freeze(&mut self, names: &[String]) -> Result<Vec<String>> {
        let layers = &mut self.plan.layers;
        let known: Vec<String> = layers
            .iter()
            .filter(|layer| !layer.parameters.is_empty())
            .map(|layer| layer.name.clone())
            .collect();
        let refused = |found: &str, expected: &str| {
            let expected = format!("{expected}: {}", known.join(", "));
            Err(Error::config("--freeze", format!("'{found}'"), expected))
        };
        for name in names {
            if !known.iter().any(|layer| fits(name, layer)) {
                return refused(name, "layers of the network that have weights");
            }
        }
        let mut frozen = Vec::new();
        for layer in layers
            .iter_mut()
            .filter(|layer| !layer.parameters.is_empty())
        {
            if names.iter().any(|name| fits(name, &layer.name)) {
                layer.frozen = true;
                frozen.push(layer.name.clone());
            }
        }
        let still = self.plan.layers.iter().flat_map(|layer| {
            let frozen = layer.frozen;
            layer.parameters.iter().map(move |p| p.trainable && !frozen)
        });
        for (parameter, trainable) in self.parameters.iter_mut().zip(still) {
            parameter.trainable = trainable;
        }
        match self.parameters.iter().any(|parameter| parameter.trainable) {
            true => Ok(frozen),
            false => refused(&names.join(","), "at least one layer less than all"),
        }
    }

    /// The same with every layer free to learn.
    pub fn thawed(mut self) -> Model {
        for layer in &mut self.plan.layers {
            layer.frozen = false;
        }
        for (parameter, plan) in self.parameters.iter_mut().zip(self.plan.parameters()) {
            parameter.trainable = plan.trainable;
        }
        self
    }
}

/// Whether `name` is what `pattern` says, in which every `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, expected) in [
            ("conv2d", "conv2d", true),
            ("conv2d", "conv2d_1", false),
            ("conv2d*", "conv2d", true),
            ("conv2d*", "conv2d_12", true),
            ("*_1", "conv2d_1", true),
            ("*_1", "conv2d_11", false),
            ("*norm*_2", "batch_normalization_2", true),
            ("*norm*_2", "batch_normalization", false),
            ("*", "dense", true),
            ("", "dense", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
