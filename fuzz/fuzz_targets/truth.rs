//! A catalogue of true positions.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use rbgpu::data::truth::Truth;

fuzz_target!(
    init: rbgpu_fuzz::quiet(),
    |data: &[u8]| {
        if let Ok(text) = std::str::from_utf8(data) {
            let _ = Truth::parse(text, Path::new("truth.csv"));
        }
    }
);
