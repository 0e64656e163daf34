//! A model file: safetensors with rbgpu's metadata.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rbgpu::backend::Device;
use rbgpu::formats::ModelFile;
use rbgpu_fuzz::as_file;

fuzz_target!(
    init: rbgpu_fuzz::quiet(),
    |data: &[u8]| as_file(data, ".safetensors", |path| {
        let _ = ModelFile::read(path, &Device::cpu());
    })
);
