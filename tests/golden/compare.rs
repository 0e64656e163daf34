//! Runs a network on a device and compares with Keras' f64 numbers.
//!
//! Where the bounds come from: f64 devices do the same arithmetic as Keras in
//! another order. In f32 the README of the shared set names the bounds; those for
//! gradients and weights grow with the error that Keras' own f32 run has on that
//! network, which the .json holds. That error is not a matter of taste: a max pool
//! with a near tie sends its gradient elsewhere, and Adam, which divides by the
//! gradient's own size, turns a gradient element that is zero but for rounding
//! into a step of ±lr. So the weights are compared per variable, as
//! ‖w − w_keras‖ / ‖change of w_keras‖, in which such elements weigh little.

use rbgpu::backend::{Device, Precision};
use rbgpu::nn::Mode;
use rbgpu::ops;
use rbgpu::train::trainer::Trainer;

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
    let allowed = if exact { 1e-12 } else { 5e-6 };
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
    row("loss, relative", loss, if exact { 1e-12 } else { 1e-5 });

    let floor = golden.description.keras_f32_grad_rel_l2_max;
    let f32_stored = golden.gradients.find("conv2d/kernel").is_some();
    let allowed = match (exact, f32_stored) {
        (true, false) => 1e-11,
        (true, true) => 1e-7,
        _ => (3.0 * floor).clamp(1e-4, 1e-2),
    };
    let mut gradient = Worst::default();
    let mut norm = Worst::default();
    for (i, got) in &step.gradients {
        let key = &golden.description.variables[*i].key;
        let got = got.to_vec().unwrap();
        let want = golden.gradients.sample(key, "f64");
        gradient.see(relative_l2(&want.pick(&got), want.values), key);
        let want = golden.description.grad_norms_f64[key].l2;
        norm.see((l2(&got) / want - 1.0).abs(), key);
    }
    assert_eq!(
        step.gradients.len(),
        golden.description.grad_norms_f64.len(),
        "one gradient per trainable variable"
    );
    row(
        &gradient.named("gradient, rel. l2"),
        gradient.value,
        allowed,
    );
    row(&norm.named("gradient's norm, rel."), norm.value, allowed);
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
        delta.see(relative_l2(&got, &change), key);
        let want = want.final_norms_f64[key].delta_l2;
        norm.see((l2(&minus(&end, &start)) / want - 1.0).abs(), key);
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

/// The largest value and where; NaN is larger than any.
#[derive(Default)]
struct Worst {
    value: f64,
    place: String,
}

impl Worst {
    fn see(&mut self, value: f64, place: &str) {
        if value.is_nan() || value > self.value {
            self.value = if value.is_nan() { f64::INFINITY } else { value };
            self.place = place.trim_start_matches("sequential/").into();
        }
    }

    fn named(&self, quantity: &str) -> String {
        let place = self.place.replace("batch_normalization", "bn");
        format!("{quantity} ({place})")
    }
}
