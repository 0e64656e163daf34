//! Light, noise, and what each kind of artefact looks like.

use rbgpu::data::Dataset;
use rbgpu::simulate::{Kind, Profile, Psf, SurveyConfig, survey_of};

use super::{centre_sum, channel, config, cutout, image_at, median, triplets};

#[test]
fn a_psf_integrates_to_one() {
    for fwhm in [1.5, 3.0, 5.0] {
        for profile in [Profile::Gaussian, Profile::Moffat { beta: 4.6 }] {
            let psf = Psf {
                profile,
                fwhm,
                axis_ratio: 0.8,
                angle: 0.7,
            };
            let sum: f64 = (-60..=60)
                .flat_map(|y| (-60..=60).map(move |x| (x, y)))
                .map(|(x, y)| psf.value(f64::from(x) - 0.3, f64::from(y) - 0.2))
                .sum();
            assert!(
                (sum - 1.0).abs() < 5e-3,
                "{profile:?} of {fwhm} pixels: {sum}"
            );
            // half of the peak at half of the FWHM, in the mean of the axes
            let (sin, cos) = 0.7_f64.sin_cos();
            let half = 0.5 * fwhm / 0.8_f64.sqrt();
            let ratio = psf.value(half * cos, half * sin) / psf.value(0.0, 0.0);
            assert!((ratio - 0.5).abs() < 1e-4, "{ratio}");
        }
    }
}

/// Bright sources alone in the sky have the flux that their magnitude says, in
/// the difference, and nothing at their place in the template.
#[test]
fn real_sources_are_photometric_and_absent_from_the_template() {
    let alone = SurveyConfig {
        size: 51,
        magnitudes: [15.5, 18.0],
        host_fraction: 0.0,
        star_density: 0.0,
        clutter: 0.0,
        ..triplets(120)
    };
    let made = survey_of(&alone, Kind::Real).unwrap();
    let (mut ratios, mut templates) = (Vec::new(), Vec::new());
    for (i, candidate) in made.dataset.candidates.iter().enumerate() {
        let expected = 10.0_f64.powf(-0.4 * (candidate.mag - alone.zero_point)) * alone.exposure;
        let difference = channel(&made.dataset, i, 2);
        ratios.push(centre_sum(&difference, 51, 12) / expected);
        let template = channel(&made.dataset, i, 0);
        let sky = median(template.iter().map(|v| f64::from(*v)).collect());
        templates.push((centre_sum(&template, 51, 3) - 49.0 * sky) / expected);
    }
    let wrong = ratios
        .iter()
        .filter(|ratio| (*ratio - 1.0).abs() > 0.15)
        .count();
    assert!(wrong <= 6, "{wrong} of 120 are off: {ratios:?}");
    let typical = median(ratios);
    assert!((typical - 1.0).abs() < 0.03, "{typical}");
    // one in ten is a variable star, and is there before
    let empty = templates.iter().filter(|light| light.abs() < 0.08).count();
    assert!(
        (95..120).contains(&empty),
        "{empty} of 120 templates are empty"
    );
}

/// The difference's noise is what the sky, the read-out and the two exposures say.
#[test]
fn empty_pixels_have_the_noise_of_the_exposures() {
    let quiet = SurveyConfig {
        star_density: 0.0,
        clutter: 0.0,
        host_fraction: 0.0,
        ..config(200)
    };
    let made = survey_of(&quiet, Kind::NoisePeak).unwrap();
    let noises = (0..200)
        .map(|i| {
            let row = &cutout(&made.dataset, i)[..3 * 32];
            let mean = row.iter().sum::<f32>() / 96.0;
            f64::from((row.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 95.0).sqrt())
        })
        .collect();
    let ratio = median(noises) / quiet.pixel_noise();
    // the sky is up to 1.5 times brighter; a fifth of the search images are smoothed
    assert!((0.9..1.25).contains(&ratio), "{ratio}");
}

/// Each artefact is what its name says, on average over a hundred.
#[test]
fn each_kind_of_bogus_is_what_it_says() {
    let clean = SurveyConfig {
        star_density: 0.0,
        clutter: 0.0,
        host_fraction: 0.0,
        brightest_artefact: 100.0,
        ..triplets(100)
    };
    let share = |kind: Kind, holds: &dyn Fn(&Dataset, usize) -> bool| {
        let made = survey_of(&clean, kind).unwrap();
        (0..100).filter(|i| holds(&made.dataset, *i)).count()
    };
    let noise = clean.pixel_noise() as f32;
    let difference = |data: &Dataset, i: usize| channel(data, i, 2);
    // some column or row is, in its mean, far above the others
    let line = |data: &Dataset, i: usize| {
        let image = difference(data, i);
        let mean = |of: &dyn Fn(usize) -> usize| (0..32).map(|k| image[of(k)]).sum::<f32>() / 32.0;
        (0..32).any(|c| mean(&|k| k * 32 + c) > noise || mean(&|k| c * 32 + k) > noise)
    };
    let columns = share(Kind::HotColumn, &line);
    assert!(columns > 75, "{columns} columns");
    assert!(share(Kind::NoisePeak, &line) < 3);
    // the sharpest pixel holds more of its 5 x 5 surroundings than any PSF here
    let sharp = |data: &Dataset, i: usize| {
        let image = difference(data, i);
        let peak = image.iter().copied().fold(0.0_f32, f32::max);
        f64::from(peak) > 0.35 * centre_sum(&image, 32, 2).max(1.0)
    };
    let [pixels, stars] = [Kind::HotPixel, Kind::Real].map(|kind| share(kind, &sharp));
    assert!(
        pixels > 60 && stars < 25,
        "sharp: {pixels} hot pixels, {stars} stars"
    );
    // light and dark within a few pixels of each other
    let dark = |data: &Dataset, i: usize| {
        let image = difference(data, i);
        let low = (10..22)
            .flat_map(|y| (10..22).map(move |x| image_at(x, y)))
            .map(|at| image[at])
            .fold(0.0_f32, f32::min);
        low < -4.5 * noise
    };
    let [dipoles, peaks] = [Kind::Dipole, Kind::NoisePeak].map(|kind| share(kind, &dark));
    assert!(
        dipoles > 50 && peaks < 15,
        "dark lobes: {dipoles} dipoles, {peaks} noise peaks"
    );
    // a whole side of the difference is missing
    let missing = |data: &Dataset, i: usize| {
        let image = difference(data, i);
        image
            .iter()
            .filter(|value| **value == 0.0 || value.is_nan())
            .count()
            >= 32
    };
    assert_eq!(share(Kind::Edge, &missing), 100);
    assert_eq!(share(Kind::Ghost, &missing), 0);
    // the search image reaches full well
    let full = |data: &Dataset, i: usize| {
        let highest = channel(data, i, 1).into_iter().fold(0.0_f32, f32::max);
        f64::from(highest) >= 0.95 * clean.saturation
    };
    assert!(share(Kind::Saturated, &full) > 90);
    assert_eq!(share(Kind::GalaxyCore, &full), 0);
    // stars and galaxies of the residuals stand in the template; noise peaks have nothing there
    let lit = |data: &Dataset, i: usize| {
        let template = channel(data, i, 0);
        let sky = median(template.iter().map(|v| f64::from(*v)).collect());
        centre_sum(&template, 32, 4) - 81.0 * sky > 10.0 * f64::from(noise)
    };
    for kind in [Kind::Dipole, Kind::WrongKernel, Kind::GalaxyCore] {
        let lit = share(kind, &lit);
        assert!(
            lit > 85,
            "{lit} of 100 {kind}s have their star or galaxy in the template"
        );
    }
    assert!(share(Kind::NoisePeak, &lit) < 10);
}
