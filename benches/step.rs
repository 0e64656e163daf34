//! A whole training step, and scoring, of each network on each device, with
//! GFLOP/s of its matrix products. Before each network stands what one candidate
//! costs, so that samples per second are the rate divided by it.
//!
//! `cargo bench --bench step -- cpu/otrain` runs a part. RBGPU_BENCH_BATCH sets the
//! batches (default 32,256); RBGPU_BENCH_PROFILE=cpu/des1 prints what a step there costs
//! of one core, and where its time goes. `rbgpu bench` measures the same more briefly.

mod units;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rbgpu::backend::Device;
use rbgpu::bench::process::cpu_time;
use rbgpu::engine::Tensor;
use rbgpu::nn::{Architecture, Model};
use rbgpu::train::Trainer;
use units::{Units, devices};

fn steps(criterion: &mut Criterion<Units>) {
    let batches = std::env::var("RBGPU_BENCH_BATCH").unwrap_or_else(|_| "32,256".into());
    let batches = batches.split(',').map(|b| b.parse().expect("a number"));
    let batches: Vec<usize> = batches.collect();
    for device in devices() {
        for name in Architecture::published() {
            let architecture = Architecture::named(name).unwrap();
            let [h, w, c] = architecture.input.unwrap();
            let mut group = criterion.benchmark_group(format!("{}/{name}", device.name()));
            for &batch in &batches {
                let pixels: Vec<f32> = (0..batch * h * w * c)
                    .map(|i| ((i * 7919) % 1000) as f32 / 500.0 - 1.0)
                    .collect();
                let labels: Vec<u8> = (0..batch).map(|i| (i % 2) as u8).collect();
                let model = Model::new(architecture.clone(), [h, w, c], 1, &device).unwrap();
                let x = Tensor::new(&device, [batch, h, w, c], &pixels).unwrap();
                let targets = model.targets(&labels).unwrap();
                let plan = model.plan().clone();
                let [scoring, training] = [plan.scoring_cost(1), plan.training_cost(1)];
                eprintln!(
                    "{name}: {:.1} MFLOP to score, {:.1} to train",
                    scoring.flops as f64 / 1e6,
                    training.flops as f64 / 1e6
                );
                group.throughput(Throughput::Elements(scoring.flops * batch as u64));
                group.bench_function(format!("score {batch}"), |b| {
                    b.iter(|| model.score(x.clone()).unwrap());
                });
                let mut trainer = Trainer::new(model, 0.9, 0.999, 1e-7).unwrap();
                group.throughput(Throughput::Elements(training.flops * batch as u64));
                group.bench_function(format!("train {batch}"), |b| {
                    b.iter(|| {
                        trainer.step(x.clone(), targets.clone(), 1e-5, 1).unwrap();
                        device.wait().unwrap();
                    });
                });
                let wanted = std::env::var("RBGPU_BENCH_PROFILE").is_ok_and(|part| {
                    let group = format!("{}/{name}", device.name());
                    group.contains(&part)
                });
                if wanted {
                    profile(&device, training.flops * batch as u64, || {
                        trainer.step(x.clone(), targets.clone(), 1e-5, 1).unwrap();
                        device.wait().unwrap();
                    });
                }
            }
            group.finish();
        }
    }
}

/// What a step costs in processor time, and where its time goes.
fn profile(device: &Device, flops: u64, mut step: impl FnMut()) {
    let gigaflops = flops as f64 / 1e9;
    let seconds = |step: &mut dyn FnMut()| {
        let before = cpu_time();
        (0..4).for_each(|_| step());
        (cpu_time() - before).as_secs_f64() / 4.0
    };
    let best = (0..3)
        .map(|_| seconds(&mut step))
        .fold(f64::INFINITY, f64::min);
    eprintln!("{:.1} GFLOP/s of one core", gigaflops / best);
    let Some(profile) = device.profile() else {
        return;
    };
    profile.start();
    step();
    profile.stop();
    for (name, spent) in profile.take() {
        eprintln!(
            "{:40} {:4} x {:9.2} ms {:7.1} GFLOP/s {:7.1} GB/s",
            name,
            spent.count,
            spent.seconds * 1e3,
            spent.flops as f64 / 1e9 / spent.seconds,
            spent.bytes as f64 / 1e9 / spent.seconds,
        );
    }
}

criterion_group! {
    name = benches;
    config = units::criterion();
    targets = steps
}
criterion_main!(benches);
