//! What the table-driven tests share: seeded inputs, devices, comparisons.
#![allow(dead_code)]

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, Normal, Uniform};
use rand_xoshiro::Xoshiro256PlusPlus;
use rbgpu::backend::Device;
use rbgpu::engine::{Case, Fill, Shape, Tensor, run};

/// Values for one input of a case, always the same for the same seed.
pub fn fill(shape: &Shape, fill: Fill, seed: u64) -> Vec<f64> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let len = shape.len();
    let values: Vec<f64> = match fill {
        Fill::Normal(deviation) => {
            let normal = Normal::new(0.0, deviation).unwrap();
            (0..len).map(|_| normal.sample(&mut rng)).collect()
        }
        Fill::Uniform(low, high) => {
            let uniform = Uniform::new_inclusive(low, high).unwrap();
            (0..len).map(|_| uniform.sample(&mut rng)).collect()
        }
        Fill::Distinct => {
            let mut ladder: Vec<f64> = (0..len)
                .map(|i| (i as f64 - (len / 2) as f64 + 0.5) * 0.02)
                .collect();
            ladder.shuffle(&mut rng);
            ladder
        }
        Fill::Ties => {
            let uniform = Uniform::new(0, 3).unwrap();
            (0..len)
                .map(|_| f64::from(uniform.sample(&mut rng)) * 0.5)
                .collect()
        }
        Fill::Binary => {
            let uniform = Uniform::new(0, 2).unwrap();
            (0..len)
                .map(|_| f64::from(uniform.sample(&mut rng)))
                .collect()
        }
        Fill::NotAlwaysFinite => {
            let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
            let uniform = Uniform::new(0, 30).unwrap();
            let draw = |_| odd.get(uniform.sample(&mut rng)).copied().unwrap_or(1.0);
            (0..len).map(draw).collect()
        }
        Fill::Below(end) => {
            let uniform = Uniform::new(0, end).unwrap();
            (0..len).map(|_| uniform.sample(&mut rng) as f64).collect()
        }
        Fill::Halves => {
            // Exponents from 8 to 23 of 31, so that neither is infinite or NaN.
            let half = Uniform::new(8 << 10, 24 << 10).unwrap();
            let two = |_| half.sample(&mut rng) | (half.sample(&mut rng) | 0x8000) << 16;
            let number = |bits: u32| f64::from(f32::from_bits(bits));
            (0..len).map(two).map(number).collect()
        }
        Fill::OneHot => {
            let classes = shape.channels();
            let uniform = Uniform::new(0, classes).unwrap();
            let mut values = vec![0.0; len];
            for row in values.chunks_mut(classes) {
                row[uniform.sample(&mut rng)] = 1.0;
            }
            values
        }
    };
    // The devices hold f32: start from what they can hold, so that a comparison
    // sees the op's error and not the input's.
    values.into_iter().map(|v| f64::from(v as f32)).collect()
}

/// All inputs of a case.
pub fn inputs(case: &Case) -> Vec<Vec<f64>> {
    let each = case.inputs.iter().enumerate();
    each.map(|(i, (shape, what))| fill(shape, *what, 1000 + i as u64))
        .collect()
}

/// The largest difference and where it is; NaN anywhere counts as infinite.
pub fn worst(got: &[f64], want: &[f64]) -> (f64, usize) {
    assert_eq!(got.len(), want.len(), "lengths differ");
    let differences = got.iter().zip(want).map(|(g, w)| {
        let d = (g - w).abs();
        if d.is_nan() { f64::INFINITY } else { d }
    });
    differences.enumerate().fold(
        (0.0, 0),
        |best, (i, d)| if d > best.0 { (d, i) } else { best },
    )
}

/// ‖got − want‖ / ‖want‖; infinite when a value is not finite.
pub fn relative_l2(got: &[f64], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len(), "lengths differ");
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let ratio = square(&mut got.iter().zip(want).map(|(g, w)| g - w))
        / square(&mut want.iter().copied()).max(f64::MIN_POSITIVE);
    if ratio.is_nan() { f64::INFINITY } else { ratio }
}

/// `Err` with the worst index and the first five mismatches unless every value is
/// within `absolute + relative · max|want|`.
pub fn check(
    what: &str,
    got: &[f64],
    want: &[f64],
    absolute: f64,
    relative: f64,
) -> Result<(), String> {
    let scale = want.iter().fold(0.0_f64, |m, w| m.max(w.abs()));
    let allowed = absolute + relative * scale;
    let (difference, at) = worst(got, want);
    if difference <= allowed {
        return Ok(());
    }
    let mismatches: Vec<String> = got
        .iter()
        .zip(want)
        .enumerate()
        .filter(|(_, (g, w))| {
            let fits = (*g - *w).abs() <= allowed;
            !fits
        })
        .take(5)
        .map(|(i, (g, w))| format!("    [{i}] {g:e} instead of {w:e}"))
        .collect();
    Err(format!(
        "{what}: off by {difference:.3e} at [{at}], allowed {allowed:.3e} (largest value {scale:.3e})\n{}",
        mismatches.join("\n")
    ))
}

/// Outputs and gradients of a case on one device. The incoming gradient is random.
pub fn run_case(case: &Case, device: &Device, inputs: &[Vec<f64>]) -> Vec<(String, Vec<f64>)> {
    run_case_given(case, device, inputs, None)
}

/// The same, with the gradients for outputs that another device gave, if `given`.
fn run_case_given(
    case: &Case,
    device: &Device,
    inputs: &[Vec<f64>],
    given: Option<&[(String, Vec<f64>)]>,
) -> Vec<(String, Vec<f64>)> {
    let op = case.op.as_ref();
    let tensor = |shape: &Shape, values: &[f64]| Tensor::new(device, shape.clone(), values);
    let tensors: Vec<Tensor> = case
        .inputs
        .iter()
        .zip(inputs)
        .map(|((shape, _), values)| tensor(shape, values).unwrap())
        .collect();
    let tensors: Vec<&Tensor> = tensors.iter().collect();
    let mut outputs =
        run::forward(op, &tensors).unwrap_or_else(|e| panic!("{}, {}: {e}", op.name(), case.name));
    let mut all: Vec<(String, Vec<f64>)> = outputs
        .iter()
        .enumerate()
        .map(|(i, t)| (format!("output {i}"), t.to_vec().unwrap()))
        .collect();
    for (output, (_, values)) in outputs.iter_mut().zip(given.unwrap_or_default()) {
        *output = tensor(output.shape(), values).unwrap();
    }
    let wanted: Vec<bool> = (0..tensors.len()).map(|i| op.differentiable(i)).collect();
    if wanted.contains(&true) {
        let gradient = tensor(outputs[0].shape(), &incoming(&outputs[0])).unwrap();
        let gradients = run::backward(op, &tensors, &outputs, &gradient, &wanted).unwrap();
        for (i, gradient) in gradients.iter().enumerate() {
            if let Some(gradient) = gradient {
                all.push((format!("gradient of input {i}"), gradient.to_vec().unwrap()));
            }
        }
    }
    all
}

/// The gradient that flows into a case's value.
pub fn incoming(output: &Tensor) -> Vec<f64> {
    fill(output.shape(), Fill::Normal(1.0), 77)
}

/// Compares a case on `device` with the reference, within the op's tolerance. At the
/// networks' sizes some number always lies within a rounding of another, or of 0; an
/// op that decides between them may there decide otherwise for one output in a
/// thousand, and its backward is compared for what it decided.
pub fn agrees_with_reference(case: &Case, device: &Device) -> Result<(), String> {
    const TURNED: f64 = 1e-3;
    let inputs = inputs(case);
    let got = run_case(case, device, &inputs);
    let decisions = match case.large {
        true => case.op.decisions(),
        false => None,
    };
    let given = decisions.is_some().then_some(&got[..]);
    let want = run_case_given(case, &Device::Reference, &inputs, given);
    let (op, tolerance) = (case.op.name(), case.tolerance);
    let failures: Vec<String> = got
        .iter()
        .zip(&want)
        .enumerate()
        .filter_map(|(i, ((what, got), (_, want)))| {
            let what = format!("{op} on {}, {}, {what}", device.name(), case.name);
            if decisions.as_ref().is_some_and(|all| all.contains(&i)) {
                let turned = got.iter().zip(want).filter(|(got, want)| got != want);
                let share = turned.count() as f64 / got.len() as f64;
                let fits = share <= TURNED;
                return (!fits).then(|| format!("{what}: {share} of them differ"));
            }
            check(&what, got, want, tolerance.absolute, tolerance.relative).err()
        })
        .collect();
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("\n"))
    }
}

/// The best adapter under guard. GPU tests fail where there is none; they are
/// skipped, and say so, only if RBGPU_SKIP_GPU_TESTS is 1.
pub fn gpu() -> Option<std::sync::Arc<rbgpu::backend::Gpu>> {
    if std::env::var_os("RBGPU_SKIP_GPU_TESTS").is_some_and(|value| value == "1") {
        println!("SKIPPED: a gpu test, because RBGPU_SKIP_GPU_TESTS is 1");
        return None;
    }
    let choice = rbgpu::backend::gpu::Choice::Any;
    Some(rbgpu::backend::Gpu::open_guarded(&choice).expect("gpu tests need an adapter"))
}
