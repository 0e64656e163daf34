//! A model that gives scores: the whole of rbgpu for a program that has cutouts.

use std::path::Path;

use ndarray::{ArrayView4, Axis};
use rayon::prelude::*;

use super::recipe::Recipe;
use super::scoring::in_parts;
use super::stream::{Scores, StreamOptions, batch_size};
use crate::backend::{Device, GpuPrecision};
use crate::data::channels::{Mismatch, Takes, declared, each_once};
use crate::data::{Channel, Cutout, CutoutShape, Rows};
use crate::formats::ModelFile;
use crate::{Error, Result};

/// A trained network with all that is done to pixels before they go in.
///
/// ```no_run
/// use ndarray::Array4;
/// use rbgpu::Classifier;
///
/// # fn main() -> rbgpu::Result<()> {
/// let classifier = Classifier::open("rb.safetensors")?;
/// let [h, w, c] = classifier.input_shape();
/// // (N, H, W, C): pixels as the survey gives them, NaN where there are none.
/// let cutouts = Array4::<f32>::zeros((100, h, w, c));
/// for p in classifier.score(cutouts.view())? {
///     println!("P(real) = {p}, real: {}", p >= classifier.threshold());
/// }
/// # Ok(())
/// # }
/// ```
///
/// Whole files and folders, however many candidates they hold:
///
/// ```no_run
/// use rbgpu::{Classifier, data};
///
/// # fn main() -> rbgpu::Result<()> {
/// let classifier = Classifier::open("rb.safetensors")?;
/// let night = data::stream(&["tonight/"], &data::ReadOptions::default())?;
/// for rows in classifier.score_rows(night)? {
///     for row in rows? {
///         println!("{} {} {}", row.candidate.id, row.decision, row.score);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Classifier {
    file: ModelFile,
    /// The cutouts that it takes.
    cutouts: CutoutShape,
    /// What the network takes.
    input: CutoutShape,
}

impl Classifier {
    /// Opens the model at `path` on a real gpu if there is one, else on the cpu.
    pub fn open(path: impl AsRef<Path>) -> Result<Classifier> {
        let (device, _) = Device::open("auto", GpuPrecision::F32)?;
        Classifier::open_on(path, &device)
    }

    /// Opens the model at `path` on `device`.
    pub fn open_on(path: impl AsRef<Path>, device: &Device) -> Result<Classifier> {
        Classifier::new(ModelFile::read(path.as_ref(), device)?)
    }

    /// The model `file` on the device that it is on. One whose preprocessing is not
    /// made for its network is an error.
    pub fn new(file: ModelFile) -> Result<Classifier> {
        let [height, width, channels] = file.model.plan().input;
        let input = CutoutShape {
            height,
            width,
            channels,
        };
        Ok(Classifier {
            cutouts: file.preprocess.cutouts_for(input)?,
            input,
            file,
        })
    }

    /// A candidate is real when P(real) is at least this.
    pub fn threshold(&self) -> f64 {
        self.file.threshold
    }

    /// The same model with another threshold, from 0 to 1.
    pub fn with_threshold(mut self, threshold: f64) -> Result<Classifier> {
        if !(0.0..=1.0).contains(&threshold) {
            let found = threshold.to_string();
            return Err(Error::config("--threshold", found, "from 0 to 1"));
        }
        self.file.threshold = threshold;
        Ok(self)
    }

    /// The cutouts that it takes.
    pub fn cutouts(&self) -> CutoutShape {
        self.cutouts
    }

    /// The cutouts that it takes: (H, W, C), in pixels and images.
    pub fn input_shape(&self) -> [usize; 3] {
        [
            self.cutouts.height,
            self.cutouts.width,
            self.cutouts.channels,
        ]
    }

    /// The images that it takes.
    pub fn takes(&self) -> Takes {
        self.file.takes()
    }

    /// The same model with its images called `channels`, in the order that it takes them. One
    /// that knows its images stays as it is.
    pub fn with_channels(mut self, channels: &[Channel]) -> Result<Classifier> {
        self.file = self.file.with_channels(channels)?;
        Ok(self)
    }

    /// The model.
    pub fn file(&self) -> &ModelFile {
        &self.file
    }

    /// P(real) for each of `cutouts` (N, H, W, C): pixels as the survey gives them,
    /// NaN where there are none; they are preprocessed as the model wants it. The images are
    /// taken to be in the model's order ([`takes`](Self::takes)). H and W
    /// may be less than the model's, and are then padded as [`size::pad`] does.
    /// A cutout without a finite pixel, or with one beyond f32, gets NaN.
    ///
    /// [`size::pad`]: crate::data::size::pad
    pub fn score(&self, cutouts: ArrayView4<f32>) -> Result<Vec<f64>> {
        let (count, height, width, channels) = cutouts.dim();
        let shape = CutoutShape {
            height,
            width,
            channels,
        };
        let wanted = self.cutouts;
        if height > wanted.height || width > wanted.width || channels != wanted.channels {
            let found = format!("cutouts of {shape}");
            let expected = format!("{wanted}, which the model takes");
            return Err(Error::config("cutouts", found, expected));
        }
        let mut at_once = batch_size(&self.file.model);
        let recipe = self.recipe(None);
        let mut scores = Vec::with_capacity(count);
        for batch in cutouts.axis_chunks_iter(Axis(0), at_once) {
            let prepared: Vec<(Vec<f32>, bool)> = (0..batch.len_of(Axis(0)))
                .into_par_iter()
                .map(|i| {
                    let cutout = batch.index_axis(Axis(0), i);
                    let values: Vec<f32> = cutout.iter().copied().collect();
                    let known = values.iter().any(|v| v.is_finite());
                    let prepared = recipe.prepare(values, shape);
                    let (values, _) = prepared
                        .map_err(|found| Error::config("cutouts", found, "what the model takes"))?;
                    Ok((values, known))
                })
                .collect::<Result<_>>()?;
            let values = prepared.iter().flat_map(|(values, _)| values);
            let values: Vec<f32> = values.copied().collect();
            let stride = values.len() / prepared.len().max(1);
            let file = &self.file;
            let first = scores.len();
            in_parts(prepared.len(), &mut at_once, |part| {
                let input = &values[part.start * stride..part.end * stride];
                scores.extend(file.score(file.model.input(input)?)?);
                Ok(())
            })?;
            for (score, (_, known)) in scores[first..].iter_mut().zip(&prepared) {
                if !known {
                    *score = f64::NAN;
                }
            }
        }
        Ok(scores)
    }

    /// As [`score`](Self::score), of cutouts whose images are `planes` in this order: the model
    /// takes its own by name.
    pub fn score_planes(&self, cutouts: ArrayView4<f32>, planes: &[Channel]) -> Result<Vec<f64>> {
        each_once("planes", planes)?;
        let count = cutouts.len_of(Axis(3));
        let wrong = |mismatch: Mismatch| Error::config("planes", mismatch.found, mismatch.expected);
        let have = declared(None, count, planes).map_err(wrong)?;
        let places = self.takes().places(Some(&have), count).map_err(wrong)?;
        match places {
            Some(places) => self.score(cutouts.select(Axis(3), &places).view()),
            None => self.score(cutouts),
        }
    }

    /// Scores `rows` as they are read: some at a time, in their order, whatever their
    /// number in the same memory. What [`stream`](crate::data::stream) gives is such.
    pub fn score_rows(&self, rows: impl Rows + 'static) -> Result<Scores<'_>> {
        self.score_rows_as(rows, StreamOptions::default())
    }

    /// As [`score_rows`](Self::score_rows), with settings.
    pub fn score_rows_as(
        &self,
        rows: impl Rows + 'static,
        options: StreamOptions,
    ) -> Result<Scores<'_>> {
        let recipe = self.recipe(options.crop);
        Scores::new(&self.file, recipe, rows, options)
    }

    /// What the network takes for `cutout`, (H, W, C) as its [`plan`](crate::nn::Model::plan) has
    /// it, and whether it was padded; or what is wrong with it. A larger cutout is first
    /// cropped to `crop` pixels a side about its centre.
    pub fn prepare(
        &self,
        cutout: Cutout,
        crop: Option<usize>,
    ) -> std::result::Result<(Vec<f32>, bool), String> {
        self.recipe(crop).prepare_cutout(cutout)
    }

    fn recipe(&self, crop: Option<usize>) -> Recipe {
        Recipe {
            preprocess: self.file.preprocess,
            cutouts: self.cutouts,
            input: self.input,
            takes: self.file.takes(),
            crop,
        }
    }
}
