//! `rbgpu relabel`.

use clap::Args;

use super::Done;
use crate::{Error, Result};

/// Arguments of `rbgpu relabel`.
#[derive(Debug, Args)]
pub struct Arguments {}

/// Runs it.
pub fn run(_: &Arguments) -> Result<Done> {
    Err(Error::config("relabel", "it", "a later version"))
}
