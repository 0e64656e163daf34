//! Going on from a model: frozen layers as Keras has them, the best of start and epochs, and
//! what a run refuses.

use std::sync::Arc;

use rbgpu::backend::Device;
use rbgpu::data::augment::transform;
use rbgpu::data::{Augment, Dataset, Loader, LoaderOptions, Normalisation, Preprocess};
use rbgpu::formats::ModelFile;
use rbgpu::nn::{Architecture, Mode, Model};
use rbgpu::simulate::{SurveyConfig, survey};
use rbgpu::train::{Config, Outcome, Session, Settings, Trainer, finished};
use serde_json::Value;

use super::{Heard, common, config, devices, network, session, simulated, weights};

/// What `make_finetune.py` trains.
const KERAS: &str = r#"
name = "finetune"
[[layers]]
kind = "conv2d"
filters = 3
kernel = 3
activation = "relu"
[[layers]]
kind = "batch_norm"
momentum = 0.9
[[layers]]
kind = "max_pool"
window = 2
[[layers]]
kind = "conv2d"
filters = 4
kernel = 3
activation = "relu"
[[layers]]
kind = "batch_norm"
momentum = 0.9
[[layers]]
kind = "flatten"
[[layers]]
kind = "dense"
units = 1
activation = "sigmoid"
"#;

fn numbers(json: &Value) -> Vec<f64> {
    let all = json.as_array().expect("a list").iter();
    all.map(|v| v.as_f64().expect("a number")).collect()
}

#[test]
fn frozen_layers_are_what_keras_makes_of_them() {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/finetune.json")).unwrap();
    let start: Vec<Vec<f64>> = fixture["start"]
        .as_array()
        .unwrap()
        .iter()
        .map(numbers)
        .collect();
    let (x, y) = (numbers(&fixture["x"]), numbers(&fixture["y"]));
    let x: Vec<f32> = x.into_iter().map(|v| v as f32).collect();
    let labels: Vec<u8> = y.into_iter().map(|v| v as u8).collect();
    let (rate, steps) = (
        fixture["rate"].as_f64().unwrap(),
        fixture["steps"].as_u64().unwrap(),
    );
    let network = Architecture::parse(KERAS, "finetune.toml".as_ref()).unwrap();
    let all = devices().into_iter().chain([Device::Reference]);
    let ways: Vec<(Device, bool)> = all.flat_map(|d| [(d.clone(), false), (d, true)]).collect();
    let cases = fixture["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for (device, single) in &ways {
        // Adam divides by a gradient's own size: what is small of it in f32 moves a weight
        // by a part of the rate.
        let tolerance = if matches!(device, Device::Reference) {
            1e-6
        } else {
            2e-5
        };
        for case in cases {
            let mut model = Model::with_values(network.clone(), [8, 8, 2], device, |i, _| {
                Ok(start[i].clone())
            })
            .unwrap();
            if *single {
                model = model.single_ops();
            }
            let frozen = case["frozen"].as_array().unwrap().iter();
            let frozen: Vec<String> = frozen.map(|n| n.as_str().unwrap().into()).collect();
            if !frozen.is_empty() {
                assert_eq!(model.freeze(&frozen).unwrap(), frozen);
            }
            let mut trainer = Trainer::new(model, 0.9, 0.999, 1e-7).unwrap();
            let what = format!("{} on {}, single {single}", case["name"], device.name());
            for step in 0..steps {
                let (x, y) = (trainer.model().input(&x), trainer.model().targets(&labels));
                let done = trainer.step(x.unwrap(), y.unwrap(), rate, 1).unwrap();
                if step == 0 {
                    let loss = [done.loss.item().unwrap()];
                    let want = [case["loss"].as_f64().unwrap()];
                    common::check(&what, &loss, &want, 0.0, 1e-6).unwrap();
                }
            }
            let after = case["after"].as_array().unwrap();
            for (i, parameter) in trainer.model().parameters().iter().enumerate() {
                let (got, want) = (parameter.tensor.to_vec().unwrap(), numbers(&after[i]));
                let what = format!("{what}: {}", parameter.name);
                common::check(&what, &got, &want, tolerance, 1e-5).unwrap();
                let layer = parameter.name.split('/').next().unwrap();
                let moves = got
                    .iter()
                    .zip(&start[i])
                    .any(|(a, b)| *a as f32 != *b as f32);
                assert_eq!(moves, !frozen.iter().any(|name| name == layer), "{what}");
            }
            let model = trainer.model().clone().thawed();
            let scores = model.score(model.input(&x).unwrap()).unwrap();
            common::check(&what, &scores, &numbers(&case["scores"]), 1e-5, 1e-5).unwrap();
        }
    }
}

#[test]
fn nothing_is_recorded_of_a_frozen_beginning() {
    let network = Architecture::parse(KERAS, "finetune.toml".as_ref()).unwrap();
    let device = Device::cpu();
    let mut model = Model::new(network, [8, 8, 2], 1, &device).unwrap();
    model.freeze(&["conv2d*".into(), "batch*".into()]).unwrap();
    let mut tape = rbgpu::ops::tape(&device);
    let x = tape.constant(model.input(&[0.5; 128]).unwrap());
    let mode = Mode::Training { seed: 1, step: 0 };
    let forward = model.forward(&mut tape, x, mode).unwrap();
    assert!(forward.statistics.is_empty());
    let learns: Vec<&str> = (forward.parameters.iter().zip(model.parameters()))
        .filter(|(var, _)| tape.needs_gradient(**var))
        .map(|(_, p)| p.name.as_str())
        .collect();
    assert_eq!(learns, ["dense/kernel", "dense/bias"]);
}

/// A model that was trained for two epochs on the cpu, and its data.
fn parent() -> (ModelFile, Config, Arc<Dataset>) {
    let data = simulated(120);
    let settings = Settings {
        epochs: Some(2),
        seed: 3,
        ..Settings::default()
    };
    let config = config(settings, true);
    let session = session(config.clone(), &Device::cpu(), &data);
    let outcome = session.run(false, &mut ()).unwrap();
    (finished(&session, &outcome).unwrap().file, config, data)
}

fn more(parent: &ModelFile, settings: Settings) -> Config {
    settings.check_from(parent).unwrap()
}

fn run(session: Session) -> (Outcome, Vec<String>) {
    let mut heard = Heard::default();
    (session.run(false, &mut heard).unwrap(), heard.0)
}

fn values(model: &Model) -> Vec<f64> {
    let all = model.parameters().iter();
    all.flat_map(|p| p.tensor.to_vec().unwrap()).collect()
}

#[test]
fn a_run_goes_on_from_a_model_and_leaves_what_is_frozen() {
    let (parent, _, data) = parent();
    for device in devices() {
        let settings = Settings {
            epochs: Some(3),
            learning_rate: Some(1e-3),
            ..Settings::default()
        };
        let frozen = ["conv2d".to_string(), "batch*".to_string()];
        let session = session(more(&parent, settings), &device, &data)
            .from(&parent, "parent.safetensors")
            .unwrap()
            .freezing(&frozen)
            .unwrap();
        let config = session.config().clone();
        assert_eq!(config.frozen, ["conv2d", "batch_normalization"]);
        let mut heard = Heard::default();
        let outcome = session.run(false, &mut heard).unwrap();
        assert!(
            heard.0[0].starts_with("before training: validation loss"),
            "{:?}",
            heard.0
        );
        assert!(outcome.best_epoch > 0, "it learns on");
        for (new, old) in outcome
            .model
            .parameters()
            .iter()
            .zip(parent.model.parameters())
        {
            let same = new.tensor.to_vec().unwrap() == old.tensor.to_vec().unwrap();
            assert_eq!(same, !new.name.starts_with("dense"), "{}", new.name);
            // The model that it leaves is free again.
            assert_eq!(new.trainable, old.trainable, "{}", new.name);
        }
        let file = finished(&session, &outcome).unwrap().file;
        let settings = &file.provenance.settings;
        assert_eq!(settings["from"]["model"], "parent.safetensors");
        assert!(
            settings["from"]["weights"]
                .as_str()
                .unwrap()
                .contains(" numbers, ")
        );
        assert_eq!(settings["frozen"][1], "batch_normalization");
        assert_eq!(file.preprocess, parent.preprocess);
    }
}

#[test]
fn a_start_that_nothing_beats_is_kept() {
    let (parent, _, data) = parent();
    let settings = Settings {
        epochs: Some(4),
        patience: Some(2),
        learning_rate: Some(30.0),
        ..Settings::default()
    };
    let session = session(more(&parent, settings), &Device::cpu(), &data);
    let (outcome, _) = run(session.from(&parent, "parent").unwrap());
    assert_eq!((outcome.best_epoch, outcome.history.len()), (0, 2));
    assert!(outcome.stopped_early);
    assert_eq!(weights(&outcome), values(&parent.model));
}

#[test]
fn dropout_and_the_rest_may_be_others() {
    let (parent, _, data) = parent();
    let fresh = |from: bool| {
        let settings = Settings {
            epochs: Some(1),
            dropout: Some(0.0),
            ..Settings::default()
        };
        let session = session(more(&parent, settings), &Device::cpu(), &data);
        let session = match from {
            true => session.from(&parent, "parent").unwrap(),
            false => session,
        };
        weights(&run(session).0)
    };
    assert_ne!(fresh(true), fresh(false));
    assert_eq!(fresh(true), fresh(true));
}

#[test]
fn a_stopped_run_goes_on_only_as_what_it_was() {
    let (parent, _, data) = parent();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let begin = |epochs: usize, frozen: &[&str], from: &ModelFile| {
        let settings = Settings {
            epochs: Some(epochs),
            patience: Some(0),
            ..Settings::default()
        };
        let frozen: Vec<String> = frozen.iter().map(|n| n.to_string()).collect();
        session(more(from, settings), &Device::cpu(), &data)
            .from(from, "parent")
            .unwrap()
            .freezing(&frozen)
            .unwrap()
    };
    let straight = run(begin(4, &["conv2d"], &parent)).0;
    let at = |session: Session| {
        session
            .checkpoint(&path, std::time::Duration::ZERO)
            .going_on(true)
    };
    at(begin(2, &["conv2d"], &parent))
        .run(false, &mut ())
        .unwrap();
    let kept = std::fs::read(&path).unwrap();
    let mut heard = Heard::default();
    let resumed = at(begin(4, &["conv2d"], &parent))
        .run(true, &mut heard)
        .unwrap();
    assert!(
        heard.0.iter().all(|text| !text.contains("before training")),
        "{:?}",
        heard.0
    );
    assert_eq!(weights(&resumed), weights(&straight));
    assert_eq!(resumed.history, straight.history);
    // Another start, other frozen layers.
    std::fs::write(&path, &kept).unwrap();
    let error = at(begin(4, &[], &parent)).run(true, &mut ()).unwrap_err();
    assert!(error.to_string().contains("frozen"), "{error}");
    let mut other = parent.clone();
    let zero = rbgpu::engine::Tensor::full(&Device::cpu(), [1], 0.25).unwrap();
    let last = other.model.parameters().len() - 1;
    other.model.set_parameter(last, zero).unwrap();
    let error = at(begin(4, &["conv2d"], &other))
        .run(true, &mut ())
        .unwrap_err();
    assert!(error.to_string().contains("another from"), "{error}");
}

#[test]
fn what_does_not_go_together_is_refused() {
    let (parent, config, data) = parent();
    let cpu = Device::cpu();
    let refused = |session: Result<Session, rbgpu::Error>| session.unwrap_err().to_string();
    let other = Settings::default().check(network(false)).unwrap();
    let error = refused(session(other, &cpu, &data).from(&parent, "rb"));
    assert!(error.contains("the network of rb"), "{error}");
    let mad = Settings {
        normalisation: Some(Normalisation::Mad),
        ..Settings::default()
    };
    let error = mad.check_from(&parent).unwrap_err().to_string();
    assert!(
        error.contains("--normalise: mad") && error.contains("standard"),
        "{error}"
    );
    let mut mad = config.clone();
    mad.preprocess = Normalisation::Mad.into();
    let error = refused(session(mad, &cpu, &data).from(&parent, "rb"));
    assert!(error.contains("standard, as rb has it"), "{error}");
    let larger = SurveyConfig {
        count: 60,
        size: 20,
        ..SurveyConfig::default()
    };
    let larger = Arc::new(survey(&larger).unwrap().dataset);
    let error = refused(session(config.clone(), &cpu, &larger).from(&parent, "rb"));
    assert!(
        error.contains("20x20x1") && error.contains("16x16x1"),
        "{error}"
    );
    let from = || {
        session(config.clone(), &cpu, &data)
            .from(&parent, "rb")
            .unwrap()
    };
    let error = refused(from().freezing(&["conv3d*".into()]));
    assert!(
        error.contains("'conv3d*'") && error.contains("conv2d, batch_normalization, dense"),
        "{error}"
    );
    let error = refused(from().freezing(&["*".into()]));
    assert!(error.contains("less than all"), "{error}");
    let error = refused(session(config.clone(), &cpu, &data).freezing(&["conv2d".into()]));
    assert!(error.contains("--from MODEL"), "{error}");
}

#[test]
fn a_recipe_sees_cutouts_that_were_turned_before() {
    let config = SurveyConfig {
        count: 12,
        size: 9,
        ..SurveyConfig::triplets()
    };
    let set = Arc::new(survey(&config).unwrap().dataset);
    for preprocess in [Preprocess::BraaiD6m7, Preprocess::DiaNodia] {
        let options = LoaderOptions {
            batch_size: 12,
            preprocess,
            augment: Augment::D4,
            seed: 4,
            ..LoaderOptions::default()
        };
        let loader = Loader::new(set.clone(), (0..12).collect(), options).unwrap();
        let made = preprocess.output_shape(set.shape).unwrap();
        for epoch in [1, 1, 2] {
            let batch = loader.epoch(epoch).next().unwrap().unwrap();
            assert!(batch.symmetries.iter().any(|&s| s & 4 != 0));
            for (at, out) in batch.values.chunks_exact(made.len()).enumerate() {
                let (mut upright, mut turned) =
                    (vec![0.0; set.shape.len()], vec![0.0; set.shape.len()]);
                set.pixels.read(at, &mut upright).unwrap();
                transform(batch.symmetries[at], set.shape, &upright, &mut turned);
                let mut want = vec![0.0; made.len()];
                preprocess.apply(&turned, set.shape, &mut want);
                assert_eq!(out, want, "{preprocess}, candidate {at}");
            }
        }
    }
}
