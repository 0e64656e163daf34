//! From a cutout as an input has it to what a model's network takes.

use crate::data::channels::Takes;
use crate::data::{Cutout, CutoutShape, Preprocess, size};

/// What a cutout goes through before a network sees it.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub preprocess: Preprocess,
    /// What the network takes.
    pub input: CutoutShape,
    /// The size of cutout that becomes that; smaller ones are padded.
    pub cutouts: CutoutShape,
    /// The images that it takes.
    pub takes: Takes,
    pub crop: Option<usize>,
}

impl Recipe {
    /// As [`prepare`](Self::prepare), of the images that the model takes.
    pub fn prepare_cutout(&self, mut cutout: Cutout) -> Result<(Vec<f32>, bool), String> {
        let (have, count) = (cutout.channels.as_deref(), cutout.shape.channels);
        let places = self.takes.places(have, count);
        let places = places.map_err(|mismatch| mismatch.to_string())?;
        if let (Some(places), Some(names)) = (places, &self.takes.names) {
            cutout = cutout.picked(&places, names);
        }
        self.prepare(cutout.values, cutout.shape)
    }

    /// What the network takes for the cutout `values` of `shape`, and whether it was
    /// padded; or what is wrong with it.
    pub fn prepare(
        &self,
        mut values: Vec<f32>,
        mut shape: CutoutShape,
    ) -> Result<(Vec<f32>, bool), String> {
        if let Some(side) = self.crop.filter(|&s| s < shape.height || s < shape.width)
            && let Some(middle) = size::crop(&values, shape, side)
        {
            values = middle;
            (shape.height, shape.width) = (side, side);
        }
        let wanted = self.cutouts;
        // A survey's recipe may have a rule of its own for smaller ones.
        if let Ok(made) = self.preprocess.output_shape(shape)
            && made == self.input
        {
            return Ok((self.ready(values, shape), false));
        }
        let values = size::pad(values, shape, wanted).ok_or_else(|| {
            let what_to_do = if shape.channels != wanted.channels {
                "--planes declares images, --channels chooses among them".to_string()
            } else {
                format!("--cutout-size {} crops", wanted.height.min(wanted.width))
            };
            format!("a cutout of {shape}, where the model takes {wanted} ({what_to_do})")
        })?;
        Ok((self.ready(values, wanted), true))
    }

    fn ready(&self, mut values: Vec<f32>, shape: CutoutShape) -> Vec<f32> {
        if let Preprocess::Plain(normalisation) = self.preprocess {
            normalisation.apply(&mut values, shape);
            return values;
        }
        let mut out = vec![0.0; self.input.len()];
        self.preprocess.apply(&values, shape, &mut out);
        out
    }
}
