//! What a model looked at, for galleries (O'TRAIN Fig. 13).

use std::sync::Arc;

use image::RgbImage;

use crate::Result;
use crate::data::{Channel, Dataset, OfDataset};
use crate::explain::explained::scores;
use crate::explain::{Asked, Choice, Chosen, Found, Of, Question, Sample, explain, images, layer};
use crate::report::overlay::{heat, stamp};
use crate::train::Classifier;

/// Candidates that are explained at a time, halved where the device has no room for them.
const AT_ONCE: usize = 32;

/// What a model looked at in a candidate.
#[derive(Clone, Debug)]
pub struct Attention {
    /// The map over the difference image (or the last), as the network gets it.
    pub overlay: RgbImage,
    /// Whether anything in the map speaks for the class; if not, the map is 0 throughout.
    pub evidence: bool,
}

/// Grad-CAM of the last convolution, for the class that the model gives, of each of `rows`.
/// `None` for one that it cannot take.
pub fn overlays(
    classifier: &Classifier,
    data: &Arc<Dataset>,
    rows: &[usize],
    crop: Option<usize>,
) -> Result<Vec<Option<Attention>>> {
    let choice = Choice {
        ids: Vec::new(),
        rows: None,
        limit: rows.len(),
        crop,
    };
    let stream = OfDataset::some(data.clone(), rows.to_vec());
    let mut chosen = Chosen::new(classifier, stream, choice);
    let mut samples: Vec<Sample> = Vec::with_capacity(rows.len());
    let mut usable = Vec::with_capacity(rows.len());
    loop {
        let found = chosen.next(rows.len())?;
        if found.is_empty() {
            break;
        }
        for found in found {
            usable.push(matches!(found, Found::Sample(_)));
            if let Found::Sample(sample) = found {
                samples.push(*sample);
            }
        }
    }
    let mut drawn = draw(classifier, &samples)?.into_iter();
    let mut one = |usable: bool| usable.then(|| drawn.next()).flatten();
    Ok(usable.into_iter().map(&mut one).collect())
}

fn draw(classifier: &Classifier, samples: &[Sample]) -> Result<Vec<Attention>> {
    if samples.is_empty() {
        return Ok(Vec::new());
    }
    let model = &classifier.file().model;
    let question = Question {
        class: Asked::Predicted,
        of: Of::Probability,
        grad_cam: Some(layer(model, None)?),
        saliency: false,
        occlusion: None,
    };
    let mut at_once = AT_ONCE;
    let given = scores(classifier, samples, &mut at_once)?;
    let explained = explain(classifier, samples, given, &question, &mut at_once)?;
    let maps = explained.grad_cam.expect("asked for");
    let input = model.plan().input;
    let names = images(classifier);
    let difference = names.iter().position(|n| n == Channel::Difference.name());
    // A recipe may lay the images side by side in one.
    let shown = difference.unwrap_or(names.len() - 1).min(input[2] - 1);
    let [rows, columns, _] = maps.shape;
    let one = |(index, sample): (usize, &Sample)| {
        let below = stamp(&sample.values, input, shown);
        Attention {
            overlay: heat(maps.get(index), [rows, columns], &below),
            evidence: maps.get(index).iter().any(|value| *value > 0.0),
        }
    };
    Ok(samples.iter().enumerate().map(one).collect())
}
