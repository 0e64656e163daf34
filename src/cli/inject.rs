//! `rbgpu simulate --into`: sources in science images of one's own, and a catalogue of them.

use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Done;
use super::outputs::Outputs;
use super::terminal::Terminal;
use crate::data::exposure::ImageHdu;
use crate::report::{Compared, injected};
use crate::simulate::inject::{CATALOGUE, Count, Example, InjectConfig, PsfSource, into_folder};
use crate::{Error, Result};

/// The name of the picture in the folder.
const PICTURE: &str = "injected.png";

/// Arguments of `rbgpu simulate --into`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Into images of your own")]
pub struct Arguments {
    /// FITS images to put sources into; copies with the same names go to --out, with
    /// injected.csv and injected.png
    #[arg(long, num_args = 1.., value_name = "IMAGES",
        conflicts_with_all = ["count", "size", "channels", "real_fraction"])]
    into: Vec<PathBuf>,
    /// Sources per image [default: 100]
    #[arg(long, value_name = "N", requires = "into", conflicts_with = "density")]
    number: Option<usize>,
    /// Sources per 1000 x 1000 pixels
    #[arg(long, value_name = "N", requires = "into")]
    density: Option<f64>,
    /// Uniform range of magnitudes, BRIGHT to FAINT [default: 14..22]
    #[arg(
        long,
        value_name = "BRIGHT..FAINT",
        requires = "into",
        allow_hyphen_values = true
    )]
    magnitudes: Option<String>,
    /// Magnitude of a source of 1 ADU [default: from the header]
    #[arg(
        long,
        value_name = "MAG",
        requires = "into",
        allow_hyphen_values = true
    )]
    zero_point: Option<f64>,
    /// Electrons per ADU [default: GAIN of the header]
    #[arg(long, value_name = "E/ADU", requires = "into")]
    gain: Option<f64>,
    /// Saturation level in ADU [default: SATURATE of the header]
    #[arg(long, value_name = "ADU", requires = "into")]
    saturate: Option<f64>,
    /// PSFEx model, or a folder with NAME.psf per image [default: measured from the image's
    /// stars]
    #[arg(
        long,
        value_name = "FILE|FOLDER",
        requires = "into",
        conflicts_with = "fwhm"
    )]
    psf: Option<PathBuf>,
    /// For images without stars: FWHM of a round Moffat profile
    #[arg(long, value_name = "PIXELS", requires = "into")]
    fwhm: Option<f64>,
    /// Minimum distance of a source from the border [default: 16]
    #[arg(long, value_name = "PIXELS", requires = "into")]
    margin: Option<f64>,
    /// Minimum distance between sources [default: 24]
    #[arg(long, value_name = "PIXELS", requires = "into")]
    separation: Option<f64>,
    /// HDU of the image, by EXTNAME or number [default: the first 2-D image]
    #[arg(long, value_name = "NAME|N", requires = "into")]
    hdu: Option<ImageHdu>,
    /// Stop at the first unusable image instead of skipping it
    #[arg(long, requires = "into")]
    strict: bool,
}

impl Arguments {
    /// Whether there are images.
    pub fn is_wanted(&self) -> bool {
        !self.into.is_empty()
    }

    fn config(&self, seed: u64) -> Result<InjectConfig> {
        let base = InjectConfig::default();
        let count = match (self.density, self.number) {
            (Some(density), _) => Count::PerMegapixel(density),
            (None, Some(number)) => Count::PerImage(number),
            (None, None) => base.count,
        };
        let psf = match (&self.psf, self.fwhm) {
            (Some(file), _) => PsfSource::PsfEx(file.clone()),
            (None, Some(fwhm)) => PsfSource::Fwhm(fwhm),
            (None, None) => PsfSource::Stars,
        };
        let magnitudes = match &self.magnitudes {
            Some(text) => range(text)?,
            None => base.magnitudes,
        };
        Ok(InjectConfig {
            count,
            magnitudes,
            zero_point: self.zero_point,
            gain: self.gain,
            saturate: self.saturate,
            psf,
            margin: self.margin.unwrap_or(base.margin),
            separation: self.separation.unwrap_or(base.separation),
            hdu: self.hdu.clone().unwrap_or_default(),
            seed,
        })
    }
}

fn range(text: &str) -> Result<Range<f64>> {
    let ends = text.split_once("..");
    let ends = ends.and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
    let wrong = || {
        let expected = "BRIGHT..FAINT, such as 14..22";
        Error::config("--magnitudes", format!("'{text}'"), expected)
    };
    ends.map(|(a, b)| a..b).ok_or_else(wrong)
}

/// Puts sources into images, and says what was done.
pub fn run(arguments: &Arguments, out: &Path, seed: u64, terminal: &Terminal) -> Result<Done> {
    let config = arguments.config(seed)?;
    let mut outputs = Outputs::replacing(&arguments.into, terminal);
    outputs.new_folder(out)?;
    let bar = terminal.bar(arguments.into.len(), "images");
    let picture = |examples: &[Example], folder: &Path| draw(examples, &folder.join(PICTURE));
    let done = into_folder(
        &arguments.into,
        out,
        &config,
        arguments.strict,
        &picture,
        &mut || bar.inc(1),
    );
    bar.finish_and_clear();
    let summary = done?;
    for (notice, images) in &summary.notices {
        match images {
            1 if summary.images == 1 => terminal.notice(notice),
            1 => terminal.notice(&format!("{notice} (1 image)")),
            _ => terminal.notice(&format!("{notice} ({images} images)")),
        }
    }
    for (path, why) in &summary.failed {
        terminal.notice(&format!("left out {}: {why}", path.display()));
    }
    terminal.notice(&format!(
        "{} sources in {} images: {}, listed in {}",
        summary.sources,
        summary.images,
        out.display(),
        out.join(CATALOGUE).display(),
    ));
    Ok(match summary.failed.is_empty() {
        true => Done::Whole,
        false => Done::Partly,
    })
}

fn draw(examples: &[Example], path: &Path) -> Result<()> {
    let one = |example: &Example| Compared {
        before: example.before.clone(),
        after: example.after.clone(),
        side: example.side,
        title: format!("magnitude {:.2}", example.source.mag),
        caption: format!(
            "{:.0}, {:.0} in {}",
            example.source.x, example.source.y, example.image
        ),
    };
    injected(&examples.iter().map(one).collect::<Vec<_>>())?.save(path)
}
