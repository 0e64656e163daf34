//! Sources put into science images: the PSF is that of the stars, the light is that of the
//! catalogue, and the rest of the file is as it was.

mod bad;
mod field;
mod files;
mod light;
mod psf;
mod wcs;
