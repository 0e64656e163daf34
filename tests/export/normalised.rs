//! ONNX that takes pixels as they come: the same scores as rbgpu's own normalisation
//! and network, over a bright sky, without contrast, with pixels that are not finite.

use std::path::Path;

use ndarray::ArrayD;
use rbgpu::data::{CutoutShape, Normalisation};
use rbgpu::formats::{Export, Format, ModelFile};

use super::interpreter;
use super::networks::{FLAT, ODD, cutouts, model, parsed, scores};
use super::onnx::worst;

const WITH: Export = Export {
    format: Format::Onnx,
    with_normalisation: true,
};

/// rbgpu's own P(real) of `pixels` as they are.
fn scores_of_raw(model: &ModelFile, pixels: &[f32]) -> Vec<f64> {
    let [height, width, channels] = model.model.plan().input;
    let shape = CutoutShape {
        height,
        width,
        channels,
    };
    let mut ready = vec![0.0; pixels.len()];
    let each = pixels.chunks_exact(shape.len());
    for (cutout, out) in each.zip(ready.chunks_exact_mut(shape.len())) {
        model.preprocess.apply(cutout, shape, out);
    }
    scores(model, &ready)
}

#[test]
fn raw_pixels_score_as_they_do_here() {
    use Normalisation::{L2, L2Rows, Minmax, None, Standard};
    for normalisation in [None, Standard, L2, L2Rows, Minmax] {
        let model = model(parsed(ODD), normalisation);
        let len: usize = model.model.plan().input.iter().product();
        let mut pixels = cutouts(&model, 5);
        // The second lies on a bright sky, the third has no contrast, the fourth
        // no light, the fifth is so bright that its squares are beyond f32.
        let sky = if normalisation == None { 0.5 } else { 30_000.0 };
        pixels[len..2 * len].iter_mut().for_each(|v| *v += sky);
        pixels[2 * len..3 * len].fill(0.7);
        pixels[3 * len..4 * len].fill(0.0);
        let bright = if normalisation == None { 2.0 } else { 1e20 };
        pixels[4 * len..].iter_mut().for_each(|v| *v *= bright);
        let file = WITH.bytes(&model, Path::new("test")).unwrap();
        let want = scores_of_raw(&model, &pixels);
        let difference = worst(&file, &model, &pixels, &want);
        println!("{normalisation}: {difference:.1e}");
        assert!(difference <= 1e-5, "{normalisation}: {difference}");
    }
}

/// The scores of two cutouts, of which the second has a NaN and an infinite pixel.
fn with_broken_pixels(model: &ModelFile, export: Export) -> (Vec<f64>, Vec<f64>) {
    let [h, w, c] = model.model.plan().input;
    let mut pixels = cutouts(model, 2);
    pixels[h * w * c + 3] = f32::NAN;
    pixels[h * w * c + 8] = f32::NEG_INFINITY;
    let file = export.bytes(model, Path::new("test")).unwrap();
    let wide = pixels.iter().map(|v| f64::from(*v)).collect();
    let got = interpreter::run(
        &file,
        ArrayD::from_shape_vec(vec![2, h, w, c], wide).unwrap(),
    );
    (got, scores_of_raw(model, &pixels))
}

#[test]
fn pixels_that_are_not_finite_are_0_for_l2() {
    for normalisation in [Normalisation::L2, Normalisation::L2Rows] {
        let (got, want) = with_broken_pixels(&model(parsed(FLAT), normalisation), WITH);
        assert!(
            (got[0] - want[0]).abs() <= 1e-5,
            "{normalisation}: {got:?}, {want:?}"
        );
        assert!(
            (got[1] - want[1]).abs() <= 1e-5,
            "{normalisation}: {got:?}, {want:?}"
        );
    }
}

#[test]
fn pixels_that_are_not_finite_have_no_score_elsewhere() {
    let without = Export {
        with_normalisation: false,
        ..WITH
    };
    for (normalisation, export) in [
        (Normalisation::None, WITH),
        (Normalisation::Standard, WITH),
        (Normalisation::Minmax, WITH),
        (Normalisation::L2, without),
        (Normalisation::Asinh, without),
    ] {
        let (got, _) = with_broken_pixels(&model(parsed(FLAT), normalisation), export);
        assert!(got[0].is_finite(), "{normalisation}: {got:?}");
        assert!(got[1].is_nan(), "{normalisation}: {got:?}");
    }
}

#[test]
fn a_median_and_other_formats_are_refused_by_name() {
    for (normalisation, format, word) in [
        (Normalisation::Mad, Format::Onnx, "'mad'"),
        (Normalisation::Asinh, Format::Onnx, "'asinh'"),
        (Normalisation::Standard, Format::KerasH5, "format h5"),
    ] {
        let export = Export { format, ..WITH };
        let refused = export.bytes(&model(parsed(FLAT), normalisation), Path::new("test"));
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains(word) && refused.contains("--with-normalisation"),
            "{refused}"
        );
    }
}
