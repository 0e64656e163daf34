//! `rbgpu::Classifier`: the same scores for an array, a stream and every batch size.

use ndarray::{Array4, s};
use rbgpu::backend::Device;
use rbgpu::data::{Decision, Normalisation, ReadOptions, stream};
use rbgpu::formats::{ModelFile, Provenance};
use rbgpu::judge::Calibration;
use rbgpu::nn::{Architecture, Model};
use rbgpu::train::stream::StreamOptions;
use rbgpu::{Classifier, Error};

use super::common;

const COUNT: usize = 21;

/// A network that was never trained, on `device`.
fn classifier(device: &Device) -> Classifier {
    let otrain = Architecture::named("otrain").unwrap();
    let file = ModelFile {
        model: Model::new(otrain, [16, 16, 1], 5, device).unwrap(),
        preprocess: Normalisation::Standard.into(),
        channels: None,
        calibration: None,
        threshold: 0.5,
        provenance: Provenance::default(),
    };
    Classifier::new(file).unwrap()
}

fn cutouts() -> Array4<f32> {
    Array4::from_shape_fn((COUNT, 16, 16, 1), |(n, y, x, _)| {
        ((n * 31 + y * 7 + x * x) % 23) as f32 - 3.0
    })
}

fn bits(scores: &[f64]) -> Vec<u64> {
    scores.iter().map(|score| score.to_bits()).collect()
}

/// A .npy of `cutouts` in `folder`.
fn write(folder: &std::path::Path, cutouts: &Array4<f32>) -> std::path::PathBuf {
    let dict = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': {:?}, }}",
        cutouts.dim()
    );
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{dict:<117}\n").into_bytes());
    bytes.extend(cutouts.iter().flat_map(|v| v.to_le_bytes()));
    let path = folder.join("cutouts.npy");
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn an_array_and_a_stream_have_the_same_scores_whatever_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let mut cutouts = cutouts();
    cutouts.slice_mut(s![4, .., .., ..]).fill(f32::NAN);
    cutouts[(5, 0, 0, 0)] = f32::NAN;
    let path = write(folder.path(), &cutouts);
    let gpu = common::gpu().map(Device::Gpu);
    for device in [Device::cpu()].into_iter().chain(gpu) {
        let classifier = classifier(&device);
        let scores = classifier.score(cutouts.view()).unwrap();
        assert_eq!(scores.len(), COUNT);
        for (i, score) in scores.iter().enumerate() {
            assert!((i == 4) == score.is_nan(), "{i}: {score}");
        }
        for batch_size in [None, Some(1), Some(4), Some(20), Some(100)] {
            let options = StreamOptions {
                batch_size,
                ..StreamOptions::default()
            };
            let rows = stream(&[&path], &ReadOptions::default()).unwrap();
            let rows = classifier.score_rows_as(rows, options).unwrap();
            let rows: Vec<_> = rows.flat_map(Result::unwrap).collect();
            assert_eq!(rows[4].error, "no finite pixel");
            assert_eq!(rows[4].decision, Decision::Unscored);
            let streamed: Vec<f64> = rows.iter().map(|row| row.score).collect();
            assert_eq!(bits(&streamed), bits(&scores), "{device:?}, {batch_size:?}");
        }
    }
}

#[test]
fn smaller_cutouts_are_padded_and_others_refused() {
    let classifier = classifier(&Device::cpu());
    assert_eq!(classifier.input_shape(), [16, 16, 1]);
    let all = cutouts();
    let mut masked = all.clone();
    masked.slice_mut(s![.., 14.., .., ..]).fill(f32::NAN);
    let smaller = classifier.score(all.slice(s![.., ..14, .., ..])).unwrap();
    assert_eq!(
        bits(&smaller),
        bits(&classifier.score(masked.view()).unwrap())
    );
    let two = Array4::zeros((1, 16, 16, 2));
    let larger = Array4::zeros((1, 17, 16, 1));
    for wrong in [two, larger] {
        let error = classifier.score(wrong.view()).unwrap_err();
        assert!(matches!(error, Error::Config { .. }), "{error}");
    }
    assert!(
        classifier
            .score(Array4::zeros((0, 16, 16, 1)).view())
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_stream_that_is_dropped_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &cutouts());
    let classifier = classifier(&Device::cpu());
    let options = StreamOptions {
        batch_size: Some(1),
        ..StreamOptions::default()
    };
    let rows = stream(&[&path], &ReadOptions::default()).unwrap();
    let mut scores = classifier.score_rows_as(rows, options).unwrap();
    assert_eq!(scores.next().unwrap().unwrap().len(), 1);
}

#[test]
fn a_calibration_is_read_back_and_applied_to_every_score() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.safetensors");
    let cutouts = cutouts();
    let path = write(folder.path(), &cutouts);
    let cpu = Device::cpu();
    let mut file = classifier(&cpu).file().clone();
    let before = classifier(&cpu).score(cutouts.view()).unwrap();
    let maps = [
        Calibration::Temperature { temperature: 2.5 },
        Calibration::Isotonic {
            x: vec![0.3, 0.5, 0.7],
            y: vec![0.0, 0.1, 0.85],
        },
    ];
    for map in maps {
        file.calibration = Some(map.clone());
        file.write(&model).unwrap();
        let classifier = Classifier::open_on(&model, &cpu).unwrap();
        assert_eq!(classifier.file().calibration, Some(map.clone()));
        let scores = classifier.score(cutouts.view()).unwrap();
        for (before, after) in before.iter().zip(&scores) {
            assert_eq!(map.apply(*before), *after);
        }
        assert_ne!(before, scores);
        let rows = stream(&[&path], &ReadOptions::default()).unwrap();
        let rows = classifier.score_rows(rows).unwrap();
        let streamed: Vec<f64> = rows.flat_map(Result::unwrap).map(|row| row.score).collect();
        assert_eq!(bits(&streamed), bits(&scores));
    }
    // One that another program wrote.
    file.calibration = Some(Calibration::Temperature { temperature: -1.0 });
    file.write(&model).unwrap();
    let said = ModelFile::read(&model, &cpu).unwrap_err().to_string();
    assert!(said.contains("calibration: found temperature -1"), "{said}");
}
