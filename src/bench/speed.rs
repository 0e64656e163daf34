//! Samples per second of one network, size and batch.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ceilings::noise;
use super::clock::{Protocol, Timing};
use super::process;
use crate::backend::Device;
use crate::engine::Tensor;
use crate::nn::{Architecture, Model};
use crate::{Error, Result};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Forward, backward and Adam.
    Train,
    /// Forward to P(real), read back.
    Score,
}

impl Mode {
    /// As the peers' programs call it: "train" or "infer".
    pub fn peers_name(self) -> &'static str {
        match self {
            Mode::Train => "train",
            Mode::Score => "infer",
        }
    }
}

/// One thing to measure.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The network.
    pub architecture: Architecture,
    /// (H, W, C).
    pub input: [usize; 3],
    /// Candidates per step.
    pub batch: usize,
    /// Training or scoring.
    pub mode: Mode,
}

/// How fast it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// The network's name.
    pub network: String,
    /// (H, W, C).
    pub input: [usize; 3],
    /// Training or scoring.
    pub mode: Mode,
    /// Candidates per step.
    pub batch: usize,
    /// Numbers that training moves.
    pub parameters: usize,
    /// Of the shortest repetition.
    pub samples_per_s_best: f64,
    /// Of the median repetition.
    pub samples_per_s: f64,
    /// Of the repetition that a quarter of all were slower than.
    pub samples_per_s_lower: f64,
    /// Of the repetition that a quarter of all were faster than.
    pub samples_per_s_upper: f64,
    /// Repetitions.
    pub repetitions: usize,
    /// Steps of each.
    pub steps_per_repetition: usize,
    /// Of the very first step.
    pub first_step_s: f64,
    /// Processor seconds, over all threads.
    pub cpu_s_per_step: f64,
    /// Arithmetic of the median repetition; see [`crate::nn::Cost`].
    pub gflops: f64,
    /// Memory traffic of the median repetition that no program could do without.
    pub gb_per_s: f64,
    /// The most memory that this process had; known on Linux only.
    pub peak_bytes: Option<u64>,
    /// The device's memory held for tensors, in the end.
    pub device_bytes: u64,
}

impl Speed {
    /// Measures `configuration` on `device`.
    pub fn measure(
        configuration: &Configuration,
        device: &Device,
        protocol: Protocol,
    ) -> Result<Speed> {
        let Configuration {
            architecture,
            input,
            batch,
            mode,
        } = configuration;
        if *batch == 0 {
            return Err(Error::config("--batch-size", "0", "at least 1"));
        }
        let model = Model::new(architecture.clone(), *input, 1, device)?;
        let plan = model.plan().clone();
        let [h, w, c] = *input;
        let pixels = noise(*batch, h * w * c)?;
        let x = Tensor::new(device, [*batch, h, w, c], &pixels)?;
        drop(pixels);
        let wait = || device.wait();
        let (timing, cost) = match mode {
            Mode::Train => {
                let labels: Vec<u8> = (0..*batch).map(|i| (i % 2) as u8).collect();
                let targets = model.targets(&labels)?;
                let mut trainer = super::trainer(model)?;
                let step = || trainer.step(x.clone(), targets.clone(), 1e-5, 1).map(drop);
                (
                    Timing::measure(protocol, step, wait)?,
                    plan.training_cost(*batch),
                )
            }
            Mode::Score => {
                let step = || model.score(x.clone()).map(drop);
                (
                    Timing::measure(protocol, step, wait)?,
                    plan.scoring_cost(*batch),
                )
            }
        };
        let rate = |q| *batch as f64 / timing.quantile(q);
        let median = timing.quantile(0.5);
        Ok(Speed {
            network: architecture.name.clone(),
            input: *input,
            mode: *mode,
            batch: *batch,
            parameters: plan.trainable(),
            samples_per_s_best: rate(0.0),
            samples_per_s: rate(0.5),
            samples_per_s_lower: rate(0.75),
            samples_per_s_upper: rate(0.25),
            repetitions: timing.seconds.len(),
            steps_per_repetition: timing.steps,
            first_step_s: timing.first,
            cpu_s_per_step: timing.cpu_seconds,
            gflops: cost.flops as f64 / median / 1e9,
            gb_per_s: cost.bytes as f64 / median / 1e9,
            peak_bytes: process::peak_memory(),
            device_bytes: device.allocated_bytes(),
        })
    }

    /// Half the distance of the quartiles, as a part of the median; `None` of one
    /// repetition.
    pub fn spread(&self) -> Option<f64> {
        let half = (self.samples_per_s_upper - self.samples_per_s_lower) / 2.0;
        (self.repetitions > 1).then_some(half / self.samples_per_s)
    }

    /// The line that the peers' programs print.
    pub fn peers_line(&self, device: &Device) -> Value {
        let round = |value: f64, digits: i32| {
            let scale = 10_f64.powi(digits);
            (value * scale).round() / scale
        };
        json!({
            "peer": "rbgpu",
            "version": env!("CARGO_PKG_VERSION"),
            "model": self.network,
            "mode": self.mode.peers_name(),
            "batch": self.batch,
            "samples_per_s_best": round(self.samples_per_s_best, 1),
            "samples_per_s_median": round(self.samples_per_s, 1),
            "reps": self.repetitions,
            "steps_per_rep": self.steps_per_repetition,
            "first_step_s": round(self.first_step_s, 3),
            "cpu_s_per_step": round(self.cpu_s_per_step, 5),
            "peak_rss_mb": self.peak_bytes.map(|bytes| round(bytes as f64 / 1048576.0, 1)),
            "load1": process::load(),
            "device": device.name(),
            "threads": rayon::current_num_threads(),
            "params": self.parameters,
            "variant": match device {
                Device::Gpu(_) if super::is_half(device) => "wgsl-f16",
                Device::Gpu(_) => "wgsl",
                _ => "native",
            },
        })
    }
}
