//! A whole science image in FITS.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use rbgpu::data::exposure::{Exposure, ImageHdu};

fuzz_target!(init: rbgpu_fuzz::quiet(), |data: &[u8]| {
    let _ = Exposure::parse(data.to_vec(), Path::new("x.fits"), &ImageHdu::default());
});
