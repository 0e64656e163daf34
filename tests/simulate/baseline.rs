//! The matched filter, and that it is not enough.

use rbgpu::simulate::{Kind, SurveyConfig, matched_filter, survey, survey_of};

use super::{config, median};

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
