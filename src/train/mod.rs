//! Training: configuration, one step, the loop, checkpoints.

mod announce;
pub mod checkpoint;
mod class_weight;
pub mod classifier;
pub mod config;
pub mod defaults;
pub mod finished;
mod learned;
pub mod observer;
pub mod origin;
mod recipe;
pub mod resident;
pub mod scoring;
pub mod session;
mod state;
pub mod stream;
pub mod totals;
pub mod trainer;

pub use class_weight::ClassWeight;
pub use classifier::Classifier;
pub use config::{Config, Precision, Settings};
pub use finished::{Finished, finished};
pub use observer::{Observer, Progress};
pub use origin::Origin;
pub use resident::{Residence, Resident};
pub use session::{Outcome, Session};
pub use totals::Totals;
pub use trainer::Trainer;
