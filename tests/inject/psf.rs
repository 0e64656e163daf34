//! The PSF that is measured from stars, seen through what is put in.

use rbgpu::simulate::inject::{Count, InjectConfig, PsfSource, REGIONS};
use rbgpu::simulate::{Profile, Psf};

use crate::field::{SIDE, calibrated, field, file, injected, truth};

/// So bright that its shot noise is nothing, far from each other.
fn bright() -> InjectConfig {
    InjectConfig {
        count: Count::PerImage(250),
        magnitudes: 2.0..2.0,
        gain: Some(1e4),
        saturate: Some(1e15),
        separation: 40.0,
        margin: 25.0,
        ..InjectConfig::default()
    }
}

/// The diameter of the disc that is as large as the area above half of the maximum of what
/// stands around (x, y), between the pixels by bilinear interpolation.
fn fwhm(light: &[f64], x: f64, y: f64) -> f64 {
    let at = |x: f64, y: f64| {
        let (i, j) = (x.floor(), y.floor());
        let (u, v) = (x - i, y - j);
        let pixel = |i: f64, j: f64| light[j as usize * SIDE + i as usize];
        let row = |j: f64| pixel(i, j) * (1.0 - u) + pixel(i + 1.0, j) * u;
        row(j) * (1.0 - v) + row(j + 1.0) * v
    };
    let fine = 0.05;
    let steps = (-160..=160).map(|i| f64::from(i) * fine);
    let values: Vec<f64> = steps
        .clone()
        .flat_map(|dy| steps.clone().map(move |dx| (dx, dy)))
        .map(|(dx, dy)| at(x + dx, y + dy))
        .collect();
    let most = values.iter().copied().fold(0.0, f64::max);
    let above = values.iter().filter(|v| **v > most / 2.0).count();
    2.0 * (above as f64 * fine * fine / std::f64::consts::PI).sqrt()
}

#[test]
fn the_measured_psf_is_as_wide_as_the_true_one_in_every_region() {
    let stars = field(900, 1);
    let (done, light) = injected(file(&stars, calibrated()), &bright());
    let mut seen = [[false; REGIONS]; REGIONS];
    for source in &done.sources {
        let (x, y) = (source.x - 1.0, source.y - 1.0);
        // A source with the true PSF, painted the same way, is measured the same way.
        let mut expected = vec![0.0; SIDE * SIDE];
        crate::field::star(&mut expected, &truth(x, y), x, y, 1e8);
        let ratio = fwhm(&light, x, y) / fwhm(&expected, x, y);
        assert!((ratio - 1.0).abs() < 0.05, "{ratio} at {x:.0}, {y:.0}");
        let stated = source.fwhm / truth(x, y).fwhm;
        assert!((stated - 1.0).abs() < 0.05, "{stated} at {x:.0}, {y:.0}");
        let [column, row] = source.region;
        let region = |at: f64| (at * REGIONS as f64 / SIDE as f64) as usize + 1;
        assert_eq!([column, row], [region(x + 0.5), region(y + 0.5)]);
        seen[row - 1][column - 1] = true;
    }
    let regions = seen.iter().flatten().filter(|s| **s).count();
    assert_eq!(regions, REGIONS * REGIONS, "a region without a source");
}

#[test]
fn all_the_light_of_a_source_comes_within_a_millionth() {
    let stars = field(900, 1);
    let tests = [PsfSource::Stars, PsfSource::Fwhm(3.0), PsfSource::Fwhm(1.2)];
    for psf in tests {
        let config = InjectConfig {
            psf,
            gain: Some(1e6),
            magnitudes: 3.0..3.0,
            separation: 90.0,
            margin: 45.0,
            ..bright()
        };
        let (done, light) = injected(file(&stars, calibrated()), &config);
        assert!(done.sources.len() > 30);
        for source in &done.sources {
            let (x, y) = (source.x.round() as usize - 1, source.y.round() as usize - 1);
            let rows = y - 42..=y + 42;
            let sum: f64 = rows
                .flat_map(|j| (x - 42..=x + 42).map(move |i| (i, j)))
                .map(|(i, j)| light[j * SIDE + i])
                .sum();
            // 1e14.8 electrons have shot noise of 4e-8; f32 pixels round.
            assert!(
                (sum / source.flux - 1.0).abs() < 1e-6,
                "{config:?}: {sum} {}",
                source.flux
            );
        }
    }
}

#[test]
fn a_psfex_file_or_a_folder_of_them_stands_in_for_the_stars() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/psf");
    for psf in [folder.join("field.psf"), folder] {
        let config = InjectConfig {
            psf: PsfSource::PsfEx(psf),
            ..bright()
        };
        let (done, light) = injected(file(&field(0, 1), calibrated()), &config);
        for source in &done.sources {
            // As wide as a Moffat profile of the stated width at the same place.
            let (x, y) = (source.x - 1.0, source.y - 1.0);
            let stated = Psf {
                profile: Profile::Moffat { beta: 3.0 },
                fwhm: source.fwhm,
                axis_ratio: 0.9,
                angle: 0.0,
            };
            let mut expected = vec![0.0; SIDE * SIDE];
            crate::field::star(&mut expected, &stated, x, y, 1e8);
            let ratio = fwhm(&light, x, y) / fwhm(&expected, x, y);
            assert!((ratio - 1.0).abs() < 0.05, "{ratio} {}", source.fwhm);
            assert!((2.3..4.0).contains(&source.fwhm), "{}", source.fwhm);
        }
    }
}
