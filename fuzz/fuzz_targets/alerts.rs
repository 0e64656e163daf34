//! Alert packets: an Avro container, or a .tar(.gz) of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rbgpu_fuzz::{as_file, read_everything};

fuzz_target!(
    init: rbgpu_fuzz::quiet(),
    |data: &[u8]| as_file(data, ".avro", read_everything)
);
