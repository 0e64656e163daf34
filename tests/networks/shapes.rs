//! The case tables hold every layer of the published networks, so that tests and benches
//! see each kernel at each size that it is used at.

use rbgpu::engine::Case;
use rbgpu::nn::{Architecture, Layer, Plan};
use rbgpu::ops;

/// Whether `op` has a large case whose input number `input` has these axes, with or
/// without a batch before them, and whose settings say `settings`.
fn covered(cases: &[Case], op: &str, input: usize, axes: &[usize], settings: &str) -> bool {
    let fits = |case: &&Case| {
        let shape = &case.inputs[input].0;
        shape.ends_with(axes)
            && shape.iter().count() <= axes.len() + 1
            && format!("{:?}", case.op).contains(settings)
    };
    let of_op = |case: &&Case| case.large && case.op.name() == op;
    cases.iter().filter(of_op).any(|case| fits(&case))
}

#[test]
fn every_layer_of_the_published_networks_is_a_case() {
    let cases = ops::cases();
    let mut missing = Vec::new();
    for name in Architecture::published() {
        let architecture = Architecture::named(name).unwrap();
        let plan = Plan::new(&architecture, architecture.input.unwrap()).unwrap();
        let mut x = plan.input.to_vec();
        for layer in &plan.layers {
            let mut need = |op: &str, input, axes: &[usize], settings: &str| {
                if !covered(&cases, op, input, axes, settings) {
                    missing.push(format!("{name}, {}: {op} {axes:?} {settings}", layer.name));
                }
            };
            match &layer.layer {
                Layer::Conv2d { stride, .. } => {
                    let settings = format!("stride: {:?}", stride.0);
                    need("conv2d", 0, &x, &settings);
                    need("conv2d", 1, &layer.parameters[0].shape, &settings);
                    need("relu", 0, &layer.output, "");
                }
                Layer::Dense { .. } => need("dense", 1, &layer.parameters[0].shape, ""),
                Layer::BatchNorm { .. } => {
                    need("batch_norm", 0, &x, "");
                    need("batch_norm_inference", 0, &x, "");
                }
                Layer::MaxPool { window, .. } => {
                    need("max_pool", 0, &x, &format!("window: {:?}", window.0));
                }
                Layer::AvgPool { window, .. } => {
                    need("avg_pool", 0, &x, &format!("window: {:?}", window.0));
                }
                Layer::Dropout { rate } => need("dropout", 0, &x, &format!("rate: {rate}")),
                Layer::Relu {} => need("relu", 0, &x, ""),
                Layer::LeakyRelu { slope } => {
                    need("leaky_relu", 0, &x, &format!("slope: {slope}"));
                }
                Layer::Rescaling { scale, .. } => {
                    need("scale", 0, &x, &format!("factor: {scale}"));
                }
                Layer::Flatten {} => {}
            }
            x = layer.output.to_vec();
        }
        let largest = plan.parameters().map(|p| p.shape.len()).max().unwrap();
        if !covered(&cases, "adam", 0, &[largest], "") {
            missing.push(format!("{name}: adam [{largest}]"));
        }
    }
    assert!(missing.is_empty(), "no case of\n{}", missing.join("\n"));
}
