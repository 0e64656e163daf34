//! Classes of different sizes, batches that fit the data, and runs that learn nothing.

use std::time::Duration;

use rbgpu::data::{Candidate, CutoutShape, Grouping, InMemory, Part};
use rbgpu::ops::ClassWeights;
use rbgpu::train::{ClassWeight, Finished, finished};
use serde_json::Value;

use super::*;

const KERAS: &str = r#"
name = "weighted"
[[layers]]
kind = "conv2d"
filters = 3
kernel = 3
padding = "valid"
activation = "relu"
[[layers]]
kind = "flatten"
[[layers]]
kind = "dense"
units = UNITS
activation = "HEAD"
"#;

fn numbers(value: &Value) -> Vec<f64> {
    let all = value.as_array().unwrap().iter();
    all.map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn class_weights_are_what_keras_makes_of_them() {
    let fixture = include_str!("../fixtures/class_weights.json");
    let fixture: Value = serde_json::from_str(fixture).unwrap();
    let x: Vec<f32> = numbers(&fixture["x"])
        .into_iter()
        .map(|v| v as f32)
        .collect();
    let labels: Vec<u8> = numbers(&fixture["labels"])
        .into_iter()
        .map(|v| v as u8)
        .collect();
    let rate = fixture["rate"].as_f64().unwrap();
    let real = labels.iter().filter(|&&label| label == 1).count();
    let balanced = ClassWeights::balanced(real, labels.len() - real);
    let heads = fixture["heads"].as_array().unwrap();
    assert_eq!(heads.len(), 2);
    for device in devices().into_iter().chain([Device::Reference]) {
        let tolerance = match device {
            Device::Reference => 1e-6,
            _ => 2e-5,
        };
        for (head, case) in heads.iter().flat_map(|head| {
            let cases = head["cases"].as_array().unwrap();
            cases.iter().map(move |case| (head, case))
        }) {
            let activation = head["head"].as_str().unwrap();
            let units = if activation == "sigmoid" { "1" } else { "2" };
            let text = KERAS.replace("UNITS", units).replace("HEAD", activation);
            let network = Architecture::parse(&text, "weighted.toml".as_ref()).unwrap();
            let model = Model::with_values(network, [6, 6, 1], &device, |i, _| {
                Ok(numbers(&head["start"][i]))
            });
            let weights = match case["weights"].as_array() {
                None => ClassWeights::default(),
                Some(pair) => ClassWeights {
                    bogus: pair[0].as_f64().unwrap(),
                    real: pair[1].as_f64().unwrap(),
                },
            };
            if case["name"] == "balanced" {
                assert_eq!(weights, balanced);
            }
            let trainer = Trainer::new(model.unwrap(), 0.9, 0.999, 1e-7).unwrap();
            let mut trainer = trainer.with_class_weights(weights);
            let what = format!("{activation}, {} on {}", case["name"], device.name());
            for want in numbers(&case["losses"]) {
                let (x, y) = (trainer.model().input(&x), trainer.model().targets(&labels));
                let step = trainer.step(x.unwrap(), y.unwrap(), rate, 1).unwrap();
                let loss = step.loss.item().unwrap();
                common::check(&what, &[loss], &[want], 0.0, 2e-6).unwrap();
            }
            for (i, parameter) in trainer.model().parameters().iter().enumerate() {
                let (got, want) = (
                    parameter.tensor.to_vec().unwrap(),
                    numbers(&case["after"][i]),
                );
                let what = format!("{what}: {}", parameter.name);
                common::check(&what, &got, &want, tolerance, 1e-5).unwrap();
            }
        }
    }
}

/// The first `real` real and `bogus` bogus ones of a survey.
fn skewed(real: usize, bogus: usize) -> Arc<Dataset> {
    let all = Arc::try_unwrap(simulated(2 * (real + bogus))).unwrap();
    let labels = all.labels.clone().unwrap();
    let mut left = [bogus, real];
    let keep = (0..all.len()).filter(|&row| {
        let left = &mut left[usize::from(labels[row])];
        let taken = *left > 0;
        *left -= usize::from(taken);
        taken
    });
    let keep: Vec<usize> = keep.collect();
    assert_eq!(keep.len(), real + bogus);
    Arc::new(all.into_subset(keep))
}

fn balancing(epochs: usize, seed: u64) -> Config {
    let settings = Settings {
        epochs: Some(epochs),
        patience: Some(0),
        balance: true,
        augment: rbgpu::data::Augment::D4,
        seed,
        ..Settings::default()
    };
    config(settings, false)
}

#[test]
fn an_oversampled_run_has_equal_classes_and_the_same_bits_when_resumed() {
    let data = skewed(20, 80);
    for device in devices() {
        let begin = |epochs, seed| session(balancing(epochs, seed), &device, &data);
        let loader = begin(4, 1).loader(Part::Train, true).unwrap();
        assert_eq!((loader.len(), begin(4, 1).epoch_len()), (96, 96));
        let of = |epoch| -> Vec<rbgpu::data::Batch> { loader.without_pixels(epoch).collect() };
        let labels: Vec<u8> = of(1).into_iter().flat_map(|b| b.labels).collect();
        assert_eq!(labels.iter().filter(|&&label| label == 1).count(), 48);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        // The parts that judge are as they are.
        let validation = begin(4, 1).loader(Part::Validation, false).unwrap();
        assert_eq!(validation.len(), 20);

        let straight = begin(4, 1).run(false, &mut ()).unwrap();
        assert_eq!(straight.history[0].samples, 96);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        let at = |session: Session| session.checkpoint(&path, Duration::ZERO).going_on(true);
        at(begin(2, 1)).run(false, &mut ()).unwrap();
        let resumed = at(begin(4, 1)).run(true, &mut ()).unwrap();
        assert_eq!(weights(&resumed), weights(&straight));
        assert_eq!(resumed.history, straight.history);
        let other = begin(4, 2).run(false, &mut ()).unwrap();
        assert_ne!(weights(&other), weights(&straight));
    }
}

#[test]
fn a_checkpoint_knows_the_class_weights_and_settings_without_them_are_as_before() {
    let data = skewed(20, 80);
    let with = |class_weight| {
        let settings = Settings {
            epochs: Some(2),
            class_weight,
            ..Settings::default()
        };
        config(settings, false)
    };
    let plain = serde_json::to_value(with(ClassWeight::None)).unwrap();
    for key in ["class_weight", "balance", "batch_is_default"] {
        assert!(plain.get(key).is_none(), "{key}");
    }
    let read: Config = serde_json::from_value(plain).unwrap();
    assert!(read.class_weight.is_none() && !read.balance);
    for weight in [ClassWeight::Balanced, ClassWeight::Real(4.0)] {
        let config = with(weight).for_candidates(60);
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), config);
    }

    let cpu = Device::cpu();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let run = |weight, resume| {
        session(with(weight), &cpu, &data)
            .checkpoint(&path, Duration::ZERO)
            .run(resume, &mut ())
    };
    let balanced = run(ClassWeight::Balanced, false).unwrap();
    let error = run(ClassWeight::None, true).unwrap_err().to_string();
    assert!(error.contains("class_weight"), "{error}");
    let error = run(ClassWeight::Real(4.0), true).unwrap_err().to_string();
    assert!(error.contains("class_weight"), "{error}");
    let again = run(ClassWeight::Balanced, true).unwrap();
    assert_eq!(weights(&again), weights(&balanced));
    // 4 to 1, of which "balanced" is 2.5 and 0.625: another scale of the loss.
    let heavy = run(ClassWeight::Real(4.0), false).unwrap();
    let ratio = heavy.history[0].loss / balanced.history[0].loss;
    assert!((ratio - 1.6).abs() <= 0.1, "{ratio}");
    let both = Settings {
        class_weight: ClassWeight::Balanced,
        balance: true,
        ..Settings::default()
    };
    let error = both.check(network(false)).unwrap_err().to_string();
    assert!(error.contains("--balance"), "{error}");
}

#[test]
fn a_default_batch_fits_the_training_part_and_a_chosen_one_is_kept() {
    let data = simulated(120);
    let with = |batch_size| {
        let settings = Settings {
            batch_size,
            ..Settings::default()
        };
        let config = settings.check(Architecture::named("otrain").unwrap());
        session(config.unwrap(), &Device::cpu(), &data)
    };
    let default = with(None);
    assert_eq!(default.config().batch_size, 16);
    assert_eq!(default.steps_per_epoch(), 7);
    assert!(default.warnings().is_empty(), "{:?}", default.warnings());
    assert_eq!(
        default.start_line(),
        "training otrain on cpu: batch 16 (7 steps per epoch; published batch: 1024), learning rate \
         0.001, up to 30 epochs, patience 5; 50 real and 52 bogus; pixels: standard"
    );
    let chosen = with(Some(1024));
    assert_eq!(chosen.config().batch_size, 1024);
    let warnings = chosen.warnings();
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].starts_with("--batch-size 1024 leaves 1 step per epoch"),
        "{warnings:?}"
    );
    let one = default.config();
    assert_eq!(*one, with(None).config().clone().for_candidates(1_000_000));
}

#[test]
fn a_small_set_that_is_turned_by_default_is_said_to_be() {
    let data = simulated(120);
    let settings = Settings {
        small_set: true,
        ..Settings::default()
    };
    let config = settings.check(Architecture::named("otrain").unwrap());
    let session = session(config.unwrap(), &Device::cpu(), &data);
    let line = session.start_line();
    assert!(
        line.contains(
            "up to 100 epochs, patience 15, augmented by d4 (fewer than 2000 candidates; --augment \
             none: without this); 50 real"
        ),
        "{line}"
    );
}

#[test]
fn imbalanced_classes_are_said_unless_something_is_done_about_them() {
    let data = skewed(15, 60);
    let with = |class_weight, balance| {
        let settings = Settings {
            class_weight,
            balance,
            ..Settings::default()
        };
        session(config(settings, false), &Device::cpu(), &data)
    };
    let plain = with(ClassWeight::None, false).warnings();
    assert_eq!(plain.len(), 1);
    for part in [
        "20.0 % of the training part is real",
        "--class-weight balanced",
        "--balance",
    ] {
        assert!(plain[0].contains(part), "{plain:?}");
    }
    let weighted = with(ClassWeight::Balanced, false);
    assert!(weighted.warnings().is_empty());
    let line = weighted.start_line();
    assert!(
        line.ends_with("; class weights: real 2.500, bogus 0.625; pixels: standard"),
        "{line}"
    );
    let balanced = with(ClassWeight::None, true);
    assert!(balanced.warnings().is_empty());
    let line = balanced.start_line();
    assert!(
        line.ends_with("; smaller class oversampled to 36; pixels: standard"),
        "{line}"
    );
}

/// `count` cutouts of 16x16 whose pixels are `pixel(row, at)`, every `every`-th of them real.
fn made(count: usize, every: usize, pixel: impl Fn(usize, usize) -> f32) -> Arc<Dataset> {
    let stride = 256;
    let values = (0..count * stride).map(|i| pixel(i / stride, i % stride));
    Arc::new(Dataset {
        source: "made".into(),
        shape: CutoutShape {
            height: 16,
            width: 16,
            channels: 1,
        },
        channels: None,
        pixels: Box::new(InMemory {
            values: values.collect(),
            stride,
        }),
        labels: Some((0..count).map(|row| u8::from(row % every == 0)).collect()),
        candidates: (0..count)
            .map(|row| Candidate {
                id: row.to_string(),
                ..Candidate::default()
            })
            .collect(),
        parts: None,
        relabelled: None,
        skipped: Vec::new(),
        notices: Vec::new(),
    })
}

fn trained(data: &Arc<Dataset>, epochs: usize) -> Finished {
    let settings = Settings {
        epochs: Some(epochs),
        learning_rate: Some(3e-3),
        ..Settings::default()
    };
    let config = config(settings, false);
    // Cutouts that are all the same would be one group, which cannot be split.
    let made = Split::grouped(data, config.split, config.seed, Grouping::None).unwrap();
    let session = Session::new(config, &Device::cpu(), data.clone(), made.split);
    let outcome = session.run(false, &mut ()).unwrap();
    finished(&session, &outcome).unwrap()
}

#[test]
fn a_run_that_learned_nothing_says_so_and_why() {
    let noise = |row: usize, at: usize| ((row * 7919 + at * 104_729) % 1009) as f32;
    let says = |data: Arc<Dataset>, parts: &[&str]| {
        let done = trained(&data, 2);
        assert_eq!(done.learned, Some(false), "{:?}", done.warnings);
        let text = done.warnings.join("\n");
        for part in [&["nothing was learned"], parts].concat() {
            assert!(text.contains(part), "no '{part}' in {text}");
        }
        // All scores are alike, or no threshold finds both classes.
        assert_eq!(done.file.threshold, 0.5, "{text}");
    };
    says(
        made(80, 2, |_, _| 7.0),
        &[
            "have the score",
            "cutouts are equal after preprocessing 'standard'",
        ],
    );
    says(
        made(80, 2, |_, at| at as f32),
        &["have the score", "cutouts that were compared are the same"],
    );
    says(
        made(80, 2, |row, at| {
            if noise(row, at) > 500.0 {
                f32::INFINITY
            } else {
                f32::NAN
            }
        }),
        &["infinite in f32"],
    );
    let few = trained(&made(60, 30, noise), 2);
    assert_ne!(few.learned, Some(true));
    assert!(
        few.warnings[0].contains("the training part has 1 real and "),
        "{:?}",
        few.warnings
    );
}

#[test]
fn a_run_that_learned_something_has_no_warning() {
    // A star in the middle of the real ones.
    let star = |row: usize, at: usize| {
        let noise = ((row * 7919 + at * 104_729) % 1009) as f32 / 1009.0;
        noise
            + if row.is_multiple_of(2) && at == 8 * 16 + 8 {
                30.0
            } else {
                0.0
            }
    };
    let done = trained(&made(120, 2, star), 10);
    assert_eq!(
        (done.learned, done.warnings.len()),
        (Some(true), 0),
        "{:?}",
        done.warnings
    );
}
