//! Grad-CAM and saliency against Keras layers under TensorFlow's GradientTape in f64
//! (fixtures/make_explain.py), on every device.

use rbgpu::backend::Device;
use rbgpu::engine::Tensor;
use rbgpu::explain::{self, Class, Maps, Of};
use rbgpu::nn::{Activation, Model};

use super::common::{gpu, worst};
use super::compare::is_f64;
use super::fixture::Golden;
use super::npz::{Array, Npz};
use super::table::{Table, short};
use super::{committed, shared};

/// In f32: what the issue asks for. In f64 the fixture's own rounding to f32 is left.
const MAP_F32: f64 = 1e-4;
const MAP_F64: f64 = 1e-7;

/// Large networks' gradients are there every so many values.
const SAMPLED: usize = 61;

const BOTH: [Class; 2] = [Class::Real, Class::Bogus];
const EACH: [Of; 2] = [Of::Probability, Of::Logit];

/// The layers that `npz` has for network `name`.
fn layers(npz: &Npz, name: &str) -> Vec<String> {
    let mut layers: Vec<String> = npz
        .keys()
        .filter_map(|key| match key.split('|').collect::<Vec<_>>()[..] {
            [net, layer, "real", "probability"] if net == name && layer != "saliency" => {
                Some(layer.to_string())
            }
            _ => None,
        })
        .collect();
    layers.sort();
    layers
}

/// The first two images.
fn images(golden: &Golden, device: &Device) -> Tensor {
    let [h, w, c] = golden.description.input_shape;
    Tensor::new(device, [2, h, w, c], &golden.x.values[..2 * h * w * c]).unwrap()
}

/// Compares maps with those under `key`, and by what they were divided.
struct Against<'a> {
    npz: &'a Npz,
    golden: &'a Golden,
    device: &'a Device,
    table: &'a mut Table,
}

impl Against<'_> {
    fn row(&mut self, quantity: &str, got: &[f64], want: &[f64], allowed: f64) {
        let difference = worst(got, want).0;
        let name = &self.golden.name;
        let device = short(self.device);
        self.table.row(name, &device, quantity, difference, allowed);
    }

    fn maps(&mut self, what: &str, class: Class, of: Of, maps: &Maps, sign: f64) {
        let exact = is_f64(self.device);
        let allowed = if exact { MAP_F64 } else { MAP_F32 };
        let name = self.golden.name.clone();
        let sigmoid = self.golden.architecture.head() == Activation::Sigmoid;
        let key = |class: Class, of: Of| format!("{name}|{what}|{class}|{of}");
        let of_map = if sigmoid { Of::Probability } else { of };
        let of_class = if sign < 0.0 { Class::Real } else { class };
        let want: &Array = self.npz.get(&key(of_class, of_map));
        let values: Vec<f64> = maps.values.iter().map(|v| f64::from(*v)).collect();
        let per_image = values.len() / 2;
        let every = match per_image == want.values.len() / 2 {
            true => 1,
            false => SAMPLED,
        };
        let got = values
            .chunks(per_image)
            .flat_map(|image| image.iter().step_by(every));
        let got: Vec<f64> = got.map(|v| sign * v).collect();
        self.row(&format!("{what} {class} {of}"), &got, &want.values, allowed);
        let largest = &self.npz.get(&format!("{}|largest", key(class, of))).values;
        let relative = |got: &f64, want: &f64| match *want == 0.0 {
            true => *got,
            false => got / want - 1.0,
        };
        let got: Vec<f64> = maps
            .largest
            .iter()
            .zip(largest)
            .map(|(g, w)| relative(g, w))
            .collect();
        // p (1 - p) of a probability that is all but 1 has p's error many times over.
        let allowed = if exact { 1e-6 } else { 2e-4 };
        self.row(
            &format!("{what} {class} {of}, scale"),
            &got,
            &[0.0; 2],
            allowed,
        );
    }
}

fn compare(golden: &Golden, npz: &Npz, device: &Device, table: &mut Table) {
    let model: Model = golden.model(device);
    let x = images(golden, device);
    let sigmoid = golden.architecture.head() == Activation::Sigmoid;
    let mut against = Against {
        npz,
        golden,
        device,
        table,
    };
    let layers = layers(npz, &golden.name);
    assert!(layers.len() >= 2, "{}: {layers:?}", golden.name);
    for (class, of) in BOTH.iter().flat_map(|class| EACH.map(|of| (*class, of))) {
        let classes = [class; 2];
        for name in &layers {
            let layer = explain::layer(&model, Some(name)).unwrap();
            let maps = explain::grad_cam(&model, x.clone(), layer, &classes, of).unwrap();
            against.maps(name, class, of, &maps, 1.0);
        }
        let found = explain::saliency(&model, x.clone(), &classes, of).unwrap();
        let sign = if sigmoid && class == Class::Bogus {
            -1.0
        } else {
            1.0
        };
        against.maps("saliency", class, of, &found.maps, sign);
        let shares = npz.get(&format!("{}|saliency|{class}|{of}|shares", golden.name));
        let allowed = if is_f64(device) { 1e-9 } else { 1e-5 };
        against.row(
            &format!("shares {class} {of}"),
            &found.shares,
            &shares.values,
            allowed,
        );
    }
}

fn small_on(device: &Device) {
    let npz = Npz::read(&committed::folder().join("explain.npz"));
    let mut table = Table::new();
    for name in committed::NETWORKS {
        let golden = Golden::read(&committed::folder(), name, None, |_| None);
        compare(&golden, &npz, device, &mut table);
    }
    table.finish();
}

fn large_on(device: &Device) {
    let Some(folder) = shared::folder() else {
        return;
    };
    let npz = Npz::read(&committed::folder().join("explain_large.npz"));
    let mut table = Table::new();
    for name in ["des1", "des2", "des3", "des4", "otrain", "otrain32"] {
        compare(&shared::read(&folder, name), &npz, device, &mut table);
    }
    table.finish();
}

#[test]
fn small_networks_on_the_reference() {
    small_on(&Device::Reference);
}

#[test]
fn small_networks_on_the_cpu_in_f64() {
    small_on(&Device::cpu_f64());
}

#[test]
fn small_networks_on_the_cpu() {
    small_on(&Device::cpu());
}

#[test]
fn small_networks_on_the_gpu() {
    if let Some(gpu) = gpu() {
        small_on(&Device::Gpu(gpu));
    }
}

#[test]
fn published_networks_on_the_cpu_in_f64() {
    large_on(&Device::cpu_f64());
}

#[test]
fn published_networks_on_the_cpu() {
    large_on(&Device::cpu());
}

#[test]
fn published_networks_on_the_gpu() {
    if let Some(gpu) = gpu() {
        large_on(&Device::Gpu(gpu));
    }
}
