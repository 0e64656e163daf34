//! Other pictures of the same candidates: the middle of each cutout, some of its images.

use std::sync::Arc;

use super::channels::{choose, pick};
use super::size::crop;
use super::{Channel, CutoutShape, Dataset, Pixels};
use crate::{Error, Result};

/// Reads from a set that others read from too; nothing is copied.
#[derive(Debug)]
struct View {
    base: Arc<Dataset>,
    /// Pixels across, cut from the middle; `None` keeps the size.
    side: Option<usize>,
    /// Which images, in which order; `None` keeps them.
    places: Option<Vec<usize>>,
}

impl Pixels for View {
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        let shape = self.base.shape;
        let mut values = vec![0.0; shape.len()];
        self.base.pixels.read(index, &mut values)?;
        if let Some(side) = self.side {
            values = crop(&values, shape, side).expect("the view was checked when it was made");
        }
        if let Some(places) = &self.places {
            values = pick(&values, shape.channels, places);
        }
        out.copy_from_slice(&values);
        Ok(())
    }
}

impl Dataset {
    /// The middle `side` x `side` pixels of every cutout, as [`crop`] takes them. The
    /// candidates stay the same ones: one whose middle has no finite pixel is kept, and
    /// becomes what the normalisation makes of such an image. A `side` that is 0 or larger
    /// than the cutouts is an error.
    pub fn cropped(self: &Arc<Dataset>, side: usize) -> Result<Dataset> {
        let shape = self.shape;
        if side == 0 || side > shape.height.min(shape.width) {
            let found = format!("{side}x{side} pixels of cutouts of {shape}");
            return Err(Error::config(
                "cutout size",
                found,
                "no more than they have",
            ));
        }
        let shape = CutoutShape {
            height: side,
            width: side,
            ..shape
        };
        Ok(self.view(shape, self.channels.clone(), Some(side), None))
    }

    /// The images `wanted` of every cutout, in that order. Images that are not there by name are
    /// an error.
    pub fn with_images(self: &Arc<Dataset>, wanted: &[Channel]) -> Result<Dataset> {
        let count = self.shape.channels;
        let places = choose(self.channels.as_deref(), count, wanted)
            .map_err(|mismatch| mismatch.at(&self.source))?;
        let shape = CutoutShape {
            channels: wanted.len(),
            ..self.shape
        };
        let channels = Some(wanted.to_vec().into());
        Ok(self.view(shape, channels, None, Some(places)))
    }

    /// The same candidates with other labels, 1 real and 0 bogus, one for each; pixels are not
    /// copied.
    pub fn with_labels(self: &Arc<Dataset>, labels: Vec<u8>) -> Result<Dataset> {
        if labels.len() != self.len() || labels.iter().any(|&label| label > 1) {
            let found = format!("{} labels", labels.len());
            let expected = format!("0 or 1 for each of {} candidates", self.len());
            return Err(Error::config("labels", found, expected));
        }
        let same = self.view(self.shape, self.channels.clone(), None, None);
        Ok(Dataset {
            labels: Some(labels),
            ..same
        })
    }

    fn view(
        self: &Arc<Dataset>,
        shape: CutoutShape,
        channels: Option<super::channels::Names>,
        side: Option<usize>,
        places: Option<Vec<usize>>,
    ) -> Dataset {
        Dataset {
            source: self.source.clone(),
            shape,
            channels,
            pixels: Box::new(View {
                base: self.clone(),
                side,
                places,
            }),
            labels: self.labels.clone(),
            candidates: self.candidates.clone(),
            parts: self.parts.clone(),
            relabelled: self.relabelled.clone(),
            skipped: Vec::new(),
            notices: Vec::new(),
        }
    }
}
