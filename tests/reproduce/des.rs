//! The DES paper's experiments.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rbgpu::backend::Device;
use rbgpu::data::labels::LabelFile;
use rbgpu::data::{self, ReadOptions};
use rbgpu::reproduce::des::{Outcome, Request, Sample, Scale, report, run};
use rbgpu::reproduce::{Watcher, folder};
use rbgpu::train::Precision;
use rbgpu::{Error, Result};

use crate::is_whole;

/// So small that it takes seconds, and that the networks know little.
fn tiny() -> Scale {
    Scale {
        candidates: 500,
        wrong_labels: 0.04,
        narrow: 20,
        epochs: 2,
        folds: 2,
        live: 500,
        resamples: 40,
        ..Scale::quick()
    }
}

fn experiments(sample: Sample, work: &Path, watcher: &mut dyn Watcher) -> Result<Outcome> {
    let request = Request {
        scale: &tiny(),
        device: &Device::cpu(),
        precision: Precision::F32,
        seed: 1,
        work,
    };
    run(&request, sample, watcher)
}

/// Hears how far it is, and stops the work after so much of it.
struct Listener {
    stop: f64,
    parts: Vec<f64>,
}

impl Watcher for Listener {
    fn step(&mut self, _: &str, done: f64, _: Option<Duration>) -> Result<()> {
        self.parts.push(done);
        match done >= self.stop {
            true => Err(Error::config("the test", "enough", "an end")),
            false => Ok(()),
        }
    }
}

/// Numbers but for those that a clock gave.
fn numbers(out: &Path) -> String {
    let text = std::fs::read(out.join(folder::NUMBERS)).unwrap();
    let mut all: serde_json::Value = serde_json::from_slice(&text).unwrap();
    all.as_object_mut().unwrap().remove("tables");
    all.to_string()
}

#[test]
fn the_report_is_whole_and_a_stopped_run_ends_the_same() {
    let desk = tempfile::tempdir().unwrap();
    let (whole, stopped) = (desk.path().join("whole"), desk.path().join("stopped"));
    let sample = || Sample::simulated(&tiny(), 1).unwrap();
    let mut listener = Listener {
        stop: 2.0,
        parts: Vec::new(),
    };
    let outcome = experiments(sample(), &whole.join(folder::RUNS), &mut listener).unwrap();
    assert!(listener.parts.is_sorted(), "the work never goes back");
    report(&outcome, &whole, "rbgpu reproduce des").unwrap();
    let text = is_whole(&whole);
    for heading in [
        "Table 1.",
        "Table 2.",
        "Table 3.",
        "Table 5.",
        "Figure 2.",
        "Figure 4.",
        "Figure 5.",
        "Figure 7.",
        "Figure 8.",
        "Figure 9.",
        "Figure 10.",
        "Figure 11.",
        "Figures 12 and 13.",
        "Section 4.4.",
        "Section 4.6.",
        "Which rule finds the wrong labels",
    ] {
        assert!(text.contains(heading), "no {heading}");
    }
    assert!(!whole.join(folder::RUNS).exists());

    // The files are those that other commands take.
    let labels = LabelFile::read(&whole.join("labels.csv")).unwrap();
    assert_eq!(labels.len(), 500);
    let suspects = std::fs::read_to_string(whole.join("suspects.csv")).unwrap();
    assert!(suspects.starts_with("rank,id,label,score,category,rule,suspicion,pixels"));
    for model in ["first-cnn-3", "second-cnn-1", "live-cnn-1"] {
        let path = whole.join(format!("models/{model}.safetensors"));
        assert!(rbgpu::Classifier::open_on(&path, &Device::cpu()).is_ok());
    }

    let runs = stopped.join(folder::RUNS);
    let mut listener = Listener {
        stop: 0.5,
        parts: Vec::new(),
    };
    let error = experiments(sample(), &runs, &mut listener).err().unwrap();
    assert!(error.to_string().contains("enough"), "{error}");
    let outcome = experiments(sample(), &runs, &mut ()).unwrap();
    report(&outcome, &stopped, "rbgpu reproduce des").unwrap();
    assert!(numbers(&whole) == numbers(&stopped), "other numbers");
}

/// What a user's own stamps give before anybody has looked at the labels, and after.
#[test]
fn own_stamps_stop_at_the_suspects_until_labels_are_repaired() {
    let desk = tempfile::tempdir().unwrap();
    let cube = desk.path().join("stamps.npz");
    let made = Sample::simulated(&tiny(), 2).unwrap();
    data::writer::write_cube(&cube, &made.data).unwrap();
    let read = || {
        let options = ReadOptions {
            labels_required: true,
            ..ReadOptions::default()
        };
        data::open(&[&cube], &options).unwrap()
    };
    let without = Sample::of(read(), None, None, &|_| {}).unwrap();
    let out = desk.path().join("out");
    let outcome = experiments(without, &out.join(folder::RUNS), &mut ()).unwrap();
    report(&outcome, &out, "rbgpu reproduce des").unwrap();
    let text = is_whole(&out);
    assert!(text.contains("Nobody has repaired the labels yet"));
    assert!(!text.contains("Table 5."));
    assert!(out.join("suspects.csv").exists() && !out.join("labels.csv").exists());

    let wrong: Vec<usize> = made
        .wrong()
        .unwrap()
        .iter()
        .zip(0..)
        .filter(|w| *w.0)
        .map(|w| w.1)
        .collect();
    let truth = made.truth.as_ref().unwrap();
    let lines = wrong
        .iter()
        .map(|&row| format!("{},{}\n", made.data.candidates[row].id, truth[row]));
    let repaired = desk.path().join("repaired.csv");
    std::fs::write(
        &repaired,
        format!("id,label\n{}", lines.collect::<String>()),
    )
    .unwrap();
    let repaired = LabelFile::read(&repaired).unwrap();
    let with = Sample::of(read(), None, Some(&repaired), &|_| {}).unwrap();
    assert_eq!(with.repaired.as_ref(), Some(truth));
    let out = desk.path().join("after");
    let outcome = experiments(with, &out.join(folder::RUNS), &mut ()).unwrap();
    assert!(outcome.second.is_some() && outcome.live.is_none());
    report(&outcome, &out, "rbgpu reproduce des").unwrap();
    assert!(is_whole(&out).contains("Table 5."));
}

/// A table of features is joined by ID; a run cannot be made on features of other candidates.
#[test]
fn features_of_other_candidates_are_refused() {
    let desk = tempfile::tempdir().unwrap();
    let made = Sample::simulated(&tiny(), 3).unwrap();
    let table = desk.path().join("features.csv");
    std::fs::write(&table, "ID,OBJECT_TYPE,AMP,SNR\n1,0,1.5,2\n2,1,0.5,3\n").unwrap();
    let data = Arc::try_unwrap(made.data).unwrap();
    let error = Sample::of(data, Some(&table), None, &|_| {}).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("features.csv") && text.contains("none of the candidates"),
        "{text}"
    );
}
