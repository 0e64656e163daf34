//! One stamp: a grey GIF of bytes, or a FITS image.

use std::num::NonZeroU64;
use std::path::Path;

use gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};

use crate::data::fits::checksums::damage;
use crate::data::fits::read_fits_bytes;
use crate::data::{Candidate, Remark, npy};
use crate::{Error, Result};

/// Bytes that decoding one may take: a stamp has thousands of pixels.
const MEMORY: NonZeroU64 = NonZeroU64::new(64 << 20).unwrap();

/// An image.
#[derive(Debug)]
pub struct Stamp {
    /// Rows and columns.
    pub size: [usize; 2],
    pixels: Pixels,
    /// What a FITS header says.
    pub candidate: Option<Candidate>,
    /// What a user should know of a FITS file.
    pub remarks: Vec<Remark>,
}

#[derive(Debug)]
enum Pixels {
    Bytes(Vec<u8>),
    Floats(Vec<f32>),
}

impl Stamp {
    /// Reads the stamp at `path`, whatever its name says.
    pub fn read(path: &Path) -> Result<Stamp> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        if bytes.starts_with(b"GIF8") {
            return Stamp::of_gif(&bytes, path);
        }
        let gif = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("gif"));
        if gif {
            let found = match &bytes[..] {
                [] => "an empty file".into(),
                bytes => npy::printable(bytes),
            };
            return Err(Error::input(
                path,
                "start of the file",
                found,
                "a GIF image",
            ));
        }
        let image = read_fits_bytes(&bytes, path, None)?;
        if image.shape.channels != 1 {
            let found = format!("{} images", image.shape.channels);
            return Err(Error::input(path, "image", found, "one"));
        }
        let mut remarks: Vec<Remark> = image.remarks.into_iter().map(Remark::Of).collect();
        remarks.extend(damage(&image.wrong_sums));
        Ok(Stamp {
            size: [image.shape.height, image.shape.width],
            pixels: Pixels::Floats(image.values),
            candidate: Some(image.candidate),
            remarks,
        })
    }

    /// The first image of a GIF, which must be grey.
    fn of_gif(bytes: &[u8], path: &Path) -> Result<Stamp> {
        let broken = |e: DecodingError| {
            let expected = "a whole GIF image; it may be truncated";
            Error::input(path, "image", format!("damaged data ({e})"), expected)
        };
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::Indexed);
        options.set_memory_limit(MemoryLimit::Bytes(MEMORY));
        let mut decoder = options.read_info(bytes).map_err(broken)?;
        let screen = [decoder.height(), decoder.width()];
        let Some(frame) = decoder.next_frame_info().map_err(broken)? else {
            return Err(Error::input(path, "image", "a GIF without one", "one"));
        };
        let own = frame.palette.clone();
        if [frame.height, frame.width] != screen || screen.contains(&0) {
            let found = format!(
                "{}x{} pixels of {}x{}",
                frame.height, frame.width, screen[0], screen[1]
            );
            return Err(Error::input(path, "image", found, "one that fills the GIF"));
        }
        let palette = own
            .or_else(|| decoder.global_palette().map(<[u8]>::to_vec))
            .unwrap_or_default();
        // What each index means; no index is beyond 255.
        let mut greys = [None; 256];
        for (grey, [r, g, b]) in greys.iter_mut().zip(palette.as_chunks::<3>().0) {
            *grey = (r == g && g == b).then_some(*r);
        }
        let size = screen.map(usize::from);
        if (size[0] * size[1]) as u64 > MEMORY.get() {
            let found = format!("{}x{} pixels", size[0], size[1]);
            return Err(Error::input(path, "image", found, "a stamp"));
        }
        let mut pixels = vec![0; size[0] * size[1]];
        decoder.read_into_buffer(&mut pixels).map_err(broken)?;
        for pixel in &mut pixels {
            *pixel = greys[usize::from(*pixel)].ok_or_else(|| {
                let found = format!("the colour of index {pixel}");
                Error::input(path, "image", found, "grey pixels only")
            })?;
        }
        Ok(Stamp {
            size,
            pixels: Pixels::Bytes(pixels),
            candidate: None,
            remarks: Vec::new(),
        })
    }

    /// Puts the pixels to image `at` of `channels` in (H, W, C) `values`.
    pub fn put(&self, values: &mut [f32], at: usize, channels: usize) {
        let places = values.iter_mut().skip(at).step_by(channels);
        match &self.pixels {
            Pixels::Bytes(bytes) => {
                for (place, &byte) in places.zip(bytes) {
                    *place = f32::from(byte);
                }
            }
            Pixels::Floats(floats) => {
                for (place, &value) in places.zip(floats) {
                    *place = value;
                }
            }
        }
    }
}
