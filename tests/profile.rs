//! The profile of either device: what ran is in it, and nothing is while it is off.

mod common;

use rbgpu::backend::Device;
use rbgpu::engine::{Tensor, run};
use rbgpu::ops::Padding;
use rbgpu::ops::conv2d::Conv2d;

fn convolve(device: &Device) {
    let full = |shape: &[usize]| Tensor::full(device, shape.to_vec(), 0.5).unwrap();
    let inputs = [&full(&[2, 8, 8, 4]), &full(&[3, 3, 4, 8]), &full(&[8])];
    let op = Conv2d {
        stride: [1, 1],
        padding: Padding::Same,
    };
    let y = run::forward(&op, &inputs).unwrap();
    run::backward(&op, &inputs, &y, &y[0], &[true; 3]).unwrap();
}

const FLOPS: u64 = 2 * (2 * 8 * 8) * (3 * 3 * 4) * 8;

fn profiled(device: &Device) -> Vec<(String, rbgpu::backend::profile::Spent)> {
    let profile = device.profile().unwrap();
    convolve(device);
    profile.start();
    convolve(device);
    convolve(device);
    profile.stop();
    convolve(device);
    profile.take()
}

#[test]
fn the_cpu_is_profiled_by_op() {
    let all = profiled(&Device::cpu());
    let named = |name: &str| all.iter().find(|(n, _)| n == name).unwrap().1;
    assert_eq!(all.len(), 2, "{all:?}");
    let forward = named("conv2d forward");
    assert_eq!((forward.count, forward.flops), (2, 2 * FLOPS));
    assert_eq!(named("conv2d backward").flops, 4 * FLOPS);
    assert!(forward.seconds > 0.0);
}

#[test]
fn a_gpu_is_profiled_by_kernel() {
    let Some(gpu) = common::gpu() else { return };
    let all = profiled(&Device::Gpu(gpu));
    for start in [
        "conv2d_forward",
        "conv2d_backward_input",
        "conv2d_backward_kernel",
    ] {
        let (_, spent) = all
            .iter()
            .find(|(name, _)| name.starts_with(start))
            .unwrap();
        assert_eq!((spent.count, spent.flops), (2, 2 * FLOPS), "{start}");
        assert!(spent.seconds > 0.0 && spent.bytes > 0, "{start}");
    }
    let flops: u64 = all.iter().map(|(_, spent)| spent.flops).sum();
    assert_eq!(flops, 6 * FLOPS);
}
