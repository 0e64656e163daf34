//! What is done to the pixels of a cutout before a network sees them. The
//! choice is stored with a model, so that scoring does what training did.
//!
//! # The NaN rule
//! Before anything else, NaN and infinite pixels become the median of the
//! finite pixels of their image (one channel of one candidate); an image
//! without a finite pixel becomes 0. This holds for [`Normalisation::None`] too.
//! The one exception is [`Normalisation::L2`] and [`Normalisation::L2Rows`],
//! which put 0 there, because they exist to feed networks that ZTF's braai
//! trained so.
//!
//! An image without contrast (all pixels equal) becomes 0 wherever the formula
//! would divide by zero. Sums are f64, in a fixed order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::CutoutShape;
use crate::{Error, Result};

/// Standard deviations per median absolute deviation, for Gaussian noise.
const MAD_TO_SIGMA: f64 = 1.4826;
/// Contrast, relative to the largest pixel, that is rounding and no signal.
pub const NO_CONTRAST: f64 = 1e-9;

/// How each cutout is normalised. x is one image (H, W) of a candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// The pixels as they are, but for the NaN rule.
    None,
    /// (x - mean(x)) / standard deviation(x), the latter over N. What O'TRAIN's
    /// networks and most others like.
    #[default]
    Standard,
    /// x / (1.4826 median(|d|)), d the candidate's last image, the difference:
    /// all images of a candidate are divided by the difference's noise (the DES
    /// variant, Ayyar et al. 2022, keeps the images' fluxes comparable). If more
    /// than half of d is 0, its root mean square takes the median's place; if d
    /// is 0 throughout, the images become 0.
    Mad,
    /// x / sqrt(sum(x^2)), NaN counting as 0: braai_d6_m9's (ZTF). A norm of 0
    /// is taken as 1; one beyond f32 makes the image 0, as it does there.
    L2,
    /// As [`L2`](Self::L2), but each row by its own norm: braai's d6_m7, the
    /// network behind ZTF's drb.
    L2Rows,
    /// arcsinh((x - median(x)) / s), s = 1.4826 median(|x - median(x)|): linear
    /// in the noise, logarithmic in bright stars. If s is 0, the standard
    /// deviation takes its place.
    Asinh,
    /// (x - min(x)) / (max(x) - min(x)), from 0 to 1.
    Minmax,
}

impl Normalisation {
    /// Every choice.
    pub const ALL: [Normalisation; 7] = [
        Normalisation::None,
        Normalisation::Standard,
        Normalisation::Mad,
        Normalisation::L2,
        Normalisation::L2Rows,
        Normalisation::Asinh,
        Normalisation::Minmax,
    ];

    /// Its name, as on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Normalisation::None => "none",
            Normalisation::Standard => "standard",
            Normalisation::Mad => "mad",
            Normalisation::L2 => "l2",
            Normalisation::L2Rows => "l2-rows",
            Normalisation::Asinh => "asinh",
            Normalisation::Minmax => "minmax",
        }
    }

    /// Normalises one candidate in place; `values` is (H, W, C).
    ///
    /// # Panics
    /// If `values` is not of length H x W x C.
    pub fn apply(self, values: &mut [f32], shape: CutoutShape) {
        assert_eq!(values.len(), shape.len(), "one candidate of {shape}");
        let channels = shape.channels;
        if channels == 0 {
            return;
        }
        let mut image = Vec::with_capacity(shape.height * shape.width);
        let zero_fill = matches!(self, Normalisation::L2 | Normalisation::L2Rows);
        if values.iter().any(|v| !v.is_finite()) {
            for channel in 0..channels {
                fill(values, channel, channels, zero_fill, &mut image);
            }
        }
        match self {
            Normalisation::None => {}
            Normalisation::Mad => by_difference(values, channels, &mut image),
            Normalisation::L2Rows => {
                let row = shape.width * channels;
                for row in values.chunks_exact_mut(row) {
                    (0..channels).for_each(|channel| l2(row, channel, channels));
                }
            }
            Normalisation::L2 => {
                (0..channels).for_each(|channel| l2(values, channel, channels));
            }
            _ => {
                for channel in 0..channels {
                    image.clear();
                    image.extend(values.iter().skip(channel).step_by(channels));
                    self.rescale(values, channel, channels, &mut image);
                }
            }
        }
    }

    /// What [`apply`](Self::apply) does to the images of a candidate of finite
    /// pixels, where that is (x - centre) * factor: both, per image. `None` where it
    /// is something else.
    pub fn affine(self, values: &[f32], shape: CutoutShape) -> Option<Vec<[f64; 2]>> {
        let channels = shape.channels;
        let factor = |scale: f64| if scale == 0.0 { 0.0 } else { 1.0 / scale };
        let each = |f: &mut dyn FnMut(usize) -> [f64; 2]| Some((0..channels).map(f).collect());
        let mut image = Vec::with_capacity(shape.height * shape.width);
        match self {
            Normalisation::Asinh | Normalisation::L2Rows => None,
            Normalisation::None => each(&mut |_| [0.0, 1.0]),
            Normalisation::Mad if channels == 0 => None,
            Normalisation::Mad => {
                let scale = noise(values, channels, &mut image);
                each(&mut |_| [0.0, factor(scale)])
            }
            Normalisation::L2 => each(&mut |channel| {
                let norm = norm(values, channel, channels).unwrap_or(f64::INFINITY);
                [0.0, 1.0 / norm]
            }),
            Normalisation::Standard | Normalisation::Minmax => each(&mut |channel| {
                image.clear();
                image.extend(values.iter().skip(channel).step_by(channels));
                let (centre, scale) = self.centre_and_scale(&mut image);
                [centre, factor(scale)]
            }),
        }
    }

    /// (x - centre) / scale, and arcsinh of it for [`Normalisation::Asinh`].
    /// `image` holds the channel's pixels, in any order afterwards.
    fn rescale(self, values: &mut [f32], channel: usize, channels: usize, image: &mut [f32]) {
        let (centre, scale) = self.centre_and_scale(image);
        for value in values.iter_mut().skip(channel).step_by(channels) {
            let scaled = if scale == 0.0 {
                0.0
            } else {
                (f64::from(*value) - centre) / scale
            };
            *value = if self == Normalisation::Asinh {
                arcsinh(scaled)
            } else {
                scaled
            } as f32;
        }
    }

    /// The two of an image, whose pixels are in any order afterwards. A scale of 0
    /// is that of an image without contrast.
    fn centre_and_scale(self, image: &mut [f32]) -> (f64, f64) {
        let largest = image
            .iter()
            .fold(0.0_f64, |m, &v| m.max(f64::from(v).abs()));
        let (centre, scale) = match self {
            Normalisation::Asinh => {
                let centre = median(image);
                let spread = standard_deviation(image);
                let mut deviations: Vec<f64> = image
                    .iter()
                    .map(|&v| (f64::from(v) - centre).abs())
                    .collect();
                let scale = MAD_TO_SIGMA * median_f64(&mut deviations);
                (
                    centre,
                    if scale <= NO_CONTRAST * largest {
                        spread
                    } else {
                        scale
                    },
                )
            }
            Normalisation::Minmax => {
                let low = image
                    .iter()
                    .fold(f64::INFINITY, |m, &v| m.min(f64::from(v)));
                let high = image
                    .iter()
                    .fold(f64::NEG_INFINITY, |m, &v| m.max(f64::from(v)));
                (low, high - low)
            }
            _ => (mean(image), standard_deviation(image)),
        };
        let flat = scale <= NO_CONTRAST * largest;
        (centre, if flat { 0.0 } else { scale })
    }
}

impl fmt::Display for Normalisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Normalisation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Normalisation::ALL
            .into_iter()
            .find(|n| n.name() == text)
            .ok_or_else(|| {
                let names = Normalisation::ALL.map(Normalisation::name).join(", ");
                Error::config(
                    "--normalise",
                    format!("'{text}'"),
                    format!("one of {names}"),
                )
            })
    }
}

/// The NaN rule, for one channel.
pub(super) fn fill(
    values: &mut [f32],
    channel: usize,
    channels: usize,
    zero: bool,
    image: &mut Vec<f32>,
) {
    let pixels = || values.iter().skip(channel).step_by(channels);
    if pixels().all(|v| v.is_finite()) {
        return;
    }
    image.clear();
    image.extend(pixels().filter(|v| v.is_finite()));
    let value = if zero || image.is_empty() {
        0.0
    } else {
        median(image) as f32
    };
    for pixel in values
        .iter_mut()
        .skip(channel)
        .step_by(channels)
        .filter(|v| !v.is_finite())
    {
        *pixel = value;
    }
}

/// The noise of a candidate's last image, 0 if it is empty.
fn noise(values: &[f32], channels: usize, image: &mut Vec<f32>) -> f64 {
    image.clear();
    image.extend(
        values
            .iter()
            .skip(channels - 1)
            .step_by(channels)
            .map(|v| v.abs()),
    );
    let mut scale = MAD_TO_SIGMA * median(image);
    if scale == 0.0 {
        let squares: f64 = image.iter().map(|&v| f64::from(v).powi(2)).sum();
        scale = (squares / image.len().max(1) as f64).sqrt();
    }
    scale
}

fn by_difference(values: &mut [f32], channels: usize, image: &mut Vec<f32>) {
    let scale = noise(values, channels, image);
    for value in values {
        *value = if scale == 0.0 {
            0.0
        } else {
            (f64::from(*value) / scale) as f32
        };
    }
}

/// The Euclidean norm of an image, 1 if that is 0; `None` beyond f32.
fn norm(values: &[f32], channel: usize, channels: usize) -> Option<f64> {
    let squares: f64 = values
        .iter()
        .skip(channel)
        .step_by(channels)
        .map(|&v| f64::from(v).powi(2))
        .sum();
    let norm = if squares == 0.0 { 1.0 } else { squares.sqrt() };
    // numpy sums the squares in f32: beyond its range the norm is infinite.
    let overflow = squares > f64::from(f32::MAX);
    (!overflow).then_some(norm)
}

fn l2(values: &mut [f32], channel: usize, channels: usize) {
    let norm = norm(values, channel, channels);
    for value in values.iter_mut().skip(channel).step_by(channels) {
        *value = norm.map_or(0.0, |norm| (f64::from(*value) / norm) as f32);
    }
}

pub(super) fn mean(image: &[f32]) -> f64 {
    image.iter().map(|&v| f64::from(v)).sum::<f64>() / image.len().max(1) as f64
}

/// Over N, not N - 1.
pub(super) fn standard_deviation(image: &[f32]) -> f64 {
    let mean = mean(image);
    let squares: f64 = image.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum();
    (squares / image.len().max(1) as f64).sqrt()
}

/// Twice as fast as [`f64::asinh`], and exact to f32.
fn arcsinh(x: f64) -> f64 {
    let size = x.abs();
    // Near 0, asinh(x) = x - x^3/6, and the logarithm would lose digits.
    let value = if size < 1e-4 {
        size
    } else {
        (size + (size * size + 1.0).sqrt()).ln()
    };
    value.copysign(x)
}

/// The middle value, or the mean of the two; reorders `image`. 0 if it is empty.
fn median(image: &mut [f32]) -> f64 {
    let middle = image.len() / 2;
    if image.is_empty() {
        return 0.0;
    }
    let (below, &mut upper, _) = image.select_nth_unstable_by(middle, f32::total_cmp);
    let upper = f64::from(upper);
    match below.iter().copied().max_by(f32::total_cmp) {
        Some(lower) if image.len().is_multiple_of(2) => (f64::from(lower) + upper) / 2.0,
        _ => upper,
    }
}

fn median_f64(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() {
        return 0.0;
    }
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    match below.iter().copied().max_by(f64::total_cmp) {
        Some(lower) if values.len().is_multiple_of(2) => (lower + upper) / 2.0,
        _ => upper,
    }
}
