//! The small networks of tests/fixtures/golden, on every device.

use std::path::{Path, PathBuf};

use rbgpu::backend::Device;

use super::common::gpu;
use super::compare::{five_steps, once};
use super::fixture::Golden;
use super::table::Table;

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden")
}

pub const NETWORKS: [&str; 4] = ["tiny_des1", "tiny_des2", "tiny_des4", "tiny_otrain"];

fn networks_on(device: &Device) {
    let mut table = Table::new();
    for name in NETWORKS {
        let golden = Golden::read(&folder(), name, None, |_| None);
        once(&golden, device, &mut table);
        five_steps(&golden, "lr1e-3", device, &mut table);
    }
    table.finish();
}

#[test]
fn networks_on_the_reference() {
    networks_on(&Device::Reference);
}

#[test]
fn networks_on_the_cpu_in_f64() {
    networks_on(&Device::cpu_f64());
}

#[test]
fn networks_on_the_cpu() {
    networks_on(&Device::cpu());
}

#[test]
fn networks_on_the_gpu() {
    if let Some(gpu) = gpu() {
        networks_on(&Device::Gpu(gpu));
    }
}
