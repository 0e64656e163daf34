//! A network gives the same whether every layer is an op of its own or a convolution
//! and what follows it run as one.

use rbgpu::backend::Device;
use rbgpu::engine::{Fill, Shape, Tensor};
use rbgpu::nn::{Architecture, Mode, Model, Plan};
use rbgpu::ops;

use super::common::{check, fill, gpu};

/// Loss, P(real), every gradient and every batch statistic, by name.
fn everything(model: &Model, x: &Tensor) -> Vec<(String, Vec<f64>)> {
    let mut tape = ops::tape(model.device());
    let input = tape.constant(x.clone());
    let mode = Mode::Training { seed: 9, step: 4 };
    let forward = model.forward(&mut tape, input, mode).unwrap();
    let targets = tape.constant(model.targets(&[1, 0, 0, 1]).unwrap());
    let loss = model.loss(&mut tape, forward.logits, targets).unwrap();
    let mut all = vec![("loss".to_owned(), tape.tensor(loss).to_vec().unwrap())];
    let mut gradients = tape.backward(loss).unwrap();
    for (var, parameter) in forward.parameters.iter().zip(model.parameters()) {
        if let Some(gradient) = gradients.take(*var) {
            let name = format!("gradient of {}", parameter.name);
            all.push((name, gradient.to_vec().unwrap()));
        }
    }
    for (i, value, momentum) in forward.statistics {
        let name = format!("statistic of {}, {momentum}", model.parameters()[i].name);
        all.push((name, value.to_vec().unwrap()));
    }
    all.push(("scores".into(), model.score(x.clone()).unwrap()));
    all
}

fn agree(device: &Device, absolute: f64, relative: f64) {
    for (name, input) in [
        ("des1", [17, 19, 3]),
        ("des2", [19, 18, 3]),
        ("des3", [18, 20, 2]),
        ("des4", [17, 16, 3]),
        ("otrain", [16, 17, 1]),
    ] {
        let architecture = Architecture::published(name).unwrap();
        let given = |i: usize, plan: &Plan| {
            let parameter = plan.parameters().nth(i).unwrap();
            let fan_in = parameter.shape.len() / parameter.shape.channels();
            let deviation = (1.0 / fan_in as f64).sqrt().max(0.1);
            let values = fill(&parameter.shape, Fill::Normal(deviation), 60 + i as u64);
            let positive = parameter.name.ends_with("variance");
            let shift = if positive { 1.0 } else { 0.02 };
            Ok(values.iter().map(|v| v * 0.5 + shift).collect::<Vec<f64>>())
        };
        let fused = Model::with_values(architecture, input, device, given).unwrap();
        let single = fused.clone().single_ops();
        let shape = Shape::from([4, input[0], input[1], input[2]]);
        let pixels = fill(&shape, Fill::Normal(1.0), 3);
        let x = Tensor::new(device, shape, &pixels).unwrap();
        let (got, want) = (everything(&fused, &x), everything(&single, &x));
        assert_eq!(got.len(), want.len());
        for ((what, got), (same, want)) in got.iter().zip(&want) {
            assert_eq!(what, same);
            let what = format!("{name} on {}, {what}", device.name());
            check(&what, got, want, absolute, relative).unwrap_or_else(|e| panic!("{e}"));
        }
    }
}

/// In f64 nothing is left but the order of the sums.
#[test]
fn as_one_op_in_f64() {
    agree(&Device::cpu_f64(), 1e-12, 1e-10);
}

/// In f32 a value within a rounding of the rectifier's kink may fall on either side
/// and move a gradient by one pixel's share.
#[test]
fn as_one_op_on_the_cpu() {
    agree(&Device::cpu(), 1e-5, 1e-3);
}

#[test]
fn as_one_op_on_the_gpu() {
    if let Some(gpu) = gpu() {
        agree(&Device::Gpu(gpu), 1e-5, 1e-3);
    }
}
