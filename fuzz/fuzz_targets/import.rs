//! Networks of others: Keras' HDF5 and .keras, PyTorch's .pth and safetensors.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rbgpu::formats::{ImportOptions, import};
use rbgpu_fuzz::as_file;

fuzz_target!(
    init: rbgpu_fuzz::quiet(),
    |data: &[u8]| as_file(data, "", |path| {
        let _ = import(path, None, &ImportOptions::default());
        let described = ImportOptions {
            network: Some("otrain".into()),
            input: Some([12, 12, 1]),
            ..ImportOptions::default()
        };
        let _ = import(path, None, &described);
    })
);
