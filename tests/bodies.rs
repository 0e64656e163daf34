//! Convolutions and dense layers under every body that the adapter can run: the f32
//! bodies within the op's own tolerance, the f16 ones within their own.

mod common;

use rbgpu::backend::gpu::{Body, Choice, GpuPrecision, Settings};
use rbgpu::backend::{Device, Gpu};
use rbgpu::engine::{Case, Tensor, Tolerance, run};
use rbgpu::ops::conv2d::Conv2d;
use rbgpu::ops::{self, Padding};

/// Rounding an operand to f16's 11 bits moves it by 2⁻¹² of itself at most, and a sum
/// of K products by about √K of that, as the sum itself is about √K products large.
/// The worst of many sums is some times the usual one.
const F16: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 1e-3,
    reason: "operands rounded to 11 bits",
};

const ALL: [(GpuPrecision, Body); 4] = [
    (GpuPrecision::F32, Body::Direct),
    (GpuPrecision::F32, Body::Shared),
    (GpuPrecision::F16, Body::Shared),
    (GpuPrecision::F16, Body::Cooperative),
];

/// The device under guard, or what it lacks.
fn open(precision: GpuPrecision, body: Body) -> Option<Device> {
    let settings = Settings {
        precision,
        body: Some(body),
        guards: true,
    };
    match Gpu::open_with(&Choice::Any, settings) {
        Ok(gpu) => {
            assert_eq!((gpu.precision(), gpu.body()), (precision, body));
            Some(Device::Gpu(gpu))
        }
        // Every adapter runs the f32 bodies.
        Err(error) => {
            assert_eq!(precision, GpuPrecision::F16, "{error}");
            println!("SKIPPED: {precision:?} {body}: {error}");
            None
        }
    }
}

fn skipped() -> bool {
    common::gpu().is_none()
}

fn cases(large: bool) -> Vec<Case> {
    let all = ops::cases().into_iter();
    all.filter(|case| ["conv2d", "dense"].contains(&case.op.name()) && case.large == large)
        .collect()
}

/// The native device in f64 stands in for the reference where that would be slow; it
/// is itself held to the reference in tests/ops.rs.
fn agrees(precision: GpuPrecision, body: Body, large: bool) {
    if skipped() {
        return;
    }
    let Some(device) = open(precision, body) else {
        return;
    };
    let truth = match large {
        true => Device::cpu_f64(),
        false => Device::Reference,
    };
    let mut failures = Vec::new();
    for case in cases(large) {
        let tolerance = match precision {
            GpuPrecision::F32 => case.tolerance,
            GpuPrecision::F16 => F16,
        };
        let inputs = common::inputs(&case);
        let want = common::run_case(&case, &truth, &inputs);
        let got = common::run_case(&case, &device, &inputs);
        for ((what, got), (_, want)) in got.iter().zip(&want) {
            let what = format!("{body} {precision:?}, {}, {what}", case.name);
            let (absolute, relative) = (tolerance.absolute, tolerance.relative);
            failures.extend(common::check(&what, got, want, absolute, relative).err());
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

macro_rules! bodies {
    ($($name:ident: $precision:ident $body:ident;)*) => {
        $(mod $name {
            use super::*;

            #[test]
            fn agrees_with_the_reference() {
                agrees(GpuPrecision::$precision, Body::$body, false);
            }

            #[test]
            fn agrees_at_the_networks_own_sizes() {
                agrees(GpuPrecision::$precision, Body::$body, true);
            }
        })*
    };
}

bodies! {
    direct: F32 Direct;
    shared: F32 Shared;
    shared_f16: F16 Shared;
    cooperative: F16 Cooperative;
}

/// Mesa 22.3 ends an invocation after 65,535 loop iterations, without an error. Ones
/// are summed: f32 holds every partial sum, and f16 every operand.
#[test]
fn sums_of_more_than_65535_terms_are_complete() {
    if skipped() {
        return;
    }
    for device in ALL.iter().filter_map(|(p, b)| open(*p, *b)) {
        let ones = |shape: &[usize]| Tensor::full(&device, shape.to_vec(), 1.0).unwrap();
        let is = |tensor: &Tensor, want: f64| {
            let values = tensor.to_vec().unwrap();
            let first = values.iter().find(|v| (*v - want).abs() > 1e-6 * want);
            assert!(
                values.iter().all(|v| v.is_finite()) && first.is_none(),
                "{first:?} {want}"
            );
        };
        for (channels, filters) in [(1, 1), (4, 4)] {
            let op = Conv2d {
                stride: [1, 1],
                padding: Padding::Same,
            };
            let x = ones(&[32, 51, 51, channels]);
            let inputs = [&x, &ones(&[1, 1, channels, filters]), &ones(&[filters])];
            let y = run::forward(&op, &inputs).unwrap();
            let dy = ones(&[32, 51, 51, filters]);
            let gradients = run::backward(&op, &inputs, &y, &dy, &[true; 3]).unwrap();
            is(gradients[1].as_ref().unwrap(), (32 * 51 * 51) as f64);
        }
        // More than 65,535 terms in one window: slices, then the bias.
        let op = Conv2d {
            stride: [1, 1],
            padding: Padding::Valid,
        };
        for channels in [601, 2400] {
            let (x, kernel) = (ones(&[1, 11, 11, channels]), ones(&[11, 11, channels, 1]));
            let y = run::forward(&op, &[&x, &kernel, &ones(&[1])]).unwrap();
            is(&y[0], (121 * channels) as f64 + 1.0);
        }
    }
}

#[test]
fn results_are_the_same_bits_every_time() {
    if skipped() {
        return;
    }
    for device in ALL.iter().filter_map(|(p, b)| open(*p, *b)) {
        for case in cases(false)
            .iter()
            .filter(|case| case.name.contains("stride"))
        {
            let inputs = common::inputs(case);
            let first = common::run_case(case, &device, &inputs);
            for _ in 0..3 {
                assert_eq!(
                    common::run_case(case, &device, &inputs),
                    first,
                    "{}",
                    case.name
                );
            }
        }
    }
}
