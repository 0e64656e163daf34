//! Every op's case table, run against the f64 reference and by finite differences.

mod common;

use std::sync::Arc;

use common::{agrees_with_reference, check, incoming, inputs, run_case};
use rbgpu::backend::{Cpu, Device, Isa, Precision};
use rbgpu::engine::{Case, Tensor, run};
use rbgpu::ops;

fn against_reference(device: &Device, large: bool) {
    let mut failures = Vec::new();
    let cases = ops::cases();
    let cases: Vec<&Case> = cases.iter().filter(|case| case.large == large).collect();
    for case in &cases {
        failures.extend(agrees_with_reference(case, device).err());
    }
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        failures.join("\n")
    );
    println!("{} cases on {}", cases.len(), device.name());
}

#[test]
fn cpu_agrees_with_the_reference() {
    against_reference(&Device::cpu(), false);
}

#[test]
fn cpu_agrees_with_the_reference_at_the_networks_own_sizes() {
    against_reference(&Device::cpu(), true);
}

/// The matrix products choose vector instructions when the program runs: each set
/// that this machine has, in both precisions.
#[test]
fn cpu_agrees_with_the_reference_with_any_instructions() {
    let mut failures = Vec::new();
    for isa in Isa::all() {
        for precision in [Precision::F32, Precision::F64] {
            let device = Device::Cpu(Arc::new(Cpu::with_isa(precision, isa)));
            let cases = ops::cases();
            let products = ["conv2d", "dense"];
            let small = |case: &&Case| !case.large && products.contains(&case.op.name());
            for case in cases.iter().filter(small) {
                let failure = agrees_with_reference(case, &device).err();
                failures.extend(failure.map(|text| format!("{}: {text}", isa.name())));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn gpu_agrees_with_the_reference() {
    if let Some(gpu) = common::gpu() {
        against_reference(&Device::Gpu(gpu), false);
    }
}

#[test]
fn gpu_agrees_with_the_reference_at_the_networks_own_sizes() {
    if let Some(gpu) = common::gpu() {
        against_reference(&Device::Gpu(gpu), true);
    }
}

/// Central differences of L = Σ output₀ · r, with a fixed random r, against the
/// op's own backward. In f64 with a step of 1e-5 they agree to about 1e-9.
fn by_finite_differences(case: &Case, device: &Device) -> Result<(), String> {
    const STEP: f64 = 1e-5;
    let inputs = inputs(case);
    let value = |inputs: &[Vec<f64>]| -> f64 {
        let tensors: Vec<Tensor> = case
            .inputs
            .iter()
            .zip(inputs)
            .map(|((shape, _), values)| Tensor::new(device, shape.clone(), values).unwrap())
            .collect();
        let output = run::forward(case.op.as_ref(), &tensors.iter().collect::<Vec<_>>()).unwrap();
        let r = incoming(&output[0]);
        output[0]
            .to_vec()
            .unwrap()
            .iter()
            .zip(r)
            .map(|(y, r)| y * r)
            .sum()
    };
    for (what, gradient) in run_case(case, device, &inputs) {
        let Some(i) = what.strip_prefix("gradient of input ") else {
            continue;
        };
        let i: usize = i.parse().unwrap();
        // Every element of a small input, about 60 spread over a larger one.
        let stride = (gradient.len() / 60).max(1);
        let mut numeric = Vec::new();
        let mut analytic = Vec::new();
        for at in (0..gradient.len()).step_by(stride) {
            let mut moved = inputs.clone();
            moved[i][at] += STEP;
            let up = value(&moved);
            moved[i][at] -= 2.0 * STEP;
            let down = value(&moved);
            numeric.push((up - down) / (2.0 * STEP));
            analytic.push(gradient[at]);
        }
        let name = format!(
            "{} on {}, {}, {what}",
            case.op.name(),
            device.name(),
            case.name
        );
        check(&name, &analytic, &numeric, 1e-7, 1e-6)?;
    }
    Ok(())
}

fn all_by_finite_differences(device: &Device) {
    let failures: Vec<String> = ops::cases()
        .iter()
        .filter(|case| !case.large)
        .filter_map(|case| by_finite_differences(case, device).err())
        .collect();
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn reference_gradients_agree_with_finite_differences() {
    all_by_finite_differences(&Device::Reference);
}

#[test]
fn cpu_gradients_agree_with_finite_differences_in_f64() {
    all_by_finite_differences(&Device::cpu_f64());
}

/// What backward does not look at, by the op's own word, it does not look at: it
/// gets shapes without elements in their place, as on a tape.
fn without_what_backward_does_not_read(device: &Device) {
    let fresh = |case: &Case| -> Vec<Tensor> {
        let values = inputs(case);
        let each = case.inputs.iter().zip(&values);
        each.map(|((shape, _), values)| Tensor::new(device, shape.clone(), values).unwrap())
            .collect()
    };
    let hollow = |tensors: &mut [Tensor], reads: &dyn Fn(usize) -> bool| {
        for (i, tensor) in tensors.iter_mut().enumerate().filter(|(i, _)| !reads(*i)) {
            *tensor = tensor
                .without_elements()
                .unwrap_or_else(|e| panic!("{i}: {e}"));
        }
    };
    for case in ops::cases().iter().filter(|case| !case.large) {
        let op = case.op.as_ref();
        let mut inputs = fresh(case);
        let wanted: Vec<bool> = (0..inputs.len()).map(|i| op.differentiable(i)).collect();
        if !wanted.contains(&true) {
            continue;
        }
        let mut outputs = run::forward(op, &inputs.iter().collect::<Vec<_>>()).unwrap();
        let gradient = incoming(&outputs[0]);
        let gradient = Tensor::new(device, outputs[0].shape().clone(), &gradient).unwrap();
        let gradients = |inputs: &[Tensor], outputs: &[Tensor]| -> Vec<Vec<f64>> {
            let inputs: Vec<&Tensor> = inputs.iter().collect();
            let all = run::backward(op, &inputs, outputs, &gradient, &wanted).unwrap();
            all.iter().flatten().map(|t| t.to_vec().unwrap()).collect()
        };
        let want = gradients(&inputs, &outputs);
        hollow(&mut inputs, &|i| op.backward_reads_input(i));
        hollow(&mut outputs, &|i| op.backward_reads_output(i));
        let got = gradients(&inputs, &outputs);
        assert!(
            got == want,
            "{}, {} on {}",
            op.name(),
            case.name,
            device.name()
        );
    }
}

#[test]
fn backward_reads_no_more_than_it_says_on_cpu() {
    without_what_backward_does_not_read(&Device::cpu());
}

#[test]
fn backward_reads_no_more_than_it_says_on_gpu() {
    if let Some(gpu) = common::gpu() {
        without_what_backward_does_not_read(&Device::Gpu(gpu));
    }
}

/// In place or not: the same bits, and the memory of the first inputs if nobody
/// else has them.
fn in_place_is_the_same(device: &Device) {
    let mut tried = 0;
    for case in ops::cases().iter().filter(|case| !case.large) {
        let (op, count) = (case.op.as_ref(), case.op.in_place());
        if count == 0 {
            continue;
        }
        tried += 1;
        let values = inputs(case);
        let fresh = || -> Vec<Tensor> {
            let each = case.inputs.iter().zip(&values);
            each.map(|((shape, _), values)| Tensor::new(device, shape.clone(), values).unwrap())
                .collect()
        };
        let bits = |tensors: &[Tensor]| -> Vec<Vec<u64>> {
            let bits = |t: &Tensor| t.to_vec().unwrap().iter().map(|v| v.to_bits()).collect();
            tensors.iter().map(bits).collect()
        };
        let inputs = fresh();
        let want = bits(&run::forward(op, &inputs.iter().collect::<Vec<_>>()).unwrap());
        let mut state = fresh();
        let rest = state.split_off(count);
        let rest: Vec<&Tensor> = rest.iter().collect();
        let got = run::forward_in_place(op, state.clone(), &rest).unwrap();
        let name = format!("{}, {} on {}", op.name(), case.name, device.name());
        assert!(bits(&got) == want, "{name}: shared");
        assert!(
            bits(&state) == bits(&inputs[..count]),
            "{name}: clones keep their values"
        );
        drop(got);
        assert!(
            bits(&run::forward_in_place(op, state, &rest).unwrap()) == want,
            "{name}"
        );
    }
    assert!(tried >= 8, "{tried} cases of ops that work in place");
}

#[test]
fn in_place_is_the_same_on_cpu() {
    in_place_is_the_same(&Device::cpu());
}

#[test]
fn in_place_is_the_same_on_gpu() {
    if let Some(gpu) = common::gpu() {
        in_place_is_the_same(&Device::Gpu(gpu));
    }
}
