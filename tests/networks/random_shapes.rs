//! Convolution, pooling and dense layers of random shapes, f32 against the
//! reference, forward and backward. The draws are the same in every run;
//! PROPTEST_CASES asks for more.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rbgpu::backend::Device;
use rbgpu::engine::{Case, Fill, Op, Shape, Tolerance};
use rbgpu::ops::Padding;
use rbgpu::ops::avg_pool::AvgPool;
use rbgpu::ops::conv2d::Conv2d;
use rbgpu::ops::dense::Dense;
use rbgpu::ops::max_pool::MaxPool;

use super::common::{agrees_with_reference, gpu};

fn tolerance(op: &dyn Op) -> Tolerance {
    let cases = rbgpu::ops::cases();
    let case = cases.iter().find(|case| case.op.name() == op.name());
    case.expect("every op has cases").tolerance
}

fn case(op: impl Op + 'static, inputs: Vec<(Shape, Fill)>) -> Case {
    let tolerance = tolerance(&op);
    let shapes: Vec<&Shape> = inputs.iter().map(|(shape, _)| shape).collect();
    let name = format!("{op:?} on {shapes:?}");
    Case::new(name, op, inputs, tolerance)
}

/// Image sides from the window on, so that "valid" windows fit.
fn image(window: [usize; 2], valid: bool) -> impl Strategy<Value = [usize; 2]> {
    let low = window.map(|n| if valid { n } else { 1 });
    (low[0]..low[0] + 12, low[1]..low[1] + 12).prop_map(|(h, w)| [h, w])
}

fn convolutions() -> impl Strategy<Value = Case> {
    let settings = (
        1_usize..12,
        1_usize..12,
        1_usize..4,
        1_usize..4,
        any::<bool>(),
    );
    let sizes = (1_usize..4, 1_usize..7, 1_usize..20);
    let chosen = settings.prop_flat_map(|(a, b, down, across, valid)| {
        (Just(([a, b], [down, across], valid)), image([a, b], valid))
    });
    (chosen, sizes).prop_map(|(((kernel, stride, valid), [h, w]), (n, c, o))| {
        let padding = if valid { Padding::Valid } else { Padding::Same };
        let [a, b] = kernel;
        let deviation = 1.0 / ((a * b * c) as f64).sqrt();
        let inputs = vec![
            (Shape::from([n, h, w, c]), Fill::Normal(1.0)),
            (Shape::from([a, b, c, o]), Fill::Normal(deviation)),
            (Shape::from([o]), Fill::Normal(0.3)),
        ];
        case(Conv2d { stride, padding }, inputs)
    })
}

fn pools() -> impl Strategy<Value = Case> {
    let settings = (1_usize..5, 1_usize..5, 1_usize..5, 1_usize..5, 0..3);
    let sizes = (1_usize..4, 1_usize..9);
    let chosen = settings.prop_flat_map(|(a, b, down, across, kind)| {
        (Just(([a, b], [down, across], kind)), image([a, b], true))
    });
    (chosen, sizes).prop_map(|(((window, stride, kind), [h, w]), (n, c))| {
        let x = |what| vec![(Shape::from([n, h, w, c]), what)];
        match kind {
            0 => case(AvgPool { window, stride }, x(Fill::Normal(1.0))),
            1 => case(MaxPool { window, stride }, x(Fill::Distinct)),
            _ => case(MaxPool { window, stride }, x(Fill::Ties)),
        }
    })
}

fn dense() -> impl Strategy<Value = Case> {
    (1_usize..70, 1_usize..300, 1_usize..70).prop_map(|(n, i, o)| {
        let inputs = vec![
            (Shape::from([n, i]), Fill::Normal(1.0)),
            (Shape::from([i, o]), Fill::Normal(1.0 / (i as f64).sqrt())),
            (Shape::from([o]), Fill::Normal(0.3)),
        ];
        case(Dense, inputs)
    })
}

fn agree(cases: impl Strategy<Value = Case>, device: &Device, count: u32) {
    let asked = std::env::var("PROPTEST_CASES").ok();
    let config = Config {
        cases: asked.and_then(|n| n.parse().ok()).unwrap_or(count),
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let result = TestRunner::new_with_rng(config, rng).run(&cases, |case| {
        agrees_with_reference(&case, device).map_err(TestCaseError::fail)
    });
    result.unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn convolutions_on_the_cpu() {
    agree(convolutions(), &Device::cpu(), 40);
}

#[test]
fn convolutions_on_the_gpu() {
    if let Some(gpu) = gpu() {
        agree(convolutions(), &Device::Gpu(gpu), 20);
    }
}

#[test]
fn pools_on_the_cpu() {
    agree(pools(), &Device::cpu(), 40);
}

#[test]
fn pools_on_the_gpu() {
    if let Some(gpu) = gpu() {
        agree(pools(), &Device::Gpu(gpu), 20);
    }
}

#[test]
fn dense_layers_on_the_cpu() {
    agree(dense(), &Device::cpu(), 30);
}

#[test]
fn dense_layers_on_the_gpu() {
    if let Some(gpu) = gpu() {
        agree(dense(), &Device::Gpu(gpu), 15);
    }
}
