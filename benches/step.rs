//! A whole training step, and scoring, of each network on each device. The rate is
//! samples per second.
//!
//! `cargo bench --bench step -- cpu/otrain` runs a part. RBGPU_BENCH_BATCH sets the
//! batch (default 32).

mod units;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rbgpu::engine::Tensor;
use rbgpu::nn::{Architecture, Model};
use rbgpu::train::Trainer;
use units::{Units, devices, finish};

fn steps(criterion: &mut Criterion<Units>) {
    let batch = std::env::var("RBGPU_BENCH_BATCH").map_or(32, |b| b.parse().expect("a number"));
    for device in devices() {
        for name in Architecture::published() {
            let architecture = Architecture::named(name).unwrap();
            let [h, w, c] = architecture.input.unwrap();
            let pixels: Vec<f32> = (0..batch * h * w * c)
                .map(|i| ((i * 7919) % 1000) as f32 / 500.0 - 1.0)
                .collect();
            let labels: Vec<u8> = (0..batch).map(|i| (i % 2) as u8).collect();
            let model = Model::new(architecture, [h, w, c], 1, &device).unwrap();
            let x = Tensor::new(&device, [batch, h, w, c], &pixels).unwrap();
            let targets = model.targets(&labels).unwrap();
            let mut group = criterion.benchmark_group(format!("{}/{name}", device.name()));
            group.throughput(Throughput::Bits(batch as u64));
            group.bench_function(format!("score {batch}"), |b| {
                b.iter(|| model.score(x.clone()).unwrap());
            });
            let mut trainer = Trainer::new(model, 0.9, 0.999, 1e-7).unwrap();
            group.bench_function(format!("train {batch}"), |b| {
                b.iter(|| {
                    trainer.step(x.clone(), targets.clone(), 1e-5, 1).unwrap();
                    finish(&device);
                });
            });
            group.finish();
        }
    }
}

criterion_group! {
    name = benches;
    config = units::criterion();
    targets = steps
}
criterion_main!(benches);
