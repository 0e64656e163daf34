//! Every op at the sizes of the networks, forward and backward, on each device:
//! the same case tables as the tests.
//!
//! `cargo bench --bench kernels -- cpu/conv2d` runs a part. Devices are the cpu
//! and the best adapter found, or the one named in RBGPU_BENCH_DEVICE.

#[path = "../tests/common/mod.rs"]
mod common;
mod units;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rbgpu::engine::{Case, Fill, Tensor, run};
use rbgpu::ops;
use units::{Units, devices};

fn kernels(criterion: &mut Criterion<Units>) {
    for device in devices() {
        for case in ops::cases().iter().filter(|case| case.large) {
            let inputs: Vec<Tensor> = case
                .inputs
                .iter()
                .zip(common::inputs(case))
                .map(|((shape, _), values)| Tensor::new(&device, shape.clone(), &values).unwrap())
                .collect();
            let inputs: Vec<&Tensor> = inputs.iter().collect();
            let outputs = run::forward(case.op.as_ref(), &inputs).unwrap();
            let gradient = common::fill(outputs[0].shape(), Fill::Normal(1.0), 7);
            let gradient = Tensor::new(&device, outputs[0].shape().clone(), &gradient).unwrap();
            let wanted: Vec<bool> = (0..inputs.len())
                .map(|i| case.op.differentiable(i))
                .collect();
            let mut group =
                criterion.benchmark_group(format!("{}/{}", device.name(), case.op.name()));
            let (forward, backward) = work(case, &inputs, &outputs, &wanted);
            group.throughput(forward);
            group.bench_function(BenchmarkId::new("forward", &case.name), |b| {
                b.iter(|| {
                    let outputs = run::forward(case.op.as_ref(), &inputs).unwrap();
                    device.wait().unwrap();
                    outputs
                });
            });
            if wanted.contains(&true) {
                group.throughput(backward);
                group.bench_function(BenchmarkId::new("backward", &case.name), |b| {
                    b.iter(|| {
                        let gradients =
                            run::backward(case.op.as_ref(), &inputs, &outputs, &gradient, &wanted);
                        device.wait().unwrap();
                        gradients.unwrap()
                    });
                });
            }
            group.finish();
        }
    }
}

/// What a pass is measured by: arithmetic for matrix products, memory for the rest.
/// A convolution's backward pass is two products of the forward's size.
fn work(
    case: &Case,
    inputs: &[&Tensor],
    outputs: &[Tensor],
    wanted: &[bool],
) -> (Throughput, Throughput) {
    let shapes: Vec<_> = inputs.iter().map(|t| t.shape()).collect();
    if ["conv2d", "dense"].contains(&case.op.name()) {
        let flops = case.op.flops(&shapes);
        return (Throughput::Elements(flops), Throughput::Elements(2 * flops));
    }
    let bytes = |tensors: &mut dyn Iterator<Item = usize>| 4 * tensors.sum::<usize>() as u64;
    let ins = bytes(&mut shapes.iter().map(|s| s.len()));
    let outs = bytes(&mut outputs.iter().map(|t| t.shape().len()));
    let gradients = bytes(
        &mut shapes
            .iter()
            .zip(wanted)
            .filter(|(_, w)| **w)
            .map(|(s, _)| s.len()),
    );
    let incoming = 4 * outputs[0].shape().len() as u64;
    (
        Throughput::Bytes(ins + outs),
        Throughput::Bytes(incoming + gradients),
    )
}

criterion_group! {
    name = benches;
    config = units::criterion();
    targets = kernels
}
criterion_main!(benches);
