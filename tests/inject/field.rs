//! A field of stars with a PSF that changes from place to place, and FITS files of it.

use fitsio_pure::header::{Card, serialize_header};
use fitsio_pure::image::{ImageData, serialize_image};
use fitsio_pure::value::Value;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Poisson, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rbgpu::data::exposure::{Exposure, ImageHdu};
use rbgpu::simulate::inject::{InjectConfig, Injected, inject};
use rbgpu::simulate::{Profile, Psf};

pub const SIDE: usize = 900;
pub const SKY: f64 = 300.0;
pub const GAIN: f64 = 2.0;
pub const ZERO_POINT: f64 = 25.0;

/// The true PSF at (x, y), counted from 0.
pub fn truth(x: f64, y: f64) -> Psf {
    let (u, v) = (x / SIDE as f64, y / SIDE as f64);
    Psf {
        profile: Profile::Moffat { beta: 3.5 },
        fwhm: 2.6 + 0.9 * u + 0.4 * v * v,
        axis_ratio: 1.0 - 0.15 * v,
        angle: 0.7,
    }
}

/// Adds a star of `flux` ADU at (x, y).
pub fn star(values: &mut [f64], psf: &Psf, x: f64, y: f64, flux: f64) {
    let reach = 30.0;
    let last = (SIDE - 1) as f64;
    let span = |at: f64| (at - reach).max(0.0) as usize..=(at + reach).min(last) as usize;
    for row in span(y) {
        for column in span(x) {
            values[row * SIDE + column] += flux * psf.value(column as f64 - x, row as f64 - y);
        }
    }
}

/// 900 x 900 pixels in ADU: sky with a gradient, `stars` stars of 300 to 200,000 ADU, galaxies,
/// cosmic rays, photon and read noise.
pub fn field(stars: usize, seed: u64) -> Vec<f64> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut values: Vec<f64> = (0..SIDE * SIDE)
        .map(|i| SKY + 20.0 * (i % SIDE) as f64 / SIDE as f64)
        .collect();
    let place = |random: &mut Xoshiro256PlusPlus| {
        let mut one = || random.random::<f64>() * SIDE as f64;
        (one(), one())
    };
    for _ in 0..stars {
        let (x, y) = place(&mut random);
        let flux = 10.0_f64.powf(2.5 + 2.8 * random.random::<f64>());
        star(&mut values, &truth(x, y), x, y, flux);
    }
    for _ in 0..stars / 10 {
        let (x, y) = place(&mut random);
        let galaxy = Psf {
            fwhm: 5.0 + 5.0 * random.random::<f64>(),
            axis_ratio: 0.5,
            ..truth(x, y)
        };
        star(&mut values, &galaxy, x, y, 20_000.0);
    }
    for value in &mut values {
        let arrived: f64 = Poisson::new(*value * GAIN).unwrap().sample(&mut random);
        let read: f64 = StandardNormal.sample(&mut random);
        *value = (arrived + 6.0 * read) / GAIN;
    }
    for _ in 0..stars / 10 {
        let (x, y) = place(&mut random);
        values[y as usize * SIDE + x as usize] += 3000.0;
    }
    values
}

/// A card.
pub fn card(name: &str, value: Value) -> Card {
    Card::new(name, value).unwrap()
}

/// The cards of a field that is calibrated.
pub fn calibrated() -> Vec<Card> {
    let number = |name, value| card(name, Value::Float(value));
    vec![number("MAGZERO", ZERO_POINT), number("GAIN", GAIN)]
}

/// A primary HDU.
pub fn primary(bitpix: i64, axes: &[usize], data: &ImageData, more: Vec<Card>) -> Vec<u8> {
    let mut cards = vec![
        card("SIMPLE", Value::Logical(true)),
        card("BITPIX", Value::Integer(bitpix)),
        card("NAXIS", Value::Integer(axes.len() as i64)),
    ];
    for (i, axis) in axes.iter().enumerate() {
        let length = Value::Integer(*axis as i64);
        cards.push(card(&format!("NAXIS{}", i + 1), length));
    }
    cards.extend(more);
    let mut bytes = serialize_header(&cards).unwrap();
    bytes.extend(serialize_image(data));
    bytes
}

/// A whole file of f32 pixels.
pub fn file(values: &[f64], more: Vec<Card>) -> Vec<u8> {
    let pixels = values.iter().map(|v| *v as f32).collect();
    primary(-32, &[SIDE, SIDE], &ImageData::F32(pixels), more)
}

pub fn parse(bytes: Vec<u8>) -> rbgpu::Result<Exposure> {
    Exposure::parse(bytes, "field.fits".as_ref(), &ImageHdu::First)
}

/// Sources put in, and the light that came, (height, width).
pub fn injected(bytes: Vec<u8>, config: &InjectConfig) -> (Injected, Vec<f64>) {
    let before = parse(bytes).unwrap();
    let done = inject(&before, config).unwrap();
    let after = parse(done.bytes.clone()).unwrap();
    let pairs = after.values.iter().zip(&before.values);
    let light = pairs.map(|(a, b)| f64::from(*a) - f64::from(*b)).collect();
    (done, light)
}
