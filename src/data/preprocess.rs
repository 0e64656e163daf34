//! Everything that is done to a cutout before a network sees it, under one name
//! that is stored with the model: a plain [`Normalisation`], or the recipe of a
//! survey whose network was trained elsewhere.
//!
//! | name | images, in this order | what is done |
//! |---|---|---|
//! | those of [`Normalisation`] | any | scaled where they stand |
//! | `braai-d6m7` | search, template, difference | each row over its norm, padded to 63x63 |
//! | `braai` | search, template, difference | each image over its norm, padded to 63x63 |
//! | `dia-nodia` | difference, search, template | scaled, then side by side |

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::normalise::{fill, mean, standard_deviation};
use super::{Channel, CutoutShape, Normalisation};
use crate::{Error, Result};

/// Rows and columns of what braai's networks take.
const BRAAI_SIZE: usize = 63;
/// What stands beyond a stamp that is smaller.
const BRAAI_PADDING: f32 = 1e-9;
/// Standard deviations from the mean up to which DIA_noDIA takes an image's range.
const DIA_NODIA_SIGMA: f64 = 3.0;

/// How cutouts become what a network takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Preprocess {
    /// Pixels are scaled where they stand.
    Plain(Normalisation),
    /// ZTF's braai d6_m7, which gives the `drb` of its alerts (Duev et al. 2019,
    /// MNRAS 489, 3582; kowalski's `make_triplet`): NaN becomes 0 and infinity the
    /// largest f32, each row of each stamp is divided by its L2 norm (0 taken as 1),
    /// and stamps smaller than 63x63 are padded below and to the right with 1e-9.
    /// All of it in f32, in numpy's order: where the sum of squares overflows, the
    /// norm is infinite and the row becomes 0, which is what the survey's scores show.
    ///
    /// Rows and columns at the end that are NaN throughout lie beyond the stamp.
    BraaiD6m7,
    /// As [`BraaiD6m7`](Self::BraaiD6m7), but each stamp as a whole by its own norm:
    /// braai's d6_m9.
    Braai,
    /// DIA_noDIA's "AAD" network (Acero-Cuellar et al. 2022, arXiv 2203.07390): the
    /// difference to mean 0 and standard deviation 1; search and template from 0 to
    /// 1 between the smallest and the largest pixel that is within 3 standard
    /// deviations of the mean, others beyond that range; then the three side by
    /// side, (H, W, 3) to (H, 3W, 1).
    ///
    /// The scaling was worked out from ten published inputs, which it gives to
    /// 3e-7. All of them have 0 as their smallest pixel, so that the lower end is
    /// inferred from the upper.
    DiaNodia,
}

impl Preprocess {
    /// The recipes beyond plain normalisations.
    const RECIPES: [Preprocess; 3] = [
        Preprocess::BraaiD6m7,
        Preprocess::Braai,
        Preprocess::DiaNodia,
    ];

    /// Every choice.
    pub fn all() -> impl Iterator<Item = Preprocess> {
        let plain = Normalisation::ALL.into_iter().map(Preprocess::Plain);
        plain.chain(Preprocess::RECIPES)
    }

    /// Its name, as on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Preprocess::Plain(normalisation) => normalisation.name(),
            Preprocess::BraaiD6m7 => "braai-d6m7",
            Preprocess::Braai => "braai",
            Preprocess::DiaNodia => "dia-nodia",
        }
    }

    /// The images that it is made for, in this order; `None` where any will do.
    pub fn channels(self) -> Option<[Channel; 3]> {
        use Channel::{Difference, Search, Template};
        match self {
            Preprocess::Plain(_) => None,
            Preprocess::BraaiD6m7 | Preprocess::Braai => Some([Search, Template, Difference]),
            Preprocess::DiaNodia => Some([Difference, Search, Template]),
        }
    }

    /// How many images stand side by side in each image that the network gets.
    pub fn side_by_side(self) -> usize {
        match self {
            Preprocess::DiaNodia => 3,
            _ => 1,
        }
    }

    /// What cutouts of `shape` become. Cutouts that the recipe is not made for are
    /// an error.
    pub fn output_shape(self, shape: CutoutShape) -> Result<CutoutShape> {
        let wrong = |expected: &str| {
            let found = format!("cutouts of {shape}");
            Err(Error::config(
                format!("preprocessing '{self}'"),
                found,
                expected,
            ))
        };
        let CutoutShape {
            height,
            width,
            channels,
        } = shape;
        match self {
            Preprocess::Plain(_) => Ok(shape),
            Preprocess::BraaiD6m7 | Preprocess::Braai => {
                if channels != 3 || height.max(width) > BRAAI_SIZE {
                    return wrong("search, template and difference of 63x63 at most");
                }
                Ok(CutoutShape {
                    height: BRAAI_SIZE,
                    width: BRAAI_SIZE,
                    channels,
                })
            }
            Preprocess::DiaNodia => {
                if channels != 3 {
                    return wrong("difference, search and template");
                }
                Ok(CutoutShape {
                    height,
                    width: 3 * width,
                    channels: 1,
                })
            }
        }
    }

    /// The cutouts that become what a network of `input` takes, where they may be
    /// smaller the largest. A network that the recipe is not made for is an error.
    pub fn cutouts_for(self, input: CutoutShape) -> Result<CutoutShape> {
        let cutouts = match self {
            Preprocess::DiaNodia => CutoutShape {
                width: input.width / 3,
                channels: 3,
                ..input
            },
            _ => input,
        };
        match self.output_shape(cutouts) {
            Ok(made) if made == input => Ok(cutouts),
            _ => {
                let expected = match self {
                    Preprocess::DiaNodia => "one of (H, 3W, 1), three images side by side",
                    _ => "one of 63x63x3",
                };
                Err(Error::config(
                    format!("preprocessing '{self}'"),
                    format!("a network that takes {input}"),
                    expected,
                ))
            }
        }
    }

    /// One cutout, `values` (H, W, C) of `shape`, made ready in `out`, which is of
    /// [`output_shape`](Self::output_shape).
    ///
    /// # Panics
    /// If `values` or `out` is of another size, or the recipe is not made for `shape`.
    pub fn apply(self, values: &[f32], shape: CutoutShape, out: &mut [f32]) {
        assert_eq!(values.len(), shape.len(), "one candidate of {shape}");
        let made = self.output_shape(shape).expect("a shape it is made for");
        assert_eq!(out.len(), made.len(), "room for one of {made}");
        match self {
            Preprocess::Plain(normalisation) => {
                out.copy_from_slice(values);
                normalisation.apply(out, shape);
            }
            Preprocess::BraaiD6m7 => braai(values, shape, out, true),
            Preprocess::Braai => braai(values, shape, out, false),
            Preprocess::DiaNodia => dia_nodia(values, shape, out),
        }
    }

    /// As [`apply`](Self::apply), of the cutout that `read` fills its argument with.
    pub fn read(
        self,
        shape: CutoutShape,
        out: &mut [f32],
        read: impl FnOnce(&mut [f32]) -> Result<()>,
    ) -> Result<()> {
        if let Preprocess::Plain(normalisation) = self {
            read(out)?;
            normalisation.apply(out, shape);
        } else {
            let mut values = vec![0.0; shape.len()];
            read(&mut values)?;
            self.apply(&values, shape, out);
        }
        Ok(())
    }
}

impl Default for Preprocess {
    /// The default normalisation.
    fn default() -> Self {
        Normalisation::default().into()
    }
}

impl From<Normalisation> for Preprocess {
    fn from(normalisation: Normalisation) -> Self {
        Preprocess::Plain(normalisation)
    }
}

impl fmt::Display for Preprocess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Preprocess {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Preprocess::all()
            .find(|known| known.name() == text)
            .ok_or_else(|| {
                let names: Vec<&str> = Preprocess::all().map(Preprocess::name).collect();
                let expected = format!("one of {}", names.join(", "));
                Error::config("--preprocess", format!("'{text}'"), expected)
            })
    }
}

impl TryFrom<String> for Preprocess {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Preprocess> for String {
    fn from(preprocess: Preprocess) -> String {
        preprocess.name().into()
    }
}

/// Both of braai's: `rows` divides each row by its own norm.
fn braai(values: &[f32], shape: CutoutShape, out: &mut [f32], rows: bool) {
    out.fill(BRAAI_PADDING);
    let channels = shape.channels;
    for channel in 0..channels {
        let at =
            |row: usize, column: usize| values[(row * shape.width + column) * channels + channel];
        let (height, width) = true_size(shape, &at);
        let mut stamp: Vec<f32> = (0..height * width)
            .map(|i| nan_to_num(at(i / width, i % width)))
            .collect();
        let together = if rows { width } else { stamp.len() };
        stamp
            .chunks_exact_mut(together.max(1))
            .for_each(divide_by_norm);
        for (i, value) in stamp.into_iter().enumerate() {
            out[(i / width * BRAAI_SIZE + i % width) * channels + channel] = value;
        }
    }
}

/// Rows and columns of a stamp without those at the end that are NaN throughout; a
/// stamp of nothing else is masked, not missing.
fn true_size(shape: CutoutShape, at: &impl Fn(usize, usize) -> f32) -> (usize, usize) {
    let CutoutShape { height, width, .. } = shape;
    let row_is_there = |row: &usize| (0..width).any(|column| !at(*row, column).is_nan());
    let column_is_there = |column: &usize| (0..height).any(|row| !at(row, *column).is_nan());
    match (
        (0..height).rev().find(row_is_there),
        (0..width).rev().find(column_is_there),
    ) {
        (Some(row), Some(column)) => (row + 1, column + 1),
        _ => (height, width),
    }
}

/// numpy's `nan_to_num`.
fn nan_to_num(value: f32) -> f32 {
    match value {
        _ if value.is_nan() => 0.0,
        _ => value.clamp(f32::MIN, f32::MAX),
    }
}

fn divide_by_norm(values: &mut [f32]) {
    let norm = sum_of_squares(values).sqrt();
    let norm = if norm == 0.0 { 1.0 } else { norm };
    values.iter_mut().for_each(|value| *value /= norm);
}

/// In f32 and in the order of numpy's `add.reduce` (pairwise, eight lanes), so that
/// it overflows where numpy's does.
fn sum_of_squares(values: &[f32]) -> f32 {
    /// Values that numpy sums without cutting them in two.
    const BLOCK: usize = 128;
    if values.len() > BLOCK {
        let half = values.len() / 2;
        let (first, second) = values.split_at(half - half % 8);
        return sum_of_squares(first) + sum_of_squares(second);
    }
    let (eights, rest) = values.as_chunks::<8>();
    let mut lanes = [0.0_f32; 8];
    for eight in eights {
        for (lane, value) in lanes.iter_mut().zip(eight) {
            *lane += value * value;
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    let lanes = ((a + b) + (c + d)) + ((e + f) + (g + h));
    rest.iter().fold(lanes, |sum, value| sum + value * value)
}

fn dia_nodia(values: &[f32], shape: CutoutShape, out: &mut [f32]) {
    let CutoutShape {
        width, channels, ..
    } = shape;
    let mut values = values.to_vec();
    let mut image = Vec::with_capacity(shape.height * width);
    for channel in 0..channels {
        fill(&mut values, channel, channels, false, &mut image);
        image.clear();
        image.extend(values.iter().skip(channel).step_by(channels));
        let (mean, deviation) = (mean(&image), standard_deviation(&image));
        let (from, range) = match channel {
            0 => (mean, deviation),
            _ => {
                let (low, high) = typical_range(&image, mean, deviation);
                (low, high - low)
            }
        };
        for (i, value) in image.iter().enumerate() {
            let scaled = match range {
                0.0 => 0.0,
                _ => (f64::from(*value) - from) / range,
            };
            let (row, column) = (i / width, i % width);
            out[(row * channels + channel) * width + column] = scaled as f32;
        }
    }
}

/// The smallest and the largest pixel within [`DIA_NODIA_SIGMA`] of the mean.
fn typical_range(image: &[f32], mean: f64, deviation: f64) -> (f64, f64) {
    let typical = image
        .iter()
        .map(|v| f64::from(*v))
        .filter(|v| (v - mean).abs() <= DIA_NODIA_SIGMA * deviation);
    let ends = typical.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
        (low.min(v), high.max(v))
    });
    // Rounding may leave out the pixels of an image that are all equal.
    if ends.0 <= ends.1 { ends } else { (mean, mean) }
}
