//! Grad-CAM, saliency and occlusion by themselves: gradients against finite differences
//! through every kind of layer, and what is asked of networks that are sure, dark, or without
//! a convolution. (tests/golden compares with Keras.)

mod common;

use std::path::Path;

use common::{fill, worst};
use rbgpu::backend::Device;
use rbgpu::engine::{Fill, Shape, Tensor};
use rbgpu::explain::{self, Class, Of, Patch};
use rbgpu::nn::{Architecture, Model};

/// Every kind of layer, and both directions of a size that is not square.
const EVERY_LAYER: &str = r#"
name = "every layer"
layers = [
    { kind = "conv2d", filters = 4, kernel = 3, activation = "relu" },
    { kind = "batch_norm" },
    { kind = "avg_pool", window = 2 },
    { kind = "dropout", rate = 0.5 },
    { kind = "conv2d", filters = 5, kernel = [2, 3], stride = 2, padding = "valid" },
    { kind = "max_pool", window = 2 },
    { kind = "flatten" },
    { kind = "dense", units = 6, activation = "relu" },
    { kind = "batch_norm" },
    { kind = "dropout", rate = 0.3 },
    { kind = "dense", HEAD },
]
"#;

const SIGMOID: &str = r#"units = 1, activation = "sigmoid""#;
const SOFTMAX: &str = r#"units = 2, activation = "softmax""#;

const INPUT: [usize; 3] = [13, 14, 3];
const COUNT: usize = 3;

fn model(layers: &str, input: [usize; 3], device: &Device) -> Model {
    let architecture = Architecture::parse(layers, Path::new("a test")).unwrap();
    // Statistics, scales and shifts are drawn too: as they start, they would do nothing.
    Model::with_values(architecture, input, device, |i, plan| {
        let p = plan.parameters().nth(i).unwrap();
        let what = match p.name.rsplit('/').next().unwrap() {
            "moving_variance" | "gamma" => Fill::Uniform(0.5, 1.5),
            "kernel" => {
                let (_, inputs) = p.shape.split_last().unwrap();
                Fill::Normal((2.0 / inputs.iter().product::<usize>() as f64).sqrt())
            }
            _ => Fill::Normal(0.2),
        };
        Ok(fill(&p.shape, what, 77 + i as u64))
    })
    .unwrap()
}

fn cutouts(input: [usize; 3], count: usize) -> Vec<f64> {
    let [h, w, c] = input;
    fill(&Shape::from([count, h, w, c]), Fill::Normal(1.0), 5)
}

fn tensor(device: &Device, values: &[f64], [h, w, c]: [usize; 3]) -> Tensor {
    let count = values.len() / (h * w * c);
    Tensor::new(device, [count, h, w, c], values).unwrap()
}

/// What is asked about, of each cutout.
fn outputs(model: &Model, x: &[f64], class: Class, of: Of) -> Vec<f64> {
    let logits = explain::logits(model, tensor(model.device(), x, model.plan().input)).unwrap();
    let outputs = model.architecture().outputs();
    let one = |logits: &[f64]| match (of, class, logits) {
        (Of::Probability, Class::Real, _) => explain::probability(logits),
        (Of::Probability, Class::Bogus, _) => 1.0 - explain::probability(logits),
        (Of::Logit, Class::Real, [.., last]) => *last,
        (Of::Logit, Class::Bogus, [only]) => -only,
        (Of::Logit, Class::Bogus, _) => logits[0],
        (Of::Logit, Class::Real, []) => unreachable!(),
    };
    logits.chunks(outputs).map(one).collect()
}

const BOTH: [Class; 2] = [Class::Real, Class::Bogus];
const EACH: [Of; 2] = [Of::Probability, Of::Logit];

#[test]
fn saliency_is_the_slope_of_the_class_output() {
    const STEP: f64 = 1e-6;
    for head in [SIGMOID, SOFTMAX] {
        for device in [Device::Reference, Device::cpu_f64()] {
            let model = model(&EVERY_LAYER.replace("HEAD", head), INPUT, &device);
            let x = cutouts(INPUT, COUNT);
            let size: usize = INPUT.iter().product();
            for (class, of) in BOTH.iter().flat_map(|c| EACH.map(|of| (*c, of))) {
                let classes = [class; COUNT];
                let found =
                    explain::saliency(&model, tensor(&device, &x, INPUT), &classes, of).unwrap();
                // One pixel in 7, of all cutouts at once: they do not know of each other.
                for pixel in (0..size).step_by(7) {
                    let moved = |by: f64| {
                        let mut x = x.clone();
                        x.chunks_mut(size).for_each(|cutout| cutout[pixel] += by);
                        outputs(&model, &x, class, of)
                    };
                    let (up, down) = (moved(STEP), moved(-STEP));
                    for i in 0..COUNT {
                        let slope = (up[i] - down[i]) / (2.0 * STEP);
                        let top = found.maps.largest[i];
                        let got = f64::from(found.maps.get(i)[pixel]) * top;
                        assert!(
                            (got - slope).abs() <= 1e-6 * top,
                            "{head} {class} {of}, cutout {i}, pixel {pixel}: {got}, slope {slope}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn grad_cam_is_the_slope_along_each_map() {
    // Behind a layer the network is a function of its maps; a step of all pixels of map k has the
    // slope h·w·α_k. That function is the same network without the layers before.
    let device = Device::cpu_f64();
    let whole = model(&EVERY_LAYER.replace("HEAD", SOFTMAX), INPUT, &device);
    let layer = explain::layer(&whole, Some("average_pooling2d")).unwrap();
    let [h, w, maps] = [6, 7, 4];
    let mut behind = whole.architecture().clone();
    behind.layers.drain(..=layer);
    let skipped = whole.parameters().len() - 10;
    let behind = Model::with_values(behind, [h, w, maps], &device, |i, _| {
        whole.parameters()[skipped + i].tensor.to_vec()
    })
    .unwrap();

    let x = cutouts(INPUT, 1);
    let mut tape = rbgpu::ops::tape(&device);
    let input = tape.constant(tensor(&device, &x, INPUT));
    let watched = whole.forward_watching(&mut tape, input, layer).unwrap();
    let activations = tape.tensor(watched.output).to_vec().unwrap();
    let same = outputs(&behind, &activations, Class::Real, Of::Probability);
    let score = whole.score(tensor(&device, &x, INPUT)).unwrap();
    assert!((same[0] - score[0]).abs() < 1e-12, "{same:?} {score:?}");

    for (class, of) in BOTH.iter().flat_map(|c| EACH.map(|of| (*c, of))) {
        let weights: Vec<f64> = (0..maps)
            .map(|k| {
                let moved = |by: f64| {
                    let mut a = activations.clone();
                    a[k..].iter_mut().step_by(maps).for_each(|v| *v += by);
                    outputs(&behind, &a, class, of)[0]
                };
                (moved(1e-6) - moved(-1e-6)) / 2e-6 / (h * w) as f64
            })
            .collect();
        let want: Vec<f64> = activations
            .chunks(maps)
            .map(|pixel| {
                let sum: f64 = pixel.iter().zip(&weights).map(|(a, w)| a * w).sum();
                sum.max(0.0)
            })
            .collect();
        let x = tensor(&device, &x, INPUT);
        let found = explain::grad_cam(&whole, x, layer, &[class], of).unwrap();
        assert_eq!(found.shape, [h, w, 1]);
        let top = want.iter().copied().fold(0.0, f64::max);
        assert!(
            (found.largest[0] - top).abs() <= 1e-6 * top.max(1e-3),
            "{class} {of}"
        );
        let scale = if top > 0.0 { top } else { 1.0 };
        let want: Vec<f64> = want.iter().map(|v| v / scale).collect();
        let got: Vec<f64> = found.values.iter().map(|v| f64::from(*v)).collect();
        assert!(worst(&got, &want).0 <= 1e-5, "{class} {of}");
    }
}

/// In f32 p (1 - p) is 0 here; the maps are those of the network before it was so sure.
#[test]
fn a_sure_network_has_the_same_maps() {
    const SURE: f64 = 1e3;
    for head in [SIGMOID, SOFTMAX] {
        let device = Device::cpu();
        let doubtful = model(&EVERY_LAYER.replace("HEAD", head), INPUT, &device);
        let mut sure = doubtful.clone();
        for i in sure.parameters().len() - 2..sure.parameters().len() {
            let old = &sure.parameters()[i].tensor;
            let values: Vec<f64> = old.to_vec().unwrap().iter().map(|v| v * SURE).collect();
            let new = Tensor::new(&device, old.shape().clone(), &values).unwrap();
            sure.set_parameter(i, new).unwrap();
        }
        let x = || tensor(&device, &cutouts(INPUT, COUNT), INPUT);
        let scores = sure.score(x()).unwrap();
        assert!(scores.iter().any(|p| *p == 0.0 || *p == 1.0), "{scores:?}");
        let layer = explain::layer(&sure, None).unwrap();
        let classes = [Class::Real, Class::Bogus, Class::Real];
        let of = Of::Probability;
        let maps = |model: &Model| {
            let cam = explain::grad_cam(model, x(), layer, &classes, of).unwrap();
            let saliency = explain::saliency(model, x(), &classes, of).unwrap();
            assert!((0..COUNT).all(|i| !saliency.maps.is_dark(i)));
            let both = cam.values.iter().chain(&saliency.maps.values);
            both.map(|v| f64::from(*v)).collect::<Vec<_>>()
        };
        let difference = worst(&maps(&sure), &maps(&doubtful)).0;
        assert!(difference <= 1e-4, "{head}: {difference}");
    }
}

#[test]
fn a_class_that_nothing_speaks_for_has_a_map_of_zeros() {
    // All weights are 1: all of it speaks for real, nothing for bogus.
    let layers = r#"
name = "one sided"
layers = [
    { kind = "conv2d", filters = 1, kernel = 1, activation = "relu" },
    { kind = "flatten" },
    { kind = "dense", units = 1, activation = "sigmoid" },
]
"#;
    let architecture = Architecture::parse(layers, Path::new("a test")).unwrap();
    let values = |i: usize, plan: &rbgpu::nn::Plan| {
        Ok(vec![1.0_f64; plan.parameters().nth(i).unwrap().shape.len()])
    };
    let device = Device::cpu();
    let model = Model::with_values(architecture, [2, 2, 1], &device, values).unwrap();
    let x = || {
        tensor(
            &device,
            &[1.0, 2.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0],
            [2, 2, 1],
        )
    };
    let maps = explain::grad_cam(&model, x(), 0, &BOTH, Of::Probability).unwrap();
    assert_eq!(maps.get(0), [2.0 / 3.0, 1.0, 1.0 / 3.0, 1.0 / 3.0]);
    assert_eq!(maps.get(1), [0.0; 4]);
    assert!(maps.largest[0] > 0.0 && maps.largest[1] == 0.0);
}

#[test]
fn occlusion_is_what_hiding_does() {
    let device = Device::cpu_f64();
    let model = model(&EVERY_LAYER.replace("HEAD", SOFTMAX), INPUT, &device);
    let x: Vec<f32> = cutouts(INPUT, 1).iter().map(|v| *v as f32).collect();
    let wide: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
    let [height, width, channels] = INPUT;
    for channel in [None, Some(1)] {
        let patch = Patch {
            size: 4,
            stride: 3,
            channel,
        };
        for (class, of) in BOTH.iter().flat_map(|c| EACH.map(|of| (*c, of))) {
            // Two at a time or all: the same.
            let maps = explain::occlusion(&model, &x, class, of, patch, 2).unwrap();
            let all = explain::occlusion(&model, &x, class, of, patch, 100).unwrap();
            assert_eq!(maps, all);
            assert_eq!(maps.shape, [4, 5, 1]);
            let whole = outputs(&model, &wide, class, of)[0];
            for (at, got) in maps.values.iter().enumerate() {
                // Places 0, 3, 6, 9 down and 0, 3, 6, 9, 10 across.
                let (top, left) = (at / 5 * 3, (at % 5 * 3).min(10));
                let mut hidden = wide.clone();
                for c in (0..channels).filter(|c| channel.is_none_or(|only| only == *c)) {
                    let mut image: Vec<f64> = wide[c..].iter().step_by(channels).copied().collect();
                    image.sort_by(f64::total_cmp);
                    let median = image[(height * width - 1) / 2];
                    for row in top..top + 4 {
                        for column in left..left + 4 {
                            hidden[(row * width + column) * channels + c] = median;
                        }
                    }
                }
                let want = whole - outputs(&model, &hidden, class, of)[0];
                let allowed = 1e-6 * want.abs().max(0.1);
                assert!((f64::from(*got) - want).abs() <= allowed, "{got} {want}");
            }
        }
    }
}

#[test]
fn layers_are_chosen_by_name() {
    let every = model(&EVERY_LAYER.replace("HEAD", SIGMOID), INPUT, &Device::cpu());
    let layer = |name| explain::layer(&every, name);
    assert_eq!(layer(None).unwrap(), 4);
    assert_eq!(layer(Some("max_pooling2d")).unwrap(), 5);
    let says = |name, parts: &[&str]| {
        let error = layer(name).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "no '{part}' in: {error}");
        }
    };
    says(
        Some("conv2d_9"),
        &["'conv2d_9'", "conv2d (13x14x4)", "max_pooling2d"],
    );
    says(
        Some("dense"),
        &["dense, whose output", "is no map", "conv2d_1"],
    );

    // O'TRAIN's at 32 x 32: 8 x 8, before the last pooling.
    let otrain = Architecture::named("otrain").unwrap();
    let otrain = Model::new(otrain, [32, 32, 1], 1, &Device::cpu()).unwrap();
    let last = explain::layer(&otrain, None).unwrap();
    let found = explain::layers(&otrain)
        .into_iter()
        .find(|(i, ..)| *i == last);
    assert_eq!(found, Some((last, "conv2d_4", [8, 8, 256])));

    // Without a convolution, or without any map: saliency and occlusion still work.
    let flat = r#"
name = "no maps"
layers = [{ kind = "flatten" }, { kind = "dense", units = 1, activation = "sigmoid" }]
"#;
    let flat = model(flat, [4, 4, 1], &Device::cpu());
    let error = explain::layer(&flat, None).unwrap_err().to_string();
    assert!(error.contains("none with a spatial map"), "{error}");
    let x = || tensor(flat.device(), &cutouts([4, 4, 1], 1), [4, 4, 1]);
    let asked = [Class::Real];
    let found = explain::saliency(&flat, x(), &asked, Of::Probability).unwrap();
    assert_eq!(
        (found.maps.shape, &found.shares[..]),
        ([4, 4, 1], &[1.0][..])
    );
    let values: Vec<f32> = x().to_vec().unwrap().iter().map(|v| *v as f32).collect();
    let patch = Patch::for_input([4, 4, 1]);
    let maps = explain::occlusion(&flat, &values, Class::Real, Of::Logit, patch, 8).unwrap();
    assert_eq!(maps.shape, [4, 4, 1]);
}
