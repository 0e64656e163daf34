//! `rbgpu.train`.

use std::path::PathBuf;
use std::sync::Arc;

use engine::data::{self, Augment, Candidate, CutoutShape, Dataset, InMemory, ReadOptions, Split};
use engine::judge::EpochRecord;
use engine::nn::{Architecture, Plan};
use engine::train::finished::{Finished, HeldOut};
use engine::train::{ClassWeight, Observer, Progress, Session, Settings};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use super::convert::{self, Cutouts, exception};
use super::model::Model;

/// Tells Python of every epoch, and lets Ctrl-C through.
struct Watcher<'a> {
    progress: Option<&'a Py<PyAny>>,
    raised: Option<PyErr>,
    notices: Vec<String>,
}

impl Observer for Watcher<'_> {
    fn step(&mut self, _: &Progress) -> engine::Result<()> {
        Ok(())
    }

    fn epoch(&mut self, record: &EpochRecord, best: bool) {
        let Some(progress) = self.progress else {
            return;
        };
        let told = Python::attach(|py| -> PyResult<()> {
            let entry = PyDict::new(py);
            entry.set_item("epoch", record.epoch)?;
            entry.set_item("learning_rate", record.learning_rate)?;
            entry.set_item("loss", record.loss)?;
            entry.set_item("accuracy", record.accuracy)?;
            entry.set_item("val_loss", record.val_loss)?;
            entry.set_item("val_accuracy", record.val_accuracy)?;
            entry.set_item("best", best)?;
            progress.call1(py, (entry,)).map(|_| ())
        });
        // The run ends where it asks next.
        self.raised = told.err();
    }

    fn notice(&mut self, text: &str) {
        self.notices.push(text.into());
    }

    fn interrupted(&mut self) -> bool {
        if self.raised.is_none() {
            self.raised = Python::attach(|py| py.check_signals()).err();
        }
        self.raised.is_some()
    }
}

/// Trains a network; see `rbgpu.pyi`.
#[pyfunction]
#[pyo3(signature = (
    cutouts, labels = None, *, network = "otrain", out = None, epochs = None, batch_size = None,
    learning_rate = None, halve_every = None, patience = None, dropout = None, split = None,
    normalise = None, augment = None, class_weight = None, balance = false, seed = 1,
    device = "auto", progress = None, group = "auto", force = false
))]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub fn train(
    py: Python<'_>,
    cutouts: &Bound<'_, PyAny>,
    labels: Option<&Bound<'_, PyAny>>,
    network: &str,
    out: Option<PathBuf>,
    epochs: Option<usize>,
    batch_size: Option<usize>,
    learning_rate: Option<f64>,
    halve_every: Option<usize>,
    patience: Option<usize>,
    dropout: Option<f64>,
    split: Option<&str>,
    normalise: Option<&str>,
    augment: Option<&str>,
    class_weight: Option<&Bound<'_, PyAny>>,
    balance: bool,
    seed: u64,
    device: &str,
    progress: Option<Py<PyAny>>,
    group: &str,
    force: bool,
) -> PyResult<Model> {
    let settings = Settings {
        epochs,
        batch_size,
        learning_rate,
        halve_every,
        patience,
        dropout,
        split: split.map(str::parse).transpose().map_err(exception)?,
        group: group.parse().map_err(exception)?,
        normalisation: normalise.map(str::parse).transpose().map_err(exception)?,
        augment: augment.map_or(Ok(Augment::None), str::parse).map_err(exception)?,
        small_set: augment.is_none() && !Architecture::is_file(network),
        class_weight: weight(class_weight)?,
        balance,
        seed,
        ..Settings::default()
    };
    let architecture = Architecture::named(network).map_err(exception)?;
    let config = settings.check(architecture).map_err(exception)?;
    // Held until the model is written.
    let _claims = match &out {
        Some(out) => {
            let inputs = paths(cutouts)?.unwrap_or_default();
            Some(convert::claim(py, out, &inputs, force)?)
        }
        None => None,
    };
    let set = match paths(cutouts)? {
        Some(paths) if labels.is_none() => read(py, &paths)?,
        Some(_) => {
            let text = "labels come with the files; give none, or give arrays";
            return Err(PyTypeError::new_err(text));
        }
        None => in_memory(cutouts, labels)?,
    };
    py.check_signals()?;
    let device = convert::device(py, device)?;
    let mut watcher = Watcher {
        progress: progress.as_ref(),
        raised: None,
        notices: Vec::new(),
    };
    let file = py.detach(|| {
        let shape = [set.shape.height, set.shape.width, set.shape.channels];
        Plan::new(&config.architecture, shape)?;
        let made = Split::grouped(&set, config.split, config.seed, config.group)?;
        made.notices.iter().for_each(|text| watcher.notice(text));
        let session = Session::new(config, &device, Arc::new(set), made.split);
        watcher.notices.extend(session.warnings());
        let outcome = session.run(false, &mut watcher)?;
        let held_out = HeldOut::of(&session, &outcome, &mut watcher)?;
        let finished = Finished::of(&session, &outcome, &held_out)?;
        watcher.notices.extend(finished.warnings);
        if let Some(out) = &out {
            finished.file.write(out)?;
        }
        Ok(finished.file)
    });
    for notice in &watcher.notices {
        convert::warn(py, notice)?;
    }
    match (file, watcher.raised) {
        (_, Some(raised)) => Err(raised),
        (Err(error), None) => Err(exception(error)),
        (Ok(file), None) => Model::new(file),
    }
}

/// "none", "balanced" or a number.
fn weight(given: Option<&Bound<'_, PyAny>>) -> PyResult<ClassWeight> {
    let Some(given) = given else {
        return Ok(ClassWeight::None);
    };
    let text = match given.is_instance_of::<PyString>() {
        true => given.extract::<String>()?,
        false => given.extract::<f64>()?.to_string(),
    };
    text.parse().map_err(exception)
}

/// The paths that `given` is, if it is one or a list of them.
fn paths(given: &Bound<'_, PyAny>) -> PyResult<Option<Vec<PathBuf>>> {
    let is_path = |one: &Bound<'_, PyAny>| -> PyResult<bool> {
        Ok(one.is_instance_of::<PyString>()
            || one.is_instance_of::<PyBytes>()
            || one.hasattr("__fspath__")?)
    };
    if is_path(given)? {
        return Ok(Some(vec![given.extract()?]));
    }
    let is_list = given.is_instance_of::<pyo3::types::PyList>()
        || given.is_instance_of::<pyo3::types::PyTuple>();
    match is_list && given.len()? > 0 && is_path(&given.get_item(0)?)? {
        true => given.extract().map(Some),
        false => Ok(None),
    }
}

fn read(py: Python<'_>, paths: &[PathBuf]) -> PyResult<Dataset> {
    let options = ReadOptions {
        labels_required: true,
        ..ReadOptions::default()
    };
    let set = py
        .detach(|| data::open(paths, &options))
        .map_err(exception)?;
    for notice in &set.notices {
        convert::warn(py, notice)?;
    }
    if !set.skipped.is_empty() {
        let (count, first) = (set.skipped.len(), &set.skipped[0]);
        let text = format!("left out {count}; the first: {}: {}", first.what, first.why);
        convert::warn(py, &text)?;
    }
    Ok(set)
}

fn in_memory(cutouts: &Bound<'_, PyAny>, labels: Option<&Bound<'_, PyAny>>) -> PyResult<Dataset> {
    let cutouts = Cutouts::new(cutouts, None)?;
    let labels = labels.ok_or_else(|| PyTypeError::new_err("arrays need labels"))?;
    let labels = convert::labels(labels, cutouts.count)?;
    let [height, width, channels] = cutouts.shape;
    let shape = CutoutShape {
        height,
        width,
        channels,
    };
    if shape.is_empty() || cutouts.count == 0 {
        return Err(PyValueError::new_err("no cutouts"));
    }
    let values = cutouts.values(0, cutouts.count)?;
    let stride = shape.len();
    let blank = |row: &[f32]| !row.iter().any(|v| v.is_finite());
    if let Some(row) = values.chunks_exact(stride).position(blank) {
        return Err(PyValueError::new_err(format!(
            "cutout {row} has no finite pixel"
        )));
    }
    let candidate = |row: usize| Candidate {
        id: row.to_string(),
        id_is_place: true,
        ..Candidate::default()
    };
    Ok(Dataset {
        source: "arrays".into(),
        shape,
        channels: None,
        pixels: Box::new(InMemory { values, stride }),
        labels: Some(labels),
        candidates: (0..cutouts.count).map(candidate).collect(),
        parts: None,
        relabelled: None,
        skipped: Vec::new(),
        notices: Vec::new(),
    })
}
