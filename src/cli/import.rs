//! `rbgpu import`: a network that was trained elsewhere, as a model file.

use std::path::PathBuf;

use clap::Args;

use super::Done;
use super::outputs::{Force, Outputs, check_model};
use super::summary::{grouped, size};
use super::terminal::Terminal;
use crate::Result;
use crate::data::Channel;
use crate::formats::{self, ImportOptions, RealOutput};

/// Arguments of `rbgpu import`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct Arguments {
    /// Keras' .h5 or .keras, its architecture as .json (with WEIGHTS), or PyTorch's .pth or
    /// .safetensors (with --network)
    file: PathBuf,
    /// Keras' weights (.h5) of an architecture
    weights: Option<PathBuf>,
    /// The model
    #[arg(long, short, value_name = "MODEL.safetensors")]
    out: PathBuf,
    /// Preprocessing of cutouts: none, standard, mad, l2, l2-rows, asinh, minmax, otrain
    /// (none), braai-d6m7, braai, dia-nodia [default: none]
    #[arg(long, value_name = "NAME")]
    preprocess: Option<String>,
    /// Output that means real: the class number of a softmax, 0 for a sigmoid that is P(real),
    /// inverted for P(artifact) [default: known from --preprocess, or guessed with a notice]
    #[arg(long, value_name = "N|inverted")]
    real_output: Option<RealOutput>,
    /// Images the network takes, in order, such as template,search,difference [default: known
    /// from --preprocess; of three, guessed with a notice]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    channels: Option<Vec<Channel>>,
    /// Decision threshold on P(real)
    #[arg(long, default_value_t = 0.5, value_name = "P")]
    threshold: f64,
    /// Name of the network [default: the file's name]
    #[arg(long, value_name = "NAME")]
    network_name: Option<String>,
    /// The architecture of PyTorch's weights: des1, des2, des3, des4, otrain, or a .toml file
    #[arg(long, value_name = "NETWORK")]
    network: Option<String>,
    /// Input size of the network, if the file does not say it
    #[arg(long, value_name = "H,W,C", value_parser = size)]
    input: Option<[usize; 3]>,
    #[command(flatten)]
    force: Force,
    /// Print errors only
    #[arg(long, short)]
    quiet: bool,
}

/// Imports and writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let terminal = Terminal::new(arguments.quiet, false);
    let inputs: Vec<PathBuf> = [Some(&arguments.file), arguments.weights.as_ref()]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let mut outputs = Outputs::new(arguments.force, &inputs, &terminal);
    outputs.keep(&[&arguments.out])?;
    check_model(&arguments.out)?;
    let options = ImportOptions {
        real_output: arguments.real_output,
        preprocess: arguments.preprocess.clone(),
        channels: arguments.channels.clone(),
        threshold: arguments.threshold,
        network_name: arguments.network_name.clone(),
        network: arguments.network.clone(),
        input: arguments.input,
    };
    let (file, notices) = formats::import(&arguments.file, arguments.weights.as_deref(), &options)?;
    notices.iter().for_each(|notice| terminal.notice(notice));
    file.write(&arguments.out)?;
    let plan = file.model.plan();
    let [h, w, c] = plan.input;
    let kind = file.provenance.settings["imported_from"].as_str();
    terminal.notice(&format!(
        "{}, from {}: {} layers, {} parameters, input {h}x{w}x{c} after {}: {}",
        file.model.architecture().name,
        kind.unwrap_or_default(),
        plan.layers.len(),
        grouped(plan.trainable() + plan.not_trainable()),
        file.preprocess,
        arguments.out.display()
    ));
    Ok(Done::Whole)
}
