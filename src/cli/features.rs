//! `rbgpu features`.

use clap::Args;

use super::Done;
use crate::{Error, Result};

/// Arguments of `rbgpu features`.
#[derive(Debug, Args)]
pub struct Arguments {}

/// Runs it.
pub fn run(_: &Arguments) -> Result<Done> {
    Err(Error::config("features", "it", "a later version"))
}
