//! Mixed precision: operands in f16, weights and sums in f32, a loss that is scaled.

use rbgpu::backend::gpu::{Choice, GpuPrecision};
use rbgpu::backend::{Device, Gpu};
use rbgpu::engine::Tensor;
use rbgpu::judge::EpochRecord;
use rbgpu::nn::Model;
use rbgpu::ops::loss_scale;
use rbgpu::train::{Precision, Residence, Settings, Trainer};

use super::{common, config, devices, network, session, simulated};

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

/// The gpu in f16, where its adapter has that.
fn half() -> Option<Device> {
    common::gpu()?;
    match Gpu::open_as(&Choice::Any, GpuPrecision::F16) {
        Ok(gpu) => Some(Device::Gpu(gpu)),
        Err(error) => {
            println!("SKIPPED: a test in f16: {error}");
            None
        }
    }
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
    // Inputs of 2e3 make gradients that overflow f32 at this scale, and f16 long before.
    let full = devices().into_iter().map(|device| (device, 127));
    for (device, power) in full.chain(half().map(|device| (device, 40))) {
        let start = 2.0_f64.powi(power);
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

/// Operands are rounded to 11 bits and nothing else is: gradients are off by about
/// 2⁻¹², and by no more than some times that where sums cancel.
#[test]
fn gradients_in_f16_are_those_in_f32_rounded() {
    let Some(half) = half() else { return };
    let gradients = |device: &Device| {
        let (trainer, x, targets) = mixed(device, 65536.0);
        trainer.gradients(x, targets, 1).unwrap().gradients
    };
    for ((i, got), (_, want)) in gradients(&half).iter().zip(&gradients(&Device::cpu())) {
        let off = common::relative_l2(&got.to_vec().unwrap(), &want.to_vec().unwrap());
        println!("parameter {i}: {off:.1e}");
        assert!(off > 1e-6 && off <= 1e-3, "parameter {i} is off by {off:e}");
    }
}

/// As in f32, within noise: two runs that round differently part ways, and of 200
/// candidates near 0.85 that are right, √(200·0.85·0.15) = 5 go one way or the other.
#[test]
fn mixed_precision_learns_as_well() {
    let Some(half) = half() else { return };
    let data = simulated(1000);
    let full = Device::Gpu(Gpu::open(&Choice::Any).unwrap());
    let run = |device: &Device, precision| {
        let settings = Settings {
            epochs: Some(8),
            learning_rate: Some(5e-3),
            precision,
            ..Settings::default()
        };
        let session = session(config(settings, true), device, &data).resident(Residence::Yes);
        let pixels = session.on_device().unwrap().unwrap().to_string();
        assert_eq!(pixels, precision.to_string());
        session.run(false, &mut ()).unwrap().history
    };
    let full = run(&full, Precision::F32);
    let once = run(&half, Precision::F16);
    assert_ne!(full[0].val_loss, once[0].val_loss, "f16 rounds");
    assert_eq!(run(&half, Precision::F16), once, "the same bits again");
    let best = |history: &[EpochRecord]| {
        let loss = history
            .iter()
            .map(|r| r.val_loss)
            .fold(f64::INFINITY, f64::min);
        let accuracy = history.iter().map(|r| r.val_accuracy).fold(0.0, f64::max);
        (loss, accuracy)
    };
    let (full, half) = (best(&full), best(&once));
    println!("f32 {full:?}, f16 {half:?}");
    assert!(full.1 >= 0.8, "f32 learns: {full:?}");
    assert!(
        (full.1 - half.1).abs() <= 0.025,
        "f32 {full:?}, f16 {half:?}"
    );
    assert!(
        (full.0 - half.0).abs() <= 0.03,
        "f32 {full:?}, f16 {half:?}"
    );
}
