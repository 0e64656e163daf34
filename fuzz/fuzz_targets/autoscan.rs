//! A folder of DES stamps: the first half is a stamp in GIF, the second its table.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use rbgpu_fuzz::{place, read_everything};

fuzz_target!(init: rbgpu_fuzz::quiet(), |data: &[u8]| {
    let (stamp, table) = data.split_at(data.len() / 2);
    let folder = place();
    for name in ["temp1.gif", "srch1.gif", "diff1.gif"] {
        fs::write(folder.path().join(name), stamp).expect("a disk to write to");
    }
    let name = folder.path().join("autoscan_features.csv");
    fs::write(name, table).expect("a disk to write to");
    read_everything(folder.path());
});
