//! Each formula on numbers that can be checked by hand.

use approx::assert_abs_diff_eq;
use rbgpu::data::{CutoutShape, Normalisation};

fn shape(height: usize, width: usize, channels: usize) -> CutoutShape {
    CutoutShape {
        height,
        width,
        channels,
    }
}

fn apply(n: Normalisation, values: &[f32], shape: CutoutShape) -> Vec<f32> {
    let mut values = values.to_vec();
    n.apply(&mut values, shape);
    values
}

#[track_caller]
fn close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert_abs_diff_eq!(*f, *e, epsilon = 1e-6 * e.abs().max(1.0));
    }
}

#[test]
fn standard_is_per_channel() {
    // Channel 0: 1 2 3 4 (mean 2.5, sd sqrt(1.25)); channel 1 constant.
    let found = apply(
        Normalisation::Standard,
        &[1.0, 0.1, 2.0, 0.1, 3.0, 0.1, 4.0, 0.1],
        shape(2, 2, 2),
    );
    let sd = 1.25_f32.sqrt();
    close(
        &found,
        &[-1.5 / sd, 0.0, -0.5 / sd, 0.0, 0.5 / sd, 0.0, 1.5 / sd, 0.0],
    );
}

#[test]
fn mad_divides_every_image_by_the_noise_of_the_difference() {
    // |difference| is 1 2 3 10: median 2.5.
    let found = apply(
        Normalisation::Mad,
        &[100.0, 1.0, 200.0, -2.0, 300.0, 3.0, 400.0, -10.0],
        shape(2, 2, 2),
    );
    let s = 1.4826 * 2.5;
    close(
        &found,
        &[
            100.0 / s,
            1.0 / s,
            200.0 / s,
            -2.0 / s,
            300.0 / s,
            3.0 / s,
            400.0 / s,
            -10.0 / s,
        ],
    );
    // Mostly zeros: the root mean square, sqrt(16 / 4).
    close(
        &apply(Normalisation::Mad, &[0.0, 0.0, 0.0, 4.0], shape(2, 2, 1)),
        &[0.0, 0.0, 0.0, 2.0],
    );
    // No difference at all.
    close(
        &apply(Normalisation::Mad, &[5.0, 0.0, 6.0, 0.0], shape(1, 2, 2)),
        &[0.0; 4],
    );
}

#[test]
fn l2_is_of_the_whole_image_and_of_rows() {
    let values = [3.0, 4.0, 0.0, 0.0, f32::NAN, 12.0];
    close(
        &apply(Normalisation::L2, &values, shape(3, 2, 1)),
        &[3.0 / 13.0, 4.0 / 13.0, 0.0, 0.0, 0.0, 12.0 / 13.0],
    );
    close(
        &apply(Normalisation::L2Rows, &values, shape(3, 2, 1)),
        &[0.6, 0.8, 0.0, 0.0, 0.0, 1.0],
    );
    // Two channels have norms of their own.
    close(
        &apply(Normalisation::L2, &[3.0, 1.0, 4.0, 0.0], shape(1, 2, 2)),
        &[0.6, 1.0, 0.8, 0.0],
    );
    // A norm beyond f32, as numpy computes it, is infinite.
    close(
        &apply(
            Normalisation::L2Rows,
            &[1e30, 1.0, 1.0, 0.0],
            shape(2, 2, 1),
        ),
        &[0.0, 0.0, 1.0, 0.0],
    );
}

#[test]
fn asinh_of_the_deviation() {
    // Median 3, deviations 2 1 0 1 97: their median 1.
    let found = apply(
        Normalisation::Asinh,
        &[1.0, 2.0, 3.0, 4.0, 100.0],
        shape(1, 5, 1),
    );
    let f = |x: f64| (x / 1.4826).asinh() as f32;
    close(&found, &[f(-2.0), f(-1.0), 0.0, f(1.0), f(97.0)]);
    // More than half equal: the standard deviation, here 4 sqrt(3) / 4.
    let found = apply(Normalisation::Asinh, &[0.0, 0.0, 0.0, 4.0], shape(2, 2, 1));
    close(&found, &[0.0, 0.0, 0.0, (4.0_f32 / 3.0_f32.sqrt()).asinh()]);
}

#[test]
fn minmax_and_none() {
    close(
        &apply(Normalisation::Minmax, &[-1.0, 0.0, 3.0], shape(1, 3, 1)),
        &[0.0, 0.25, 1.0],
    );
    close(
        &apply(Normalisation::None, &[-1.0, 7.0, 3.0], shape(1, 3, 1)),
        &[-1.0, 7.0, 3.0],
    );
}

#[test]
fn nan_and_infinity_become_the_median_of_their_own_image() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    // Channel 0: 1, NaN, 3, 8 -> median 3; channel 1: nothing finite.
    let values = [1.0, nan, nan, inf, 3.0, -inf, 8.0, nan];
    close(
        &apply(Normalisation::None, &values, shape(2, 2, 2)),
        &[1.0, 0.0, 3.0, 0.0, 3.0, 0.0, 8.0, 0.0],
    );
    // An even number of finite ones: the mean of the two in the middle.
    close(
        &apply(Normalisation::None, &[1.0, nan, 4.0], shape(1, 3, 1)),
        &[1.0, 2.5, 4.0],
    );
}

#[test]
fn nothing_in_gives_nan_out() {
    let bad = [
        vec![f32::NAN; 12],
        vec![0.0; 12],
        vec![0.1; 12],
        vec![1e8; 12],
        vec![f32::MAX; 12],
        vec![f32::MIN_POSITIVE; 12],
        vec![f32::INFINITY; 12],
        (0..12)
            .map(|i| if i % 2 == 0 { f32::MAX } else { f32::MIN })
            .collect(),
        (0..12)
            .map(|i| if i == 5 { 1.0 } else { f32::NAN })
            .collect(),
        (0..12).map(|i| if i == 5 { 1e-40 } else { 0.0 }).collect(),
    ];
    for normalisation in Normalisation::ALL {
        for values in &bad {
            for shape in [
                shape(3, 4, 1),
                shape(2, 2, 3),
                shape(1, 12, 1),
                shape(12, 1, 1),
            ] {
                let found = apply(normalisation, values, shape);
                assert!(
                    found.iter().all(|v| v.is_finite()),
                    "{normalisation} {values:?}: {found:?}"
                );
                let constant = values.iter().all(|v| v == &values[0]);
                let scales = [
                    Normalisation::Standard,
                    Normalisation::Asinh,
                    Normalisation::Minmax,
                ];
                if constant && scales.contains(&normalisation) {
                    assert!(
                        found.iter().all(|&v| v == 0.0),
                        "{normalisation} {values:?}: {found:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn names() {
    for normalisation in Normalisation::ALL {
        assert_eq!(
            normalisation.to_string().parse::<Normalisation>().unwrap(),
            normalisation
        );
        let json = serde_json::to_string(&normalisation).unwrap();
        assert_eq!(json, format!("\"{normalisation}\""));
        assert_eq!(
            serde_json::from_str::<Normalisation>(&json).unwrap(),
            normalisation
        );
    }
    let error = "zscale".parse::<Normalisation>().unwrap_err().to_string();
    super::says(&error, &["--normalise", "zscale", "standard", "l2-rows"]);
}
