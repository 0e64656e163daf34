//! The convolutions of the networks under each body that the adapter can run, in
//! GFLOP/s of one core: floating-point operations over the processor time of this
//! process, which is what a software adapter is measured by.
//!
//! `cargo bench --bench bodies -- direct des1` runs those cases whose body and name
//! hold these words. RBGPU_BENCH_DEVICE names the adapter.

use std::time::Instant;

use rbgpu::backend::gpu::{Body, Choice, GpuPrecision, Settings};
use rbgpu::backend::{Device, Gpu};
use rbgpu::bench::process::cpu_time;
use rbgpu::engine::{Case, Tensor, run};
use rbgpu::ops;

/// GFLOP/s of a core, and of the whole device.
fn rate(gpu: &Gpu, flops: f64, mut work: impl FnMut()) -> [f64; 2] {
    work();
    gpu.wait().unwrap();
    let mut best = [0.0_f64; 2];
    for _ in 0..3 {
        let (start, processor) = (Instant::now(), cpu_time());
        let mut rounds = 0.0;
        while start.elapsed().as_secs_f64() < 0.4 {
            (0..4).for_each(|_| work());
            gpu.wait().unwrap();
            rounds += 4.0;
        }
        let amount = rounds * flops / 1e9;
        let used = (cpu_time() - processor).as_secs_f64();
        best[0] = best[0].max(amount / used);
        best[1] = best[1].max(amount / start.elapsed().as_secs_f64());
    }
    best
}

fn measure(gpu: &Gpu, device: &Device, case: &Case) {
    let tensors: Vec<Tensor> = case
        .inputs
        .iter()
        .map(|(shape, _)| {
            let values: Vec<f32> = (0..shape.len()).map(|i| (i % 97) as f32 / 97.0).collect();
            Tensor::new(device, shape.clone(), &values).unwrap()
        })
        .collect();
    let inputs: Vec<&Tensor> = tensors.iter().collect();
    let shapes: Vec<_> = tensors.iter().map(|t| t.shape()).collect();
    let flops = case.op.flops(&shapes) as f64;
    let y = run::forward(case.op.as_ref(), &inputs).unwrap();
    let forward = rate(gpu, flops, || {
        run::forward(case.op.as_ref(), &inputs).unwrap();
    });
    let backward = [[true, false, false], [false, true, false]].map(|wanted| {
        rate(gpu, flops, || {
            run::backward(case.op.as_ref(), &inputs, &y, &y[0], &wanted).unwrap();
        })
    });
    println!(
        "{:11} {:32} forward {:6.1} ({:6.1})  dx {:6.1} ({:6.1})  dkernel {:6.1} ({:6.1})",
        gpu.body().to_string(),
        case.name,
        forward[0],
        forward[1],
        backward[0][0],
        backward[0][1],
        backward[1][0],
        backward[1][1],
    );
}

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let choice = std::env::var("RBGPU_BENCH_DEVICE").map_or(Choice::Any, Choice::Named);
    println!("GFLOP/s of one core (of the device by the clock)");
    for (precision, body) in [
        (GpuPrecision::F32, Body::Direct),
        (GpuPrecision::F32, Body::Shared),
        (GpuPrecision::F16, Body::Shared),
        (GpuPrecision::F16, Body::Cooperative),
    ] {
        let settings = Settings {
            precision,
            body: Some(body),
            guards: false,
        };
        let gpu = match Gpu::open_with(&choice, settings) {
            Ok(gpu) => gpu,
            Err(error) => {
                println!("{body} {precision:?}: {error}");
                continue;
            }
        };
        let device = Device::Gpu(gpu.clone());
        for case in ops::cases() {
            let name = format!("{body} {precision:?} {} {}", case.op.name(), case.name);
            let conv = ["conv2d", "dense"].contains(&case.op.name());
            if case.large && conv && words.iter().all(|word| name.contains(word.as_str())) {
                measure(&gpu, &device, &case);
            }
        }
    }
}
