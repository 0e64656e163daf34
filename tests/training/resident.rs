//! Pixels that live on the device: what is gathered there, and how training goes on it.

use std::sync::Arc;

use rbgpu::backend::gpu::Choice;
use rbgpu::backend::{Device, Gpu};
use rbgpu::data::{Augment, Bytes, Dataset, InMemory, Normalisation, Part};
use rbgpu::train::{Precision, Residence, Settings};

use super::{Heard, common, config, session, simulated, weights};

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
        channels: None,
        pixels: Box::new(Bytes { values, stride }),
        labels: set.labels.clone(),
        candidates: set.candidates.clone(),
        parts: None,
        relabelled: None,
        skipped: Vec::new(),
        notices: Vec::new(),
    })
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

/// A user is told when pixels that might have stayed on the gpu are read for every
/// batch, and why.
#[test]
fn pixels_that_do_not_fit_are_streamed_with_a_notice() {
    if common::gpu().is_none() {
        return;
    }
    let data = simulated(400);
    let device = Device::Gpu(Gpu::open(&Choice::Any).unwrap());
    let settings = Settings {
        epochs: Some(1),
        ..Settings::default()
    };
    let config = config(settings, false);
    let heard = |residence| {
        let mut heard = Heard::default();
        let session = session(config.clone(), &device, &data).resident(residence);
        session.run(false, &mut heard).unwrap();
        let of_pixels = |text: &String| text.contains("pixels are read for every batch");
        heard.0.into_iter().filter(of_pixels).collect::<Vec<_>>()
    };
    assert_eq!(heard(Residence::Auto), Vec::<String>::new());
    // 400 cutouts of 1 KiB are more than half of 600 KiB.
    device.limit_memory(Some(600 << 10));
    let notices = heard(Residence::Auto);
    assert_eq!(notices.len(), 1, "{notices:?}");
    for part in [
        "they take 0.4 MiB",
        "0.3 MiB are for pixels",
        "--resident yes",
    ] {
        assert!(notices[0].contains(part), "{notices:?}");
    }
    assert_eq!(heard(Residence::No), Vec::<String>::new());
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
