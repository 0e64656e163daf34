//! A calibration in an exported model.

use std::path::Path;

use rbgpu::data::Normalisation;
use rbgpu::formats::{Export, Format};
use rbgpu::judge::Calibration;

use super::networks::{FLAT, all, cutouts, exported, model, parsed};
use super::onnx::worst;

#[test]
fn a_temperature_is_in_the_weights() {
    for architecture in all() {
        let mut model = model(architecture, Normalisation::None);
        let pixels = cutouts(&model, 2);
        let score = |model: &rbgpu::formats::ModelFile| {
            model.score(model.model.input(&pixels).unwrap()).unwrap()
        };
        let before = score(&model);
        let temperature = 1.7;
        model.calibration = Some(Calibration::Temperature { temperature });
        let after = score(&model);
        let logit = |p: f64| (p / (1.0 - p)).ln();
        for (b, a) in before.iter().zip(&after) {
            let apart = (logit(*b) / temperature - logit(*a)).abs();
            assert!(apart <= 1e-9 * (1.0 + logit(*b).abs()), "{b} {a}");
        }
        let difference = worst(&exported(&model, Format::Onnx), &model, &pixels, &after);
        assert!(
            difference <= 1e-5,
            "{}: {difference}",
            model.model.architecture().name
        );
    }
}

#[test]
fn a_map_that_is_no_network_is_refused() {
    let mut model = model(parsed(FLAT), Normalisation::None);
    model.calibration = Some(Calibration::Isotonic {
        x: vec![0.2, 0.8],
        y: vec![0.1, 0.9],
    });
    for format in Format::ALL {
        let export = Export {
            format,
            with_normalisation: false,
        };
        let said = export
            .bytes(&model, Path::new("m"))
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("isotonic") && said.contains("calibrated from"),
            "{said}"
        );
    }
}
