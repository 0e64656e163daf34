//! How fast networks run on a device, and how fast they could: what `rbgpu bench`
//! measures.
//!
//! Data are random and resident. Times are those of a process that measures one
//! configuration and nothing else, so that its peak memory is that configuration's.

pub mod ceilings;
pub mod clock;
pub mod epoch;
pub mod process;
pub mod speed;

pub use ceilings::Ceilings;
pub use clock::{Protocol, Timing};
pub use epoch::EpochTime;
pub use speed::{Configuration, Mode, Speed};

use crate::Error;

/// Whether an error says that the device has no room for the batch.
pub fn does_not_fit(error: &Error) -> bool {
    match error {
        Error::TooLarge { .. } => true,
        Error::Device { doing, .. } => doing == "making room for a tensor",
        _ => false,
    }
}
