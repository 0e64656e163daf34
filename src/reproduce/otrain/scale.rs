//! How large the experiments are.

/// Sizes and epochs. `None` is the network's published value.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// Whether the report says that this was a quick run.
    pub quick: bool,
    /// Candidates of the first cube, JAST-gmadet, for which the paper has most figures.
    pub first: usize,
    /// Candidates of each other simulated cube.
    pub candidates: usize,
    /// Of each training.
    pub epochs: Option<usize>,
    /// Candidates per step.
    pub batch_size: Option<usize>,
    /// Candidates of the training parts of Fig. 11, rising; those that a cube does not have are
    /// left out, and all it has is added.
    pub training_sets: Vec<usize>,
    /// Pixels across the cutouts of Fig. 12, rising; likewise.
    pub cutout_sizes: Vec<usize>,
    /// Of these sizes, those at which the network is also trained on counts as they are.
    pub unscaled: Vec<usize>,
    /// Candidates of the training part of Fig. 12, at most.
    pub cutout_candidates: usize,
    /// Epochs of Fig. 12.
    pub cutout_epochs: usize,
    /// Sources injected for Fig. 4.
    pub injected: usize,
    /// Resamples of the bootstrap that finds intervals.
    pub resamples: usize,
    /// Whether trainings write checkpoints, so that a run that was stopped goes on within one.
    pub checkpoints: bool,
}

impl Scale {
    /// As in the paper: tens of thousands of cutouts, 30 epochs, batches of 1024.
    pub fn full() -> Scale {
        Scale {
            quick: false,
            first: 20_000,
            candidates: 20_000,
            epochs: None,
            batch_size: None,
            training_sets: vec![500, 1000, 2000, 5000, 10_000],
            cutout_sizes: vec![15, 21, 27, 32, 39, 45, 48, 51, 57, 63],
            unscaled: vec![15, 32, 48, 57, 63],
            cutout_candidates: 8500,
            cutout_epochs: 30,
            injected: 20_000,
            resamples: 1000,
            checkpoints: true,
        }
    }

    /// Some three minutes on two cores. Batches are small, or so few candidates would make but two
    /// steps an epoch.
    pub fn quick() -> Scale {
        Scale {
            quick: true,
            first: 3000,
            candidates: 2000,
            epochs: Some(10),
            batch_size: Some(64),
            training_sets: vec![425, 850],
            cutout_sizes: vec![15, 32, 48, 63],
            unscaled: Vec::new(),
            cutout_candidates: 800,
            cutout_epochs: 8,
            injected: 4000,
            resamples: 300,
            checkpoints: false,
        }
    }
}
