//! Runs a network on a device and compares with Keras' f64 numbers.
//!
//! Where the bounds come from: f64 devices do the same arithmetic as Keras in
//! another order. In f32 the bounds of outputs, loss and gradients are those of choices.rs,
//! and Keras' gradients are taken with what the ties change that f32 decided otherwise, so that
//! nothing here depends on the luck of a set. The bounds for five
//! steps grow with the error that Keras' own f32 run has on that network, which the .json
//! holds: Adam, which divides by the gradient's own size, turns a gradient element that is
//! zero but for rounding into a step of ±lr. So the weights are compared per variable, as
//! ‖w − w_keras‖ / ‖change of w_keras‖, in which such elements weigh little.

use rbgpu::backend::{Device, Precision};
use rbgpu::nn::Mode;
use rbgpu::ops;
use rbgpu::train::trainer::Trainer;

use super::choices::{Judged, OUTPUT_F32};
use super::common::relative_l2;
use super::fixture::Golden;
use super::npz::Npz;
use super::table::{Table, short};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-7;

pub fn is_f64(device: &Device) -> bool {
    match device {
        Device::Reference => true,
        Device::Cpu(cpu) => cpu.precision() == Precision::F64,
        Device::Gpu(_) => false,
    }
}

fn l2(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn largest_difference(got: &[f64], want: &[f64]) -> f64 {
    super::common::worst(got, want).0
}

/// Inference, loss and gradients.
pub fn once(golden: &Golden, device: &Device, table: &mut Table) {
    let mut row = |quantity: &str, measured, allowed| {
        table.row(&golden.name, &short(device), quantity, measured, allowed);
    };
    let exact = is_f64(device);
    let model = golden.model(device);
    let (x, target) = golden.batch(device);

    let got = model.score(x.clone()).unwrap();
    let allowed = if exact { 1e-12 } else { OUTPUT_F32 };
    let difference = largest_difference(&got, &golden.infer);
    row("P(real), inference", difference, allowed);

    let mut tape = ops::tape(device);
    let input = tape.constant(x.clone());
    let mode = Mode::Training { seed: 1, step: 0 };
    let logits = model.forward(&mut tape, input, mode).unwrap().logits;
    let got = model.probabilities(&mut tape, logits).unwrap();
    let difference = largest_difference(&got, &golden.train);
    row("P(real), batch statistics", difference, allowed);
    drop(tape);

    let trainer = Trainer::new(model, BETA1, BETA2, EPSILON).unwrap();
    let step = trainer.gradients(x, target, 1).unwrap();
    let want = golden.description.loss_f64;
    let loss = (step.loss.item().unwrap() / want - 1.0).abs();
    let judged = (!exact).then(|| Judged::new(&golden.problem(), device));
    let allowed = judged.as_ref().map_or(1e-12, Judged::allowed_loss);
    row("loss, relative", loss, allowed);

    let f32_stored = golden.gradients.find("conv2d/kernel").is_some();
    let allowed = |n: usize| match (&judged, f32_stored) {
        (Some(judged), _) => judged.allowed(n),
        (None, false) => 1e-11,
        (None, true) => 1e-7,
    };
    let [mut plain, mut gradient, mut norm] = [(); 3].map(|()| Worst::default());
    for (n, (i, got)) in step.gradients.iter().enumerate() {
        let key = &golden.description.variables[*i].key;
        let got = got.to_vec().unwrap();
        let want = golden.gradients.sample(key, "f64");
        let mut length = golden.description.grad_norms_f64[key].l2;
        let picked = want.pick(&got);
        plain.see(relative_l2(&picked, want.values), f64::INFINITY, key);
        // Keras' numbers with what the ties change that this run decided otherwise.
        let mut values = want.values.to_vec();
        if let Some(judged) = &judged {
            let (exact, free) = (&judged.exact[n].1, &judged.free[n].1);
            let changes = want.pick(exact).into_iter().zip(want.pick(free));
            for (value, (exact, free)) in values.iter_mut().zip(changes) {
                *value += exact - free;
            }
            length *= l2(exact) / l2(free);
        }
        gradient.see(relative_l2(&picked, &values), allowed(n), key);
        norm.see((l2(&got) / length - 1.0).abs(), allowed(n), key);
    }
    assert_eq!(
        step.gradients.len(),
        golden.description.grad_norms_f64.len(),
        "one gradient per trainable variable"
    );
    if let Some(judged) = &judged {
        // To be seen; what bounds it is chance.
        let quantity = plain.named(&format!("gradient, {} ties", judged.ties));
        row(&quantity, plain.value, plain.allowed);
    }
    for (quantity, worst) in [
        ("gradient, rel. l2", gradient),
        ("gradient's norm, rel.", norm),
    ] {
        row(&worst.named(quantity), worst.value, worst.allowed);
    }
}

/// Five steps of Adam; `tag` is the learning rate's.
pub fn five_steps(golden: &Golden, tag: &str, device: &Device, table: &mut Table) {
    let mut row = |quantity: &str, measured, allowed| {
        let quantity = format!("{tag} {quantity}");
        table.row(&golden.name, &short(device), &quantity, measured, allowed);
    };
    let exact = is_f64(device);
    let want = &golden.description.traj[tag];
    let file = Npz::read(&golden.folder.join(&want.file));
    let (x, target) = golden.batch(device);
    let mut trainer = Trainer::new(golden.model(device), BETA1, BETA2, EPSILON).unwrap();
    let steps: Vec<_> = (0..want.losses_f64.len())
        .map(|_| trainer.step(x.clone(), target.clone(), want.lr, 1).unwrap())
        .collect();
    let losses = steps.iter().zip(&want.losses_f64);
    let losses = losses.map(|(s, want)| (s.loss.item().unwrap() / want - 1.0).abs());
    let noise = want.keras_f32_loss_rel_max;
    let allowed = if exact {
        1e-11
    } else {
        (3.0 * noise).max(1e-4)
    };
    let worst = losses.fold(0.0, |a: f64, b| if b <= a { a } else { b });
    row("five losses, relative", worst, allowed);

    let noise = want.keras_f32_rel_delta_max;
    let allowed = if exact {
        1e-10
    } else {
        (3.0 * noise).clamp(1e-4, 2e-2)
    };
    let mut delta = Worst::default();
    let mut norm = Worst::default();
    for (i, variable) in golden.description.variables.iter().enumerate() {
        let key = &variable.key;
        let start: Vec<f64> = golden.weights[i].iter().map(|w| f64::from(*w)).collect();
        let end = trainer.model().parameters()[i].tensor.to_vec().unwrap();
        let minus =
            |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
        let sample = file.sample(key, "f64");
        let start_there = sample.pick(&start);
        let got = minus(&sample.pick(&end), &start_there);
        let change = minus(sample.values, &start_there);
        delta.see(relative_l2(&got, &change), allowed, key);
        let want = want.final_norms_f64[key].delta_l2;
        norm.see((l2(&minus(&end, &start)) / want - 1.0).abs(), allowed, key);
    }
    row(&delta.named("change, rel. l2"), delta.value, allowed);
    row(&norm.named("norm of change"), norm.value, allowed);

    let last = |rows: &[Vec<f64>]| -> Vec<f64> {
        rows.iter()
            .map(|row| *row.last().expect("a class"))
            .collect()
    };
    let after = last(&want.infer_after_f64);
    let got = trainer.model().score(x).unwrap();
    let noise = largest_difference(&last(&want.infer_after_f32), &after);
    let allowed = if exact {
        1e-11
    } else {
        (3.0 * noise).max(5e-5)
    };
    row("P(real) after", largest_difference(&got, &after), allowed);
}

/// The value that is the largest beside what is allowed there, and where; NaN is larger than
/// any. Where all is allowed, the largest.
#[derive(Default)]
struct Worst {
    value: f64,
    allowed: f64,
    place: String,
}

impl Worst {
    fn see(&mut self, value: f64, allowed: f64, place: &str) {
        let value = if value.is_nan() { f64::INFINITY } else { value };
        let larger = match allowed.is_finite() {
            true => value * self.allowed > self.value * allowed,
            false => value > self.value,
        };
        if self.place.is_empty() || larger {
            self.value = value;
            self.allowed = allowed;
            self.place = place.trim_start_matches("sequential/").into();
        }
    }

    fn named(&self, quantity: &str) -> String {
        let place = self.place.replace("batch_normalization", "bn");
        format!("{quantity} ({place})")
    }
}
