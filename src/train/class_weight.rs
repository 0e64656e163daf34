//! `--class-weight`: what the classes count in the loss of training.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ops::ClassWeights;
use crate::{Error, Result};

/// What the classes count in the loss of training. The validation loss has no weights, as in
/// Keras, whose `class_weight` this is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClassWeight {
    /// Every candidate counts 1.
    #[default]
    None,
    /// w_c = n / (2 n_c) for the n_c of n training candidates in class c.
    Balanced,
    /// A real candidate counts this much, a bogus one 1.
    Real(f64),
}

impl ClassWeight {
    /// Whether it is [`ClassWeight::None`].
    pub fn is_none(&self) -> bool {
        *self == ClassWeight::None
    }

    /// The factors on the loss where the training part has so many of each class.
    pub fn weights(self, real: usize, bogus: usize) -> Result<ClassWeights> {
        match self {
            ClassWeight::None => Ok(ClassWeights::default()),
            ClassWeight::Balanced if real == 0 || bogus == 0 => {
                let found = format!("balanced with {real} real and {bogus} bogus training cutouts");
                let expected = "both classes in the training part, or a number";
                Err(Error::config("--class-weight", found, expected))
            }
            ClassWeight::Balanced => Ok(ClassWeights::balanced(real, bogus)),
            ClassWeight::Real(real) => Ok(ClassWeights { bogus: 1.0, real }),
        }
    }
}

impl fmt::Display for ClassWeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClassWeight::None => f.write_str("none"),
            ClassWeight::Balanced => f.write_str("balanced"),
            ClassWeight::Real(weight) => write!(f, "{weight}"),
        }
    }
}

impl FromStr for ClassWeight {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "none" => Ok(ClassWeight::None),
            "balanced" => Ok(ClassWeight::Balanced),
            _ => match text.parse::<f64>() {
                // Outside this range one class vanishes in f32, or the loss overflows.
                Ok(weight) if (1e-6..=1e6).contains(&weight) => Ok(ClassWeight::Real(weight)),
                _ => Err(Error::config(
                    "--class-weight",
                    format!("'{text}'"),
                    "balanced, none, or the weight of a real candidate relative to a bogus one, \
                     from 1e-6 to 1e6, such as 5",
                )),
            },
        }
    }
}
