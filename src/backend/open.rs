//! A device by its name, as a user gives it.

use std::sync::Arc;

use super::gpu::{Choice, Gpu, GpuPrecision};
use super::{Cpu, Device, Isa, Precision};
use crate::{Error, Result};

impl Device {
    /// Opens `name`: "cpu", "gpu" (any, software adapters too), "auto" (a real gpu
    /// if there is one, else the cpu), or a part of an adapter's name. With it comes
    /// what a user should know, where it is not what might be expected.
    pub fn open(name: &str, precision: GpuPrecision) -> Result<(Device, Option<String>)> {
        let cpu = || -> Result<Device> {
            let isa = Isa::from_environment()?;
            Ok(Device::Cpu(Arc::new(Cpu::with_isa(Precision::F32, isa))))
        };
        let choice = match name {
            "cpu" => return Ok((cpu()?, None)),
            "auto" => {
                let why = match Gpu::open_as(&Choice::Real, precision) {
                    Ok(gpu) => return Ok((Device::Gpu(gpu), None)),
                    Err(Error::NoDevice { .. }) => "no gpu found".to_string(),
                    Err(error) => error.to_string(),
                };
                return Ok((cpu()?, Some(format!("{why}: using the cpu"))));
            }
            "gpu" => Choice::Any,
            name => Choice::Named(name.into()),
        };
        let gpu = Gpu::open_as(&choice, precision).map_err(|error| match error {
            Error::NoDevice { wanted, problem } => Error::NoDevice {
                wanted,
                problem: format!("{problem}; --device cpu works everywhere"),
            },
            other => other,
        })?;
        let notice = gpu.description().is_software().then(|| {
            format!(
                "{} is the processor acting as a gpu: right numbers, slowly; --device cpu is faster",
                gpu.name()
            )
        });
        Ok((Device::Gpu(gpu), notice))
    }
}
