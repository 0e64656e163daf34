//! `rbgpu suspect`.

use clap::Args;

use super::Done;
use crate::{Error, Result};

/// Arguments of `rbgpu suspect`.
#[derive(Debug, Args)]
pub struct Arguments {}

/// Runs it.
pub fn run(_: &Arguments) -> Result<Done> {
    Err(Error::config("suspect", "it", "a later version"))
}
