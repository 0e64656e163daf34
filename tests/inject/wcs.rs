//! From pixels to the sky, beside astropy (tests/fixtures/make_psf.py).

use std::collections::BTreeMap;

use fitsio_pure::image::ImageData;
use fitsio_pure::value::Value;

use crate::field::{card, parse, primary};

#[derive(serde::Deserialize)]
struct Expected {
    name: String,
    header: BTreeMap<String, serde_json::Value>,
    /// x, y, ra, dec.
    points: Vec<[f64; 4]>,
}

fn headers() -> Vec<Expected> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/psf/wcs.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn image(header: &BTreeMap<String, serde_json::Value>) -> Vec<u8> {
    let cards = header.iter().map(|(name, value)| match value {
        serde_json::Value::String(text) => card(name, Value::String(text.clone())),
        number => card(name, Value::Float(number.as_f64().unwrap())),
    });
    primary(
        -32,
        &[64, 80],
        &ImageData::F32(vec![1.0; 64 * 80]),
        cards.collect(),
    )
}

/// In arc seconds.
fn apart(a: (f64, f64), b: (f64, f64)) -> f64 {
    let vector = |(ra, dec): (f64, f64)| {
        let ((sin_ra, cos_ra), (sin, cos)) =
            (ra.to_radians().sin_cos(), dec.to_radians().sin_cos());
        [cos * cos_ra, cos * sin_ra, sin]
    };
    let square: f64 = vector(a)
        .iter()
        .zip(vector(b))
        .map(|(a, b)| (a - b).powi(2))
        .sum();
    square.sqrt().to_degrees() * 3600.0
}

#[test]
fn positions_are_astropy_s_to_a_millionth_of_an_arc_second() {
    let all = headers();
    assert_eq!(all.len(), 11);
    for one in all {
        let image = parse(image(&one.header)).unwrap();
        let wcs = image
            .wcs
            .as_ref()
            .unwrap_or_else(|| panic!("{}: {:?}", one.name, image.notices));
        for [x, y, ra, dec] in one.points {
            let found = wcs.sky(x, y).unwrap();
            let away = apart(found, (ra, dec));
            // ZPN is inverted step by step, and the crate wcs stops there.
            let allowed = if one.name == "ZPN" { 1e-3 } else { 1e-6 };
            assert!(
                away < allowed,
                "{} at {x}, {y}: {found:?}, not {ra} {dec}: {away}\"",
                one.name
            );
            assert!((0.0..360.0).contains(&found.0));
        }
    }
}

#[test]
fn a_header_that_is_not_understood_costs_the_sky_and_not_the_image() {
    let base = headers().remove(0).header;
    let without = |gone: &[&str]| {
        let mut header = base.clone();
        header.retain(|name, _| !gone.contains(&name.as_str()));
        header
    };
    let with = |name: &str, value: serde_json::Value| {
        let mut header = base.clone();
        header.insert(name.into(), value);
        header
    };
    let strange = [
        (BTreeMap::new(), "no world coordinates"),
        (without(&["CRPIX1"]), "no CRPIX1"),
        (
            without(&["CD1_1", "CD1_2", "CD2_1", "CD2_2"]),
            "no CD matrix",
        ),
        (with("CTYPE1", "RA---XYZ".into()), "not understood"),
        (with("CTYPE1", "RA".into()), "not understood"),
        (with("CTYPE1", "GLON-TAN".into()), "not understood"),
        (with("CTYPE1", "WAVELENGTH".into()), "not understood"),
        (with("CD1_1", 0.0.into()), "no CD matrix"),
    ];
    for (mut header, why) in strange {
        if why == "no CD matrix" && header.contains_key("CD1_1") {
            header.insert("CD1_2".into(), 0.0.into());
        }
        let image = parse(image(&header)).unwrap();
        assert!(image.wcs.is_none(), "{header:?}");
        assert!(
            image.notices.iter().any(|n| n.contains(why)),
            "{why}: {:?}",
            image.notices
        );
    }
}
