//! Training beyond the plain loop: batches in parts, pixels that live on the
//! device, mixed precision; and a trained network that gives scores.

#[path = "../common/mod.rs"]
mod common;

mod classifier;
mod finetune;
mod imbalance;
mod interrupted;
mod mixed;
mod resident;

use std::sync::Arc;

use rbgpu::Result;
use rbgpu::backend::gpu::Choice;
use rbgpu::backend::{Device, Gpu};
use rbgpu::data::{Dataset, Split};
use rbgpu::judge::EpochRecord;
use rbgpu::nn::{Architecture, Model};
use rbgpu::simulate::{SurveyConfig, survey};
use rbgpu::train::trainer::parts;
use rbgpu::train::{Config, Observer, Outcome, Progress, Residence, Session, Settings, Trainer};

/// `conv` is followed by batch norm or not.
fn network(norm: bool) -> Architecture {
    let norm = match norm {
        true => "[[layers]]\nkind = \"batch_norm\"\nepsilon = 1e-3\nmomentum = 0.9\n",
        false => "",
    };
    let text = format!(
        r#"
name = "small"
[training]
batch_size = 24
epochs = 4
split = "60/20/20"
[[layers]]
kind = "conv2d"
filters = 6
kernel = 3
activation = "relu"
{norm}[[layers]]
kind = "max_pool"
window = 4
[[layers]]
kind = "flatten"
[[layers]]
kind = "dense"
units = 1
activation = "sigmoid"
"#
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.toml");
    std::fs::write(&path, text).unwrap();
    Architecture::named(path.to_str().unwrap()).unwrap()
}

/// A device per kind, with nothing in its pools.
fn devices() -> Vec<Device> {
    let gpu = common::gpu().map(|_| Device::Gpu(Gpu::open(&Choice::Any).unwrap()));
    [Device::cpu()].into_iter().chain(gpu).collect()
}

fn simulated(count: usize) -> Arc<Dataset> {
    let config = SurveyConfig {
        count,
        size: 16,
        seed: 5,
        ..SurveyConfig::default()
    };
    Arc::new(survey(&config).unwrap().dataset)
}

#[derive(Default)]
struct Heard(Vec<String>);

impl Observer for Heard {
    fn step(&mut self, _: &Progress) -> Result<()> {
        Ok(())
    }
    fn epoch(&mut self, _: &EpochRecord, _: bool) {}
    fn notice(&mut self, text: &str) {
        self.0.push(text.into());
    }
}

fn config(settings: Settings, norm: bool) -> Config {
    settings.check(network(norm)).unwrap()
}

fn session(config: Config, device: &Device, data: &Arc<Dataset>) -> Session {
    let split = Split::make(data, config.split, config.seed).unwrap();
    Session::new(config, device, data.clone(), split)
}

fn weights(outcome: &Outcome) -> Vec<f64> {
    let parameters = outcome.model.parameters().iter();
    parameters
        .flat_map(|p| p.tensor.to_vec().unwrap())
        .collect()
}

#[test]
fn parts_cover_a_batch_once_and_are_about_equal() {
    assert_eq!(parts(10, 10), vec![0..10; 1]);
    assert_eq!(parts(10, 4), [0..3, 3..6, 6..10]);
    assert_eq!(parts(3, 1), [0..1, 1..2, 2..3]);
    assert_eq!(parts(5, 100), vec![0..5; 1]);
}

/// Loss and gradients of a batch in unequal parts are those of the whole batch.
#[test]
fn a_step_in_parts_is_a_step() {
    for device in devices() {
        let labels: Vec<u8> = (0..11).map(|i| i % 2).collect();
        let values: Vec<f32> = (0..11 * 256)
            .map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0)
            .collect();
        let train = |parts: &[std::ops::Range<usize>]| {
            let model = Model::new(network(false), [16, 16, 1], 3, &device).unwrap();
            let mut trainer = Trainer::new(model, 0.9, 0.999, 1e-7).unwrap();
            let mut losses = Vec::new();
            for _ in 0..3 {
                let mut input = |model: &Model, part: std::ops::Range<usize>| {
                    let x = model.input(&values[part.start * 256..part.end * 256])?;
                    Ok((x, model.targets(&labels[part])?))
                };
                let step = trainer.step_in_parts(parts, &mut input, 1e-3, 1).unwrap();
                losses.push(step.loss.item().unwrap());
            }
            let (first, _) = trainer.moments()[0].clone().unwrap();
            (losses, first.to_vec().unwrap())
        };
        let (want, moment) = train(&parts(11, 11));
        let (got, in_parts) = train(&[0..5, 5..9, 9..11]);
        common::check("loss", &got, &want, 0.0, 1e-6).unwrap();
        // Adam's mean of the gradients, which rounding moves but little.
        common::check("gradients", &in_parts, &moment, 0.0, 1e-5).unwrap();
    }
}

/// With room for a few candidates only, training and scoring go on in parts, say
/// so once, and end where they would have ended.
#[test]
fn a_batch_that_does_not_fit_is_taken_in_parts() {
    let data = simulated(120);
    for device in devices() {
        let settings = Settings {
            batch_size: Some(24),
            ..Settings::default()
        };
        let config = config(settings, false);
        let run = |limit| {
            device.limit_memory(limit);
            let mut heard = Heard::default();
            let session = session(config.clone(), &device, &data).resident(Residence::No);
            let outcome = session.run(false, &mut heard).unwrap();
            device.limit_memory(None);
            (outcome, heard.0)
        };
        let (whole, silence) = run(None);
        assert_eq!(silence, Vec::<String>::new());
        // A gpu keeps more of a step, and 256 bytes at least of each tensor.
        let (in_parts, heard) = run(Some(match device {
            Device::Gpu(_) => 90_000,
            _ => 20_000,
        }));
        assert!(!heard.is_empty() && heard.len() <= 4, "{heard:?}");
        assert!(
            heard[0].contains("no room for 24 candidates at once"),
            "{heard:?}"
        );
        assert!(heard[0].contains("batch normalisation"), "{heard:?}");
        common::check("weights", &weights(&in_parts), &weights(&whole), 1e-4, 0.0).unwrap();
        // And with room for nothing it is an error.
        device.limit_memory(Some(5_000));
        let tried = session(config.clone(), &device, &data).run(false, &mut ());
        device.limit_memory(None);
        assert!(tried.unwrap_err().is_too_large());
    }
}
