//! Batch normalisation in training (Ioffe & Szegedy 2015): over all axes but the
//! last, with R = N·H·W rows,
//!
//! μ_c = 1/R Σ x, σ²_c = 1/R Σ (x − μ_c)², x̂ = (x − μ_c) / √(σ²_c + ε), y = γ_c x̂ + β_c.
//!
//! x (…, C), γ (C), β (C) → y (…, C), and kept: μ (C), σ² (C), biased as in Keras 3.
//! dγ = Σ dy x̂, dβ = Σ dy, dx = γ / √(σ² + ε) · (dy − dβ/R − x̂ dγ/R).

use ndarray::{Array1, ArrayD, ArrayViewD, Axis};

use super::network_shapes::NORMALISED;
use super::reduce::{column_sums, combine, rows, slices};
use crate::backend::gpu::{Bind, GpuBuffer, Shader};
use crate::backend::parallel::{for_rows, sum_columns, sum_rows};
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;
use crate::{Error, Result};

/// Normalisation with the batch's own statistics. Inputs: x (…, C), γ (C), β (C).
/// Outputs: y, mean (C), variance (C).
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm {
    /// ε.
    pub epsilon: f64,
}

/// Mean and variance come from sums in two passes and in blocks, so their error
/// is a few ulp; dx is a small difference of large terms.
const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 1e-5,
    reason: "dx cancels to about 1/10 of its terms",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, shape: Vec<usize>, x| {
        let c = Shape::from([shape[shape.len() - 1]]);
        let inputs = vec![
            (Shape::from(shape), x),
            (c.clone(), Fill::Uniform(-0.5, 1.5)),
            (c, Fill::Normal(0.5)),
        ];
        Case::new(name, BatchNorm { epsilon: 1e-5 }, inputs, TOLERANCE)
    };
    let mut all = vec![
        case("image", vec![3, 5, 4, 3], Fill::Normal(2.0)),
        case("one channel", vec![2, 3, 3, 1], Fill::Normal(1.0)),
        case("after dense", vec![7, 5], Fill::Normal(1.0)),
        case("far from zero", vec![4, 3, 3, 2], Fill::Uniform(9.0, 11.0)),
        case("wide", vec![2, 2, 2, 67], Fill::Normal(1.0)),
        case("des1 first layer", vec![32, 51, 51, 80], Fill::Normal(1.0)).large(),
    ];
    all.extend(NORMALISED.map(|(name, x)| case(name, x.to_vec(), Fill::Normal(1.0)).large()));
    all
}

/// Checks the shapes that both normalisations share.
pub(super) fn output_shape(op: &'static str, x: &Shape, channels: &[&Shape]) -> Result<Shape> {
    if x.is_empty() || channels.iter().any(|c| c[..] != [x.channels()]) {
        let mut shapes = vec![&x[..]];
        shapes.extend(channels.iter().map(|c| &c[..]));
        return Err(Error::shape(
            op,
            "needs x (..., C) and (C) for everything else",
            &shapes,
        ));
    }
    Ok(x.clone())
}

pub(super) fn vector(x: &ArrayViewD<f64>) -> Array1<f64> {
    x.iter().copied().collect()
}

impl Formula for BatchNorm {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [x, gamma, beta] = expect_inputs("batch_norm", inputs)?;
        let y = output_shape("batch_norm", &x, &[&gamma, &beta])?;
        Ok(vec![y, gamma.clone(), gamma])
    }

    fn differentiable(&self, _: usize) -> bool {
        true
    }

    fn backward_reads_input(&self, input: usize) -> bool {
        input < 2
    }

    fn backward_reads_output(&self, output: usize) -> bool {
        output > 0
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        let (x, gamma, beta) = (rows(&inputs[0]), vector(&inputs[1]), vector(&inputs[2]));
        let mean = x.mean_axis(Axis(0)).expect("checked before");
        let variance = (&x - &mean)
            .mapv(|d| d * d)
            .mean_axis(Axis(0))
            .expect("checked before");
        let y = (x - &mean) / variance.mapv(|v| (v + self.epsilon).sqrt()) * gamma + beta;
        let y = y
            .into_shape_with_order(inputs[0].raw_dim())
            .expect("row-major");
        vec![y, mean.into_dyn(), variance.into_dyn()]
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        wanted: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        let (x, gamma) = (rows(&saved.inputs[0]), vector(&saved.inputs[1]));
        let (mean, variance) = (vector(&saved.outputs[1]), vector(&saved.outputs[2]));
        let dy = rows(saved.grad);
        let count = x.nrows() as f64;
        let deviation = variance.mapv(|v| (v + self.epsilon).sqrt());
        let normal = (x - mean) / &deviation;
        let dgamma = (&dy * &normal).sum_axis(Axis(0));
        let dbeta = dy.sum_axis(Axis(0));
        let dx = (dy - &dbeta / count - normal * &dgamma / count) * gamma / deviation;
        let dx = dx
            .into_shape_with_order(saved.inputs[0].raw_dim())
            .expect("row-major");
        vec![
            wanted[0].then_some(dx),
            wanted[1].then(|| dgamma.into_dyn()),
            wanted[2].then(|| dbeta.into_dyn()),
        ]
    }
}

/// Σ dy x̂ and Σ dy per channel, side by side: (2C).
pub(super) fn gradient_sums<T: Real>(
    x: &[T],
    dy: &[T],
    mean: &[T],
    inverse: &[T],
) -> (Vec<T>, Vec<T>) {
    let channels = mean.len();
    let sums = sum_rows(x.len() / channels, 2 * channels, |row, sums: &mut [T]| {
        let (x, dy) = (&x[row * channels..], &dy[row * channels..]);
        let (dgamma, dbeta) = sums.split_at_mut(channels);
        for c in 0..channels {
            dgamma[c] += dy[c] * ((x[c] - mean[c]) * inverse[c]);
            dbeta[c] += dy[c];
        }
    });
    let cast = |sums: &[f64]| sums.iter().map(|s| T::of(*s)).collect();
    (cast(&sums[..channels]), cast(&sums[channels..]))
}

/// 1 / √(σ² + ε).
pub(super) fn inverse_deviation<T: Real>(variance: &[T], epsilon: f64) -> Vec<T> {
    variance
        .iter()
        .map(|v| (*v + T::of(epsilon)).sqrt().recip())
        .collect()
}

impl<T: Real> CpuOp<T> for BatchNorm {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let (x, gamma, beta) = (inputs[0].data, inputs[1].data, inputs[2].data);
        let channels = gamma.len();
        let count = x.len() / channels;
        let [y, mean, variance] = outputs else {
            unreachable!("three outputs")
        };
        let sums = sum_columns(x, channels);
        let average = |out: &mut [T], sums: Vec<f64>| {
            out.iter_mut()
                .zip(sums)
                .for_each(|(out, sum)| *out = T::of(sum / count as f64));
        };
        average(mean.data, sums);
        let mean = &*mean.data;
        let squares = sum_rows(count, channels, |row, sums: &mut [T]| {
            let x = &x[row * channels..][..channels];
            sums.iter_mut()
                .zip(x.iter().zip(mean))
                .for_each(|(sum, (x, mean))| {
                    let d = *x - *mean;
                    *sum += d * d;
                });
        });
        average(variance.data, squares);
        let inverse = inverse_deviation(variance.data, self.epsilon);
        for_rows(y.data, channels, |row, y| {
            let x = &x[row * channels..][..channels];
            for c in 0..channels {
                y[c] = (x[c] - mean[c]) * inverse[c] * gamma[c] + beta[c];
            }
        });
    }

    fn backward(&self, _: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        let (x, gamma, dy) = (saved.inputs[0].data, saved.inputs[1].data, saved.grad.data);
        let mean = saved.outputs[1].data;
        let inverse = inverse_deviation(saved.outputs[2].data, self.epsilon);
        let channels = gamma.len();
        let (dgamma, dbeta) = gradient_sums(x, dy, mean, &inverse);
        if let Some(dx) = &mut grads[0] {
            let share = T::of(1.0 / (x.len() / channels) as f64);
            for_rows(dx.data, channels, |row, dx| {
                let (x, dy) = (
                    &x[row * channels..][..channels],
                    &dy[row * channels..][..channels],
                );
                for c in 0..channels {
                    let normal = (x[c] - mean[c]) * inverse[c];
                    let centred = dy[c] - (dbeta[c] + normal * dgamma[c]) * share;
                    dx[c] = centred * gamma[c] * inverse[c];
                }
            });
        }
        for (gradient, sums) in grads[1..].iter_mut().zip([dgamma, dbeta]) {
            if let Some(gradient) = gradient {
                gradient.data.copy_from_slice(&sums);
            }
        }
    }
}

const SHADER: Shader = Shader {
    op: "batch_norm",
    source: include_str!("../../shaders/batch_norm.wgsl"),
};

impl GpuOp for BatchNorm {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let [x, gamma, beta] = [0, 1, 2].map(|i| inputs[i].buffer);
        let [y, mean, variance] = [0, 1, 2].map(|i| outputs[i].buffer);
        let (elements, channels) = (x.len(), gamma.len());
        let rows = elements / channels;
        let slices = slices(rows);
        column_sums(gpu, x, mean, channels, 1.0 / rows as f64)?;
        let squares = gpu.allocate(slices * channels)?;
        let kernel = SHADER.kernel("batch_norm_squares");
        let binds = [Bind::Read(x), Bind::Read(mean), Bind::Write(&squares)];
        let parameters = parameters![elements, channels, self.epsilon, slices];
        gpu.dispatch_items(&kernel, &binds, parameters, slices * channels)?;
        combine(gpu, &squares, variance, 1.0 / rows as f64)?;
        let reads = [x, gamma, beta, mean, variance].map(Bind::Read);
        let binds: Vec<Bind> = reads.into_iter().chain([Bind::Write(y)]).collect();
        gpu.dispatch_items(
            &SHADER.kernel("batch_norm_forward"),
            &binds,
            parameters,
            elements,
        )
    }

    fn backward(&self, gpu: &Gpu, saved: Saved<GpuView>, grads: &[Option<GpuView>]) -> Result<()> {
        let (x, gamma) = (saved.inputs[0].buffer, saved.inputs[1].buffer);
        let (mean, variance) = (saved.outputs[1].buffer, saved.outputs[2].buffer);
        let dy = saved.grad.buffer;
        let [mut dgamma, mut dbeta] = [None, None];
        let dgamma = wanted_or_scratch(gpu, &grads[1], gamma.len(), &mut dgamma)?;
        let dbeta = wanted_or_scratch(gpu, &grads[2], gamma.len(), &mut dbeta)?;
        let statistics = [mean, variance];
        gpu_gradient_sums(gpu, self.epsilon, x, dy, statistics, [dgamma, dbeta])?;
        let Some(dx) = &grads[0] else { return Ok(()) };
        let (elements, channels) = (x.len(), gamma.len());
        let reads = [x, gamma, mean, variance, dy, dgamma, dbeta].map(Bind::Read);
        let binds: Vec<Bind> = reads.into_iter().chain([Bind::Write(dx.buffer)]).collect();
        let parameters = parameters![elements, channels, self.epsilon, 0_u32];
        let kernel = SHADER.kernel("batch_norm_backward_input");
        gpu.dispatch_items(&kernel, &binds, parameters, elements)
    }
}

/// The gradient's own buffer, or one that is thrown away.
pub(super) fn wanted_or_scratch<'a>(
    gpu: &Gpu,
    gradient: &Option<GpuView<'a>>,
    len: usize,
    scratch: &'a mut Option<GpuBuffer>,
) -> Result<&'a GpuBuffer> {
    match gradient {
        Some(gradient) => Ok(gradient.buffer),
        None => Ok(scratch.insert(gpu.allocate(len)?)),
    }
}

/// [dγ, dβ] = [Σ dy x̂, Σ dy] per channel, with statistics [mean, variance].
pub(super) fn gpu_gradient_sums(
    gpu: &Gpu,
    epsilon: f64,
    x: &GpuBuffer,
    dy: &GpuBuffer,
    statistics: [&GpuBuffer; 2],
    [dgamma, dbeta]: [&GpuBuffer; 2],
) -> Result<()> {
    let (elements, channels) = (x.len(), dgamma.len());
    let slices = slices(elements / channels);
    let sums = gpu.allocate(slices * channels)?;
    let products = gpu.allocate(slices * channels)?;
    let binds = [
        Bind::Read(x),
        Bind::Read(statistics[0]),
        Bind::Read(statistics[1]),
        Bind::Read(dy),
        Bind::Write(&sums),
        Bind::Write(&products),
    ];
    let parameters = parameters![elements, channels, epsilon, slices];
    let kernel = SHADER.kernel("batch_norm_backward_sums");
    gpu.dispatch_items(&kernel, &binds, parameters, slices * channels)?;
    combine(gpu, &sums, dbeta, 1.0)?;
    combine(gpu, &products, dgamma, 1.0)
}
