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
    let mut settings = json!({
        "study": kind,
        "varied": varied,
        "training": config,
        "data": fingerprint(data, split)?,
        "device": arithmetic(device),
        "resident": residence,
        "rbgpu": env!("CARGO_PKG_VERSION"),
    });
    // A number that nobody chose is that of each run's training part, see
    // `Config::for_candidates`: not the run of one who chose the same number.
    let scales = config.architecture.training.candidates.is_some();
    let defaults = [
        ("batch_size", config.batch_is_default),
        ("learning_rate", config.rate_is_default && scales),
    ];
    let defaults = defaults.into_iter().filter(|(_, is_default)| *is_default);
    let defaults: Vec<&str> = defaults.map(|(name, _)| name).collect();
    if !defaults.is_empty() {
        settings["defaults"] = json!(defaults);
    }
    Ok(settings)
}
