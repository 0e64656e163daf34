//! The WGSL device: every shader is valid as it stands, and the device reports
//! what goes wrong.

mod common;

use std::fs;
use std::path::Path;

use common::gpu;
use rbgpu::backend::Device;
use rbgpu::backend::gpu::{Bind, Choice, Gpu, GpuBuffer, Shader};
use rbgpu::engine::{Tensor, run};
use rbgpu::ops::Padding;
use rbgpu::ops::accuracy::Accuracy;
use rbgpu::ops::batch_norm::BatchNorm;
use rbgpu::ops::binary_cross_entropy::BinaryCrossEntropy;
use rbgpu::ops::categorical_cross_entropy::CategoricalCrossEntropy;
use rbgpu::ops::conv2d::Conv2d;
use rbgpu::ops::dense::Dense;
use rbgpu::ops::reduce::{Kind, Reduce};
use rbgpu::ops::relu::Relu;
use rbgpu::ops::sigmoid::Sigmoid;
use rbgpu::ops::softmax::Softmax;
use rbgpu::{Error, parameters};

/// Every file of shaders/ as (name without extension, text).
fn shaders() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let files = fs::read_dir(folder).expect("the folder of shaders is there");
    files
        .map(|file| file.expect("a readable folder").path())
        .map(|path| {
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, fs::read_to_string(&path).expect("a readable shader"))
        })
        .collect()
}

#[test]
fn every_shader_is_valid_as_it_stands() {
    for (name, source) in shaders() {
        let module = naga::front::wgsl::parse_str(&source)
            .unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(&source, &name)));
        let capabilities = naga::valid::Capabilities::IMMEDIATES
            // unpack2x16float, which WGSL has everywhere.
            | naga::valid::Capabilities::SHADER_FLOAT16_IN_FLOAT32
            | naga::valid::Capabilities::SUBGROUP
            | naga::valid::Capabilities::SHADER_FLOAT16
            | naga::valid::Capabilities::COOPERATIVE_MATRIX;
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), capabilities)
            .validate(&module)
            .unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(&source, &name)));
        assert!(
            !module.entry_points.is_empty(),
            "{name}.wgsl has no entry point"
        );
    }
}

#[test]
fn every_op_has_a_shader_of_its_name() {
    let found: Vec<String> = shaders().into_iter().map(|(name, _)| name).collect();
    for op in rbgpu::ops::NAMES {
        assert!(
            found.iter().any(|name| name == op),
            "shaders/{op}.wgsl is missing"
        );
    }
    for name in found {
        let owned = rbgpu::ops::NAMES.iter().any(|op| name.starts_with(op));
        assert!(owned, "shaders/{name}.wgsl belongs to no op");
    }
}

#[test]
fn entry_points_are_named_after_their_op() {
    for (name, source) in shaders() {
        let module = naga::front::wgsl::parse_str(&source).expect("tested above");
        let op = rbgpu::ops::NAMES.iter().filter(|op| name.starts_with(*op));
        let op = op.max_by_key(|op| op.len()).expect("tested above");
        for entry in module.entry_points {
            assert!(
                entry.name.starts_with(&format!("{op}_")),
                "{} in {name}.wgsl",
                entry.name
            );
        }
    }
}

const COPY: Shader = Shader {
    op: "copy",
    source: "
        struct Size { elements: u32, value: f32 }
        var<immediate> size: Size;
        @group(0) @binding(0) var<storage, read_write> y: array<f32>;
        @compute @workgroup_size(64)
        fn fill(@builtin(global_invocation_id) id: vec3<u32>) {
            if id.x < size.elements { y[id.x] = size.value; }
        }",
};

fn fill(gpu: &Gpu, buffer: &GpuBuffer, elements: usize, value: f32) {
    let kernel = COPY.kernel("fill");
    gpu.dispatch_items(
        &kernel,
        &[Bind::Write(buffer)],
        parameters![elements, value],
        elements,
    )
    .expect("a kernel that compiles");
}

#[test]
fn a_shader_that_does_not_compile_is_an_error() {
    let Some(gpu) = gpu() else { return };
    let buffer = gpu.allocate(1).unwrap();
    let binds = [Bind::Write(&buffer)];
    let sources = [
        "fn f( {",
        "@compute @workgroup_size(1) fn f() { let a: u32 = 1.5; }",
        "fn g() {}",
    ];
    for source in sources {
        let kernel = Shader {
            op: "broken",
            source,
        }
        .kernel("f");
        let error = gpu.dispatch_items(&kernel, &binds, &[], 1).unwrap_err();
        assert!(matches!(error, Error::Device { .. }), "{error}");
        assert!(error.to_string().contains("broken"), "{error}");
    }
    // A binding that the kernel has and the dispatch lacks.
    let error = gpu.dispatch_items(&COPY.kernel("fill"), &[], parameters![1_u32, 0.0], 1);
    assert!(matches!(error, Err(Error::Device { .. })), "{error:?}");
    // And the device still works.
    fill(&gpu, &buffer, 1, 3.0);
    assert_eq!(gpu.download(&buffer).unwrap(), [3.0]);
}

#[test]
fn a_tensor_beyond_the_devices_limits_is_too_large() {
    let Some(gpu) = gpu() else { return };
    for len in [1 << 31, 1 << 40] {
        let error = gpu.allocate(len).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    }
}

#[test]
fn an_adapter_that_is_not_there_is_an_error() {
    let error = Gpu::open(&Choice::Named("no such adapter".into())).unwrap_err();
    assert!(matches!(error, Error::NoDevice { .. }), "{error}");
    assert!(error.to_string().contains("no such adapter"), "{error}");
}

#[test]
fn uploads_stay_behind_the_work_recorded_before_them() {
    let Some(gpu) = gpu() else { return };
    let (a, b) = (gpu.allocate(100).unwrap(), gpu.allocate(100).unwrap());
    for round in 0..50 {
        fill(&gpu, &a, 100, 1.0);
        gpu.upload(&a, &vec![round as f32; 100]).unwrap();
        fill(&gpu, &b, 50, 7.0);
        assert_eq!(gpu.download(&a).unwrap(), vec![round as f32; 100]);
    }
    assert_eq!(gpu.download(&b).unwrap()[..50], [7.0; 50]);
}

#[test]
fn a_write_beyond_the_end_is_seen_under_guard() {
    let Some(gpu) = gpu() else { return };
    let buffer = gpu.allocate(100).unwrap();
    fill(&gpu, &buffer, 100, 1.0);
    gpu.check_guards(&buffer).unwrap();
    fill(&gpu, &buffer, 101, 1.0);
    let error = gpu.check_guards(&buffer).unwrap_err();
    assert!(
        error.to_string().contains("element 100 of a tensor of 100"),
        "{error}"
    );
    // Also after it was dropped, as scratch memory is.
    let other = gpu.allocate(10).unwrap();
    drop(buffer);
    gpu.download(&other).unwrap_err();
    gpu.download(&other).unwrap();
}

#[test]
fn memory_does_not_grow_when_the_same_work_is_repeated() {
    if gpu().is_none() {
        return;
    }
    let gpu = Gpu::open(&Choice::Any).unwrap();
    let device = Device::Gpu(gpu.clone());
    let work = |batch: usize| {
        let x = Tensor::full(&device, [batch, 12, 12, 3], 0.5).unwrap();
        let kernel = Tensor::full(&device, [3, 3, 3, 5], 0.1).unwrap();
        let bias = Tensor::full(&device, [5], 0.0).unwrap();
        let op = Conv2d {
            stride: [1, 1],
            padding: Padding::Same,
        };
        let y = run::forward(&op, &[&x, &kernel, &bias]).unwrap();
        run::backward(&op, &[&x, &kernel, &bias], &y, &y[0], &[true; 3]).unwrap();
    };
    work(32);
    work(20);
    let before = gpu.allocated_bytes();
    for _ in 0..40 {
        work(32);
        work(20); // the last batch of an epoch
    }
    assert_eq!(gpu.allocated_bytes(), before);
}

/// Mesa 22.3 ends an invocation after 65,535 loop iterations, without an error.
#[test]
fn sums_of_more_than_65535_terms_are_complete() {
    let Some(gpu) = gpu() else { return };
    let device = Device::Gpu(gpu);
    let ones = |shape: &[usize]| Tensor::full(&device, shape.to_vec(), 1.0).unwrap();
    let is = |tensor: &Tensor, want: f64| {
        let values = tensor.to_vec().unwrap();
        let all = values.iter().all(|v| (v - want).abs() <= 1e-6 * want.abs());
        assert!(
            all,
            "{:?} instead of {want}",
            &values[..values.len().min(5)]
        );
    };
    // Few filters and channels, so that little is shared out over them.
    let (pixels, image) = (32 * 51 * 51, [32, 51, 51]);
    for (channels, filters) in [(1, 1), (4, 4), (3, 5)] {
        let op = Conv2d {
            stride: [1, 1],
            padding: Padding::Same,
        };
        let x = ones(&[image[0], image[1], image[2], channels]);
        let kernel = ones(&[1, 1, channels, filters]);
        let inputs = [&x, &kernel, &ones(&[filters])];
        let y = run::forward(&op, &inputs).unwrap();
        is(&y[0], channels as f64 + 1.0);
        let dy = ones(&[image[0], image[1], image[2], filters]);
        let gradients = run::backward(&op, &inputs, &y, &dy, &[true; 3]).unwrap();
        is(gradients[0].as_ref().unwrap(), filters as f64);
        is(gradients[1].as_ref().unwrap(), pixels as f64);
        is(gradients[2].as_ref().unwrap(), pixels as f64);
    }
    // More than 65,535 terms in one window.
    let op = Conv2d {
        stride: [1, 1],
        padding: Padding::Valid,
    };
    for channels in [601, 2400] {
        let (x, kernel) = (ones(&[1, 11, 11, channels]), ones(&[11, 11, channels, 1]));
        let y = run::forward(&op, &[&x, &kernel, &ones(&[1])]).unwrap();
        is(&y[0], (121 * channels) as f64 + 1.0);
    }
    let x = ones(&[70_001, 3]);
    for kind in [Kind::Sum, Kind::Mean] {
        for keep_channels in [false, true] {
            let y = run::forward(
                &Reduce {
                    kind,
                    keep_channels,
                },
                &[&x],
            )
            .unwrap();
            let terms = if keep_channels { 70_001.0 } else { 210_003.0 };
            is(&y[0], if kind == Kind::Sum { terms } else { 1.0 });
        }
    }
    let one = ones(&[3]);
    let y = run::forward(&BatchNorm { epsilon: 1e-5 }, &[&x, &one, &one]).unwrap();
    is(&y[1], 1.0);
    is(&y[2], 0.0);
    let dy = ones(&[70_001, 3]);
    let wanted = [false, true, true];
    let gradients = run::backward(
        &BatchNorm { epsilon: 1e-5 },
        &[&x, &one, &one],
        &y,
        &dy,
        &wanted,
    )
    .unwrap();
    is(gradients[2].as_ref().unwrap(), 70_001.0);
    // A batch of 70,001 and a layer of as many inputs.
    let (x, kernel) = (ones(&[70_001, 2]), ones(&[2, 3]));
    let y = run::forward(&Dense, &[&x, &kernel, &one]).unwrap();
    let gradients = run::backward(&Dense, &[&x, &kernel, &one], &y, &dy, &[true; 3]).unwrap();
    is(gradients[1].as_ref().unwrap(), 70_001.0);
    let (x, kernel) = (ones(&[2, 70_001]), ones(&[70_001, 3]));
    is(
        &run::forward(&Dense, &[&x, &kernel, &one]).unwrap()[0],
        70_002.0,
    );
    let (z, label) = (
        Tensor::full(&device, [70_001, 1], 0.0).unwrap(),
        ones(&[70_001, 1]),
    );
    is(
        &run::forward(&BinaryCrossEntropy::default(), &[&z, &label]).unwrap()[0],
        std::f64::consts::LN_2,
    );
    is(
        &run::forward(&Accuracy, &[&z, &label]).unwrap()[0],
        70_001.0,
    );
}

#[test]
fn results_are_the_same_bits_every_time() {
    let Some(gpu) = gpu() else { return };
    let device = Device::Gpu(gpu);
    let values: Vec<f32> = (0..8 * 13 * 13 * 6)
        .map(|i| ((i * 7919) % 1013) as f32 * 1e-3)
        .collect();
    let once = || {
        let x = Tensor::new(&device, [8, 13, 13, 6], &values).unwrap();
        let kernel = Tensor::new(&device, [3, 3, 6, 10], &values[..540]).unwrap();
        let bias = Tensor::new(&device, [10], &values[..10]).unwrap();
        let op = Conv2d {
            stride: [2, 1],
            padding: Padding::Same,
        };
        let y = run::forward(&op, &[&x, &kernel, &bias]).unwrap();
        let gradients = run::backward(&op, &[&x, &kernel, &bias], &y, &y[0], &[true; 3]).unwrap();
        gradients
            .iter()
            .map(|g| g.as_ref().unwrap().to_vec().unwrap())
            .collect::<Vec<_>>()
    };
    let first = once();
    for _ in 0..5 {
        assert_eq!(once(), first);
    }
}

/// A loss that is not a number must show, or training goes on with nonsense.
#[test]
fn nan_is_not_swallowed() {
    let Some(gpu) = gpu() else { return };
    let device = Device::Gpu(gpu);
    let x = Tensor::new(&device, [2, 2], &[1.0, f32::NAN, -1.0, 2.0]).unwrap();
    let has_nan = |op: &dyn rbgpu::engine::Op, inputs: &[&Tensor]| {
        let y = run::forward(op, inputs).unwrap();
        y[0].to_vec().unwrap().iter().any(|v| v.is_nan())
    };
    let one_hot = Tensor::new(&device, [2, 2], &[1.0_f32, 0.0, 0.0, 1.0]).unwrap();
    assert!(has_nan(&Relu, &[&x]), "relu");
    assert!(has_nan(&Sigmoid, &[&x]), "sigmoid");
    assert!(has_nan(&Softmax, &[&x]), "softmax");
    assert!(
        has_nan(&CategoricalCrossEntropy::default(), &[&x, &one_hot]),
        "categorical_cross_entropy"
    );
    let (z, label) = (x.reshape([4, 1]).unwrap(), one_hot.reshape([4, 1]).unwrap());
    assert!(
        has_nan(&BinaryCrossEntropy::default(), &[&z, &label]),
        "binary_cross_entropy"
    );
    assert!(
        has_nan(
            &Reduce {
                kind: Kind::Sum,
                keep_channels: false
            },
            &[&x]
        ),
        "reduce"
    );
}
