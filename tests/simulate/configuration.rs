//! Configurations that can be used, and that cannot.

use rbgpu::simulate::{Kind, SurveyConfig, survey};

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
                star_density: 1e9,
                ..good.clone()
            },
            "star_density",
        ),
        (
            SurveyConfig {
                count: usize::MAX,
                ..good.clone()
            },
            "count: 18446744073709551615",
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
