//! Dropout: the same mask everywhere, another one elsewhen.

use rbgpu::backend::Device;
use rbgpu::engine::{Tensor, run};
use rbgpu::ops::dropout::Dropout;

use super::common::gpu;

/// Which of `len` ones are kept.
fn mask(device: &Device, op: Dropout, len: usize) -> Vec<bool> {
    let ones = Tensor::full(device, [len], 1.0).unwrap();
    let kept = run::forward(&op, &[&ones]).unwrap()[0].to_vec().unwrap();
    kept.iter().map(|v| *v != 0.0).collect()
}

#[test]
fn every_device_drops_the_same_elements() {
    let mut devices = vec![Device::cpu(), Device::cpu_f64()];
    devices.extend(gpu().map(Device::Gpu));
    let seeds = [0, 1, 20_261_122, u64::MAX, 1 << 40];
    for (i, seed) in seeds.into_iter().enumerate() {
        for (rate, len) in [(0.1, 1), (0.3, 4097), (0.5, 70_001), (0.9, 255)] {
            let op = Dropout {
                rate,
                seed,
                stream: i as u32,
                step: 1000 * i as u32,
            };
            let want = mask(&Device::Reference, op, len);
            for device in &devices {
                assert!(mask(device, op, len) == want, "{op:?} on {}", device.name());
            }
        }
    }
}

#[test]
fn another_seed_stream_or_step_drops_others() {
    let device = Device::cpu();
    let op = Dropout {
        rate: 0.3,
        seed: 5,
        stream: 1,
        step: 2,
    };
    let len = 100_000;
    let masks = [
        op,
        Dropout { seed: 6, ..op },
        Dropout {
            seed: 5 + (1 << 32),
            ..op
        },
        Dropout { stream: 2, ..op },
        Dropout { step: 3, ..op },
        Dropout {
            stream: 2,
            step: 1,
            ..op
        },
    ]
    .map(|op| mask(&device, op, len));
    for (i, a) in masks.iter().enumerate() {
        let kept = a.iter().filter(|kept| **kept).count() as f64 / len as f64;
        // Five standard deviations of a mean of 10⁵ draws.
        assert!((kept - 0.7).abs() < 0.007, "{kept} were kept");
        for b in &masks[..i] {
            let same = a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / len as f64;
            // Independent masks agree in 0.7² + 0.3² of the places.
            assert!((same - 0.58).abs() < 0.008, "{same} are equal");
        }
    }
}
