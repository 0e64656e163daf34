//! `rbgpu export`: a model for other programs.

use std::path::PathBuf;

use clap::Args;

use super::Done;
use super::outputs::{Force, Outputs};
use super::terminal::Terminal;
use crate::Result;
use crate::backend::Device;
use crate::data::{Normalisation, Preprocess};
use crate::formats::export::pixels;
use crate::formats::{Export, Format, ModelFile};

/// Arguments of `rbgpu export`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A model that rbgpu wrote
    model: PathBuf,
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// onnx, h5 (Keras 2 and 3), keras, weights.h5 (Keras 3), safetensors [default: by the
    /// ending of --out]
    #[arg(long, value_name = "NAME")]
    format: Option<Format>,
    /// Include the pixel normalisation in the graph (ONNX only; not mad or asinh)
    #[arg(long)]
    with_normalisation: bool,
    #[command(flatten)]
    force: Force,
    /// Print errors only
    #[arg(long, short)]
    quiet: bool,
}

/// Reads, writes, and says what has to be known.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let terminal = Terminal::new(arguments.quiet, false);
    let format = match arguments.format {
        Some(format) => format,
        None => Format::of(&arguments.out)?,
    };
    let export = Export {
        format,
        with_normalisation: arguments.with_normalisation,
    };
    let inputs = std::slice::from_ref(&arguments.model);
    let mut outputs = Outputs::new(arguments.force, inputs, &terminal);
    outputs.keep(&[&arguments.out])?;
    let model = ModelFile::read(&arguments.model, &Device::cpu())?;
    export.write(&model, &arguments.out)?;
    let [h, w, c] = model.model.plan().input;
    terminal.notice(&format!(
        "{}: {format}, cutouts of {h}x{w}x{c}, real from P(real) = {} on",
        arguments.out.display(),
        model.threshold,
    ));
    let pixels = pixels(model.preprocess, export.with_normalisation);
    terminal.notice(&format!(
        "it takes pixels {pixels}{}",
        hint(&export, model.preprocess)
    ));
    Ok(Done::Whole)
}

/// That the graph could do it.
fn hint(export: &Export, preprocess: Preprocess) -> &'static str {
    let could = Export {
        with_normalisation: true,
        ..*export
    };
    let is_work =
        preprocess != Preprocess::Plain(Normalisation::None) && !export.with_normalisation;
    match is_work && could.check(preprocess).is_ok() {
        true => " (--with-normalisation puts that into the graph)",
        false => "",
    }
}
