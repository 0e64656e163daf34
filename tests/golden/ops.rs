//! Single ops: Keras' f64 results, on every device.
//!
//! An f32 device may be off by the op's own tolerance, and by what rounding the
//! f64 inputs to f32 does, which the reference measures case by case.

use std::path::Path;

use rbgpu::backend::Device;
use rbgpu::engine::{Op, Tensor, run};
use rbgpu::ops::Padding;
use rbgpu::ops::adam::{Adam, step_size};
use rbgpu::ops::avg_pool::AvgPool;
use rbgpu::ops::batch_norm::BatchNorm;
use rbgpu::ops::batch_norm_inference::BatchNormInference;
use rbgpu::ops::binary_cross_entropy::BinaryCrossEntropy;
use rbgpu::ops::categorical_cross_entropy::CategoricalCrossEntropy;
use rbgpu::ops::conv2d::Conv2d;
use rbgpu::ops::max_pool::MaxPool;
use rbgpu::ops::moving_average::MovingAverage;
use rbgpu::ops::window::sliding;
use serde::Deserialize;

use super::common::{gpu, worst};
use super::compare::is_f64;
use super::npz::{Array, Npz};
use super::table::{Table, short};

/// One entry of ops.json.
#[derive(Debug, Deserialize)]
struct Entry {
    name: String,
    kind: String,
    kernel: Option<usize>,
    stride: Option<usize>,
    kernel_size: Option<[usize; 2]>,
    strides: Option<[usize; 2]>,
    pad_top: Option<usize>,
    pad_left: Option<usize>,
    epsilon: Option<f64>,
    momentum: Option<f64>,
    lr: Option<f64>,
    beta1: Option<f64>,
    beta2: Option<f64>,
    target: Option<serde_json::Value>,
    dtype: Option<String>,
}

/// One number or array that an op gave, and Keras' own.
struct Result {
    op: &'static str,
    what: String,
    got: Vec<f64>,
    want: Vec<f64>,
}

/// A case on a device, its inputs rounded to f32 or not.
struct Run<'a> {
    entry: &'a Entry,
    arrays: &'a Npz,
    device: &'a Device,
    round: bool,
    betas: Betas,
    results: Vec<Result>,
}

/// In its bias correction Keras 3 rounds β₁ and β₂ to f32 even where everything
/// else is f64, which changes the first step by 6e-6 of its length. The committed
/// numbers have the exact betas, the large set's single ops the rounded ones.
#[derive(Clone, Copy, Debug)]
pub enum Betas {
    Exact,
    RoundedToF32,
}

impl Run<'_> {
    fn array(&self, name: &str) -> &Array {
        self.arrays.get(&format!("{}:{name}", self.entry.name))
    }

    fn tensor(&self, shape: &[usize], values: &[f64]) -> Tensor {
        if self.round {
            let rounded: Vec<f32> = values.iter().map(|v| *v as f32).collect();
            return Tensor::new(self.device, shape, &rounded).unwrap();
        }
        Tensor::new(self.device, shape, values).unwrap()
    }

    fn input(&self, name: &str) -> Tensor {
        let array = self.array(name);
        self.tensor(&array.shape, &array.values)
    }

    fn result(&mut self, op: &dyn Op, what: &str, got: &Tensor, want: &[f64]) {
        self.results.push(Result {
            op: op.name(),
            what: what.into(),
            got: got.to_vec().unwrap(),
            want: want.to_vec(),
        });
    }

    /// Forward and, for every name in `gradients`, backward.
    fn op(&mut self, op: &dyn Op, inputs: &[Tensor], y: &str, gradients: &[&str]) -> Vec<Tensor> {
        let inputs: Vec<&Tensor> = inputs.iter().collect();
        let outputs = run::forward(op, &inputs).unwrap();
        let want = self.array(y).values.clone();
        self.result(op, y, &outputs[0], &want);
        if !gradients.is_empty() {
            let dy = self.input("dy");
            let wanted = vec![true; inputs.len()];
            let got = run::backward(op, &inputs, &outputs, &dy, &wanted).unwrap();
            for (name, got) in gradients.iter().zip(got) {
                let want = self.array(name).values.clone();
                self.result(op, name, &got.expect("it is wanted"), &want);
            }
        }
        outputs
    }

    fn run(mut self) -> Vec<Result> {
        match self.entry.kind.as_str() {
            "conv2d_same" => self.convolution(Padding::Same),
            "conv2d_valid" => self.convolution(Padding::Valid),
            "maxpool2d_valid" => {
                let (window, stride) = self.entry.window();
                let x = self.input("x");
                self.op(&MaxPool { window, stride }, &[x], "y", &["dx"]);
            }
            "avgpool2d_valid" => {
                let (window, stride) = self.entry.window();
                let x = self.input("x");
                self.op(&AvgPool { window, stride }, &[x], "y", &["dx"]);
            }
            "batch_norm" => self.batch_norm(),
            "binary_crossentropy" => self.binary(),
            "categorical_crossentropy" => self.categorical(),
            "adam" => self.adam(),
            other => panic!("{}: an unknown kind {other}", self.entry.name),
        }
        self.results
    }

    fn convolution(&mut self, padding: Padding) {
        let (window, stride) = self.entry.window();
        let inputs = ["x", "kernel", "bias"].map(|name| self.input(name));
        let at = sliding("conv2d", inputs[0].shape(), window, stride, padding).unwrap();
        let expected = (self.entry.pad_top.unwrap(), self.entry.pad_left.unwrap());
        assert_eq!(
            (at.rows.before, at.columns.before),
            expected,
            "{}",
            self.entry.name
        );
        let op = Conv2d { stride, padding };
        self.op(&op, &inputs, "y", &["dx", "dkernel", "dbias"]);
    }

    fn batch_norm(&mut self) {
        let epsilon = self.entry.epsilon.unwrap();
        let inputs = ["x", "gamma", "beta"].map(|name| self.input(name));
        let gradients = ["dx", "dgamma", "dbeta"];
        let outputs = self.op(&BatchNorm { epsilon }, &inputs, "y_train", &gradients);
        let op = MovingAverage {
            momentum: self.entry.momentum.unwrap(),
        };
        for (i, name) in ["moving_mean", "moving_variance"].into_iter().enumerate() {
            let new = run::forward(&op, &[&self.input(name), &outputs[1 + i]]).unwrap();
            let name = format!("new_{name}");
            let want = self.array(&name).values.clone();
            // The statistic's own error comes from the batch normalisation.
            self.result(&BatchNorm { epsilon }, &name, &new[0], &want);
        }
        let inputs = ["x", "gamma", "beta", "moving_mean", "moving_variance"];
        let inputs = inputs.map(|name| self.input(name));
        self.op(&BatchNormInference { epsilon }, &inputs, "y_infer", &[]);
    }

    /// Every logit is a batch of its own: Keras' numbers are of the sum.
    fn loss(&mut self, op: &dyn Op, logits: &str, per_item: impl Fn(f64) -> Vec<f64>, y: &[f64]) {
        let z = self.array(logits).values.clone();
        let loss = self.array("loss").values.clone();
        let gradient = match self.entry.kind.as_str() {
            "binary_crossentropy" => "dlogit",
            _ => "dlogits",
        };
        let want = self.array(gradient).values.clone();
        let target = self.tensor(&[1, y.len()], y);
        for (i, z) in z.iter().enumerate() {
            let logits = self.tensor(&[1, y.len()], &per_item(*z));
            let outputs = run::forward(op, &[&logits, &target]).unwrap();
            self.result(op, &format!("loss at {z}"), &outputs[0], &loss[i..=i]);
            let one = self.tensor(&[], &[1.0]);
            let wanted = [true, false];
            let got = run::backward(op, &[&logits, &target], &outputs, &one, &wanted).unwrap();
            let got = got[0].as_ref().expect("it is wanted");
            let want = &want[i * y.len()..][..y.len()];
            self.result(op, &format!("{gradient} at {z}"), got, want);
        }
    }

    fn binary(&mut self) {
        let y = self.entry.target.as_ref().unwrap().as_f64().unwrap();
        self.loss(&BinaryCrossEntropy::default(), "logit", |z| vec![z], &[y]);
    }

    fn categorical(&mut self) {
        self.loss(
            &CategoricalCrossEntropy::default(),
            "z",
            |z| vec![z, -z / 3.0],
            &[0.0, 1.0],
        );
    }

    fn adam(&mut self) {
        let entry = self.entry;
        let [beta1, beta2] = [entry.beta1, entry.beta2].map(|beta| beta.expect("a beta"));
        let [corrected1, corrected2] = [beta1, beta2].map(|beta| match self.betas {
            Betas::Exact => beta,
            Betas::RoundedToF32 => f64::from(beta as f32),
        });
        let gradients = self.array("grads").clone();
        let want = self.array("w").clone();
        let n = gradients.shape[1];
        let mut w = self.input("w0");
        let mut m = self.tensor(&[n], &vec![0.0; n]);
        let mut v = m.clone();
        for t in 0..gradients.shape[0] {
            let op = Adam {
                step_size: step_size(entry.lr.unwrap(), corrected1, corrected2, t as u64 + 1),
                beta1,
                beta2,
                epsilon: entry.epsilon.unwrap(),
            };
            let g = self.tensor(&[n], &gradients.values[t * n..][..n]);
            let new = run::forward(&op, &[&w, &m, &v, &g]).unwrap();
            [w, m, v] = new.try_into().expect("three outputs");
            let want = &want.values[t * n..][..n];
            self.result(&op, &format!("w after step {}", t + 1), &w, want);
        }
    }
}

impl Entry {
    fn window(&self) -> ([usize; 2], [usize; 2]) {
        let pair = |both: Option<[usize; 2]>, one: Option<usize>| {
            both.unwrap_or_else(|| [one.expect("a size"); 2])
        };
        (
            pair(self.kernel_size, self.kernel),
            pair(self.strides, self.stride),
        )
    }

    /// What a batch normalisation loses in f32 where the mean is large: μ itself is
    /// rounded, so that x − μ is off by |μ| 2⁻²⁴, which the division by σ carries
    /// into everything else. Four such roundings are granted.
    fn offset(&self, arrays: &Npz) -> f64 {
        if self.kind != "batch_norm" {
            return 0.0;
        }
        let x = arrays.get(&format!("{}:x", self.name));
        let channels = *x.shape.last().expect("an axis");
        let rows = (x.values.len() / channels) as f64;
        let ratio = |c: usize| {
            let values = || x.values.iter().skip(c).step_by(channels);
            let mean = values().sum::<f64>() / rows;
            let variance = values().map(|v| (v - mean).powi(2)).sum::<f64>() / rows;
            mean.abs() / (variance + self.epsilon.expect("an epsilon")).sqrt()
        };
        let worst = (0..channels).map(ratio).fold(0.0, f64::max);
        4.0 * worst / f64::from(1 << 24)
    }
}

/// Every case of `folder` on `device`.
pub fn ops_on(folder: &Path, betas: Betas, device: &Device) {
    let text = std::fs::read_to_string(folder.join("ops.json")).expect("ops.json is there");
    let entries: Vec<Entry> = serde_json::from_str(&text).expect("ops.json can be read");
    let arrays = Npz::read(&folder.join("ops.npz"));
    let known = rbgpu::ops::cases();
    let mut table = Table::new();
    for entry in &entries {
        let run = |device, round| {
            let results = Vec::new();
            Run {
                entry,
                arrays: &arrays,
                device,
                round,
                betas,
                results,
            }
            .run()
        };
        let got = run(device, false);
        let rounded = run(&Device::Reference, true);
        let offset = entry.offset(&arrays);
        let exact = is_f64(device) && entry.dtype.as_deref() != Some("float32");
        // The result that is nearest to what is allowed speaks for its case.
        let mut nearest = (-1.0, "", 0.0, 0.0);
        for (got, rounded) in got.iter().zip(&rounded) {
            let scale = got.want.iter().fold(0.0_f64, |m, w| m.max(w.abs()));
            let own = known.iter().find(|case| case.op.name() == got.op);
            let own = own.expect("every op has cases").tolerance;
            let allowed = if exact {
                1e-14 + 1e-11 * scale
            } else {
                let rounding = worst(&rounded.got, &rounded.want).0;
                own.absolute + own.relative.max(offset) * scale + rounding
            };
            let measured = worst(&got.got, &got.want).0;
            let share = measured / allowed;
            if share > nearest.0 || share.is_nan() {
                nearest = (share, &got.what, measured, allowed);
            }
        }
        let (_, what, measured, allowed) = nearest;
        let quantity = format!("{}: {what}", entry.name);
        table.row("op", &short(device), &quantity, measured, allowed);
    }
    table.finish();
}

fn committed_on(device: &Device) {
    ops_on(&super::committed::folder(), Betas::Exact, device);
}

#[test]
fn committed_on_the_reference() {
    committed_on(&Device::Reference);
}

#[test]
fn committed_on_the_cpu_in_f64() {
    committed_on(&Device::cpu_f64());
}

#[test]
fn committed_on_the_cpu() {
    committed_on(&Device::cpu());
}

#[test]
fn committed_on_the_gpu() {
    if let Some(gpu) = gpu() {
        committed_on(&Device::Gpu(gpu));
    }
}
