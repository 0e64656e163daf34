//! `rbgpu forest`.

use clap::Args;

use super::Done;
use crate::{Error, Result};

/// Arguments of `rbgpu forest`.
#[derive(Debug, Args)]
pub struct Arguments {}

/// Runs it.
pub fn run(_: &Arguments) -> Result<Done> {
    Err(Error::config("forest", "it", "a later version"))
}
