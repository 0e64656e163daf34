//! `rbgpu pack`: cutouts of any kind, gathered into a cube or a DES triple.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::Done;
use super::args::{Reading, report_skipped};
use super::outputs::{Force, Outputs};
use super::terminal::Terminal;
use crate::data::channels::names;
use crate::data::pack::{Dtype, Format, PackOptions, Packed, Step, pack, triple_files};
use crate::data::truth::{Radius, Truth};
use crate::data::{ReadOptions, Rows, stream};
use crate::{Error, Result};

/// Arguments of `rbgpu pack`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct Arguments {
    /// Cubes, folders, FITS files, folders of DES stamps, .npy triples' prefixes
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// What to write: NAME.npz for a cube as O'TRAIN has it, PREFIX_x.npy for a DES triple
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// What that is, where its name does not say
    #[arg(long, value_enum)]
    format: Option<OutFormat>,
    /// Type of the pixels: f32 in a cube, bytes in a triple of bytes unless said
    #[arg(long, value_enum)]
    dtype: Option<OutDtype>,
    /// Keep the middle of each cutout, so many pixels along its side
    #[arg(long, value_name = "PIXELS")]
    cutout_size: Option<usize>,
    /// Keep so many candidates that this share is real, as O'TRAIN's convert does
    #[arg(long, value_name = "SHARE")]
    frac_true: Option<f64>,
    /// The same seed chooses the same candidates for --frac-true
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A table of true positions (RA and Dec, or x, y and image): candidates near one are real,
    /// the others bogus
    #[arg(long, value_name = "CATALOGUE", requires = "radius")]
    truth: Option<PathBuf>,
    /// How near: arc seconds on the sky, such as 1.5, or pixels in the image, such as 2px
    #[arg(long, requires = "truth")]
    radius: Option<Radius>,
    #[command(flatten)]
    force: Force,
    #[command(flatten)]
    reading: Reading,
    /// Print errors only
    #[arg(long, short)]
    quiet: bool,
    /// Print more: every skipped input
    #[arg(long, short)]
    verbose: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OutFormat {
    Cube,
    Triple,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OutDtype {
    F32,
    U8,
}

/// Reads, packs, writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let terminal = Terminal::new(arguments.quiet, arguments.verbose);
    let (format, out) = target(&arguments.out, arguments.format)?;
    let files = match format {
        Format::Cube => vec![out.clone()],
        Format::Triple => triple_files(&out).to_vec(),
    };
    // An input may be the prefix of a triple, which is no file by itself.
    let prefixes = arguments
        .inputs
        .iter()
        .flat_map(|input| triple_files(input));
    let inputs: Vec<PathBuf> = arguments.inputs.iter().cloned().chain(prefixes).collect();
    let inputs: Vec<PathBuf> = inputs.into_iter().chain(arguments.truth.clone()).collect();
    let mut outputs = Outputs::new(arguments.force, &inputs, &terminal);
    outputs.keep(&files)?;
    let options = PackOptions {
        format,
        dtype: match arguments.dtype {
            None => Dtype::Auto,
            Some(OutDtype::F32) => Dtype::F32,
            Some(OutDtype::U8) => Dtype::U8,
        },
        cutout_size: arguments.cutout_size,
        frac_true: arguments.frac_true,
        seed: arguments.seed,
        strict: arguments.reading.strict,
    };
    options.check()?;
    let truth = arguments.truth.as_ref().map(Truth::read).transpose()?;
    let reading = ReadOptions {
        labels_kept: true,
        ..arguments.reading.options(false, None)?
    };
    let mut rows = stream(&arguments.inputs, &reading)?;
    let bar = terminal.bar(rows.expected().unwrap_or(0), "reading");
    let unknown = rows.expected().is_none();
    let truth = truth.as_ref().zip(arguments.radius);
    let packed = pack(&mut rows, &out, &options, truth, |step| match step {
        Step::Read(more) => {
            if unknown {
                bar.inc_length(more as u64);
            }
            bar.inc(more as u64);
        }
        Step::Writing(count) => {
            bar.reset();
            bar.set_length(count as u64);
            bar.set_prefix("writing");
        }
        Step::Written(more) => bar.inc(more as u64),
    });
    bar.finish_and_clear();
    let packed = packed?;
    report(&packed, &files[0], &terminal);
    Ok(Done::but(&packed.skipped))
}

/// What is written, and its file or prefix.
fn target(out: &Path, format: Option<OutFormat>) -> Result<(Format, PathBuf)> {
    let name = out.to_string_lossy();
    let prefix = name
        .strip_suffix("_x.npy")
        .filter(|prefix| !prefix.is_empty());
    match (format, prefix) {
        (Some(OutFormat::Cube), _) => Ok((Format::Cube, out.into())),
        (Some(OutFormat::Triple) | None, Some(prefix)) => Ok((Format::Triple, prefix.into())),
        (Some(OutFormat::Triple), None) => Ok((Format::Triple, out.into())),
        (None, None) if name.ends_with(".npz") => Ok((Format::Cube, out.into())),
        (None, None) => {
            let expected = "NAME.npz, PREFIX_x.npy, or --format cube or triple";
            Err(Error::config("--out", format!("'{name}'"), expected))
        }
    }
}

fn report(packed: &Packed, out: &Path, terminal: &Terminal) {
    for notice in &packed.notices {
        terminal.notice(notice);
    }
    report_skipped(&packed.skipped, terminal);
    let left_out = match packed.skipped.len() {
        0 => String::new(),
        n => format!(", {n} left out"),
    };
    let kinds = match packed.labels {
        Some([real, bogus, 0]) => format!("{real} real and {bogus} bogus cutouts"),
        Some([real, bogus, undecided]) => {
            format!("{real} real, {bogus} bogus and {undecided} undecided cutouts")
        }
        None => format!("{} cutouts without labels", packed.count),
    };
    let images = match packed.channels.as_deref() {
        Some(channels) => format!(" ({})", names(channels)),
        None => String::new(),
    };
    let dtype = if packed.bytes { "bytes" } else { "f32" };
    terminal.notice(&format!(
        "{kinds} of {}{images}, {dtype}{left_out}: {}",
        packed.shape,
        out.display()
    ));
}
