//! What the rules find of labels that were planted wrong in a simulated survey.
//!
//! `cargo test --release --test suspect -- --nocapture` prints precision and recall of each
//! rule; with `--ignored` on a larger survey.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rbgpu::backend::Device;
use rbgpu::backend::gpu::GpuPrecision;
use rbgpu::data::{Dataset, Grouping, Groups, split::first_of_shuffled};
use rbgpu::judge::planted::{Recovered, recovered};
use rbgpu::judge::suspicion::Rule;
use rbgpu::nn::Architecture;
use rbgpu::simulate::{SurveyConfig, survey};
use rbgpu::suspect::folds::{Folds, deal};
use rbgpu::suspect::{Evidence, Network, Options, suspects};
use rbgpu::train::{Residence, Settings};

/// Learns a small survey in seconds, unlike the published networks.
const SMALL: &str = r#"
name = "small"
[training]
batch_size = 16
epochs = 12
learning_rate = 0.002
split = "70/10/20"
[[layers]]
kind = "conv2d"
filters = 12
kernel = 5
activation = "relu"
[[layers]]
kind = "max_pool"
window = 2
[[layers]]
kind = "conv2d"
filters = 24
kernel = 3
activation = "relu"
[[layers]]
kind = "max_pool"
window = 4
[[layers]]
kind = "flatten"
[[layers]]
kind = "dropout"
rate = 0.4
[[layers]]
kind = "dense"
units = 2
activation = "softmax"
"#;

/// A survey of `count` cutouts, a share of whose labels is turned at random, and which.
fn planted(count: usize, share: f64) -> (Arc<Dataset>, Vec<bool>) {
    let config = SurveyConfig {
        count,
        size: 32,
        ..SurveyConfig::default()
    };
    let mut data = survey(&config).unwrap().dataset;
    let mut turned: Vec<usize> = (0..count).collect();
    first_of_shuffled(&mut turned, (share * count as f64).round() as usize, 5);
    let mut wrong = vec![false; count];
    let labels = data.labels.as_mut().expect("a survey has labels");
    for row in turned {
        wrong[row] = true;
        labels[row] = 1 - labels[row];
    }
    (Arc::new(data), wrong)
}

/// Every rule's result, of these networks by cross-validation; the first also stands for a
/// model in rule `category`.
fn found(
    data: &Arc<Dataset>,
    wrong: &[bool],
    networks: &[Architecture],
    (folds, epochs): (usize, usize),
) -> Vec<Recovered> {
    let folder = tempfile::tempdir().unwrap();
    let (device, _) = Device::open("cpu", GpuPrecision::F32).unwrap();
    let work = Folds {
        data: data.clone(),
        groups: Groups::of(data, Grouping::Auto).unwrap(),
        count: folds,
        device,
        residence: Residence::Auto,
        folder: folder.path().to_path_buf(),
        interval: Duration::from_secs(600),
        fresh: false,
    };
    let begun = Instant::now();
    let trained = networks.iter().map(|network| {
        let settings = Settings {
            // As published, also on few candidates: what the README says was measured so.
            batch_size: Some(network.training.batch_size),
            epochs: Some(epochs),
            seed: 1,
            ..Settings::default()
        };
        let config = settings.check(network.clone()).unwrap();
        work.network(&config, &mut ()).unwrap()
    });
    let trained: Vec<Network> = trained.collect();
    let labels = data.labels.as_ref().unwrap();
    let evidence = Evidence {
        labels,
        models: &[],
        folds: &trained,
    };
    let all = suspects(&evidence, &Options::default()).unwrap();
    let planted = wrong.iter().filter(|wrong| **wrong).count();
    let networks: Vec<&str> = networks.iter().map(|n| n.name.as_str()).collect();
    println!(
        "{} candidates, {planted} planted, {networks:?} in {folds} folds of {epochs} epochs, \
         {:.0?}; expected: {:?}",
        data.len(),
        begun.elapsed(),
        all.expected
    );
    let of = |ranking| recovered(ranking, wrong).unwrap();
    let found: Vec<Recovered> = all.rankings.iter().map(of).collect();
    for f in &found {
        println!(
            "{:<10} names {:>4}  precision {:.3}  recall {:.3}  among the first {planted}: {}, \
             {}: {}, {}: {}",
            f.rule,
            f.listed,
            f.precision,
            f.recall,
            f.among(planted),
            2 * planted,
            f.among(2 * planted),
            5 * planted,
            f.among(5 * planted)
        );
    }
    found
}

#[test]
fn planted_wrong_labels_are_found() {
    let (data, wrong) = planted(1200, 0.02);
    let small = Architecture::parse(SMALL, Path::new("small.toml")).unwrap();
    let found = found(&data, &wrong, &[small], (3, 12));
    let by = |rule| found.iter().find(|f| f.rule == rule).unwrap();
    let (confident, folds) = (by(Rule::Confident), by(Rule::Folds));
    assert_eq!(confident.wrong, 24);
    // By chance 2 in 100 of what is named would be wrong, and 2 of 120 among the first tenth.
    assert!(confident.recall >= 0.6, "{confident:?}");
    assert!(confident.precision >= 0.2, "{confident:?}");
    assert!(folds.among(120) >= 18, "{folds:?}");
}

#[test]
#[ignore = "minutes: what the README says was measured"]
fn measured() {
    let (data, wrong) = planted(6000, 0.008);
    let networks = ["otrain", "des1"].map(|name| Architecture::named(name).unwrap());
    found(&data, &wrong, &networks, (5, 10));
}

#[test]
fn folds_are_even_and_objects_stay_together() {
    let (data, _) = planted(300, 0.0);
    let labels = data.labels.as_ref().unwrap();
    let deal = |data: &Dataset, count, seed| {
        let groups = Groups::of(data, Grouping::Auto).unwrap();
        deal(data, &groups, count, seed).unwrap()
    };
    let fold = deal(&data, 5, 3);
    for class in [0, 1] {
        let counts: Vec<usize> = (0..5)
            .map(|k| {
                (0..300)
                    .filter(|&i| fold[i] == k && labels[i] == class)
                    .count()
            })
            .collect();
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(most - least <= 1, "{counts:?}");
    }
    assert_ne!(fold, deal(&data, 5, 4));
    // Each object three times.
    let mut data = Arc::into_inner(data).unwrap();
    for (i, candidate) in data.candidates.iter_mut().enumerate() {
        candidate.object = format!("object {}", i % 100);
    }
    let fold = deal(&data, 5, 3);
    assert!((0..200).all(|i| fold[i] == fold[i + 100]));
    for k in 0..5 {
        let own = fold.iter().filter(|f| **f == k).count();
        assert!((45..=75).contains(&own), "{own} of 300");
    }
    // What calls all of its candidates one object does not mean an object.
    for candidate in &mut data.candidates {
        candidate.object = "M31".into();
    }
    let fold = deal(&data, 5, 3);
    assert!((0..5).all(|k| fold.iter().filter(|f| **f == k).count() <= 62));
}
