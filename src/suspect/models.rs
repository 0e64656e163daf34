//! Scores of models that were trained before, and of score files.

use std::sync::Arc;

use super::Network;
use crate::Result;
use crate::data::{Channel, Dataset, Part};
use crate::evaluate::held_out::{Asked, Parts};
use crate::evaluate::{self, Request, Rows, Source, Watcher, What, check_own_split, score_file};
use crate::train::Classifier;

/// What given networks say of the data.
#[derive(Clone, Debug)]
pub struct Scored {
    /// One for each source, in their order.
    pub networks: Vec<Network>,
    /// The candidates that all of them have a score of: places in the data.
    pub places: Vec<usize>,
    /// What a user should know.
    pub notices: Vec<String>,
    /// Candidates without a score though they should have one.
    pub failed: usize,
}

/// Scores all of `data`, which has labels, by `sources`; `models` are those of them that are
/// models, opened, in their order. Larger cutouts are cropped to `crop` pixels.
pub fn scores(
    data: &Arc<Dataset>,
    sources: &[Source],
    models: &[Classifier],
    reading: score_file::Reading,
    crop: Option<usize>,
    watcher: &mut dyn Watcher,
) -> Result<Scored> {
    let of_models = sources.iter().filter(|source| source.what == What::Model);
    for (source, model) in of_models.zip(models) {
        check_own_split(&source.path, &model.file().provenance)?;
    }
    let seen = as_wanted(data, models)?;
    let request = Request {
        sources: sources.to_vec(),
        data: Some(seen.clone()),
        rows: Rows::All,
        split: None,
        reading,
        threshold: None,
        crop,
    };
    let gathered = evaluate::gather(&request, models, watcher)?;
    let mut notices = gathered.notices;
    let labels = data.labels.as_deref().unwrap_or_default();
    let ids: Vec<String> = data.candidates.iter().map(|c| c.id.clone()).collect();
    let asked = Asked {
        ids: &ids,
        labels,
        source: &data.source,
        data: Some(data),
    };
    let mut networks = Vec::with_capacity(sources.len());
    let mut opened = models.iter();
    for (source, classified) in sources.iter().zip(gathered.classifiers) {
        let in_sample = match source.what {
            What::Scores => classified.parts.map(|parts| {
                parts
                    .iter()
                    .filter(|part| **part == Some(Part::Train))
                    .count()
            }),
            What::Model => {
                let model = opened.next().expect("one for each model");
                let provenance = &model.file().provenance;
                match Parts::of_model(&source.path, provenance, None, &asked) {
                    Ok(parts) if provenance.parts == [0; 3] => {
                        notices.extend(parts.notices);
                        None
                    }
                    Ok(parts) => {
                        // The images that the model was fitted to.
                        let asked = Asked {
                            data: Some(&seen),
                            ..asked
                        };
                        let (name, places) = (&source.name, &gathered.places);
                        notices.extend(parts.shared(name, &asked, places)?);
                        notices.extend(parts.notices);
                        let in_training = |&&row: &&usize| parts.of[row] == Some(Part::Train);
                        Some(gathered.places.iter().filter(in_training).count())
                    }
                    // Scores need no split; only what they are worth is then not known.
                    Err(error) => {
                        notices.push(error.to_string());
                        None
                    }
                }
            }
        };
        notices.push(said(source, in_sample, gathered.places.len()));
        networks.push(Network {
            name: classified.name,
            scores: classified.scores,
            in_sample,
        });
    }
    Ok(Scored {
        networks,
        places: gathered.places,
        notices,
        failed: gathered.failed,
    })
}

fn said(source: &Source, in_sample: Option<usize>, count: usize) -> String {
    let name = &source.name;
    match in_sample {
        Some(0) => format!("{name} was fitted to none of the {count} candidates"),
        Some(some) => format!(
            "{name} was fitted to {some} of the {count} candidates: it may have learned wrong \
             labels among these, and doubts them less than it should (--folds 5 scores each \
             with a network that did not see it)"
        ),
        None => format!(
            "which of the {count} candidates {name} was fitted to is not known: it may have \
             learned their wrong labels"
        ),
    }
}

/// The data with the images that the models want.
pub(super) fn as_wanted(data: &Arc<Dataset>, models: &[Classifier]) -> Result<Arc<Dataset>> {
    match wanted(models) {
        Some(images) if data.channels.is_some() && data.shape.channels != images.len() => {
            data.with_images(&images).map(Arc::new)
        }
        _ => Ok(data.clone()),
    }
}

/// The images that the models want, if all of them say.
fn wanted(models: &[Classifier]) -> Option<Vec<Channel>> {
    let mut images = Vec::new();
    for model in models {
        for channel in model.takes().names? {
            if !images.contains(&channel) {
                images.push(channel);
            }
        }
    }
    (!images.is_empty()).then_some(images)
}
