//! A FITS cutout, plain, gzipped or compressed by tiles.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use rbgpu::data::Channel;
use rbgpu::data::fits::read_fits_bytes;

fuzz_target!(
    init: rbgpu_fuzz::quiet(),
    |data: &[u8]| {
        let path = Path::new("x.fits");
        if let Ok(cutout) = read_fits_bytes(data, path, None) {
            assert_eq!(cutout.values.len(), cutout.shape.len());
        }
        let _ = read_fits_bytes(data, path, Some(&Channel::ALL));
    }
);
