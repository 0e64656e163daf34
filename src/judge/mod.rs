//! How well a network did: the record of its training, and the numbers that
//! papers report on labelled scores.
//!
//! Nothing here knows of networks or devices. What comes in is labels (1 real,
//! 0 bogus) and P(real) per candidate.

mod confusion;
pub mod evaluation;
pub mod history;
pub mod metrics;

pub use confusion::{Confusion, Cut};
pub use evaluation::Evaluation;
pub use history::EpochRecord;
pub use metrics::{Best, FprAtMdr, PrecisionRecall, Roc, Scored};
