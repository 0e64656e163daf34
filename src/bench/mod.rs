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

use crate::backend::Device;
use crate::backend::gpu::GpuPrecision;
use crate::nn::Model;
use crate::ops::loss_scale;
use crate::train::Trainer;
use crate::train::config::LOSS_SCALE;
use crate::{Error, Result};

/// As a run would train `model`: with a scaled loss where products are of f16.
fn trainer(model: Model) -> Result<Trainer> {
    let half = is_half(model.device());
    let trainer = Trainer::new(model, 0.9, 0.999, 1e-7)?;
    match half {
        true => trainer.with_loss_scale(&loss_scale::start(LOSS_SCALE)),
        false => Ok(trainer),
    }
}

fn is_half(device: &Device) -> bool {
    matches!(device, Device::Gpu(gpu) if gpu.precision() == GpuPrecision::F16)
}

/// Whether an error says that the device has no room for the batch.
pub fn does_not_fit(error: &Error) -> bool {
    match error {
        Error::TooLarge { .. } => true,
        Error::Device { doing, .. } => doing == "making room for a tensor",
        _ => false,
    }
}
