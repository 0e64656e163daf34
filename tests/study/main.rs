//! Studies: which candidates, which networks, for how long; and that a study that was stopped
//! ends as one that was not.

mod draws;
mod figures;
mod halving;
mod nested;
mod resume;
mod views;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rbgpu::backend::Device;
use rbgpu::data::{Dataset, Split};
use rbgpu::nn::Architecture;
use rbgpu::simulate::{SurveyConfig, survey};
use rbgpu::study::{Folder, Record, Run, Study, Table, Watcher, settings, size};
use rbgpu::train::{Config, Residence, Settings};
use rbgpu::{Error, Result};

/// A network that trains in no time, with everything in it that is random.
const TINY: &str = r#"
name = "tiny"
[training]
batch_size = 8
epochs = 3
split = "60/20/20"
[[layers]]
kind = "conv2d"
filters = 4
kernel = 3
activation = "relu"
[[layers]]
kind = "max_pool"
window = 4
[[layers]]
kind = "flatten"
[[layers]]
kind = "dropout"
rate = 0.3
[[layers]]
kind = "dense"
units = 1
activation = "sigmoid"
"#;

/// What a study works on: 80 simulated cutouts of 16x16 pixels, 48 of them for training.
struct Desk {
    data: Arc<Dataset>,
    split: Split,
    config: Config,
    device: Device,
}

impl Desk {
    fn new() -> Desk {
        let config = SurveyConfig {
            count: 80,
            size: 16,
            seed: 5,
            ..SurveyConfig::default()
        };
        let data = survey(&config).unwrap().dataset;
        let architecture = Architecture::parse(TINY, Path::new("tiny.toml")).unwrap();
        let config = Settings {
            seed: 3,
            ..Settings::default()
        }
        .check(architecture)
        .unwrap();
        Desk {
            split: Split::make(&data, config.split, config.seed).unwrap(),
            data: Arc::new(data),
            config,
            device: Device::cpu(),
        }
    }

    fn labels(&self) -> &[u8] {
        self.data.labels.as_ref().unwrap()
    }

    fn sizes(&self) -> Vec<Run> {
        size::runs(&self.config, self.labels(), &self.split, &[12, 24, 48], 2).unwrap()
    }

    fn folder(&self, path: &Path, varied: &str) -> Result<Folder> {
        let (what, how) = ((&*self.data, &self.split), (&self.device, Residence::Auto));
        let varied = serde_json::json!(varied);
        let settings = settings("size", varied, &self.config, what, how)?;
        Folder::open(path, &settings, false)
    }

    /// Does `runs` in the folder `path`, a checkpoint after every step.
    fn conduct(&self, path: &Path, runs: &[Run], watcher: &mut dyn Watcher) -> Result<Vec<Record>> {
        let folder = self.folder(path, "")?;
        self.study(folder, runs.len(), watcher).conduct(runs, 0.0)
    }

    fn study<'a>(&self, folder: Folder, of: usize, watcher: &'a mut dyn Watcher) -> Study<'a> {
        let how = (Residence::Auto, Duration::ZERO);
        Study::new(folder, self.data.clone(), &self.device, how, of, watcher)
    }
}

/// A table without its seconds, as the bytes of a file.
fn csv(records: &[Record]) -> String {
    let mut records = records.to_vec();
    records.iter_mut().for_each(|r| r.seconds_per_epoch = None);
    let rows = records.iter().map(|record| (Vec::new(), record)).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    Table::new(&[], rows).write_csv(&path).unwrap();
    std::fs::read_to_string(path).unwrap()
}

/// What `error` says.
fn said<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("no error"),
        Err(error) => error.to_string(),
    }
}

/// Gives up after so many steps.
struct Stop {
    steps: usize,
    finished: usize,
    again: usize,
}

impl Stop {
    fn after(steps: usize) -> Stop {
        Stop {
            steps,
            finished: 0,
            again: 0,
        }
    }
}

impl Watcher for Stop {
    fn step(
        &mut self,
        standing: &rbgpu::study::Standing,
        _: &rbgpu::train::Progress,
    ) -> Result<()> {
        assert!((0.0..=1.0).contains(&standing.done), "{standing:?}");
        match self.steps.checked_sub(1) {
            Some(left) => self.steps = left,
            None => return Err(Error::config("test", "enough steps", "no more")),
        }
        Ok(())
    }

    fn finished(&mut self, _: &rbgpu::study::Standing, _: &Record, again: bool) {
        self.finished += 1;
        self.again += usize::from(again);
    }
}
