//! Sheets of candidates: the worst mistakes and some that are right.

use super::attention::{self, Attention};
use super::folder::Contents;
use super::gather::Classified;
use super::pick::{self, Outcome};
use super::source::What;
use crate::Result;
use crate::data::{Channel, Dataset};
use crate::report::{self, Figure, Tile};
use crate::train::Classifier;

/// Planes in a row of a sheet, about.
const PLANES: usize = 9;
/// Tiles in a row.
const MOST: usize = 6;

/// For each classifier the kinds of candidates that there are.
pub fn galleries(contents: &Contents) -> Result<Vec<Figure>> {
    let mut all = Vec::new();
    if contents.data.is_none() || contents.gallery == 0 {
        return Ok(all);
    }
    let gathered = contents.gathered;
    let several = gathered.classifiers.len() > 1;
    let mut models = contents.models.iter();
    for (number, (classified, source)) in
        (1..).zip(gathered.classifiers.iter().zip(contents.sources))
    {
        let model = match source.what {
            What::Model => models.next(),
            What::Scores => None,
        };
        for kind in Outcome::ALL {
            let tiles = tiles(
                contents,
                classified,
                model.filter(|_| contents.grad_cam),
                kind,
            )?;
            let Some(first) = tiles.first() else {
                continue;
            };
            let planes = first.channels + usize::from(first.overlay.is_some());
            all.push(Figure {
                name: match several {
                    true => format!("{}-{number}", kind.name()),
                    false => kind.name().into(),
                },
                title: match several {
                    true => format!("{} of {}", kind.title(), classified.name),
                    false => kind.title().into(),
                },
                caption: match first.overlay {
                    Some(_) => format!("{} {GRAD_CAM}", kind.caption()),
                    None => kind.caption().into(),
                },
                drawing: report::gallery(&tiles, (PLANES / planes).clamp(1, MOST))?,
            });
        }
    }
    Ok(all)
}

const GRAD_CAM: &str = "Last in each: where in the last convolution the evidence for the decision \
                        is (Grad-CAM, O'TRAIN Fig. 13).";

fn tiles(
    contents: &Contents,
    classified: &Classified,
    grad_cam: Option<&Classifier>,
    kind: Outcome,
) -> Result<Vec<Tile>> {
    let (gathered, data) = (contents.gathered, contents.data.expect("looked at before"));
    let rows = pick::rows(
        kind,
        &gathered.labels,
        &classified.scores,
        classified.threshold,
        contents.gallery,
        contents.seed,
    );
    let places: Vec<usize> = rows.iter().map(|&row| gathered.places[row]).collect();
    let mut seen = match grad_cam {
        Some(model) => attention::overlays(model, data, &places, contents.crop)?,
        None => vec![None; rows.len()],
    };
    let tile = |(i, &row): (usize, &usize)| {
        let (label, score) = (gathered.labels[row], classified.scores[row]);
        tile(data, places[i], label, score, seen[i].take())
    };
    rows.iter().enumerate().map(tile).collect()
}

fn tile(
    data: &Dataset,
    row: usize,
    label: u8,
    score: f64,
    seen: Option<Attention>,
) -> Result<Tile> {
    let mut pixels = vec![0.0; data.shape.len()];
    data.pixels.read(row, &mut pixels)?;
    let candidate = &data.candidates[row];
    let mut captions = vec![format!("P(real) {score:.4}")];
    if candidate.mag.is_finite() {
        captions.push(format!("{:.2} mag", candidate.mag));
    }
    if seen.as_ref().is_some_and(|seen| !seen.evidence) {
        captions.push("Grad-CAM: no evidence".into());
    }
    let overlay = seen.map(|seen| seen.overlay);
    let mut names: Vec<String> = match &data.channels {
        Some(channels) => channels.iter().map(Channel::to_string).collect(),
        None if data.shape.channels == 1 && overlay.is_some() => vec!["cutout".into()],
        None => Vec::new(),
    };
    if overlay.is_some() && !names.is_empty() {
        names.push("Grad-CAM".into());
    }
    Ok(Tile {
        pixels,
        height: data.shape.height,
        width: data.shape.width,
        channels: data.shape.channels,
        names,
        overlay,
        title: candidate.id.clone(),
        captions,
        real: label == 1,
    })
}
