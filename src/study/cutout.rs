//! How large a cutout should be: the same training on the middle of each (O'TRAIN Sect. 8.1,
//! Fig. 12).

use std::sync::Arc;

use super::run::each_once;
use super::size::{named, repeated};
use super::{Run, View};
use crate::data::{CutoutShape, Split};
use crate::train::Config;
use crate::{Error, Result};

/// O'TRAIN's range, in pixels, and the step in it that is ours.
const RANGE: (usize, usize) = (15, 63);
const STEP: usize = 6;

/// 15, 21, … 63 pixels, as far as cutouts of `shape` go, and their own size.
pub fn ladder(shape: CutoutShape) -> Vec<usize> {
    let side = shape.height.min(shape.width);
    let mut sizes: Vec<usize> = (RANGE.0..=RANGE.1).step_by(STEP).collect();
    sizes.retain(|&size| size < side);
    if side <= RANGE.1 || sizes.is_empty() {
        sizes.push(side);
    }
    sizes
}

/// One run for each of `sizes` (pixels across) and repeat, all repeats of a size after one
/// another and all on the same split.
pub fn runs(
    base: &Config,
    shape: CutoutShape,
    split: &Arc<Split>,
    sizes: &[usize],
    repeats: usize,
) -> Result<Vec<Run>> {
    let side = shape.height.min(shape.width);
    for &size in sizes {
        if size == 0 || size > side {
            let expected = format!("from 1 to {side} pixels: the cutouts are {shape}");
            return Err(Error::config("--sizes", size.to_string(), expected));
        }
    }
    each_once("--sizes", "size", sizes)?;
    let all = repeated(base, repeats);
    let of_size = |&size: &usize| {
        all.iter().map(move |(repeat, config)| {
            let name = format!("s{size}-r{repeat}");
            named(name, config, View::Side(size), split.clone())
        })
    };
    Ok(sizes.iter().flat_map(of_size).collect())
}
