//! The large set: the four networks of Ayyar et al. 2022 and O'TRAIN's at their
//! own size, small ones, and 40 op cases. It is not part of the repository; the
//! tests look for it in $RBGPU_GOLDEN or ../shared/golden and say so if it is not
//! there.

use std::path::{Path, PathBuf};

use rbgpu::backend::Device;
use rbgpu::nn::{Activation, Architecture, Layer, Pair, Training};
use rbgpu::ops::Padding;

use super::common::gpu;
use super::compare::{five_steps, once};
use super::fixture::{Description, Golden};
use super::hdf5;
use super::npz::Npz;
use super::ops::{Betas, ops_on};
use super::table::Table;

pub fn folder() -> Option<PathBuf> {
    let here = |folder: &Path| folder.join("MANIFEST.json").exists();
    if let Some(given) = std::env::var_os("RBGPU_GOLDEN").map(PathBuf::from) {
        assert!(here(&given), "RBGPU_GOLDEN: {} is not it", given.display());
        return Some(given);
    }
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/golden");
    if here(&beside) {
        return Some(beside);
    }
    println!("SKIPPED: no large golden set at {}", beside.display());
    None
}

fn conv(filters: usize, kernel: usize, stride: usize) -> Layer {
    Layer::Conv2d {
        filters,
        kernel: Pair([kernel; 2]),
        stride: Pair([stride; 2]),
        padding: Padding::Same,
        activation: Activation::Relu,
    }
}

fn dense(units: usize, activation: Activation) -> Layer {
    Layer::Dense { units, activation }
}

/// The set's .json names the layers of its small networks, not their settings.
fn architecture(name: &str) -> Architecture {
    use Activation::{Relu, Sigmoid, Softmax};
    let bn = || Layer::BatchNorm {
        epsilon: 1e-5,
        momentum: 0.99,
    };
    let max = |n: usize| Layer::MaxPool {
        window: Pair([n; 2]),
        stride: None,
    };
    let average = Layer::AvgPool {
        window: Pair([2; 2]),
        stride: None,
    };
    let drop = || Layer::Dropout { rate: 0.0 };
    let flat = || Layer::Flatten {};
    let layers = match name {
        "tiny_des2" => vec![
            conv(5, 4, 1),
            bn(),
            conv(5, 4, 1),
            bn(),
            max(3),
            conv(6, 4, 1),
            bn(),
            conv(6, 4, 1),
            bn(),
            max(3),
            flat(),
            drop(),
            dense(7, Relu),
            bn(),
            dense(1, Sigmoid),
        ],
        "tiny_des4" => vec![
            conv(4, 6, 2),
            bn(),
            drop(),
            conv(5, 6, 2),
            bn(),
            drop(),
            conv(6, 6, 1),
            bn(),
            drop(),
            flat(),
            drop(),
            dense(7, Relu),
            bn(),
            dense(1, Sigmoid),
        ],
        "tiny_otrain" => vec![
            conv(3, 3, 1),
            conv(4, 3, 1),
            average,
            drop(),
            conv(5, 3, 1),
            max(2),
            drop(),
            conv(6, 3, 1),
            conv(7, 3, 1),
            max(2),
            flat(),
            dense(10, Relu),
            drop(),
            dense(8, Relu),
            dense(2, Softmax),
        ],
        "otrain32" => return Architecture::named("otrain").unwrap().with_dropout(0.0),
        published => return Architecture::named(published).unwrap().with_dropout(0.0),
    };
    Architecture {
        name: name.into(),
        input: None,
        training: Training::default(),
        layers,
    }
}

/// O'TRAIN's weights at 32 x 32: 10 MB that a formula makes (splitmix64, one
/// counter over all variables).
fn otrain32(description: &Description) -> Vec<Vec<f32>> {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut counter = 20_261_729_u64;
    let mut draw = || {
        counter = counter.wrapping_add(GOLDEN);
        let mut z = counter;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 40) as f64 / f64::from(1 << 24)
    };
    let variables = description.variables.iter();
    let weights: Vec<Vec<f32>> = variables
        .map(|v| {
            let (_, inputs) = v.shape.split_last().expect("an axis");
            let fan_in = inputs.iter().product::<usize>() as f64;
            let kernel = v.key.ends_with("kernel");
            let limit = if kernel { (6.0 / fan_in).sqrt() } else { 0.05 };
            let len = v.shape.iter().product();
            (0..len)
                .map(|_| ((2.0 * draw() - 1.0) * limit) as f32)
                .collect()
        })
        .collect();
    let first = [-0.018_972_53, -0.642_856_5, 0.495_543_63, -0.662_628_7];
    for (got, want) in weights[0].iter().zip(first) {
        assert!(
            (got - want).abs() < 1e-7,
            "the formula gives {got}, not {want}"
        );
    }
    weights
}

/// The sampled weights of .weights.npz must be those of the .h5.
fn checked(folder: &Path, name: &str, d: &Description, weights: Vec<Vec<f32>>) -> Vec<Vec<f32>> {
    let samples = Npz::read(&folder.join(format!("{name}.weights.npz")));
    for (variable, values) in d.variables.iter().zip(&weights) {
        let all: Vec<f64> = values.iter().map(|w| f64::from(*w)).collect();
        let sample = samples.sample(&variable.key, "f32");
        assert_eq!(sample.pick(&all), sample.values, "{name}, {}", variable.key);
    }
    weights
}

/// Network `name` of the set in `folder`.
pub fn read(folder: &Path, name: &str) -> Golden {
    Golden::read(folder, name, Some(architecture(name)), |d| match name {
        "otrain32" => Some(otrain32(d)),
        "des3" | "des4" | "otrain" => {
            let path = folder.join(format!("{name}.h5"));
            Some(checked(folder, name, d, hdf5::weights(&path, &d.variables)))
        }
        _ => None,
    })
}

fn compare(name: &str, device: &Device, tags: &[&str]) {
    let Some(folder) = folder() else { return };
    let golden = read(&folder, name);
    let mut table = Table::new();
    once(&golden, device, &mut table);
    for tag in tags {
        five_steps(&golden, tag, device, &mut table);
    }
    table.finish();
}

/// One test per network and device. At lr 1e-3 eight images throw des1..des3 about
/// so much that f32 and f64 part: there f32 is compared at the paper's 2e-5.
macro_rules! networks {
    ($($device:ident, $open:expr => $($name:ident: $tags:expr),* $(,)?);* $(;)?) => {
        $(mod $device {
            use super::*;
            $(
                #[test]
                fn $name() {
                    if let Some(device) = $open {
                        compare(stringify!($name), &device, &$tags);
                    }
                }
            )*

            #[test]
            fn ops() {
                if let (Some(folder), Some(device)) = (folder(), $open) {
                    ops_on(&folder, Betas::RoundedToF32, &device);
                }
            }
        })*
    };
}

networks! {
    cpu_f64, Some(Device::cpu_f64()) =>
        tiny_des2: ["lr1e-3", "lr2e-5"],
        tiny_des4: ["lr1e-3", "lr2e-5"],
        tiny_otrain: ["lr1e-3"],
        des1: ["lr1e-3", "lr2e-5"],
        des2: ["lr1e-3", "lr2e-5"],
        des3: ["lr1e-3", "lr2e-5"],
        des4: ["lr1e-3", "lr2e-5"],
        otrain: ["lr1e-3"],
        otrain32: ["lr1e-3"];
    cpu, Some(Device::cpu()) =>
        tiny_des2: ["lr1e-3", "lr2e-5"],
        tiny_des4: ["lr1e-3", "lr2e-5"],
        tiny_otrain: ["lr1e-3"],
        des1: ["lr2e-5"],
        des2: ["lr2e-5"],
        des3: ["lr2e-5"],
        des4: ["lr1e-3", "lr2e-5"],
        otrain: ["lr1e-3"],
        otrain32: ["lr1e-3"];
    gpu, gpu().map(Device::Gpu) =>
        tiny_des2: ["lr1e-3", "lr2e-5"],
        tiny_des4: ["lr1e-3", "lr2e-5"],
        tiny_otrain: ["lr1e-3"],
        des1: ["lr2e-5"],
        des2: ["lr2e-5"],
        des3: [],
        des4: ["lr2e-5"],
        otrain: ["lr1e-3"],
        otrain32: ["lr1e-3"];
}

#[test]
fn five_steps_of_des3_on_the_gpu() {
    if let Some(gpu) = gpu() {
        compare("des3", &Device::Gpu(gpu), &["lr2e-5"]);
    }
}
