//! What arrives of a source is what the catalogue says.

use rbgpu::simulate::inject::{Count, InjectConfig, PsfSource};

use crate::field::{GAIN, SIDE, ZERO_POINT, calibrated, field, file, injected, parse};

fn config() -> InjectConfig {
    InjectConfig {
        count: Count::PerImage(150),
        magnitudes: 13.0..20.0,
        separation: 50.0,
        margin: 25.0,
        ..InjectConfig::default()
    }
}

/// Pixels around a source.
fn around(x: f64, y: f64, reach: usize) -> impl Iterator<Item = (usize, usize)> {
    let (x, y) = (x.round() as usize - 1, y.round() as usize - 1);
    (y - reach..=y + reach).flat_map(move |j| (x - reach..=x + reach).map(move |i| (i, j)))
}

#[test]
fn light_and_place_are_the_catalogue_s() {
    let (done, light) = injected(file(&field(900, 2), calibrated()), &config());
    assert_eq!(done.sources.len(), 150);
    let mut pulls = Vec::new();
    for source in &done.sources {
        let mag = ZERO_POINT - 2.5 * source.flux.log10();
        assert!((mag - source.mag).abs() < 1e-9 && (13.0..20.0).contains(&mag));
        let [mut sum, mut x, mut y] = [0.0; 3];
        for (i, j) in around(source.x, source.y, 24) {
            let value = light[j * SIDE + i];
            sum += value;
            // Far out shot noise has a long lever.
            let near = (i as f64 + 1.0 - source.x).hypot(j as f64 + 1.0 - source.y) < 8.0;
            x += if near {
                value * (i as f64 + 1.0 - source.x)
            } else {
                0.0
            };
            y += if near {
                value * (j as f64 + 1.0 - source.y)
            } else {
                0.0
            };
        }
        // Its own photons, in ADU.
        let noise = (source.flux / GAIN).sqrt();
        pulls.push((sum - source.flux) / noise);
        if source.flux > 5000.0 {
            let (x, y) = (x / sum, y / sum);
            let allowed = 0.05 + 5.0 * source.fwhm / (source.flux * GAIN).sqrt();
            assert!(x.hypot(y) < allowed, "{x} {y} of magnitude {mag}");
        }
        if source.flux > 50_000.0 {
            assert!((x / sum).hypot(y / sum) < 0.05, "{} {}", x / sum, y / sum);
        }
    }
    let n = pulls.len() as f64;
    let mean = pulls.iter().sum::<f64>() / n;
    let spread = (pulls.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / n).sqrt();
    // Four standard errors of a mean, and of a standard deviation.
    assert!(mean.abs() < 4.0 / n.sqrt(), "mean {mean}");
    assert!(
        (spread - 1.0).abs() < 4.0 / (2.0 * n).sqrt(),
        "spread {spread}"
    );
}

#[test]
fn the_same_seed_puts_the_same_bits_for_any_number_of_threads() {
    let bytes = file(&field(300, 3), calibrated());
    let with = |threads, seed| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let config = InjectConfig { seed, ..config() };
        pool.install(|| injected(bytes.clone(), &config).0)
    };
    let (one, two, other) = (with(1, 1), with(2, 1), with(2, 2));
    assert!(one.bytes == two.bytes && one.sources == two.sources);
    assert!(one.bytes != other.bytes && one.sources != other.sources);
}

#[test]
fn fewer_sources_are_the_first_of_more() {
    let bytes = file(&field(300, 3), calibrated());
    let with = |n| {
        injected(
            bytes.clone(),
            &InjectConfig {
                count: Count::PerImage(n),
                ..config()
            },
        )
        .0
        .sources
    };
    assert_eq!(with(10)[..], with(40)[..10]);
}

#[test]
fn sources_keep_their_distance_and_stay_off_pixels_without_a_value() {
    let mut values = field(300, 4);
    let hole = |x: usize, y: usize| (200..500).contains(&x) && (300..800).contains(&y);
    for (i, value) in values.iter_mut().enumerate() {
        if hole(i % SIDE, i / SIDE) {
            *value = f64::NAN;
        }
    }
    let config = InjectConfig {
        count: Count::PerMegapixel(100.0),
        ..config()
    };
    let bytes = file(&values, calibrated());
    let (done, light) = injected(bytes, &config);
    assert_eq!(done.sources.len(), 81, "of 0.81 square megapixels");
    for (i, one) in done.sources.iter().enumerate() {
        assert!(
            !hole(one.x.round() as usize - 1, one.y.round() as usize - 1),
            "{one:?}"
        );
        for at in [one.x, one.y] {
            assert!((26.0..=(SIDE - 25) as f64).contains(&at), "{one:?}");
        }
        for other in &done.sources[..i] {
            assert!((one.x - other.x).hypot(one.y - other.y) >= 50.0);
        }
    }
    let after = parse(done.bytes).unwrap();
    for (i, value) in after.values.iter().enumerate() {
        assert_eq!(value.is_nan(), hole(i % SIDE, i / SIDE), "pixel {i}");
    }
    assert!(light.iter().any(|v| *v != 0.0));
}

#[test]
fn where_there_is_no_room_fewer_are_put_and_that_is_said() {
    let config = InjectConfig {
        separation: 300.0,
        psf: PsfSource::Fwhm(3.0),
        ..config()
    };
    let (done, _) = injected(file(&field(0, 1), calibrated()), &config);
    assert!((4..20).contains(&done.sources.len()));
    assert!(
        done.notices.iter().any(|n| n.contains("room for only")),
        "{:?}",
        done.notices
    );
}

#[test]
fn no_pixel_is_raised_above_saturation() {
    let config = InjectConfig {
        saturate: Some(5000.0),
        magnitudes: 10.0..18.0,
        ..config()
    };
    let bytes = file(&field(900, 5), calibrated());
    let before = parse(bytes.clone()).unwrap();
    let (done, light) = injected(bytes, &config);
    let after = parse(done.bytes).unwrap();
    for (i, (a, b)) in after.values.iter().zip(&before.values).enumerate() {
        assert!(*a <= b.max(5000.0), "pixel {i}: {b} became {a}");
    }
    for source in &done.sources {
        let near = |reach| around(source.x, source.y, reach).map(|(i, j)| j * SIDE + i);
        let clipped = near(17).any(|at| light[at] > 0.0 && after.values[at] >= 5000.0);
        let full = near(24).any(|at| after.values[at] >= 5000.0);
        // Light that falls on a pixel which was full before leaves no trace.
        assert!(source.saturated || !clipped, "{source:?}");
        assert!(full || !source.saturated, "{source:?}");
    }
    let saturated = done.sources.iter().filter(|s| s.saturated).count();
    assert!(saturated > 10 && saturated < 140, "{saturated}");
}
