//! A network described in TOML, laid out.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use rbgpu::nn::{Architecture, Plan};

fuzz_target!(
    init: rbgpu_fuzz::quiet(),
    |data: &[u8]| {
        let Ok(text) = std::str::from_utf8(data) else {
            return;
        };
        if let Ok(network) = Architecture::parse(text, Path::new("network.toml")) {
            let _ = Plan::new(&network, [51, 51, 3]);
            let _ = Plan::new(&network, [1, 2, 1]);
        }
    }
);
