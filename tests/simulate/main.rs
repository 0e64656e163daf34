//! The simulated survey: reproducible, calibrated, and a fair test.

mod baseline;
mod configuration;
mod look;
mod mislabel;
mod physics;

use rbgpu::data::Dataset;
use rbgpu::simulate::{Channels, Kind, Survey, SurveyConfig, survey, survey_of};

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

/// Sum over a box of half-width `reach` around the centre.
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

fn image_at(x: usize, y: usize) -> usize {
    y * 32 + x
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
    // everything was detected: real or not, its signal-to-noise is above the threshold
    let faintest = 1.0858 / config(1).threshold;
    let lost = made
        .dataset
        .candidates
        .iter()
        .filter(|c| c.mag_err > faintest)
        .count();
    assert_eq!(lost, 0);
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
