//! How well a network did: the record of its training, and the numbers that
//! papers report on labelled scores.
//!
//! Nothing here knows of networks or devices. What comes in is labels (1 real,
//! 0 bogus) and P(real) per candidate.

pub mod agreement;
mod bootstrap;
mod breakdown;
pub mod calibration;
mod categories;
mod choose;
mod completeness;
pub mod confident;
mod confusion;
pub mod crossed;
mod curve;
mod evaluate;
pub mod evaluation;
mod histogram;
pub mod history;
pub mod intervals;
mod isotonic;
pub mod metrics;
pub mod planted;
pub mod reliability;
mod subject;
pub mod suspicion;
pub mod votes;

pub use calibration::Calibration;
pub use categories::category;
pub use choose::DecisionThreshold;
pub use confusion::{Confusion, Cut};
pub use evaluate::evaluate;
pub use evaluation::Evaluation;
pub use histogram::equal as histogram;
pub use history::EpochRecord;
pub use metrics::{Best, FprAtMdr, PrecisionRecall, Roc, Scored};
pub use subject::{Column, Labelled, Options, Role, Subject, Values};
