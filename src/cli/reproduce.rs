//! `rbgpu reproduce`.

use clap::Args;

use super::Done;
use crate::{Error, Result};

/// Arguments of `rbgpu reproduce`.
#[derive(Debug, Args)]
pub struct Arguments {}

/// Runs it.
pub fn run(_: &Arguments) -> Result<Done> {
    Err(Error::config("reproduce", "it", "a later version"))
}
