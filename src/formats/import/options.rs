//! One by one, the options of a layer of Keras: what is not looked at here is no option
//! that rbgpu would do otherwise.

use std::path::Path;

use serde_json::{Value, json};

use super::config::KerasLayer;
use crate::nn::{Activation, Pair};
use crate::{Error, Result};

/// The options of one layer.
pub struct Options<'a> {
    /// Named in errors.
    pub path: &'a Path,
    /// Whose options they are.
    pub layer: &'a KerasLayer,
}

impl Options<'_> {
    /// An error at this layer.
    pub fn wrong(&self, found: &str, expected: &str) -> Error {
        Error::input(self.path, self.layer.place(), found, expected)
    }

    /// What is given and not null.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.layer.config.get(key).filter(|value| !value.is_null())
    }

    /// Refuses an option that is given and none of `allowed`.
    pub fn only(&self, key: &str, allowed: &[Value]) -> Result<()> {
        match self.get(key) {
            Some(value) if !allowed.contains(value) => {
                let all: Vec<String> = allowed.iter().map(Value::to_string).collect();
                let expected = match &all[..] {
                    [] => "none: rbgpu does not have it".into(),
                    _ => format!("{key} = {}", all.join(" or ")),
                };
                Err(self.wrong(&format!("{key} = {value}"), &expected))
            }
            _ => Ok(()),
        }
    }

    /// Yes or no.
    pub fn flag(&self, key: &str, default: bool) -> Result<bool> {
        match self.get(key) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(self.wrong(&format!("{key} = {other}"), "true or false")),
        }
    }

    /// A number that must be given, 1 at least.
    pub fn count(&self, key: &str) -> Result<usize> {
        let value = self.get(key);
        let number = value.and_then(Value::as_u64);
        let number = number.and_then(|n| usize::try_from(n).ok());
        number.filter(|n| *n > 0).ok_or_else(|| {
            let found = format!("{key} = {}", value.unwrap_or(&Value::Null));
            self.wrong(&found, "a whole number of at least 1")
        })
    }

    /// Any number.
    pub fn number(&self, key: &str, default: f64) -> Result<f64> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value
                .as_f64()
                .ok_or_else(|| self.wrong(&format!("{key} = {value}"), "a number")),
        }
    }

    /// One number for both axes, or two.
    pub fn pair(&self, key: &str) -> Result<Option<Pair>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let number = |v: &Value| v.as_u64().and_then(|n| usize::try_from(n).ok());
        let pair = match value.as_array().map(Vec::as_slice) {
            Some([a, b]) => number(a).zip(number(b)),
            Some(_) => None,
            None => number(value).map(|n| (n, n)),
        };
        let wrong = || self.wrong(&format!("{key} = {value}"), "one or two whole numbers");
        pair.map(|(a, b)| Some(Pair([a, b]))).ok_or_else(wrong)
    }

    /// The pair that must be given.
    pub fn needed_pair(&self, key: &str) -> Result<Pair> {
        let missing = || self.wrong(&format!("no {key}"), "one or two whole numbers");
        self.pair(key)?.ok_or_else(missing)
    }

    /// What follows the layer.
    pub fn activation(&self, key: &str) -> Result<Activation> {
        let Some(value) = self.get(key) else {
            return Ok(Activation::Linear);
        };
        // Keras 3 may write {"class_name": "function", "config": "relu"}.
        let name = value.as_str().or_else(|| value.get("config")?.as_str());
        match name {
            Some("linear") => Ok(Activation::Linear),
            Some("relu") => Ok(Activation::Relu),
            Some("sigmoid") => Ok(Activation::Sigmoid),
            Some("softmax") => Ok(Activation::Softmax),
            _ => {
                let text = name.map_or_else(|| value.to_string(), str::to_string);
                let found = format!("{key} {text}");
                Err(self.wrong(&found, "relu or linear, or at the end sigmoid or softmax"))
            }
        }
    }

    /// What an Activation, ReLU or Softmax layer does; `None` for a leaky ReLU.
    pub fn activation_layer(&self) -> Result<Option<Activation>> {
        match self.layer.class.as_str() {
            "ReLU" => {
                self.only("max_value", &[])?;
                if self.number("threshold", 0.0)? != 0.0 {
                    self.only("threshold", &[0.0.into()])?;
                }
                let leaky = self.number("negative_slope", 0.0)? != 0.0;
                Ok((!leaky).then_some(Activation::Relu))
            }
            "Softmax" => {
                self.only("axis", &[(-1).into(), 1.into(), json!([-1])])?;
                Ok(Some(Activation::Softmax))
            }
            _ => self.activation("activation").map(Some),
        }
    }

    /// What any layer may have and rbgpu has not.
    pub fn check_common(&self, notices: &mut Vec<String>) -> Result<()> {
        self.only("data_format", &["channels_last".into()])?;
        self.only("quantization_config", &[])?;
        self.only("lora_rank", &[])?;
        let dtype = self.get("dtype");
        let policy = dtype
            .and_then(|d| d.get("class_name"))
            .and_then(Value::as_str);
        let name = dtype.and_then(|d| match d {
            Value::String(name) => Some(name.as_str()),
            _ => d.get("config")?.get("name")?.as_str(),
        });
        match (policy, name) {
            (Some("QuantizedDTypePolicy" | "QuantizedFloat8DTypePolicy"), _) => {
                Err(self.wrong("quantised weights", "floating point weights"))
            }
            (_, None | Some("float32")) => Ok(()),
            // Keras casts pixels to the input's type, and whole numbers lose their fractions.
            (_, Some(whole)) if self.layer.class == "InputLayer" && !whole.contains("float") => {
                let found = format!("an input of type {whole}, which cuts fractions off");
                Err(self.wrong(&found, "float32"))
            }
            (_, Some(other)) => {
                let notice = format!("the network was made in {other}: rbgpu calculates in f32");
                if !notices.contains(&notice) {
                    notices.push(notice);
                }
                Ok(())
            }
        }
    }
}
