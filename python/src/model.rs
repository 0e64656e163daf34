//! `rbgpu.Model` and `rbgpu.load`.

use std::path::PathBuf;

use engine::Classifier;
use engine::data::Channel;
use engine::formats::ModelFile;
use ndarray::ArrayView4;
use numpy::PyArray1;
use pyo3::exceptions::{PyFileNotFoundError, PyValueError};
use pyo3::prelude::*;

use super::convert::{self, Cutouts, exception};

/// Cutouts that are taken from numpy at a time: enough to keep a device busy, few
/// enough that Ctrl-C is heard.
const PIECE: usize = 8192;

/// A network with its weights, its normalisation and its threshold.
#[pyclass(frozen, module = "rbgpu")]
pub struct Model(Classifier);

impl Model {
    /// Ready to score.
    pub fn new(file: ModelFile) -> PyResult<Model> {
        Classifier::new(file).map(Model).map_err(exception)
    }
}

/// Opens a model file.
#[pyfunction]
#[pyo3(signature = (path, device = "auto"))]
pub fn load(py: Python<'_>, path: PathBuf, device: &str) -> PyResult<Model> {
    let device = convert::device(py, device)?;
    let classifier = py.detach(|| Classifier::open_on(&path, &device));
    classifier.map(Model).map_err(|error| match path.exists() {
        true => exception(error),
        // The engine's words, as the exception that Python has for it.
        false => PyFileNotFoundError::new_err(error.to_string()),
    })
}

#[pymethods]
impl Model {
    #[getter]
    fn threshold(&self) -> f64 {
        self.0.threshold()
    }

    #[getter]
    fn input_shape(&self) -> (usize, usize, usize) {
        let [h, w, c] = self.0.input_shape();
        (h, w, c)
    }

    #[getter]
    fn network(&self) -> &str {
        &self.0.file().model.architecture().name
    }

    #[getter]
    fn preprocess(&self) -> String {
        self.0.file().preprocess.to_string()
    }

    #[getter]
    fn channels(&self) -> Option<Vec<&'static str>> {
        let channels = self.0.file().channels.as_ref()?;
        Some(channels.iter().map(|channel| channel.name()).collect())
    }

    #[getter]
    fn device(&self) -> String {
        self.0.file().model.device().name()
    }

    #[getter]
    fn metrics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::from_json(py, &self.0.file().provenance.metrics)
    }

    /// P(real) for cutouts (N, H, W, C), whose images are `planes`, or in the model's order.
    #[pyo3(signature = (cutouts, planes = None))]
    fn predict<'py>(
        &self,
        cutouts: &Bound<'py, PyAny>,
        planes: Option<Vec<String>>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let py = cutouts.py();
        let names = planes.iter().flatten().map(|name| name.parse::<Channel>());
        let names: Vec<Channel> = names.collect::<Result<_, _>>().map_err(exception)?;
        let cutouts = Cutouts::new(cutouts, Some(self.0.input_shape()))?;
        let [h, w, c] = cutouts.shape;
        let mut scores = Vec::with_capacity(cutouts.count);
        for from in (0..cutouts.count).step_by(PIECE) {
            py.check_signals()?;
            let to = cutouts.count.min(from + PIECE);
            let values = cutouts.values(from, to)?;
            let view = ArrayView4::from_shape((to - from, h, w, c), &values)
                .map_err(|e| PyValueError::new_err(e.to_string()))?;
            let piece = py.detach(|| match &planes {
                Some(_) => self.0.score_planes(view, &names),
                None => self.0.score(view),
            });
            scores.extend(piece.map_err(exception)?);
        }
        Ok(PyArray1::from_vec(py, scores))
    }

    /// Writes it as a model file; one that exists is kept unless `force`.
    #[pyo3(signature = (path, *, force = false))]
    fn save(&self, py: Python<'_>, path: PathBuf, force: bool) -> PyResult<()> {
        let _claims = convert::claim(py, &path, &[], force)?;
        py.detach(|| self.0.file().write(&path)).map_err(exception)
    }

    fn __repr__(&self) -> String {
        let [h, w, c] = self.0.input_shape();
        let (network, device) = (self.network(), self.device());
        format!("<rbgpu.Model {network}, cutouts {h}x{w}x{c}, on {device}>")
    }
}
