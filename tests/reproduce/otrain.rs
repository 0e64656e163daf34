//! O'TRAIN's experiments.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rbgpu::backend::Device;
use rbgpu::data::Dataset;
use rbgpu::data::claims::Claims;
use rbgpu::reproduce::Watcher;
use rbgpu::reproduce::folder::{self, FOLDER};
use rbgpu::reproduce::otrain::{Request, Scale, Summary, run};
use rbgpu::simulate::{SurveyConfig, survey};
use rbgpu::train::Precision;
use rbgpu::{Classifier, Error, Result};

use crate::is_whole;

/// So small that it takes seconds, and that the networks know next to nothing.
fn tiny() -> Scale {
    Scale {
        quick: true,
        first: 240,
        candidates: 160,
        epochs: Some(2),
        batch_size: Some(32),
        training_sets: vec![50, 100],
        cutout_sizes: vec![15, 32],
        unscaled: vec![32],
        cutout_candidates: 60,
        cutout_epochs: 1,
        injected: 300,
        resamples: 50,
        checkpoints: false,
    }
}

fn cpu() -> Device {
    Device::cpu()
}

fn request(out: &Path, given: Vec<(String, Arc<Dataset>)>) -> Request {
    Request {
        given,
        scale: tiny(),
        seed: 1,
        device: cpu(),
        precision: Precision::F32,
        out: out.to_path_buf(),
        fresh: false,
        command: "rbgpu reproduce otrain --quick".into(),
    }
}

/// Hears what is over, and stops the work before the `stop`-th training is.
struct Listener {
    stop: usize,
    heard: Vec<String>,
    parts: Vec<f64>,
}

impl Listener {
    fn new(stop: usize) -> Listener {
        let (heard, parts) = (Vec::new(), Vec::new());
        Listener { stop, heard, parts }
    }
}

impl Watcher for Listener {
    fn step(&mut self, _: &str, done: f64, _: Option<Duration>) -> Result<()> {
        self.parts.push(done);
        match self.heard.len() + 1 >= self.stop {
            true => Err(Error::config("the test", "enough", "an end")),
            false => Ok(()),
        }
    }
    fn finished(&mut self, line: &str) {
        self.heard.push(line.into());
    }
}

fn numbers(out: &Path) -> serde_json::Value {
    let text = std::fs::read(out.join(folder::NUMBERS)).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// The report has everything; one that was stopped and begun again has the same numbers.
#[test]
fn the_report_is_whole_and_a_stopped_one_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, stopped) = (folder.path().join("whole"), folder.path().join("stopped"));
    let mut listener = Listener::new(usize::MAX);
    let summary = run(&request(&whole, Vec::new()), &mut listener).unwrap();
    assert!(listener.parts.is_sorted(), "the work never goes back");
    assert_eq!(listener.parts.last(), Some(&1.0));
    everything_is_there(&whole, &summary);

    let error = run(&request(&stopped, Vec::new()), &mut Listener::new(5)).unwrap_err();
    assert!(error.to_string().contains("enough"), "{error}");
    assert!(!stopped.join("report.html").exists());
    let mut listener = Listener::new(usize::MAX);
    run(&request(&stopped, Vec::new()), &mut listener).unwrap();
    let again = listener
        .heard
        .iter()
        .filter(|line| line.contains("done before"));
    assert_eq!(again.count(), 4);
    let without_time = |out: &Path| {
        let mut all = numbers(out);
        for part in ["by_training_set", "by_cutout_size"] {
            all.as_object_mut().unwrap().remove(part);
        }
        all
    };
    assert!(
        without_time(&whole) == without_time(&stopped),
        "other numbers"
    );
}

fn everything_is_there(out: &Path, summary: &Summary) {
    let text = is_whole(out);
    for heading in [
        "The paper in one table",
        "How this differs from the paper",
        "Tables 2 and 3.",
        "Figure 3.",
        "Figure 4.",
        "Figures 5 to 8.",
        "Table 5.",
        "Figure 9.",
        "Figure 10. Diagnosis curves of JAST-gmadet",
        "Figure A.1. Diagnosis curves of JAST-STDPipe",
        "Figure A.2. Diagnosis curves of TACA-gmadet",
        "Figure A.3. Diagnosis curves of FRAM-CTA-N-gmadet",
        "Figure A.4. Diagnosis curves of TCA-gmadet",
        "Figure 11.",
        "Figure 12.",
        "Figure 13.",
        "A quick run",
        "The images are simulated",
        "not available",
        "rbgpu reproduce otrain --quick",
    ] {
        assert!(text.contains(heading), "the report does not say {heading}");
    }
    for threshold in ["0.35", "0.51", "0.52", "0.55", "0.34"] {
        assert!(text.contains(&format!("The paper's best threshold is {threshold},")));
    }
    let cubes = [
        "jast-gmadet",
        "jast-stdpipe",
        "taca-gmadet",
        "fram-cta-n-gmadet",
        "tca-gmadet",
    ];
    let panels = [
        "mcc-f1-threshold",
        "scores",
        "learning-curve",
        "roc-by-magnitude",
    ];
    for cube in cubes {
        for panel in panels {
            let file = out.join(format!("figures/{cube}-{panel}.svg"));
            assert!(file.is_file(), "no {}", file.display());
        }
        assert!(out.join(format!("galleries/cutouts-{cube}.png")).is_file());
        let model = Classifier::open_on(out.join(format!("models/{cube}.safetensors")), &cpu());
        assert_eq!(model.unwrap().input_shape(), [32, 32, 1]);
    }
    for figure in [
        "figure-4-recovered",
        "figure-11-delta-accuracy",
        "figure-11-metrics",
        "figure-12-cutout-sizes",
        "figure-12-unscaled",
        "figure-9-grad-cam",
    ] {
        assert!(
            out.join(format!("figures/{figure}.svg")).is_file(),
            "no {figure}"
        );
    }
    assert_eq!(summary.claims.len(), 14);
    let numbers = numbers(out);
    for (claim, (said, _)) in numbers["claims"]
        .as_array()
        .unwrap()
        .iter()
        .zip(&summary.claims)
    {
        assert_eq!(claim["said"], said.as_str());
        for part in ["place", "said", "ours"] {
            let words = claim[part].as_str().unwrap();
            assert!(
                !words.is_empty() && text.contains(&escaped(words)),
                "{part}: {words}"
            );
        }
    }
    assert_eq!(summary.cubes.len(), 5);
    assert!(
        summary
            .cubes
            .iter()
            .all(|(_, mcc)| (-1.0..=1.0).contains(mcc))
    );
    assert!(
        !out.join(folder::RUNS).exists(),
        "the trainings' folder is left"
    );
}

/// As text stands in the page.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Simulated cutouts without magnitudes, as a user's own might be.
fn plain(size: usize, count: usize) -> Arc<Dataset> {
    let config = SurveyConfig {
        count,
        size,
        ..SurveyConfig::default()
    };
    let mut made = survey(&config).unwrap().dataset;
    for candidate in &mut made.candidates {
        (candidate.mag, candidate.mag_err) = (f64::NAN, f64::NAN);
    }
    made.source = "mine.npz".into();
    Arc::new(made)
}

/// Two cubes of one's own, one of the paper's name and one of another, neither with magnitudes.
#[test]
fn own_cubes_take_the_place_of_simulated_ones() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("own");
    let given = vec![
        ("My telescope".to_string(), plain(24, 120)),
        ("tca".to_string(), plain(51, 120)),
    ];
    let summary = run(&request(&out, given), &mut ()).unwrap();
    let names: Vec<&str> = summary.cubes.iter().map(|c| c.0.as_str()).collect();
    assert_eq!(names, ["TCA-gmadet", "My telescope"], "the paper's first");
    let text = is_whole(&out);
    for words in [
        "As Figure 10. Diagnosis curves of My telescope",
        "The ROC by magnitude is left out",
        "51×51 cropped to 32×32",
        "My telescope from mine.npz",
        "No candidate has a magnitude.",
    ] {
        assert!(text.contains(words), "the report does not say {words}");
    }
    assert!(!text.contains("Figure 4.") && !text.contains("The images are simulated"));
    let model = Classifier::open_on(out.join("models/my-telescope.safetensors"), &cpu());
    assert_eq!(model.unwrap().input_shape(), [24, 24, 1]);
}

fn refused(given: Vec<(String, Arc<Dataset>)>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let error = run(&request(&folder.path().join("out"), given), &mut ()).unwrap_err();
    assert!(!folder.path().join("out/report.html").exists());
    error.to_string()
}

#[test]
fn cubes_that_cannot_be_used_are_refused() {
    let one = || plain(24, 40);
    let error = refused(vec![("TCA".into(), one()), ("tca-gmadet".into(), one())]);
    assert!(error.contains("no two cubes share"), "{error}");
    let error = refused(vec![("…".into(), one())]);
    assert!(error.contains("letters or digits"), "{error}");
    let triplets = SurveyConfig {
        count: 40,
        size: 24,
        ..SurveyConfig::triplets()
    };
    let triplets = Arc::new(survey(&triplets).unwrap().dataset);
    let error = refused(vec![("mine".into(), triplets)]);
    assert!(
        error.contains("24x24x3") && error.contains("one image"),
        "{error}"
    );
    let mut bare = Arc::into_inner(one()).unwrap();
    bare.labels = None;
    let error = refused(vec![("mine".into(), Arc::new(bare))]);
    assert!(error.contains("labels"), "{error}");
}

#[test]
fn a_folder_with_other_things_or_an_input_is_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cube.npz");
    std::fs::write(&file, "x").unwrap();
    let refused = |inputs: &[std::path::PathBuf]| {
        let mut claims = Claims::new(false, Some("--fresh"), inputs);
        let claimed = claims.folder(folder.path(), &FOLDER);
        claimed.unwrap_err().to_string()
    };
    let error = refused(&[]);
    assert!(error.contains("other things"), "{error}");
    let error = refused(&[file]);
    assert!(error.contains("which holds"), "{error}");
}
