//! Sheets of candidates: the worst mistakes and some that are right.

use std::sync::Arc;

use super::folder::Contents;
use super::pick::{self, Outcome};
use crate::Result;
use crate::data::Dataset;
use crate::report::{self, Figure, Tile};

/// Tiles in a row, by the images of a candidate.
const COLUMNS: [usize; 3] = [6, 3, 3];

/// For each classifier the kinds of candidates that there are.
pub fn galleries(contents: &Contents) -> Result<Vec<Figure>> {
    let mut all = Vec::new();
    let (Some(data), 1..) = (contents.data, contents.gallery) else {
        return Ok(all);
    };
    let gathered = contents.gathered;
    for (number, classifier) in (1..).zip(&gathered.classifiers) {
        for kind in Outcome::ALL {
            let rows = pick::rows(
                kind,
                &gathered.labels,
                &classifier.scores,
                classifier.threshold,
                contents.gallery,
                contents.seed,
            );
            if rows.is_empty() {
                continue;
            }
            let tile = |&row: &usize| {
                let score = classifier.scores[row];
                tile(data, gathered.places[row], gathered.labels[row], score)
            };
            let tiles: Vec<Tile> = rows.iter().map(tile).collect::<Result<_>>()?;
            let columns = COLUMNS[data.shape.channels.clamp(1, 3) - 1];
            let several = gathered.classifiers.len() > 1;
            all.push(Figure {
                name: match several {
                    true => format!("{}-{number}", kind.name()),
                    false => kind.name().into(),
                },
                title: match several {
                    true => format!("{} of {}", kind.title(), classifier.name),
                    false => kind.title().into(),
                },
                caption: kind.caption().into(),
                drawing: report::gallery(&tiles, columns)?,
            });
        }
    }
    Ok(all)
}

fn tile(data: &Arc<Dataset>, row: usize, label: u8, score: f64) -> Result<Tile> {
    let mut pixels = vec![0.0; data.shape.len()];
    data.pixels.read(row, &mut pixels)?;
    let candidate = &data.candidates[row];
    let mut captions = vec![format!("P(real) {score:.4}")];
    if candidate.mag.is_finite() {
        captions.push(format!("{:.2} mag", candidate.mag));
    }
    Ok(Tile {
        pixels,
        height: data.shape.height,
        width: data.shape.width,
        channels: data.shape.channels,
        title: candidate.id.clone(),
        captions,
        real: label == 1,
        ..Tile::default()
    })
}
