//! All that is asked about some candidates.

use super::chosen::Sample;
use super::occlusion::Patch;
use super::{Class, Maps, Of, grad_cam, logits, occlusion, probability, saliency};
use crate::engine::Tensor;
use crate::train::Classifier;
use crate::train::scoring::in_parts;
use crate::{Error, Result};

/// The class that is asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// That which the network gives, at the model's threshold.
    #[default]
    Predicted,
    /// The same for every candidate.
    Always(Class),
}

impl std::str::FromStr for Asked {
    type Err = Error;

    fn from_str(text: &str) -> Result<Asked> {
        match text {
            "predicted" => Ok(Asked::Predicted),
            "real" => Ok(Asked::Always(Class::Real)),
            "bogus" => Ok(Asked::Always(Class::Bogus)),
            _ => {
                let found = format!("'{text}'");
                Err(Error::config("--class", found, "real, bogus or predicted"))
            }
        }
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// About which class.
    pub class: Asked,
    /// About which number of it.
    pub of: Of,
    /// Grad-CAM of the layer of this number.
    pub grad_cam: Option<usize>,
    /// Saliency.
    pub saliency: bool,
    /// Occlusion with this square.
    pub occlusion: Option<Patch>,
}

/// The answers, a row each in the samples' order.
#[derive(Clone, Debug)]
pub struct Explained {
    /// P(real).
    pub scores: Vec<f64>,
    /// The class that was asked about.
    pub classes: Vec<Class>,
    /// (N, h, w, 1) of the layer.
    pub grad_cam: Option<Maps>,
    /// (N, H, W, C).
    pub saliency: Option<Maps>,
    /// (N, images): how saliency is shared among the images that [`images`] names.
    pub shares: Vec<Vec<f64>>,
    /// (N, rows, columns, 1).
    pub occlusion: Option<Maps>,
}

/// The images that the network of `classifier` gets, as it gets them: template, search,
/// difference, or by number where that is not known.
pub fn images(classifier: &Classifier) -> Vec<String> {
    let [.., channels] = classifier.input_shape();
    let known = classifier.takes().names;
    match known.filter(|known| known.len() == channels) {
        Some(known) => known.iter().map(|c| c.name().to_string()).collect(),
        None if channels == 1 => vec!["cutout".into()],
        None => (0..channels).map(|c| format!("image_{c}")).collect(),
    }
}

/// P(real) of each of `samples`, calibrated, NaN where the network's numbers cannot hold it, in f64 from the
/// logits. No more than `at_once` at a time, which is lowered where the device has no room.
pub fn scores(
    classifier: &Classifier,
    samples: &[Sample],
    at_once: &mut usize,
) -> Result<Vec<f64>> {
    let mut scores = Vec::with_capacity(samples.len());
    in_parts(samples.len(), at_once, |part| {
        let count = part.len();
        let logits = logits(
            &classifier.file().model,
            tensor(classifier, &samples[part])?,
        )?;
        let each = logits.chunks(logits.len() / count);
        scores.extend(
            each.map(|logits| match logits.iter().all(|l| l.is_finite()) {
                true => classifier.file().calibrated(probability(logits)),
                false => f64::NAN,
            }),
        );
        Ok(())
    })?;
    Ok(scores)
}

/// Answers `question` about `samples`, whose [`scores`] are finite.
pub fn explain(
    classifier: &Classifier,
    samples: &[Sample],
    scores: Vec<f64>,
    question: &Question,
    at_once: &mut usize,
) -> Result<Explained> {
    let model = &classifier.file().model;
    let threshold = classifier.threshold();
    let class = |score: &f64| match question.class {
        Asked::Predicted => Class::predicted(threshold, *score),
        Asked::Always(class) => class,
    };
    let classes: Vec<Class> = scores.iter().map(class).collect();
    let input = model.plan().input;
    let of = question.of;

    let mut cam: Option<Maps> = None;
    if let Some(layer) = question.grad_cam {
        in_parts(samples.len(), at_once, |part| {
            let x = tensor(classifier, &samples[part.clone()])?;
            let maps = grad_cam(model, x, layer, &classes[part], of)?;
            extend(&mut cam, maps);
            Ok(())
        })?;
    }
    let mut salient: Option<Maps> = None;
    if question.saliency {
        in_parts(samples.len(), at_once, |part| {
            let x = tensor(classifier, &samples[part.clone()])?;
            let found = saliency(model, x, &classes[part], of)?;
            extend(&mut salient, found.maps);
            Ok(())
        })?;
    }
    let mut occluded: Option<Maps> = None;
    if let Some(patch) = question.occlusion {
        for (sample, class) in samples.iter().zip(&classes) {
            let maps = smaller_until(at_once, |at_once| {
                occlusion(model, &sample.values, *class, of, patch, at_once)
            })?;
            extend(&mut occluded, maps);
        }
    }
    let across = classifier.file().preprocess.side_by_side();
    let shares = salient.as_ref().map_or_else(Vec::new, |maps| {
        let one = |i: usize| {
            let map: Vec<f64> = maps.get(i).iter().map(|v| f64::from(*v)).collect();
            saliency::shares_of(&map, input, across)
        };
        (0..maps.len()).map(one).collect()
    });
    Ok(Explained {
        scores,
        classes,
        grad_cam: cam,
        saliency: salient,
        shares,
        occlusion: occluded,
    })
}

fn extend(all: &mut Option<Maps>, more: Maps) {
    match all {
        Some(all) => all.extend(more),
        None => *all = Some(more),
    }
}

/// Runs `work` with `at_once`, which is halved as long as the device has no room.
fn smaller_until<T>(at_once: &mut usize, work: impl Fn(usize) -> Result<T>) -> Result<T> {
    loop {
        match work(*at_once) {
            Err(error) if error.is_too_large() && *at_once > 1 => *at_once = at_once.div_ceil(2),
            done => return done,
        }
    }
}

/// (N, H, W, C) on the model's device.
fn tensor(classifier: &Classifier, samples: &[Sample]) -> Result<Tensor> {
    let values: Vec<f32> = samples.iter().flat_map(|s| &s.values).copied().collect();
    classifier.file().model.input(&values)
}
