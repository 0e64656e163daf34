//! What the benches share: devices, and times shown with GFLOP/s or GB/s.
#![allow(dead_code)]

use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput};
use rbgpu::backend::Device;
use rbgpu::backend::gpu::{Choice, Gpu};

/// The cpu, and the best adapter found or the one named in RBGPU_BENCH_DEVICE.
pub fn devices() -> Vec<Device> {
    let choice = match std::env::var("RBGPU_BENCH_DEVICE") {
        Ok(name) => Choice::Named(name),
        Err(_) => Choice::Any,
    };
    let mut devices = vec![Device::cpu()];
    match Gpu::open(&choice) {
        Ok(gpu) => devices.push(Device::Gpu(gpu)),
        Err(error) => eprintln!("cpu only: {error}"),
    }
    devices
}

/// Short runs: there are many kernels.
pub fn criterion() -> Criterion<Units> {
    Criterion::default()
        .with_measurement(Units(WallTime))
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
}

/// Wall time, with "elements" shown as floating-point operations.
pub struct Units(WallTime);

impl Measurement for Units {
    type Intermediate = <WallTime as Measurement>::Intermediate;
    type Value = <WallTime as Measurement>::Value;

    fn start(&self) -> Self::Intermediate {
        self.0.start()
    }
    fn end(&self, i: Self::Intermediate) -> Self::Value {
        self.0.end(i)
    }
    fn add(&self, a: &Self::Value, b: &Self::Value) -> Self::Value {
        self.0.add(a, b)
    }
    fn zero(&self) -> Self::Value {
        self.0.zero()
    }
    fn to_f64(&self, value: &Self::Value) -> f64 {
        self.0.to_f64(value)
    }
    fn formatter(&self) -> &dyn ValueFormatter {
        &Rates
    }
}

struct Rates;

impl Rates {
    /// What to divide by nanoseconds, and the unit that this gives.
    fn scale(throughput: &Throughput) -> (f64, &'static str) {
        match throughput {
            Throughput::Bytes(n) | Throughput::BytesDecimal(n) => (*n as f64, "GB/s"),
            Throughput::Elements(n) => (*n as f64, "GFLOP/s"),
            _ => (1e9, "/s"),
        }
    }
}

impl ValueFormatter for Rates {
    fn scale_values(&self, typical: f64, values: &mut [f64]) -> &'static str {
        let (factor, unit) = match typical {
            t if t < 1e3 => (1.0, "ns"),
            t if t < 1e6 => (1e-3, "µs"),
            t if t < 1e9 => (1e-6, "ms"),
            _ => (1e-9, "s"),
        };
        values.iter_mut().for_each(|v| *v *= factor);
        unit
    }

    fn scale_throughputs(
        &self,
        _: f64,
        throughput: &Throughput,
        values: &mut [f64],
    ) -> &'static str {
        let (amount, unit) = Rates::scale(throughput);
        values
            .iter_mut()
            .for_each(|nanoseconds| *nanoseconds = amount / *nanoseconds);
        unit
    }

    fn scale_for_machines(&self, _: &mut [f64]) -> &'static str {
        "ns"
    }
}
