//! `rbgpu simulate --into`.

use fitsio_pure::header::{Card, serialize_header};
use fitsio_pure::image::serialize_image_f32;
use fitsio_pure::value::Value;

use crate::Desk;

/// A 200 x 200 image of nothing but noise.
pub fn image() -> Vec<u8> {
    let cards = [
        ("SIMPLE", Value::Logical(true)),
        ("BITPIX", Value::Integer(-32)),
        ("NAXIS", Value::Integer(2)),
        ("NAXIS1", Value::Integer(200)),
        ("NAXIS2", Value::Integer(200)),
        ("GAIN", Value::Float(1.5)),
    ];
    let cards: Vec<Card> = cards
        .map(|(name, value)| Card::new(name, value).unwrap())
        .into();
    let mut bytes = serialize_header(&cards).unwrap();
    let pixels: Vec<f32> = (0..40_000_u32)
        .map(|i| 100.0 + (i.wrapping_mul(2_654_435_761) >> 28) as f32)
        .collect();
    bytes.extend(serialize_image_f32(&pixels));
    bytes
}

#[test]
fn sources_go_into_images_and_into_a_catalogue() {
    let desk = Desk::new();
    desk.write("night/a.fits", image());
    desk.write("night/b.fits", image());
    let command = "simulate --into night/a.fits night/b.fits --number 12 --magnitudes 15..20 --zero-point 25 --fwhm 2.5 --seed 3";
    let ran = desk.run(&format!("{command} --out one")).done();
    ran.says(&["24 sources in 2 images: one", "(2 images)", "no ra and dec"]);
    desk.run(&format!("{command} --out two")).done();
    for name in ["a.fits", "b.fits", "injected.csv", "injected.png"] {
        let [one, two] = ["one", "two"].map(|folder| desk.read(&format!("{folder}/{name}")));
        assert!(one == two, "{name} is another one with the same seed");
    }
    assert_eq!(
        desk.read("night/a.fits"),
        image(),
        "the original has changed"
    );
    assert!(desk.read("one/a.fits") != desk.read("one/b.fits"));
    let table = desk.text("one/injected.csv");
    let mags = table
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(6).unwrap().parse::<f64>().unwrap());
    assert_eq!(mags.filter(|mag| (15.0..20.0).contains(mag)).count(), 24);
    // In that folder there is something now.
    desk.refuses(&format!("{command} --out one"), 1, &["empty or new folder"]);
    desk.write("broken.fits", "SIMPLE but no FITS");
    let ran = desk.run(
        "simulate --into night/a.fits broken.fits --zero-point 25 --fwhm 3 --number 3 --out three",
    );
    assert_eq!(ran.code, 3, "{}", ran.err);
    ran.says(&["left out broken.fits", "3 sources in 1 image"]);
}

#[test]
fn what_cannot_be_put_in_is_refused() {
    let desk = Desk::new();
    desk.write("a.fits", image());
    let refuses = |more: &str, code, part: &str| {
        desk.refuses(
            &format!("simulate --into a.fits --out out {more}"),
            code,
            &[part],
        );
    };
    refuses("--fwhm 3", 1, "--zero-point");
    refuses("--zero-point 25", 1, "usable stars");
    refuses(
        "--zero-point 25 --fwhm 3 --magnitudes 20",
        2,
        "BRIGHT..FAINT",
    );
    refuses(
        "--zero-point 25 --fwhm 3 --magnitudes 20..15",
        2,
        "BRIGHT..FAINT",
    );
    refuses("--zero-point 25 --fwhm 3 --hdu SCI", 1, "named SCI");
    refuses("--zero-point 25 --fwhm 3 --count 3", 2, "--count");
    refuses("--zero-point 25 --psf none.psf", 1, "none.psf");
    refuses("--number 5 --density 3", 2, "--density");
    desk.refuses("simulate --number 5 --out out", 2, &["--into"]);
    desk.refuses("simulate --into none.fits --out out", 1, &["none.fits"]);
}
