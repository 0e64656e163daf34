//! Why a network says what it says: Grad-CAM, saliency, occlusion.
//!
//! | file | what it does |
//! |---|---|
//! | [`grad_cam`](mod@grad_cam) | where in a layer's maps the evidence for a class is (Selvaraju et al. 2017) |
//! | [`saliency`](mod@saliency) | which pixels, and which of the images, move the class output |
//! | [`occlusion`](mod@occlusion) | what hiding a part of the cutout does to it |
//! | [`chosen`], [`drawn`] | which candidates of an input; a random sample of both classes |
//! | [`explained`] | all three for some of them |
//!
//! All three ask about a [`Class`] of each candidate, and about its probability or the
//! score before the head ([`Of`]). They run the network as it scores: moving statistics,
//! no dropout.
//!
//! # A sure network
//! The gradient of a probability is that of the score times p (1 − p), which is 0 in f32 once
//! the network is sure, and a map of zeros says nothing. That factor is the same for a whole
//! cutout; here it is calculated from the logits in f64, apart from the gradient, so that
//! maps divided by their largest value are right however sure the network is.

pub mod chosen;
pub mod drawn;
pub mod explained;
pub mod grad_cam;
pub mod occlusion;
pub mod saliency;

use std::fmt;
use std::str::FromStr;

use crate::engine::{Tape, Tensor, Var};
use crate::nn::{Activation, Mode, Model};
use crate::{Error, Result, ops};

pub use chosen::{Choice, Chosen, Found, Sample};
pub use drawn::{Draw, Drawn};
pub use explained::{Asked, Explained, Question, explain, images};
pub use grad_cam::{grad_cam, layer, layers};
pub use occlusion::{Patch, occlusion, spread};
pub use saliency::{Saliency, saliency};

/// What a candidate may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A transient: label 1.
    Real,
    /// An artifact: label 0.
    Bogus,
}

impl Class {
    /// What P(real) = `score` says at `threshold`.
    pub fn predicted(threshold: f64, score: f64) -> Class {
        match score >= threshold {
            true => Class::Real,
            false => Class::Bogus,
        }
    }

    /// "real" or "bogus".
    pub fn name(self) -> &'static str {
        match self {
            Class::Real => "real",
            Class::Bogus => "bogus",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which number of a class is asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Of {
    /// Its probability, as O'TRAIN does: behind the softmax or sigmoid, before any calibration;
    /// P(bogus) = 1 − P(real).
    #[default]
    Probability,
    /// Its score before the softmax, as in the paper of Grad-CAM; before a sigmoid, which has
    /// one score, that for real and its negative for bogus.
    Logit,
}

impl Of {
    /// "probability" or "logit".
    pub fn name(self) -> &'static str {
        match self {
            Of::Probability => "probability",
            Of::Logit => "logit",
        }
    }
}

impl fmt::Display for Of {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Of {
    type Err = Error;

    fn from_str(text: &str) -> Result<Of> {
        [Of::Probability, Of::Logit]
            .into_iter()
            .find(|of| of.name() == text)
            .ok_or_else(|| Error::config("--of", format!("'{text}'"), "probability or logit"))
    }
}

/// A map per candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Maps {
    /// Rows, columns, images of each.
    pub shape: [usize; 3],
    /// (N, H, W, C).
    pub values: Vec<f32>,
    /// By what each was divided so that its largest |value| is 1, in what was asked about
    /// per unit of what was changed; 0 where the map has nothing or p (1 − p) is
    /// below what f64 can hold, NaN (as is the map) where a gradient
    /// was too large for the device's numbers. 1 where maps are as they are.
    pub largest: Vec<f64>,
}

impl Maps {
    /// No map yet, of `shape`.
    pub fn empty(shape: [usize; 3]) -> Maps {
        let (values, largest) = (Vec::new(), Vec::new());
        Maps {
            shape,
            values,
            largest,
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.largest.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.largest.is_empty()
    }

    /// Map `index`, (H, W, C).
    pub fn get(&self, index: usize) -> &[f32] {
        let size: usize = self.shape.iter().product();
        &self.values[index * size..][..size]
    }

    /// Whether map `index` is 0 everywhere.
    pub fn is_dark(&self, index: usize) -> bool {
        self.get(index).iter().all(|value| *value == 0.0)
    }

    /// Adds those of `more`, which has the same shape.
    pub fn extend(&mut self, more: Maps) {
        assert_eq!(self.shape, more.shape, "maps of one kind");
        self.values.extend(more.values);
        self.largest.extend(more.largest);
    }

    /// Adds a map of f64, divided by its largest |value|, which is `factor` times larger.
    fn push_divided(&mut self, map: &[f64], factor: f64) {
        let larger = |top: f64, v: &f64| if v.abs() <= top { top } else { v.abs() };
        let top = match map.iter().all(|v| v.is_finite()) {
            true => map.iter().fold(0.0, larger),
            false => f64::NAN,
        };
        let scale = if top == 0.0 { 1.0 } else { top };
        self.values.extend(map.iter().map(|v| (v / scale) as f32));
        self.largest.push(top * factor);
    }
}

/// What the head is applied to, (N, 1) or (N, 2), for cutouts `x` (N, H, W, C) on the
/// model's device.
pub fn logits(model: &Model, x: Tensor) -> Result<Vec<f64>> {
    let mut tape = ops::tape(model.device());
    let x = tape.constant(x);
    let logits = model.forward(&mut tape, x, Mode::Inference)?.logits;
    tape.tensor(logits).to_vec()
}

/// P(real) from a candidate's `logits`, in f64.
pub fn probability(logits: &[f64]) -> f64 {
    1.0 / (1.0 + (-margin(logits)).exp())
}

/// The score for real less that for bogus: P(real) is its sigmoid, whatever the head.
fn margin(logits: &[f64]) -> f64 {
    match logits {
        [one] => *one,
        [bogus, real] => real - bogus,
        _ => unreachable!("a network has one or two outputs"),
    }
}

/// The number that is asked about.
fn output(logits: &[f64], class: Class, of: Of) -> f64 {
    let margin = match class {
        Class::Real => margin(logits),
        Class::Bogus => -margin(logits),
    };
    match (of, logits) {
        (Of::Probability, _) => 1.0 / (1.0 + (-margin).exp()),
        (Of::Logit, [bogus, real]) => match class {
            Class::Real => *real,
            Class::Bogus => *bogus,
        },
        (Of::Logit, _) => margin,
    }
}

/// The gradient of what is asked about with respect to the logits, but for the factor
/// that [`factors`] gives: (N, outputs).
fn seed(model: &Model, classes: &[Class], of: Of) -> Result<Tensor> {
    let softmax = model.architecture().head() == Activation::Softmax;
    let row = |class: &Class| -> Vec<f32> {
        match (softmax, of, class) {
            (false, _, Class::Real) => vec![1.0],
            (false, _, Class::Bogus) => vec![-1.0],
            (true, Of::Probability, Class::Real) => vec![-1.0, 1.0],
            (true, Of::Probability, Class::Bogus) => vec![1.0, -1.0],
            (true, Of::Logit, Class::Real) => vec![0.0, 1.0],
            (true, Of::Logit, Class::Bogus) => vec![1.0, 0.0],
        }
    };
    let values: Vec<f32> = classes.iter().flat_map(row).collect();
    let outputs = model.architecture().outputs();
    Tensor::new(model.device(), [classes.len(), outputs], &values)
}

/// p (1 − p) of each candidate for a probability, 1 for a score.
fn factors(logits: &[f64], count: usize, of: Of) -> Vec<f64> {
    if of == Of::Logit || count == 0 {
        return vec![1.0; count];
    }
    let sigmoid = |margin: f64| 1.0 / (1.0 + (-margin).exp());
    let each = logits.chunks(logits.len() / count).map(margin);
    each.map(|margin| sigmoid(margin) * sigmoid(-margin))
        .collect()
}

/// The gradient of what is asked about with respect to `leaf`, read back, but for each
/// candidate's factor; and the factors.
fn gradient(
    model: &Model,
    tape: Tape,
    leaf: Var,
    scores: Var,
    (classes, of): (&[Class], Of),
) -> Result<(Vec<f64>, Vec<f64>)> {
    let factors = factors(&tape.tensor(scores).to_vec()?, classes.len(), of);
    let seed = seed(model, classes, of)?;
    let gradient = tape.backward_from(scores, seed)?.take(leaf);
    let gradient = gradient.expect("the scores depend on every layer");
    Ok((gradient.to_vec()?, factors))
}

/// An error unless there is a class for every one of the cutouts `x`.
fn check_count(x: &Tensor, classes: &[Class]) -> Result<()> {
    match x.shape().first() == Some(&classes.len()) {
        true => Ok(()),
        false => {
            let problem = format!("{} classes are asked about", classes.len());
            Err(Error::shape("explain", problem, &[x.shape()]))
        }
    }
}
