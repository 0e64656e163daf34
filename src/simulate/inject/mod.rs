//! Sources put into science images of one's own, with the images' own point spread function
//! (O'TRAIN Sect. 4.2): what a pipeline finds of them is real by construction.
//!
//! | file | what it does |
//! |---|---|
//! | `background.rs`, `stars.rs` | the sky, and the stars on it |
//! | `measured.rs`, `psfex.rs` | the point spread function: from the stars, or from a `.psf` file |
//! | `resample.rs` | its light between the samples |
//! | `draw.rs` | where sources go, how bright they are, and their photons |
//! | `folder.rs` | many images, their copies and one catalogue |
//!
//! Each source has a generator of its own, seeded by (seed, the image's name, its number), so
//! the result has the same bits for any number of threads, and does not depend on which other
//! images are given.

mod background;
mod draw;
mod folder;
mod measured;
mod psfex;
mod resample;
mod stars;

use std::ops::Range;
use std::path::PathBuf;

use crate::data::exposure::{Exposure, ImageHdu, Keyword, Rounding};
use crate::simulate::{Profile, Psf};
use crate::{Error, Result};

use background::Background;
use draw::Field;
use measured::Grid;
use psfex::PsfEx;
use resample::Template;

pub use folder::{CATALOGUE, Example, Summary, into_folder};
pub use measured::REGIONS;

/// Keywords that are looked up, the first that is there counts.
const ZERO_POINT: &[&str] = &[
    "MAGZERO", "MAGZP", "MAGZPT", "ZEROPNT", "ZPOINT", "PHOTZP", "MAG_ZP", "ZP", "ZPT",
];
/// Electrons per ADU; in the headers of CMOS cameras GAIN is a setting, and EGAIN this.
const GAIN: &[&str] = &["EGAIN", "GAINEFF", "GAIN", "GAIN1"];
const SATURATE: &[&str] = &["SATURATE", "SATURLVL", "SATLEVEL", "SATURVAL"];
/// Of the profile that stands in for an unknown one.
const BETA: f64 = 3.0;
/// Photons of one source that can still be counted one by one in an f64.
const MOST_ELECTRONS: f64 = 1e15;

/// How many sources.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Count {
    /// In every image.
    PerImage(usize),
    /// In a square of 1000 pixels.
    PerMegapixel(f64),
}

/// Where the point spread function comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum PsfSource {
    /// The image's own stars, in 9 x 9 regions.
    Stars,
    /// A PSFEx file; or a folder with one per image, of the image's name ending in .psf.
    PsfEx(PathBuf),
    /// A round Moffat profile with beta = 3 and this full width at half maximum, in pixels.
    Fwhm(f64),
}

/// What to put into images.
#[derive(Clone, Debug, PartialEq)]
pub struct InjectConfig {
    /// How many sources.
    pub count: Count,
    /// Magnitudes are uniform between these.
    pub magnitudes: Range<f64>,
    /// Magnitude of a source of 1 ADU; from the header where not given.
    pub zero_point: Option<f64>,
    /// Electrons per ADU; from the header where not given, else 1.
    pub gain: Option<f64>,
    /// ADU at which pixels saturate; from the header where not given.
    pub saturate: Option<f64>,
    /// The point spread function.
    pub psf: PsfSource,
    /// Pixels from the border to the nearest source.
    pub margin: f64,
    /// Pixels between any two sources that are put in.
    pub separation: f64,
    /// Which HDU.
    pub hdu: ImageHdu,
    /// The same seed puts the same sources.
    pub seed: u64,
}

impl Default for InjectConfig {
    fn default() -> Self {
        InjectConfig {
            count: Count::PerImage(100),
            magnitudes: 14.0..22.0,
            zero_point: None,
            gain: None,
            saturate: None,
            psf: PsfSource::Stars,
            margin: 16.0,
            separation: 24.0,
            hdu: ImageHdu::First,
            seed: 1,
        }
    }
}

impl InjectConfig {
    /// Refuses what makes no sense.
    pub fn check(&self) -> Result<()> {
        let wrong =
            |what: &str, found: String, expected: &str| Err(Error::config(what, found, expected));
        let Range { start, end } = self.magnitudes;
        if !(start.is_finite() && end.is_finite() && start <= end) {
            return wrong(
                "--magnitudes",
                format!("{start}..{end}"),
                "BRIGHT..FAINT, such as 14..22",
            );
        }
        match self.count {
            Count::PerMegapixel(n) if !(n.is_finite() && n > 0.0) => {
                return wrong("--density", n.to_string(), "a positive number");
            }
            Count::PerImage(0) => return wrong("--number", "0".into(), "at least 1"),
            _ => {}
        }
        if let Some(zero) = self.zero_point.filter(|z| !z.is_finite()) {
            return wrong("--zero-point", zero.to_string(), "a magnitude");
        }
        for (name, value) in [("--gain", self.gain), ("--saturate", self.saturate)] {
            if let Some(value) = value.filter(|v| !(v.is_finite() && *v > 0.0)) {
                return wrong(name, value.to_string(), "a positive number");
            }
        }
        for (name, value) in [("--margin", self.margin), ("--separation", self.separation)] {
            if !(value.is_finite() && value >= 0.0) {
                return wrong(name, value.to_string(), "pixels, 0 or more");
            }
        }
        match self.psf {
            PsfSource::Fwhm(fwhm) if !(0.5..=50.0).contains(&fwhm) => {
                wrong("--fwhm", fwhm.to_string(), "0.5 to 50 pixels")
            }
            _ => Ok(()),
        }
    }
}

/// One source that was put into an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Its place in pixels as FITS counts them: the centre of the first pixel is (1, 1).
    pub x: f64,
    /// Row.
    pub y: f64,
    /// Right ascension and declination in degrees, where the image has world coordinates.
    pub sky: Option<(f64, f64)>,
    /// Magnitude: zero point - 2.5 log10(flux).
    pub mag: f64,
    /// The light that is expected of it, in ADU; what arrived differs by its shot noise.
    pub flux: f64,
    /// Full width at half maximum of the point spread function there, in pixels.
    pub fwhm: f64,
    /// Region of the image, column and row from 1 to 9.
    pub region: [usize; 2],
    /// Whether one of its pixels could not take all the light.
    pub saturated: bool,
}

/// What was done to one image.
#[derive(Debug)]
pub struct Injected {
    /// The file with the sources in it.
    pub bytes: Vec<u8>,
    /// What was put in.
    pub sources: Vec<Source>,
    /// What a user should know; without the image's name.
    pub notices: Vec<String>,
}

/// The point spread function at every place.
enum Model {
    Grid(Grid),
    PsfEx(PsfEx),
    One(Template, f64),
}

impl Model {
    /// At (x, y), counted from 0, with its full width at half maximum.
    fn at(&self, image: &Exposure, x: f64, y: f64) -> (std::borrow::Cow<'_, Template>, f64) {
        use std::borrow::Cow;
        match self {
            Model::Grid(grid) => {
                let [column, row] = measured::region(image, x, y);
                let region = row * REGIONS + column;
                (Cow::Borrowed(&grid.templates[region]), grid.fwhm[region])
            }
            Model::PsfEx(psf) => {
                let template = psf.at(x + 1.0, y + 1.0);
                let fwhm = template.fwhm();
                (Cow::Owned(template), fwhm)
            }
            Model::One(template, fwhm) => (Cow::Borrowed(template), *fwhm),
        }
    }
}

/// Puts sources into one image.
pub fn inject(image: &Exposure, config: &InjectConfig) -> Result<Injected> {
    config.check()?;
    let mut notices = image.notices.clone();
    let zero_point = match (config.zero_point, image.number(ZERO_POINT)) {
        (Some(zero), _) => zero,
        (None, Some((name, zero))) => {
            notices.push(format!("the zero point is the header's {name}"));
            zero
        }
        (None, None) => {
            let expected = format!("--zero-point, or one of {}", ZERO_POINT.join(", "));
            return Err(Error::input(
                &image.path,
                "header",
                "no zero point",
                expected,
            ));
        }
    };
    let gain = match config.gain.or(image.number(GAIN).map(|(_, gain)| gain)) {
        Some(gain) if gain > 0.0 => gain,
        found => {
            let found = found.map_or("no GAIN".into(), |gain| format!("GAIN = {gain}"));
            notices.push(format!(
                "{found} in the header: shot noise as of 1 electron per ADU (--gain)"
            ));
            1.0
        }
    };
    let said = config
        .saturate
        .or(image.number(SATURATE).map(|(_, level)| level))
        .filter(|level| *level > 0.0);
    let saturate = stars::saturation(image, said);
    if said.is_none() && saturate.is_finite() {
        notices.push(format!(
            "no SATURATE in the header: taken as {saturate:.0} ADU, a plateau of its brightest \
             pixels (--saturate)"
        ));
    }
    let model = model(image, config, saturate, &mut notices)?;
    let field = Field {
        image,
        model: &model,
        config,
        zero_point,
        gain,
        saturate,
    };
    let most = field.flux(config.magnitudes.start);
    let electrons = most * gain;
    if electrons.is_nan() || electrons > MOST_ELECTRONS {
        let found = format!("{most:.3e} ADU for magnitude {}", config.magnitudes.start);
        let expected = format!("at most {MOST_ELECTRONS:.0e} electrons; is the zero point right?");
        return Err(Error::config("--magnitudes", found, expected));
    }
    let wanted = field.count();
    let drawn = field.draw(wanted)?;
    if drawn.sources.len() < wanted {
        let put = drawn.sources.len();
        notices.push(format!(
            "room for only {put} of {wanted} sources: --separation and --margin say how far apart"
        ));
    }
    let dither = |pixel: usize| field.dither(pixel);
    let rounding = Rounding {
        saturate,
        dither: &dither,
    };
    let Range { start, end } = config.magnitudes;
    let keywords = [
        Keyword::Whole("RBINJ", drawn.sources.len() as u64),
        Keyword::Number("RBZP", zero_point),
        Keyword::Number("RBGAIN", gain),
        Keyword::History(format!(
            "rbgpu {}: {} sources put in, seed {}",
            env!("CARGO_PKG_VERSION"),
            drawn.sources.len(),
            config.seed
        )),
        Keyword::History(format!(
            "rbgpu: magnitudes {start} to {end}, listed in {CATALOGUE}"
        )),
    ];
    let written = image.with_light(&drawn.light, &rounding, &keywords)?;
    Ok(Injected {
        bytes: written.bytes,
        sources: drawn.sources,
        notices,
    })
}

fn model(
    image: &Exposure,
    config: &InjectConfig,
    saturate: f64,
    notices: &mut Vec<String>,
) -> Result<Model> {
    match &config.psf {
        PsfSource::PsfEx(given) => Ok(Model::PsfEx(PsfEx::read(&psfex::file_for(
            given,
            &image.path,
        ))?)),
        PsfSource::Fwhm(fwhm) => {
            let profile = Profile::Moffat { beta: BETA };
            let psf = Psf {
                profile,
                fwhm: *fwhm,
                axis_ratio: 1.0,
                angle: 0.0,
            };
            let template = Template::analytic(&psf);
            Ok(Model::One(template, *fwhm))
        }
        PsfSource::Stars => {
            let sky = Background::of(image, saturate)?;
            let found = stars::find(image, &sky, saturate);
            let grid = Grid::of(image, &sky, &found)?;
            let all = REGIONS * REGIONS;
            if grid.own < all {
                notices.push(format!(
                    "regions whose PSF has stars of neighbouring regions in it: {} of {all}",
                    all - grid.own
                ));
            }
            let narrowest = grid.fwhm.iter().copied().fold(f64::INFINITY, f64::min);
            if narrowest < 1.7 {
                notices.push(format!(
                    "stars are only {narrowest:.1} pixels wide: too few pixels to know their PSF \
                     well; PSFEx (--psf) does better"
                ));
            }
            Ok(Model::Grid(grid))
        }
    }
}
