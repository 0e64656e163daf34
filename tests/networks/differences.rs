//! Every published architecture, with few channels on small images, against
//! central differences in f64.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rbgpu::backend::Device;
use rbgpu::engine::{Fill, Shape, Tensor};
use rbgpu::nn::{Architecture, Layer, Mode, Model, Plan};
use rbgpu::ops;

use super::common::{check, fill};

/// Small enough that hardly any activation lies within a step of a kink or a tie
/// (the seeds are fixed, and none does), large enough that the 1e-16 by which a
/// loss of order 1 is rounded leaves 1e-10 of the difference.
const STEP: f64 = 1e-6;

/// Rounding: 10⁻¹⁶ × (operations' growth, below 100) / 2·10⁻⁶; truncation: STEP² × f'''.
/// A wrong term in a backward pass is off by 10⁻³ at the very least.
const ABSOLUTE: f64 = 1e-8;
const RELATIVE: f64 = 1e-6;

/// A loss and its gradients, as some device computes them from parameters.
pub type Computation<'a> = dyn Fn(&[Vec<f64>]) -> (f64, Vec<Vec<f64>>) + 'a;

/// Compares `compute`'s gradients at `places` (parameter, element) with central
/// differences of its loss.
pub fn agree(
    what: &str,
    compute: &Computation,
    parameters: &[Vec<f64>],
    places: &[(usize, usize)],
) -> Result<(), String> {
    let (_, gradients) = compute(parameters);
    let at = |place: &(usize, usize), by: f64| {
        let mut moved = parameters.to_vec();
        moved[place.0][place.1] += by;
        compute(&moved).0
    };
    let numeric: Vec<f64> = places
        .iter()
        .map(|place| (at(place, STEP) - at(place, -STEP)) / (2.0 * STEP))
        .collect();
    let analytic: Vec<f64> = places.iter().map(|(p, i)| gradients[*p][*i]).collect();
    check(what, &analytic, &numeric, ABSOLUTE, RELATIVE)
}

/// `name` with the same layers and few channels.
fn small(name: &str) -> Architecture {
    let mut architecture = Architecture::named(name).unwrap();
    for (i, layer) in architecture.layers.iter_mut().enumerate() {
        match layer {
            Layer::Conv2d { filters, .. } => *filters = 2 + i % 3,
            Layer::Dense { units, .. } if *units > 2 => *units = 5,
            _ => {}
        }
    }
    architecture
}

/// Weights as He et al. would draw them; biases and shifts that are not 0 and
/// scales that are not 1, some negative.
fn values(plan: &Plan, seed: u64) -> Vec<Vec<f64>> {
    let one = |(i, p): (usize, &rbgpu::nn::ParameterPlan)| {
        let fan_in = p.shape.len() / p.shape.channels();
        let normal = |deviation| fill(&p.shape, Fill::Normal(deviation), seed + i as u64);
        match p.name.rsplit('/').next().expect("a name") {
            "kernel" => normal((2.0 / fan_in as f64).sqrt()),
            "gamma" => normal(0.4).iter().map(|v| v + 0.7).collect(),
            "moving_variance" => normal(0.1).iter().map(|v| v.abs() + 0.5).collect(),
            _ => normal(0.2),
        }
    };
    plan.parameters().enumerate().map(one).collect()
}

fn published_on(device: &Device) {
    let mut failures = Vec::new();
    for (name, input) in [
        ("des1", [9, 8, 3]),
        ("des2", [10, 9, 3]),
        ("des3", [9, 11, 2]),
        ("des4", [9, 8, 3]),
        ("otrain", [8, 9, 1]),
    ] {
        let architecture = small(name);
        let plan = Plan::new(&architecture, input).unwrap();
        let parameters = values(&plan, 40);
        let [h, w, c] = input;
        let images = Shape::from([4, h, w, c]);
        let x = Tensor::new(device, images.clone(), &fill(&images, Fill::Normal(1.0), 3)).unwrap();
        let compute = |parameters: &[Vec<f64>]| {
            let given = |i: usize, _: &Plan| Ok(parameters[i].clone());
            let model = Model::with_values(architecture.clone(), input, device, given).unwrap();
            let mut tape = ops::tape(device);
            let x = tape.constant(x.clone());
            // The same seed and step: the same dropout in every evaluation.
            let mode = Mode::Training { seed: 9, step: 4 };
            let forward = model.forward(&mut tape, x, mode).unwrap();
            let targets = tape.constant(model.targets(&[1, 0, 0, 1]).unwrap());
            let loss = model.loss(&mut tape, forward.logits, targets).unwrap();
            let value = tape.tensor(loss).item().unwrap();
            let mut all = tape.backward(loss).unwrap();
            let gradients = forward.parameters.iter().map(|var| {
                let gradient = all.take(*var);
                gradient.map_or_else(Vec::new, |g| g.to_vec().unwrap())
            });
            (value, gradients.collect())
        };
        // About 40 elements, and some of every trainable parameter.
        let trainable: Vec<usize> = (0..parameters.len())
            .filter(|i| model_trains(&plan, *i))
            .collect();
        let each = 40_usize.div_ceil(trainable.len());
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(17);
        let places: Vec<(usize, usize)> = trainable
            .iter()
            .flat_map(|i| std::iter::repeat_n(*i, each))
            .map(|i| (i, rng.random_range(0..parameters[i].len())))
            .collect();
        assert!(places.len() >= 40);
        let (_, gradients): (_, Vec<Vec<f64>>) = compute(&parameters);
        let dead = trainable
            .iter()
            .filter(|i| gradients[**i].iter().all(|g| *g == 0.0));
        assert_eq!(
            dead.count(),
            0,
            "{name}: a parameter has no gradient at all"
        );
        let what = format!("{name} on {}", device.name());
        failures.extend(agree(&what, &compute, &parameters, &places).err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn model_trains(plan: &Plan, i: usize) -> bool {
    plan.parameters().nth(i).expect("counted").trainable
}

#[test]
fn published_networks_on_the_reference() {
    published_on(&Device::Reference);
}

#[test]
fn published_networks_on_the_cpu_in_f64() {
    published_on(&Device::cpu_f64());
}
