//! The networks of Ayyar et al. 2022 at their own size, with weights and images of several seeds:
//! f32 against f64, which equals Keras to 1e-12 (committed.rs, shared.rs) and so is the judge.
//! What holds here does not hold by the luck of one set.

use rand::SeedableRng;
use rand_distr::{Distribution, Normal, Uniform};
use rand_xoshiro::Xoshiro256PlusPlus;
use rbgpu::backend::Device;
use rbgpu::nn::{Architecture, Model};
use rbgpu::train::trainer::{Step, Trainer};

use super::choices::{Judged, OUTPUT_F32, Problem};
use super::common::{gpu, relative_l2, worst};
use super::table::{Table, short};

const INPUT: [usize; 3] = [51, 51, 3];
const IMAGES: usize = 8;
/// Steps of Adam behind which weights are no longer their first draw.
const STEPS: usize = 15;

/// arcsinh(S/N)/3 of noise, and in the second and third image of a source: one of the width of the
/// point spread function, or a narrower one, which is bogus.
fn images(rng: &mut Xoshiro256PlusPlus, labels: &[f64]) -> Vec<f64> {
    let (noise, unit) = (Normal::new(0.0, 1.0), Uniform::new(0.0, 1.0));
    let (noise, unit): (Normal<f64>, Uniform<f64>) = (noise.unwrap(), unit.unwrap());
    let [height, width, channels] = INPUT;
    let mut x = Vec::with_capacity(labels.len() * height * width * channels);
    for label in labels {
        let centre = [25.0 + noise.sample(rng), 25.0 + noise.sample(rng)];
        let peak = 10.0 + 100.0 * unit.sample(rng);
        let sigma = if *label > 0.5 { 2.0_f64 } else { 0.6 };
        for at in 0..height * width * channels {
            let (pixel, channel) = (at / channels, at % channels);
            let (row, column) = ((pixel / width) as f64, (pixel % width) as f64);
            let square = (row - centre[0]).powi(2) + (column - centre[1]).powi(2);
            let source = match channel {
                0 => 0.0,
                _ => peak * (-0.5 * square / sigma.powi(2)).exp(),
            };
            x.push(in_f32((noise.sample(rng) + source).asinh() / 3.0));
        }
    }
    x
}

fn in_f32(value: f64) -> f64 {
    f64::from(value as f32)
}

fn problem(name: &str, seed: u64) -> Problem {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let labels: Vec<f64> = (0..IMAGES).map(|i| (i % 2) as f64).collect();
    let mut problem = Problem {
        architecture: Architecture::named(name).unwrap().with_dropout(0.0),
        input: INPUT,
        weights: Vec::new(),
        x: images(&mut rng, &labels),
        target: labels,
        count: IMAGES,
    };
    let cpu = Device::cpu();
    let model = Model::new(problem.architecture.clone(), INPUT, seed, &cpu).unwrap();
    let mut trainer = Trainer::new(model, 0.9, 0.999, 1e-7).unwrap();
    let (x, target) = problem.batch(&cpu);
    for _ in 0..STEPS {
        trainer.step(x.clone(), target.clone(), 1e-3, 1).unwrap();
    }
    // Biases, gamma and beta of a long training are not all but alike.
    let other = Normal::new(0.0, 0.1).unwrap();
    for parameter in trainer.model().parameters() {
        let fixed = parameter.name.ends_with("kernel") || !parameter.trainable;
        let values = parameter.tensor.to_vec().unwrap().into_iter();
        let moved = values.map(|v| match fixed {
            true => v,
            false => in_f32(v + other.sample(&mut rng)),
        });
        problem.weights.push(moved.collect());
    }
    problem
}

/// P(real), and one step without an update.
fn numbers(problem: &Problem, device: &Device) -> (Vec<f64>, Step) {
    let (x, target) = problem.batch(device);
    let scores = problem.model(device).score(x.clone()).unwrap();
    let trainer = Trainer::new(problem.model(device), 0.9, 0.999, 1e-7).unwrap();
    (scores, trainer.gradients(x, target, 1).unwrap())
}

fn compare(name: &str, seeds: std::ops::Range<u64>, device: &Device) {
    let mut table = Table::new();
    for seed in seeds {
        let problem = problem(name, seed);
        let what = format!("{name} {seed}");
        let mut row = |quantity: &str, measured, allowed| {
            table.row(&what, &short(device), quantity, measured, allowed);
        };
        let (scores, step) = numbers(&problem, device);
        let (exact, exact_step) = numbers(&problem, &Device::cpu_f64());
        let judged = Judged::new(&problem, device);
        row("P(real), inference", worst(&scores, &exact).0, OUTPUT_F32);
        let [loss, exact] = [&step, &exact_step].map(|step| step.loss.item().unwrap());
        let loss = (loss / exact - 1.0).abs();
        row("loss, relative", loss, judged.allowed_loss());
        for (n, (i, tensor)) in step.gradients.iter().enumerate() {
            let name = problem.model(device).parameters()[*i].name.clone();
            let ((own_i, own), (_, exact)) = (&judged.own[n], &judged.exact[n]);
            // What is judged is what training calculates.
            assert!(i == own_i && tensor.to_vec().unwrap() == *own, "{name}");
            let measured = relative_l2(own, exact);
            row(&format!("gradient, {name}"), measured, judged.allowed(n));
        }
        let (ties, by_ties) = (judged.ties, judged.by_ties());
        row(&format!("what {ties} ties do"), by_ties, f64::INFINITY);
    }
    table.finish();
}

#[test]
fn gradients_of_des1_on_the_cpu() {
    compare("des1", 1..4, &Device::cpu());
}

#[test]
fn gradients_of_des2_on_the_cpu() {
    compare("des2", 1..4, &Device::cpu());
}

#[test]
fn gradients_of_des3_on_the_cpu() {
    compare("des3", 1..5, &Device::cpu());
}

#[test]
fn gradients_of_des4_on_the_cpu() {
    compare("des4", 1..4, &Device::cpu());
}

#[test]
fn gradients_on_the_gpu() {
    if let Some(gpu) = gpu() {
        compare("des1", 1..2, &Device::Gpu(gpu));
    }
}
