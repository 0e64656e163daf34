//! What a study's numbers depend on: written beside them, compared when it is gone on with.

use serde_json::{Value, json};

use crate::Result;
use crate::backend::Device;
use crate::data::{Dataset, Split};
use crate::train::checkpoint::{arithmetic, fingerprint};
use crate::train::{Config, Residence};

/// The settings of a study of this `kind`: what it varies (`varied`), how it trains, on what
/// data (their size and a hash), where.
pub fn settings(
    kind: &str,
    varied: Value,
    config: &Config,
    (data, split): (&Dataset, &Split),
    (device, residence): (&Device, Residence),
) -> Result<Value> {
    Ok(json!({
        "study": kind,
        "varied": varied,
        "training": config,
        "data": fingerprint(data, split)?,
        "device": arithmetic(device),
        "resident": residence,
        "rbgpu": env!("CARGO_PKG_VERSION"),
    }))
}
