//! What a network looked at (Figs. 9 and 13).

use image::RgbImage;

use super::cube::Cube;
use super::trained::Trained;
use crate::Result;
use crate::data::OfDataset;
use crate::evaluate::pick::{self, Outcome};
use crate::explain::explained::scores;
use crate::explain::{Asked, Choice, Chosen, Found, Of, Question, Sample, explain, layer};
use crate::report::overlay::{Panel, Scale, Strip, colors, enlarged, heat, sheet, stamp};
use crate::report::{Drawing, Figure};
use crate::train::Classifier;

/// Candidates of a kind whose maps are looked at, at most.
const LOOKED_AT: usize = 100;
/// Of these, how many are shown.
const SHOWN: usize = 4;
/// Candidates that are explained at a time.
const AT_ONCE: usize = 32;

/// The Grad-CAM map of a candidate for the class that the network gives it.
struct Map {
    id: String,
    mag: f64,
    real: bool,
    score: f64,
    /// The cutout as the network gets it.
    stamp: RgbImage,
    /// (h, w), from 0 to 1.
    values: Vec<f32>,
    shape: [usize; 2],
}

/// What the network of one cube looked at.
pub(super) struct Seen {
    /// Bogus candidates that it refuses: cutout, map, enlarged map; `None` where there is none.
    pub refused: Option<Drawing>,
    /// Real ones that it refuses, whose maps have least at the centre; `None` where there is none.
    pub missed: Option<Drawing>,
    /// How many real ones it refuses.
    pub misses: usize,
    /// Rows and columns of a map.
    pub shape: [usize; 2],
    /// The mean part of a map that lies in the central half of width and height, for real ones that
    /// it finds and that it refuses; NaN without any. An even map has a quarter there.
    pub central: [f64; 2],
}

impl Map {
    /// The part that lies in the middle half of rows and columns; NaN for a dark map.
    fn central(&self) -> f64 {
        let [rows, columns] = self.shape;
        let inside =
            |at: usize, of: usize| (2.0 * at as f64 + 1.0 - of as f64).abs() < of as f64 / 2.0;
        let (mut middle, mut all) = (0.0, 0.0);
        for (i, value) in self.values.iter().enumerate() {
            let value = f64::from(*value);
            all += value;
            if inside(i / columns, rows) && inside(i % columns, columns) {
                middle += value;
            }
        }
        middle / all
    }

    fn strip(&self) -> Strip {
        let size = [self.stamp.height() as usize, self.stamp.width() as usize];
        let large = enlarged(&self.values, self.shape, size);
        let [rows, columns] = self.shape;
        let panel = |heading: &str, image: RgbImage| Panel {
            heading: heading.into(),
            image,
        };
        let mag = match self.mag.is_finite() {
            true => format!(", {:.2} mag", self.mag),
            false => String::new(),
        };
        Strip {
            title: self.id.clone(),
            caption: format!("P(real) {:.3}{mag}", self.score),
            real: Some(self.real),
            panels: vec![
                panel("cutout", self.stamp.clone()),
                panel(
                    &format!("map {rows}×{columns}"),
                    colors(&self.values, self.shape, Scale::Heat),
                ),
                panel("enlarged", colors(&large, size, Scale::Heat)),
                panel(
                    "over the cutout",
                    heat(&self.values, self.shape, &self.stamp),
                ),
            ],
        }
    }
}

/// What the network of `cube` looked at in the validation part.
pub(super) fn seen(cube: &Cube, trained: &Trained) -> Result<Seen> {
    let labels = trained.labels(cube);
    let threshold = trained.classifier.threshold();
    let of = |kind, most| -> Vec<usize> {
        let found = pick::rows(kind, &labels, &trained.scores, threshold, most, 1);
        found.into_iter().map(|at| trained.rows[at]).collect()
    };
    let refused = maps(&trained.classifier, cube, &of(Outcome::TrueNegative, SHOWN))?;
    let found = maps(
        &trained.classifier,
        cube,
        &of(Outcome::TruePositive, LOOKED_AT),
    )?;
    let misses = of(Outcome::FalseNegative, usize::MAX).len();
    let mut missed = maps(
        &trained.classifier,
        cube,
        &of(Outcome::FalseNegative, LOOKED_AT),
    )?;
    let central = [&found, &missed].map(|maps| {
        let each: Vec<f64> = maps
            .iter()
            .map(Map::central)
            .filter(|c| c.is_finite())
            .collect();
        each.iter().sum::<f64>() / each.len() as f64
    });
    missed.retain(|map| map.central().is_finite());
    missed.sort_by(|a, b| a.central().total_cmp(&b.central()));
    missed.truncate(SHOWN);
    let any = [&refused, &found, &missed]
        .into_iter()
        .find_map(|maps| maps.first());
    Ok(Seen {
        shape: any.map_or([0, 0], |map| map.shape),
        refused: drawn(&refused)?,
        missed: drawn(&missed)?,
        misses,
        central,
    })
}

fn drawn(maps: &[Map]) -> Result<Option<Drawing>> {
    if maps.is_empty() {
        return Ok(None);
    }
    let strips: Vec<Strip> = maps.iter().map(Map::strip).collect();
    let meaning = "of the map's largest value";
    sheet(&strips, Scale::Heat, meaning).map(Some)
}

/// A figure of such a drawing.
pub(super) fn figure(name: String, title: String, caption: &str, drawing: Drawing) -> Figure {
    Figure {
        name,
        title,
        caption: caption.into(),
        drawing,
    }
}

/// Those of `rows` that the network can take.
fn maps(classifier: &Classifier, cube: &Cube, rows: &[usize]) -> Result<Vec<Map>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let choice = Choice {
        ids: Vec::new(),
        rows: None,
        limit: rows.len(),
        crop: None,
    };
    let stream = OfDataset::some(cube.data.clone(), rows.to_vec());
    let mut chosen = Chosen::new(classifier, stream, choice);
    let mut samples: Vec<Sample> = Vec::with_capacity(rows.len());
    loop {
        let found = chosen.next(rows.len())?;
        if found.is_empty() {
            break;
        }
        samples.extend(found.into_iter().filter_map(|found| match found {
            Found::Sample(sample) => Some(*sample),
            Found::Failed(_) => None,
        }));
    }
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
    let given = scores(classifier, &samples, &mut at_once)?;
    let explained = explain(classifier, &samples, given, &question, &mut at_once)?;
    let found = explained.grad_cam.expect("asked for");
    let [height, width, _] = found.shape;
    let one = |(i, sample): (usize, &Sample)| Map {
        id: sample.candidate.id.clone(),
        mag: sample.candidate.mag,
        real: sample.label == Some(1),
        score: explained.scores[i],
        stamp: stamp(&sample.values, model.plan().input, 0),
        values: found.get(i).to_vec(),
        shape: [height, width],
    };
    Ok(samples.iter().enumerate().map(one).collect())
}
