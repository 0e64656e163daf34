//! A .npy of cutouts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rbgpu_fuzz::{as_file, read_everything};

fuzz_target!(
    init: rbgpu_fuzz::quiet(),
    |data: &[u8]| as_file(data, ".npy", read_everything)
);
