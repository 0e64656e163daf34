//! The trainings on one cube: on all of its training part, which is judged (Table 5, Figs. 10 and
//! A.1–A.4), and on nested parts of it (Fig. 11).

use ndarray::Array4;
use serde_json::json;

use super::cube::Cube;
use super::{Request, Steps, keeping};
use crate::data::Dataset;
use crate::evaluate::columns::{self, MAGNITUDE, MAGNITUDE_ERROR};
use crate::formats::model::beside;
use crate::judge::evaluation::{Judged, Training};
use crate::judge::{self, EpochRecord, Evaluation, Labelled, Options, Subject};
use crate::reproduce::folder::RUNS;
use crate::study::conduct::MODEL;
use crate::study::{Folder, Record, Run, Study, settings, size};
use crate::train::{Classifier, Config};
use crate::{Error, Result};

/// The epoch whose ΔAcc Fig. 11 shows, or the last where there are fewer.
pub(super) const EPOCH: usize = 25;

/// What is to be trained on a cube.
pub(super) struct Plan {
    config: Config,
    sizes: Vec<usize>,
    pub runs: Vec<Run>,
}

/// A training on so many candidates.
pub(super) struct OfSize {
    /// Candidates of its training part.
    pub size: usize,
    pub record: Record,
    /// Empty for one that gave no network.
    pub history: Vec<EpochRecord>,
}

/// What came of it.
pub(super) struct Trained {
    /// By rising size; the last had all of the training part.
    pub by_size: Vec<OfSize>,
    /// Of the last.
    pub classifier: Classifier,
    /// Rows of the validation part that have a score.
    pub rows: Vec<usize>,
    /// P(real) of each.
    pub scores: Vec<f64>,
    /// On these rows; one classifier.
    pub evaluation: Evaluation,
}

impl OfSize {
    /// ΔAcc in epoch 25, as Fig. 11 has it, or in the last; NaN where there is none.
    pub fn delta(&self) -> f64 {
        let at = self.history.len().min(EPOCH).checked_sub(1);
        at.map_or(f64::NAN, |i| {
            self.history[i].accuracy - self.history[i].val_accuracy
        })
    }
}

impl Trained {
    /// The network's numbers.
    pub fn judged(&self) -> &Judged {
        &self.evaluation.classifiers[0]
    }

    /// The course of the training on all candidates.
    pub fn history(&self) -> &[EpochRecord] {
        &self.by_size.last().expect("at least one").history
    }

    /// Of every training.
    pub fn records(&self) -> Vec<&Record> {
        self.by_size.iter().map(|of| &of.record).collect()
    }

    /// Labels of the rows that have a score.
    pub fn labels(&self, cube: &Cube) -> Vec<u8> {
        self.rows.iter().map(|&row| cube.labels()[row]).collect()
    }
}

/// The trainings on `cube`.
pub(super) fn plan(cube: &Cube, request: &Request, config: &Config) -> Result<Plan> {
    let total = cube.split.train.len();
    let mut sizes = request.scale.training_sets.clone();
    // One hardly smaller than the whole says nothing of its own.
    sizes.retain(|&size| size >= 2 && size <= total * 4 / 5);
    sizes.push(total);
    let runs = size::runs(config, cube.labels(), &cube.split, &sizes, 1)?;
    Ok(Plan {
        config: config.clone(),
        sizes,
        runs,
    })
}

/// Trains and judges; `later` is what the work behind this costs.
pub(super) fn conduct(
    cube: &Cube,
    plan: Plan,
    request: &Request,
    later: f64,
    steps: &mut Steps,
) -> Result<Trained> {
    let device = &request.device;
    let varied = json!({ "cube": cube.name, "sizes": plan.sizes });
    let parts = (cube.data.as_ref(), cube.split.as_ref());
    let settings = settings("otrain", varied, &plan.config, parts, (device, keeping().0))?;
    let path = request.out.join(RUNS).join(&cube.slug);
    let folder = Folder::open(&path, &settings, request.fresh)?;
    let of = plan.runs.len();
    let mut study = Study::new(folder, cube.data.clone(), device, keeping(), of, steps);
    if !request.scale.checkpoints {
        study = study.unsaved();
    }
    let records = study.conduct(&plan.runs, later)?;
    let mut by_size = Vec::new();
    let mut model = None;
    for ((run, record), &size) in plan.runs.iter().zip(records).zip(&plan.sizes) {
        let path = study.folder().run(&run.folder)?.join(MODEL);
        let history = match record.reported() {
            Some(_) => past(&path)?,
            None => Vec::new(),
        };
        model = record.reported().map(|_| path);
        by_size.push(OfSize {
            size,
            record,
            history,
        });
    }
    let last = by_size.last().expect("the whole training part");
    let Some(model) = model else {
        let why = last.record.note.clone().unwrap_or_default();
        let what = format!("training on {}", cube.name);
        return Err(Error::config(what, why, "a network"));
    };
    let classifier = Classifier::open_on(&model, device)?;
    let (rows, scores) = scored(&classifier, &cube.data, &cube.split.validation)?;
    let training = Training::new(last.history.clone(), last.record.best_epoch)?;
    let evaluation = judged(cube, (&rows, &scores), &classifier, training, request)?;
    Ok(Trained {
        by_size,
        classifier,
        rows,
        scores,
        evaluation,
    })
}

fn past(model: &std::path::Path) -> Result<Vec<EpochRecord>> {
    let path = beside(model, "history.jsonl");
    let file = std::fs::File::open(&path).map_err(Error::io("read", &path))?;
    judge::history::read(file, &path)
}

/// Cutouts that are read at a time.
const AT_ONCE: usize = 512;

/// Those of `rows` that the network gives a score, and the scores.
fn scored(
    classifier: &Classifier,
    data: &Dataset,
    rows: &[usize],
) -> Result<(Vec<usize>, Vec<f64>)> {
    let shape = data.shape;
    let (mut kept, mut scores) = (Vec::new(), Vec::new());
    for some in rows.chunks(AT_ONCE) {
        let mut pixels = vec![0.0; some.len() * shape.len()];
        for (row, out) in some.iter().zip(pixels.chunks_mut(shape.len())) {
            data.pixels.read(*row, out)?;
        }
        let size = (some.len(), shape.height, shape.width, shape.channels);
        let cutouts = Array4::from_shape_vec(size, pixels).expect("made to this size");
        let found = classifier.score(cutouts.view())?;
        for (row, score) in some.iter().zip(found) {
            if score.is_finite() {
                kept.push(*row);
                scores.push(score);
            }
        }
    }
    Ok((kept, scores))
}

fn judged(
    cube: &Cube,
    (rows, scores): (&[usize], &[f64]),
    classifier: &Classifier,
    training: Training,
    request: &Request,
) -> Result<Evaluation> {
    let candidates = || rows.iter().map(|&row| &cube.data.candidates[row]);
    let columns = [MAGNITUDE, MAGNITUDE_ERROR].into_iter();
    let columns = columns.filter_map(|name| columns::of_candidates(candidates(), name));
    let labels: Vec<u8> = rows.iter().map(|&row| cube.labels()[row]).collect();
    let data = Labelled {
        labels: &labels,
        columns: columns.filter(columns::is_known).collect(),
    };
    let subject = Subject {
        name: cube.name.clone(),
        scores,
        threshold: classifier.threshold(),
        threshold_from: "largest F1 + MCC of 0, 0.01, … 1".into(),
        training: Some(training),
    };
    let options = Options {
        seed: request.seed,
        resamples: request.scale.resamples,
        ..Options::default()
    };
    judge::evaluate(&data, &[subject], &options, &|_, _| ())
}
