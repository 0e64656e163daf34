//! Errors, arrays and devices on their way between Python and Rust.

use std::path::{Path, PathBuf};

use engine::Error;
use engine::backend::{Device, GpuPrecision};
use engine::data::axes::{Axes, TRANSPOSE, axes};
use engine::data::claims::{Claims, Rule, Taken};
use numpy::{PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::exceptions::{
    PyBlockingIOError, PyFileExistsError, PyOSError, PyRuntimeError, PyValueError, PyWarning,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The exception that a Python user expects for `error`.
pub fn exception(error: Error) -> PyErr {
    let text = error.to_string();
    match error {
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            pyo3::exceptions::PyFileNotFoundError::new_err(text)
        }
        Error::Io { .. } => PyOSError::new_err(text),
        Error::Config { .. } | Error::Input { .. } | Error::Shape { .. } => {
            PyValueError::new_err(text)
        }
        _ => PyRuntimeError::new_err(text),
    }
}

/// Claims the model file `path`, which one that exists keeps unless `force`; nobody else writes it
/// while the value lives.
pub fn claim(py: Python<'_>, path: &Path, inputs: &[PathBuf], force: bool) -> PyResult<Claims> {
    let mut claims = Claims::new(force, Some("force=True"), inputs);
    let taken = claims.try_files(&[path], Rule::Keep).map_err(exception)?;
    for notice in claims.notices() {
        warn(py, &notice)?;
    }
    let Some(taken) = taken else {
        return Ok(claims);
    };
    let there = matches!(taken, Taken::There(_));
    match (claims.refuse(taken), there) {
        (Ok(()), _) => Ok(claims),
        (Err(error), true) => Err(PyFileExistsError::new_err(error.to_string())),
        (Err(error), false) => Err(PyBlockingIOError::new_err(error.to_string())),
    }
}

/// Says something as a Python warning.
pub fn warn(py: Python<'_>, text: &str) -> PyResult<()> {
    let warnings = py.import("warnings")?;
    let category = py.get_type::<PyWarning>();
    warnings.call_method1("warn", (text, category)).map(|_| ())
}

/// Opens `name`. That "auto" found no gpu is what most machines are like, and no warning.
pub fn device(py: Python<'_>, name: &str) -> PyResult<Device> {
    let (device, notice) = py
        .detach(|| Device::open(name, GpuPrecision::F32))
        .map_err(exception)?;
    if let Some(notice) = notice.filter(|_| name != "auto") {
        warn(py, &notice)?;
    }
    Ok(device)
}

/// `array` (N, H, W, C) or (N, H, W) as numpy has it, whatever it is made of.
pub struct Cutouts<'py> {
    array: Bound<'py, PyAny>,
    /// N.
    pub count: usize,
    /// (H, W, C).
    pub shape: [usize; 3],
}

impl<'py> Cutouts<'py> {
    /// Takes anything that numpy makes an array of. `model` is the (H, W, C) that a model takes,
    /// where there is one; a single cutout is then taken as one of many.
    pub fn new(array: &Bound<'py, PyAny>, model: Option<[usize; 3]>) -> PyResult<Cutouts<'py>> {
        let numpy = array.py().import("numpy")?;
        let array = numpy.call_method1("asanyarray", (array,))?;
        let shape: Vec<usize> = array.getattr("shape")?.extract()?;
        let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
        if !matches!(kind.as_str(), "b" | "i" | "u" | "f") {
            let dtype = array.getattr("dtype")?;
            let text = format!("cutouts of type {dtype}, expected numbers");
            return Err(PyValueError::new_err(text));
        }
        let is_single = match model {
            Some(model) => is_single(&shape, model)?,
            None => false,
        };
        let (array, shape) = match (is_single, &shape[..]) {
            (true, &[h, w, ..]) => {
                let whole = vec![1, h, w, shape.get(2).copied().unwrap_or(1)];
                (array.call_method1("reshape", (whole.clone(),))?, whole)
            }
            _ => (array, shape),
        };
        let images = model.map(|[_, _, c]| c);
        let (count, shape) = match shape[..] {
            [n, h, w, c] => {
                match axes([h, w, c], images) {
                    Axes::ChannelsLast => {}
                    Axes::Unclear(text) => warn(array.py(), &text)?,
                    Axes::ChannelsFirst(found) => {
                        let text = format!("cutouts of {found}, expected {TRANSPOSE}");
                        return Err(PyValueError::new_err(text));
                    }
                }
                (n, [h, w, c])
            }
            [n, h, w] => (n, [h, w, 1]),
            _ => {
                let text =
                    format!("cutouts of shape {shape:?}, expected (N, H, W, C) or (N, H, W)");
                return Err(PyValueError::new_err(text));
            }
        };
        Ok(Cutouts {
            array,
            count,
            shape,
        })
    }

    /// Cutouts `from` up to `to` as f32, row-major; of a memmap only these are read.
    pub fn values(&self, from: usize, to: usize) -> PyResult<Vec<f32>> {
        let py = self.array.py();
        let numpy = py.import("numpy")?;
        let slice = pyo3::types::PySlice::new(py, from as isize, to as isize, 1);
        let part = self.array.get_item(slice)?;
        let options = PyDict::new(py);
        options.set_item("dtype", "float32")?;
        let part = numpy.call_method("ascontiguousarray", (part,), Some(&options))?;
        let part: PyReadonlyArrayDyn<'_, f32> = part.extract()?;
        debug_assert!(part.is_c_contiguous());
        Ok(part.as_slice()?.to_vec())
    }
}

/// Whether an array of `shape` is a single cutout for a model that takes `model` (H, W, C). An
/// error where it may as well be several, and where it can be neither.
fn is_single(shape: &[usize], model: [usize; 3]) -> PyResult<bool> {
    let [h, w, c] = model;
    let refused = |problem: &str| {
        let text = format!(
            "cutouts of shape {shape:?}, {problem}: the model takes {h}x{w}x{c}, expected \
             (N, {h}, {w}, {c}), or ({h}, {w}, {c}) for one cutout"
        );
        Err(PyValueError::new_err(text))
    };
    match *shape {
        [_, _] if c == 1 => Ok(true),
        [_, _, last] if c > 1 => match last == c {
            true => Ok(true),
            false => refused("which are no cutouts of that many images"),
        },
        [first, second, 1] => match [first, second] == [h, w] && [second, 1] == [h, w] {
            true => refused("which may be one cutout or several"),
            // A column of N cutouts of one pixel in width would be (N, H, W).
            false => Ok([second, 1] != [h, w]),
        },
        _ => Ok(false),
    }
}

/// 0 or 1 for each of `count` cutouts.
pub fn labels(array: &Bound<'_, PyAny>, count: usize) -> PyResult<Vec<u8>> {
    let numpy = array.py().import("numpy")?;
    let options = PyDict::new(array.py());
    options.set_item("dtype", "float64")?;
    let array = numpy.call_method("ascontiguousarray", (array,), Some(&options))?;
    let array: PyReadonlyArrayDyn<'_, f64> = array.extract()?;
    let shape = array.shape().to_vec();
    if shape != [count] && shape != [count, 1] {
        let text = format!("labels of shape {shape:?}, expected ({count},), one per cutout");
        return Err(PyValueError::new_err(text));
    }
    let one = |(row, value): (usize, &f64)| match *value {
        1.0 => Ok(1),
        0.0 => Ok(0),
        other => {
            let text = format!("label {other} in row {row}, expected 1 (real) or 0 (bogus)");
            Err(PyValueError::new_err(text))
        }
    };
    array.as_slice()?.iter().enumerate().map(one).collect()
}

/// JSON as Python's own values.
pub fn from_json<'py>(py: Python<'py>, value: &serde_json::Value) -> PyResult<Bound<'py, PyAny>> {
    let json = py.import("json")?;
    json.call_method1("loads", (value.to_string(),))
}
