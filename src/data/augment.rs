//! More training cutouts from those there are: the sky has no up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::CutoutShape;
use crate::{Error, Result};

/// What is done to a training cutout each time it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Augment {
    /// Nothing.
    #[default]
    None,
    /// One of the 8 flips and rotations of a square, drawn anew for each
    /// candidate and epoch (for cutouts that are not square, one of the 4 that
    /// keep the size). All images of a candidate are turned alike.
    D4,
}

impl Augment {
    /// Its name, as on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Augment::None => "none",
            Augment::D4 => "d4",
        }
    }

    /// Which element of D4 candidate `index` gets in `epoch`; see [`transform`].
    /// It depends on nothing else, so the order of reading does not matter.
    pub fn element(self, seed: u64, epoch: u64, index: usize) -> u8 {
        match self {
            Augment::None => 0,
            Augment::D4 => (mix(mix(mix(seed) ^ epoch) ^ index as u64) >> 61) as u8,
        }
    }
}

impl fmt::Display for Augment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Augment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "none" => Ok(Augment::None),
            "d4" => Ok(Augment::D4),
            _ => Err(Error::config(
                "--augment",
                format!("'{text}'"),
                "none or d4",
            )),
        }
    }
}

/// Turns `input` (H, W, C) into `output` by one of 8 elements: bit 0 of
/// `element` flips left and right, bit 1 top and bottom, bit 2 then exchanges
/// rows and columns, which cutouts that are not square go without.
///
/// # Panics
/// If either slice is not of length H x W x C.
pub fn transform(element: u8, shape: CutoutShape, input: &[f32], output: &mut [f32]) {
    let CutoutShape {
        height,
        width,
        channels,
    } = shape;
    assert!(
        input.len() == shape.len() && output.len() == shape.len(),
        "one candidate of {shape}"
    );
    if element & 7 == 0 {
        output.copy_from_slice(input);
        return;
    }
    let transpose = element & 4 != 0 && height == width;
    for y in 0..height {
        for x in 0..width {
            let (row, column) = if transpose { (x, y) } else { (y, x) };
            let row = if element & 2 != 0 {
                height - 1 - row
            } else {
                row
            };
            let column = if element & 1 != 0 {
                width - 1 - column
            } else {
                column
            };
            let (to, from) = (
                (y * width + x) * channels,
                (row * width + column) * channels,
            );
            output[to..to + channels].copy_from_slice(&input[from..from + channels]);
        }
    }
}

/// SplitMix64's finaliser (Steele, Lea, Flood 2014): every bit of the input
/// moves every bit of the output.
pub(super) fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
