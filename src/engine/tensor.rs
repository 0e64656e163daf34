//! A tensor: a shape, and elements on a device.

use super::shape::Shape;
use crate::backend::{Device, Real, Storage};
use crate::{Error, Result};

/// Row-major elements on one device. Cheap to clone: clones share the elements,
/// which never change once written.
#[derive(Clone, Debug)]
pub struct Tensor {
    shape: Shape,
    storage: Storage,
    device: Device,
}

impl Tensor {
    /// Copies `values` to `device`.
    pub fn new<S: Real>(device: &Device, shape: impl Into<Shape>, values: &[S]) -> Result<Tensor> {
        let shape = shape.into();
        if shape.len() != values.len() {
            let problem = format!("{} values do not fill the shape", values.len());
            return Err(Error::shape("tensor", problem, &[&shape]));
        }
        let storage = Storage::upload(device, values)?;
        Ok(Tensor {
            shape,
            storage,
            device: device.clone(),
        })
    }

    /// The same number everywhere.
    pub fn full(device: &Device, shape: impl Into<Shape>, value: f64) -> Result<Tensor> {
        let shape = shape.into();
        Tensor::new(device, shape.clone(), &vec![value as f32; shape.len()])
    }

    /// A tensor around storage that an op has filled.
    pub(crate) fn from_storage(shape: Shape, storage: Storage, device: &Device) -> Tensor {
        Tensor {
            shape,
            storage,
            device: device.clone(),
        }
    }

    /// Axis lengths.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Where it lives.
    pub fn device(&self) -> &Device {
        &self.device
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.storage
    }

    pub(crate) fn storage_mut(&mut self) -> &mut Storage {
        &mut self.storage
    }

    /// Its shape without its elements, for an op whose backward does not look at
    /// them. The reference, which is slow in any case, keeps the elements.
    pub fn without_elements(&self) -> Result<Tensor> {
        let storage = match self.device {
            Device::Reference => self.storage.clone(),
            _ => Storage::upload::<f32>(&self.device, &[])?,
        };
        Ok(Tensor {
            storage,
            ..self.clone()
        })
    }

    /// The elements, read back and widened to f64. On a gpu this waits.
    pub fn to_vec(&self) -> Result<Vec<f64>> {
        self.storage.download(&self.device)
    }

    /// The one element of a scalar, or of any tensor of one element.
    pub fn item(&self) -> Result<f64> {
        match self.to_vec()?.as_slice() {
            [value] => Ok(*value),
            _ => Err(Error::shape(
                "item",
                "needs exactly one element",
                &[&self.shape],
            )),
        }
    }

    /// The same elements under another shape of the same length; nothing is copied.
    pub fn reshape(&self, shape: impl Into<Shape>) -> Result<Tensor> {
        let shape = shape.into();
        if shape.len() != self.shape.len() {
            return Err(Error::shape(
                "reshape",
                "the lengths differ",
                &[&self.shape, &shape],
            ));
        }
        Ok(Tensor {
            shape,
            ..self.clone()
        })
    }
}
