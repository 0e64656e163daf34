//! The same network on the middle of each cutout, from 15 to 63 pixels across (Fig. 12).

use std::sync::Arc;

use serde_json::json;

use super::cube::Cube;
use super::{Request, Steps, keeping};
use crate::Result;
use crate::data::{Dataset, Normalisation, Split};
use crate::reproduce::folder::RUNS;
use crate::study::size::Nested;
use crate::study::{Folder, Record, Run, Study, cutout, settings};
use crate::train::Config;

/// The cube that the paper cuts (Sect. 8.1).
const CUT: &str = "JAST-STDPipe";

/// What is to be trained.
pub(super) struct Plan {
    /// The cube's name.
    pub cube: String,
    config: Config,
    sizes: Vec<usize>,
    unscaled: Vec<usize>,
    pub data: Arc<Dataset>,
    split: Arc<Split>,
    /// Of `sizes`, then of `unscaled`.
    pub runs: Vec<Run>,
}

/// What came of it.
pub(super) struct Cutouts {
    /// The cube's name.
    pub cube: String,
    /// Candidates of the training part.
    pub candidates: usize,
    /// Epochs of each training.
    pub epochs: usize,
    /// Pixels across, and the training.
    pub by_size: Vec<(usize, Record)>,
    /// The same on counts as they are.
    pub unscaled: Vec<(usize, Record)>,
}

impl Cutouts {
    /// Of every training.
    pub fn records(&self) -> Vec<&Record> {
        let all = self.by_size.iter().chain(&self.unscaled);
        all.map(|(_, record)| record).collect()
    }
}

/// On the cube that the paper cuts, or else the one with the largest cutouts; `None` where these are
/// no larger than the smallest size.
pub(super) fn plan(cubes: &[Cube], request: &Request, config: &Config) -> Result<Option<Plan>> {
    let side = |cube: &Cube| cube.whole.shape.height.min(cube.whole.shape.width);
    let named = cubes.iter().find(|cube| cube.name == CUT);
    let Some(cube) = named.or_else(|| cubes.iter().max_by_key(|cube| side(cube))) else {
        return Ok(None);
    };
    let own = side(cube);
    let mut sizes = request.scale.cutout_sizes.clone();
    sizes.retain(|&size| size < own);
    sizes.push(own);
    if sizes.len() < 2 {
        return Ok(None);
    }
    let config = Config {
        epochs: request.scale.cutout_epochs,
        ..config.clone()
    };
    let nested = Nested::new(cube.labels(), &cube.split.train, config.seed);
    let count = nested.len().min(request.scale.cutout_candidates);
    let split = Arc::new(Split {
        train: nested.first(count),
        ..cube.split.as_ref().clone()
    });
    let shape = cube.whole.shape;
    let mut runs = cutout::runs(&config, shape, &split, &sizes, 1)?;
    let mut unscaled = request.scale.unscaled.clone();
    unscaled.retain(|size| sizes.contains(size));
    let as_they_are = Config {
        preprocess: Normalisation::None.into(),
        ..config.clone()
    };
    for mut run in cutout::runs(&as_they_are, shape, &split, &unscaled, 1)? {
        run.name = format!("unscaled-{}", run.name);
        run.folder = run.name.clone();
        runs.push(run);
    }
    Ok(Some(Plan {
        cube: cube.name.clone(),
        config,
        sizes,
        unscaled,
        data: cube.whole.clone(),
        split,
        runs,
    }))
}

/// Trains.
pub(super) fn conduct(plan: Plan, request: &Request, steps: &mut Steps) -> Result<Cutouts> {
    let device = &request.device;
    let varied = json!({ "cube": plan.cube, "cutouts": plan.sizes, "unscaled": plan.unscaled });
    let parts = (plan.data.as_ref(), plan.split.as_ref());
    let settings = settings("otrain", varied, &plan.config, parts, (device, keeping().0))?;
    let folder = Folder::open(
        &request.out.join(RUNS).join("cutouts"),
        &settings,
        request.fresh,
    )?;
    let of = plan.runs.len();
    let mut study = Study::new(folder, plan.data.clone(), device, keeping(), of, steps);
    if !request.scale.checkpoints {
        study = study.unsaved();
    }
    let mut records = study.conduct(&plan.runs, 0.0)?.into_iter();
    let mut of = |sizes: Vec<usize>| sizes.into_iter().zip(records.by_ref()).collect();
    let by_size = of(plan.sizes);
    Ok(Cutouts {
        cube: plan.cube,
        candidates: plan.split.train.len(),
        epochs: plan.config.epochs,
        by_size,
        unscaled: of(plan.unscaled),
    })
}
