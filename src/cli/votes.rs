//! `rbgpu votes`.

use clap::Args;

use super::Done;
use crate::{Error, Result};

/// Arguments of `rbgpu votes`.
#[derive(Debug, Args)]
pub struct Arguments {}

/// Runs it.
pub fn run(_: &Arguments) -> Result<Done> {
    Err(Error::config("votes", "it", "a later version"))
}
