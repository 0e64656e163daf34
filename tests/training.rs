//! Training beyond the plain loop: batches in parts, pixels that live on the
//! device, mixed precision.

mod common;

use std::sync::Arc;

use rbgpu::Result;
use rbgpu::backend::gpu::Choice;
use rbgpu::backend::{Device, Gpu};
use rbgpu::data::{Augment, Bytes, Dataset, InMemory, Normalisation, Part, Split};
use rbgpu::engine::Tensor;
use rbgpu::judge::EpochRecord;
use rbgpu::nn::{Architecture, Model};
use rbgpu::ops::loss_scale;
use rbgpu::simulate::{SurveyConfig, survey};
use rbgpu::train::trainer::parts;
use rbgpu::train::{
    Config, Observer, Outcome, Precision, Progress, Residence, Session, Settings, Trainer,
};

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

/// The same as bytes, as some surveys write them.
fn as_bytes(set: &Dataset) -> Arc<Dataset> {
    let stride = set.shape.len();
    let mut values = Vec::new();
    for row in 0..set.len() {
        let mut pixels = vec![0.0; stride];
        set.pixels.read(row, &mut pixels).unwrap();
        let low = pixels.iter().fold(f32::INFINITY, |m, v| m.min(*v));
        let high = pixels.iter().fold(f32::NEG_INFINITY, |m, v| m.max(*v));
        let byte = |v: &f32| ((v - low) / (high - low).max(1e-9) * 255.0) as u8;
        values.extend(pixels.iter().map(byte));
    }
    Arc::new(Dataset {
        source: set.source.clone(),
        shape: set.shape,
        pixels: Box::new(Bytes { values, stride }),
        labels: set.labels.clone(),
        candidates: set.candidates.clone(),
        parts: None,
        skipped: Vec::new(),
        notices: Vec::new(),
    })
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
        let config = config(Settings::default(), false);
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

/// What the gpu gathers is what the loader makes.
#[test]
fn resident_pixels_are_the_loaders() {
    let Some(gpu) = common::gpu() else { return };
    let device = Device::Gpu(gpu);
    let floats = simulated(40);
    let bytes = as_bytes(&floats);
    let mut kinds = Vec::new();
    for normalisation in Normalisation::ALL {
        for (data, precision) in [
            (&floats, Precision::F32),
            (&bytes, Precision::F32),
            (&floats, Precision::F16),
        ] {
            let settings = Settings {
                normalisation: Some(normalisation),
                augment: Augment::D4,
                precision,
                ..Settings::default()
            };
            let session = session(config(settings, false), &device, data).resident(Residence::Yes);
            let resident = session.on_device().unwrap().unwrap();
            let loader = session.loader(Part::Train, true).unwrap();
            for (batch, alone) in loader.epoch(3).zip(loader.without_pixels(3)) {
                let batch = batch.unwrap();
                assert_eq!(
                    (&batch.indices, &batch.labels),
                    (&alone.indices, &alone.labels)
                );
                let got = resident.gather(&alone.indices, &alone.symmetries).unwrap();
                let want: Vec<f64> = batch.values.iter().map(|v| f64::from(*v)).collect();
                let relative = match resident.to_string().as_str() {
                    "f32" => 0.0,
                    "u8" => 3e-7,
                    _ => 5e-4,
                };
                let what = format!("{normalisation}, {resident}");
                common::check(&what, &got.to_vec().unwrap(), &want, 0.0, relative).unwrap();
            }
            kinds.push(resident.to_string());
        }
    }
    for (kind, count) in [("f32", 9), ("u8", 5), ("f16", 7)] {
        assert_eq!(kinds.iter().filter(|k| *k == kind).count(), count, "{kind}");
    }
}

/// Resident or streamed: f32 pixels give the same bits, u8 the same to rounding.
#[test]
fn training_on_resident_pixels_is_training() {
    if common::gpu().is_none() {
        return;
    }
    let floats = simulated(80);
    let bytes = as_bytes(&floats);
    let device = Device::Gpu(Gpu::open(&Choice::Any).unwrap());
    for (data, allowed) in [(&floats, 0.0), (&bytes, 1e-4)] {
        let settings = Settings {
            augment: Augment::D4,
            epochs: Some(2),
            ..Settings::default()
        };
        let config = config(settings, false);
        let run = |residence| {
            let session = session(config.clone(), &device, data).resident(residence);
            weights(&session.run(false, &mut ()).unwrap())
        };
        let (resident, streamed) = (run(Residence::Yes), run(Residence::No));
        common::check("weights", &resident, &streamed, allowed, 0.0).unwrap();
        assert_eq!(run(Residence::Auto), resident, "the same bits again");
    }
}

/// A trainer of the small network on a batch of its own, in mixed precision from
/// `scale` on.
fn mixed(device: &Device, scale: f64) -> (Trainer, Tensor, Tensor) {
    let model = Model::new(network(false), [16, 16, 1], 3, device).unwrap();
    let values: Vec<f32> = (0..8 * 256)
        .map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0)
        .collect();
    let x = model.input(&values).unwrap();
    let targets = model.targets(&[0, 1, 0, 1, 0, 1, 0, 1]).unwrap();
    let trainer = Trainer::new(model, 0.9, 0.999, 1e-7).unwrap();
    let trainer = trainer.with_loss_scale(&loss_scale::start(scale)).unwrap();
    (trainer, x, targets)
}

fn values(trainer: &Trainer) -> Vec<f64> {
    let parameters = trainer.model().parameters().iter();
    parameters
        .flat_map(|p| p.tensor.to_vec().unwrap())
        .collect()
}

/// A loss that is scaled gives the steps of one that is not.
#[test]
fn the_scale_of_the_loss_cancels() {
    for device in devices() {
        let (mut scaled, x, targets) = mixed(&device, 65536.0);
        let model = Model::new(network(false), [16, 16, 1], 3, &device).unwrap();
        let mut plain = Trainer::new(model, 0.9, 0.999, 1e-7).unwrap();
        for _ in 0..5 {
            scaled.step(x.clone(), targets.clone(), 1e-3, 1).unwrap();
            plain.step(x.clone(), targets.clone(), 1e-3, 1).unwrap();
        }
        common::check("weights", &values(&scaled), &values(&plain), 1e-6, 0.0).unwrap();
        let state = scaled.loss_scale().unwrap().unwrap();
        assert_eq!(state[..2], [65536.0, 5.0]);
        assert_eq!(plain.loss_scale().unwrap(), None);
    }
}

/// Gradients that overflow are not applied; the scale is halved until they fit.
#[test]
fn an_overflow_is_recovered_from() {
    for device in devices() {
        let start = 2.0_f64.powi(127);
        // Inputs of 1e3 make gradients that overflow f32 at this scale.
        let (mut trainer, _, targets) = mixed(&device, start);
        let large: Vec<f32> = (0..8 * 256)
            .map(|i| ((i * 37) % 101) as f32 * 20.0)
            .collect();
        let x = trainer.model().input(&large).unwrap();
        let before = values(&trainer);
        trainer.step(x.clone(), targets.clone(), 1e-3, 1).unwrap();
        assert_eq!(values(&trainer), before, "nothing moved");
        assert_eq!(trainer.loss_scale().unwrap().unwrap()[0], start / 2.0);
        let moments = trainer.moments()[0].clone().unwrap();
        assert!(moments.0.to_vec().unwrap().iter().all(|m| *m == 0.0));
        for _ in 0..40 {
            trainer.step(x.clone(), targets.clone(), 1e-3, 1).unwrap();
        }
        let state = trainer.loss_scale().unwrap().unwrap();
        let after = values(&trainer);
        assert!(state[1] > 0.0 && state[4] == 1.0, "{state:?}");
        assert!(after != before && after.iter().all(|v| v.is_finite()));
    }
}

/// The same accuracy within noise, in f16 and in f32.
#[test]
fn mixed_precision_learns_as_well() {
    if common::gpu().is_none() {
        return;
    }
    use rbgpu::backend::gpu::GpuPrecision;
    let data = simulated(400);
    let run = |precision, of: GpuPrecision| {
        let device = Device::Gpu(Gpu::open_as(&Choice::Any, of).unwrap());
        let settings = Settings {
            epochs: Some(8),
            learning_rate: Some(5e-3),
            precision,
            ..Settings::default()
        };
        let session = session(config(settings, true), &device, &data);
        session.run(false, &mut ()).unwrap()
    };
    let full = run(Precision::F32, GpuPrecision::F32);
    let half = run(Precision::F16, GpuPrecision::F16);
    let best = |o: &Outcome| o.history.iter().map(|r| r.val_accuracy).fold(0.0, f64::max);
    let (full, half) = (best(&full), best(&half));
    assert!(full >= 0.75, "f32 learns: {full}");
    // 80 candidates: two of them more or less.
    assert!((full - half).abs() <= 0.05, "f32 {full}, f16 {half}");
}

/// Pixels in memory that are not bytes have none.
#[test]
fn only_bytes_are_bytes() {
    use rbgpu::data::Pixels;
    let floats = InMemory {
        values: vec![0.0; 4],
        stride: 2,
    };
    assert!(floats.bytes(1).is_none());
    let bytes = Bytes {
        values: vec![1, 2, 3, 4],
        stride: 2,
    };
    assert_eq!(bytes.bytes(1), Some(&[3, 4][..]));
}
