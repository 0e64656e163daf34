//! rbgpu for Python. See `rbgpu.pyi` for what each function takes.

mod convert;
mod model;
mod train;

use pyo3::prelude::*;

#[pymodule]
fn rbgpu(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<model::Model>()?;
    module.add_function(wrap_pyfunction!(model::load, module)?)?;
    module.add_function(wrap_pyfunction!(train::train, module)?)
}
