//! The time of one epoch of training on candidates that stay on disk.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use npyz::WriterBuilder;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::backend::Device;
use crate::data::{self, Augment, Loader, LoaderOptions, Normalisation, ReadOptions};
use crate::nn::{Architecture, Model};
use crate::{Error, Result};

/// How long an epoch took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochTime {
    /// Candidates of the epoch.
    pub samples: usize,
    /// Candidates per step.
    pub batch: usize,
    /// Bytes of the file they were read from.
    pub file_bytes: u64,
    /// The whole epoch.
    pub seconds: f64,
    /// Of these, how long the loop waited for the loader.
    pub waited_s: f64,
}

impl EpochTime {
    /// Writes `samples` cutouts (H, W, C) of random bytes into `folder` and trains on
    /// them for one epoch. They are read row by row from the file, normalised, turned
    /// and kept nowhere: what a set that does not fit into memory costs. The file is
    /// gone afterwards.
    pub fn measure(
        architecture: &Architecture,
        input: [usize; 3],
        batch: usize,
        samples: usize,
        device: &Device,
        folder: &Path,
    ) -> Result<EpochTime> {
        let folder =
            tempfile::tempdir_in(folder).map_err(Error::io("create a folder in", folder))?;
        let (prefix, file_bytes) = write(folder.path(), samples, input)?;
        let options = ReadOptions {
            labels_required: true,
            ..ReadOptions::default()
        };
        let set = Arc::new(data::open(&[prefix], &options)?);
        let normalisation: Normalisation = architecture.training.normalisation.parse()?;
        let options = LoaderOptions {
            batch_size: batch,
            preprocess: normalisation.into(),
            augment: Augment::D4,
            shuffle: true,
            balance: false,
            seed: 1,
            cache_bytes: 0,
        };
        let rows: Vec<usize> = (0..set.len()).collect();
        let model = Model::new(architecture.clone(), input, 1, device)?;
        let mut trainer = super::trainer(model)?;
        let mut train = |loader: &Loader, epoch| -> Result<f64> {
            let mut batches = loader.epoch(epoch);
            for batch in batches.by_ref() {
                let batch = batch?;
                let x = trainer.model().input(&batch.values)?;
                let targets = trainer.model().targets(&batch.labels)?;
                trainer.step(x, targets, 1e-5, 1)?;
            }
            device.wait()?;
            Ok(batches.waited().as_secs_f64())
        };
        // Kernels and memory are made by the first steps, which an epoch has once.
        let few = rows[..rows.len().min(2 * batch)].to_vec();
        train(&Loader::new(set.clone(), few, options)?, 0)?;
        let loader = Loader::new(set, rows, options)?;
        let start = Instant::now();
        let waited_s = train(&loader, 1)?;
        Ok(EpochTime {
            samples,
            batch,
            file_bytes,
            seconds: start.elapsed().as_secs_f64(),
            waited_s,
        })
    }
}

/// A set as the DES survey's: PREFIX_x.npy with bytes (N, H, W, C), PREFIX_y.npy with
/// labels. Returns the prefix, and the cutouts' bytes.
fn write(folder: &Path, samples: usize, [h, w, c]: [usize; 3]) -> Result<(PathBuf, u64)> {
    let prefix = folder.join("random");
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
    let mut row = vec![0_u8; h * w * c];
    let shape = [samples, h, w, c].map(|n| n as u64);
    npy(&folder.join("random_x.npy"), &shape, |out| {
        for _ in 0..samples {
            rng.fill_bytes(&mut row);
            out.write_all(&row)?;
        }
        Ok(())
    })?;
    npy(&folder.join("random_y.npy"), &shape[..1], |out| {
        let labels: Vec<u8> = (0..samples).map(|i| (i % 2) as u8).collect();
        out.write_all(&labels)
    })?;
    Ok((prefix, shape.iter().product()))
}

/// A .npy of bytes.
fn npy(
    path: &Path,
    shape: &[u64],
    fill: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
        let dtype = "|u1".parse().map_err(std::io::Error::other)?;
        npyz::WriteOptions::new_header_only()
            .dtype(npyz::DType::Plain(dtype))
            .shape(shape)
            .writer(&mut out)
            .write_header_only()?;
        fill(&mut out)?;
        out.flush()
    };
    write().map_err(Error::io("write", path))
}
