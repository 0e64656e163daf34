//! One training of a study: what it is on, and with which settings.

use std::fmt::Display;
use std::sync::Arc;

use crate::data::channels::names;
use crate::data::{Channel, CutoutShape, Dataset, Split};
use crate::nn::Plan;
use crate::train::Config;
use crate::{Error, Result};

/// One training.
#[derive(Clone, Debug)]
pub struct Run {
    /// The key of its record: letters, digits, `-`, `+`.
    pub name: String,
    /// Its folder in the study's `runs/`. Runs that go on from one another share it.
    pub folder: String,
    /// The settings.
    pub config: Config,
    /// What of the cutouts it sees.
    pub view: View,
    /// Its training, validation and test rows.
    pub split: Arc<Split>,
    /// Epochs that a run before it in the same folder has trained; 0 if it is the first.
    pub before: usize,
    /// Whether its checkpoint is left for another run to go on from.
    pub keeps_checkpoint: bool,
}

/// An error where one of `all`, which `option` gave, is there twice; `what` each of them is.
pub(super) fn each_once<T: PartialEq + Display>(option: &str, what: &str, all: &[T]) -> Result<()> {
    match all
        .iter()
        .enumerate()
        .find(|(i, one)| all[..*i].contains(one))
    {
        Some((_, one)) => {
            let expected = format!("each {what} once");
            Err(Error::config(option, format!("{one} twice"), expected))
        }
        None => Ok(()),
    }
}

/// What of the cutouts a run sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// All.
    Whole,
    /// So many pixels across, from the middle.
    Side(usize),
    /// These images, in this order.
    Images(Vec<Channel>),
}

impl View {
    /// The cutouts of `data` seen so; pixels are not copied.
    pub fn of(&self, data: &Arc<Dataset>) -> Result<Arc<Dataset>> {
        match self {
            View::Whole => Ok(data.clone()),
            View::Side(side) => data.cropped(*side).map(Arc::new),
            View::Images(images) => data.with_images(images).map(Arc::new),
        }
    }

    /// The size of cutouts of `shape` seen so.
    pub fn shape(&self, shape: CutoutShape) -> CutoutShape {
        match self {
            View::Whole => shape,
            View::Side(side) => CutoutShape {
                height: *side,
                width: *side,
                ..shape
            },
            View::Images(images) => CutoutShape {
                channels: images.len(),
                ..shape
            },
        }
    }
}

impl Run {
    /// The network at the size that the run sees it at.
    pub fn plan(&self, shape: CutoutShape) -> Result<Plan> {
        let seen = self.view.shape(shape);
        let input = [seen.height, seen.width, seen.channels];
        Plan::new(&self.config.architecture, input)
    }

    /// Why the network cannot be laid out, in words for a table.
    pub(super) fn does_not_fit(&self, shape: CutoutShape, error: &Error) -> String {
        let name = &self.config.architecture.name;
        // The layer is enough: what it found is what its place says.
        let error = match error {
            Error::Input { place, .. } => place,
            other => &other.to_string(),
        };
        match &self.view {
            View::Side(side) => format!("{side} pixels are too small for {name} ({error})"),
            View::Images(images) => format!("{name} does not take {} ({error})", names(images)),
            View::Whole => format!("{name} does not fit cutouts of {shape} ({error})"),
        }
    }

    /// What it costs to run, in flops of matrix products: all epochs of training and
    /// validation that no run before it has done. 0 for a network that does not fit.
    pub fn cost(&self, shape: CutoutShape) -> f64 {
        let Ok(plan) = self.plan(shape) else {
            return 0.0;
        };
        let training = plan.training_cost(1).flops as f64 * self.split.train.len() as f64;
        let validation = plan.scoring_cost(1).flops as f64 * self.split.validation.len() as f64;
        let epochs = self.config.epochs.saturating_sub(self.before) as f64;
        epochs * (training + validation)
    }
}
