//! The simulated survey: reproducible, calibrated, and a fair test.

use rbgpu::data::Dataset;
use rbgpu::simulate::{
    Channels, Kind, Profile, Psf, Survey, SurveyConfig, gallery, matched_filter, survey, survey_of,
};

fn config(count: usize) -> SurveyConfig {
    SurveyConfig {
        count,
        ..SurveyConfig::default()
    }
}

fn triplets(count: usize) -> SurveyConfig {
    SurveyConfig {
        count,
        channels: Channels::Triplet,
        ..SurveyConfig::default()
    }
}

/// All pixels as bits, so that NaN compares.
fn bits(dataset: &Dataset) -> Vec<u32> {
    (0..dataset.len())
        .flat_map(|i| cutout(dataset, i))
        .map(f32::to_bits)
        .collect()
}

fn cutout(dataset: &Dataset, index: usize) -> Vec<f32> {
    let mut out = vec![0.0; dataset.shape.len()];
    dataset.pixels.read(index, &mut out).unwrap();
    out
}

/// One image of a cutout: 0 template, 1 search, 2 difference.
fn channel(dataset: &Dataset, index: usize, channel: usize) -> Vec<f32> {
    let channels = dataset.shape.channels;
    cutout(dataset, index)
        .into_iter()
        .skip(channel)
        .step_by(channels)
        .collect()
}

fn with_threads(threads: usize, config: &SurveyConfig) -> Survey {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    pool.install(|| survey(config)).unwrap()
}

/// Sum and largest value of a boxcar of half-width `reach` around the centre.
fn centre_sum(image: &[f32], size: usize, reach: usize) -> f64 {
    let around = size / 2 - reach..size / 2 + reach + 1;
    around
        .clone()
        .flat_map(|y| around.clone().map(move |x| f64::from(image[y * size + x])))
        .sum()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn same_seed_gives_the_same_bits_for_any_number_of_threads() {
    let one = with_threads(1, &triplets(200));
    let two = with_threads(2, &triplets(200));
    assert!(bits(&one.dataset) == bits(&two.dataset));
    assert_eq!(one.kinds, two.kinds);
    assert_eq!(one.dataset.candidates[7].id, two.dataset.candidates[7].id);
    let other = survey(&SurveyConfig {
        seed: 2,
        ..triplets(200)
    })
    .unwrap();
    assert!(bits(&one.dataset) != bits(&other.dataset));
}

#[test]
fn a_short_survey_is_the_beginning_of_a_long_one() {
    let short = survey(&config(20)).unwrap();
    let long = survey(&config(40)).unwrap();
    let short_bits = bits(&short.dataset);
    assert!(short_bits == bits(&long.dataset)[..short_bits.len()]);
}

#[test]
fn the_difference_alone_is_the_third_image_of_the_triplet() {
    let (alone, triplet) = (survey(&config(20)).unwrap(), survey(&triplets(20)).unwrap());
    for i in 0..20 {
        let (a, b) = (cutout(&alone.dataset, i), channel(&triplet.dataset, i, 2));
        assert!(
            a.iter().zip(&b).all(|(a, b)| a.to_bits() == b.to_bits()),
            "candidate {i}"
        );
    }
}

#[test]
fn labels_kinds_and_metadata_agree() {
    let made = survey(&SurveyConfig {
        real_fraction: 0.3,
        ..config(3000)
    })
    .unwrap();
    let labels = made.dataset.labels.as_ref().unwrap();
    let reals = labels.iter().filter(|label| **label == 1).count() as f64 / 3000.0;
    // four standard deviations of a binomial
    assert!(
        (reals - 0.3).abs() < 4.0 * (0.3_f64 * 0.7 / 3000.0).sqrt(),
        "{reals}"
    );
    for (label, kind) in labels.iter().zip(&made.kinds) {
        assert_eq!(*label == 1, kind.is_real());
    }
    for kind in Kind::ALL {
        assert!(made.kinds.contains(&kind), "no {kind} in 3000 candidates");
    }
    for candidate in &made.dataset.candidates {
        assert!(
            candidate.fwhm > 1.5 && candidate.fwhm < 6.0,
            "fwhm {}",
            candidate.fwhm
        );
        assert!(
            candidate.mag_err > 0.0 && candidate.mag.is_finite(),
            "{candidate:?}"
        );
        assert_eq!(candidate.filter, "r");
    }
}

#[test]
fn only_edges_have_pixels_that_are_not_finite() {
    let made = survey(&SurveyConfig {
        nan_edges: 0.5,
        ..triplets(2000)
    })
    .unwrap();
    let mut with_nan = 0;
    for (i, kind) in made.kinds.iter().enumerate() {
        let finite = cutout(&made.dataset, i)
            .iter()
            .all(|value| value.is_finite());
        assert!(finite || *kind == Kind::Edge, "candidate {i}, {kind}");
        with_nan += usize::from(!finite);
    }
    assert!(with_nan > 5);
    let without = SurveyConfig {
        nan_edges: 0.0,
        ..triplets(100)
    };
    let edges = survey_of(&without, Kind::Edge).unwrap();
    assert!((0..100).all(|i| cutout(&edges.dataset, i).iter().all(|v| v.is_finite())));
}

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

fn image_at(x: usize, y: usize) -> usize {
    y * 32 + x
}

/// A cut on signal-to-noise must leave work for a network.
#[test]
fn signal_to_noise_alone_does_not_separate() {
    let made = survey(&config(4000)).unwrap();
    let labels = made.dataset.labels.as_ref().unwrap();
    let scores = matched_filter::scores(&made.dataset).unwrap();
    let cut = matched_filter::best_cut(&scores, labels).unwrap();
    assert!(cut.accuracy <= 0.85, "{cut:?}");
    assert!(cut.accuracy >= 0.55, "{cut:?}");
}

#[test]
fn the_matched_filter_measures_signal_to_noise() {
    // white noise of 10 ADU and a Gaussian of FWHM 3: S/N = flux / (10 sqrt(4 pi) sigma)
    let alone = SurveyConfig {
        star_density: 0.0,
        clutter: 0.0,
        host_fraction: 0.0,
        magnitudes: [19.0, 19.0],
        ..config(100)
    };
    let made = survey_of(&alone, Kind::Real).unwrap();
    let measured = median(matched_filter::scores(&made.dataset).unwrap());
    let five = 10.0_f64.powf(0.4 * (alone.limiting_magnitude() - 19.0)) * 5.0;
    assert!(
        (0.6..1.3).contains(&(measured / five)),
        "{measured}, expected about {five}"
    );
}

#[test]
fn the_best_cut_finds_the_threshold_and_its_direction() {
    let scores = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let cut = matched_filter::best_cut(&scores, &[0, 0, 1, 0, 1, 1]).unwrap();
    assert_eq!((cut.threshold, cut.real_above), (3.0, true));
    assert!((cut.accuracy - 5.0 / 6.0).abs() < 1e-12);
    let turned = matched_filter::best_cut(&scores, &[1, 1, 1, 0, 0, 0]).unwrap();
    assert_eq!(
        (turned.threshold, turned.real_above, turned.accuracy),
        (4.0, false, 1.0)
    );
    assert!(matched_filter::best_cut(&scores, &[1]).is_err());
}

#[test]
fn a_configuration_that_cannot_be_used_is_refused_by_name() {
    let good = SurveyConfig::default();
    let cases: Vec<(SurveyConfig, &str)> = vec![
        (
            SurveyConfig {
                count: 0,
                ..good.clone()
            },
            "count: 0",
        ),
        (
            SurveyConfig {
                size: 8,
                ..good.clone()
            },
            "size: 8",
        ),
        (
            SurveyConfig {
                real_fraction: 0.0,
                ..good.clone()
            },
            "real_fraction: 0",
        ),
        (
            SurveyConfig {
                real_fraction: 1.0,
                ..good.clone()
            },
            "real_fraction: 1",
        ),
        (
            SurveyConfig {
                real_fraction: f64::NAN,
                ..good.clone()
            },
            "real_fraction: NaN",
        ),
        (
            SurveyConfig {
                gain: 0.0,
                ..good.clone()
            },
            "gain: 0",
        ),
        (
            SurveyConfig {
                seeing: [2.0, 1.0],
                ..good.clone()
            },
            "seeing",
        ),
        (
            SurveyConfig {
                seeing: [0.2, 1.0],
                ..good.clone()
            },
            "seeing",
        ),
        (
            SurveyConfig {
                magnitudes: [25.0, 26.0],
                ..good.clone()
            },
            "magnitudes",
        ),
        (
            SurveyConfig {
                template_frames: 0,
                ..good.clone()
            },
            "template_frames",
        ),
        (
            SurveyConfig {
                threshold: 1.0,
                ..good.clone()
            },
            "threshold: 1",
        ),
        (
            SurveyConfig {
                brightest_artefact: 2.0,
                ..good.clone()
            },
            "brightest_artefact: 2",
        ),
        (
            SurveyConfig {
                clutter: 2.0,
                ..good.clone()
            },
            "clutter: 2",
        ),
        (
            SurveyConfig {
                mix: [(Kind::Real, 1.0)].into(),
                ..good.clone()
            },
            "mix: real",
        ),
        (
            SurveyConfig {
                mix: [(Kind::Ghost, -1.0)].into(),
                ..good.clone()
            },
            "mix.ghost: -1",
        ),
        (
            SurveyConfig {
                mix: [].into(),
                ..good.clone()
            },
            "mix: no weight",
        ),
    ];
    for (config, start) in cases {
        let error = survey(&config).unwrap_err().to_string();
        assert!(error.starts_with(start), "{error}");
        assert!(error.contains("expected"), "{error}");
    }
}

#[test]
fn a_configuration_survives_toml() {
    let good = SurveyConfig::triplets();
    let text = toml::to_string(&good).unwrap();
    assert_eq!(toml::from_str::<SurveyConfig>(&text).unwrap(), good);
    let short: SurveyConfig = toml::from_str("count = 5\n[mix]\nghost = 1.0").unwrap();
    assert_eq!((short.count, short.size, short.mix.len()), (5, 32, 1));
    assert!(toml::from_str::<SurveyConfig>("cuont = 5").is_err());
}

#[test]
fn a_sheet_has_a_row_for_each_kind() {
    let sheet = gallery::sheet(&triplets(1), &[Kind::Real, Kind::Ghost], 2, 1).unwrap();
    assert_eq!(sheet.dimensions(), (2 * 3 * 34 + 2, 2 * 34 + 2));
}

/// Writes contact sheets to the system's temporary folder, to be looked at.
#[test]
#[ignore = "writes pictures for a person to look at"]
fn write_galleries() {
    let folder = std::env::temp_dir();
    gallery::every_kind(3, 14)
        .unwrap()
        .save(folder.join("rbgpu_kinds.png"))
        .unwrap();
    let sheet = gallery::sheet(&SurveyConfig::triplets(), &Kind::ALL, 5, 2).unwrap();
    sheet.save(folder.join("rbgpu_triplets.png")).unwrap();
}

/// Writes 10,000 default cutouts as plain little-endian floats, and their labels
/// and kinds, so that another program can be trained on them; prints the time
/// and the baseline.
#[test]
#[ignore = "writes 41 MB for calibration in another framework"]
fn write_calibration_set() {
    let start = std::time::Instant::now();
    let made = survey(&config(10_000)).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let data = &made.dataset;
    let labels = data.labels.as_ref().unwrap();
    let scores = matched_filter::scores(data).unwrap();
    let cut = matched_filter::best_cut(&scores, labels).unwrap();
    println!("{seconds:.2} s for 10,000 on all cores; baseline {cut:?}");
    let start = std::time::Instant::now();
    let count = 2000;
    survey(&SurveyConfig {
        count,
        ..SurveyConfig::triplets()
    })
    .unwrap();
    println!(
        "{:.2} s for {count} triplets of 51 x 51",
        start.elapsed().as_secs_f64()
    );
    println!("limiting magnitude {:.2}", config(1).limiting_magnitude());
    for kind in Kind::ALL {
        let of = |q: usize| {
            let mut found: Vec<f64> = scores
                .iter()
                .zip(&made.kinds)
                .filter(|(_, k)| **k == kind)
                .map(|(score, _)| *score)
                .collect();
            found.sort_by(f64::total_cmp);
            (
                found.len(),
                found
                    .get(found.len() * q / 100)
                    .copied()
                    .unwrap_or(f64::NAN),
            )
        };
        let [low, mid, high] = [10, 50, 90].map(|q| of(q).1);
        println!(
            "{kind:16} {:5}  S/N {low:8.1} {mid:8.1} {high:8.1}",
            of(0).0
        );
    }
    let folder = std::env::temp_dir();
    let pixels: Vec<u8> = bits(data).into_iter().flat_map(u32::to_le_bytes).collect();
    std::fs::write(folder.join("rbgpu_pixels.f32"), pixels).unwrap();
    let kinds: Vec<u8> = made.kinds.iter().map(|kind| *kind as u8).collect();
    std::fs::write(folder.join("rbgpu_kinds.u8"), kinds).unwrap();
    std::fs::write(folder.join("rbgpu_labels.u8"), labels).unwrap();
    let mags: Vec<u8> = data
        .candidates
        .iter()
        .flat_map(|c| c.mag.to_le_bytes())
        .collect();
    std::fs::write(folder.join("rbgpu_mags.f64"), mags).unwrap();
}
