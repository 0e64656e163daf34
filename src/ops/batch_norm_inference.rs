//! Batch normalisation in inference, with the moving statistics:
//!
//! y = γ_c (x − μ_c) / √(σ²_c + ε) + β_c.
//!
//! x (…, C); γ, β, μ, σ² (C). dx = dy γ / √(σ² + ε), dγ = Σ dy x̂, dβ = Σ dy; the
//! statistics are not differentiated.

use ndarray::{ArrayD, ArrayViewD, Axis};

use super::batch_norm::{
    gpu_gradient_sums, gradient_sums, inverse_deviation, output_shape, vector, wanted_or_scratch,
};
use super::network_shapes::NORMALISED;
use super::reduce::rows;
use crate::Result;
use crate::backend::gpu::{Bind, Shader};
use crate::backend::parallel::for_rows;
use crate::backend::{Cpu, Gpu, Real};
use crate::engine::op::{GpuView, expect_inputs};
use crate::engine::{Case, CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tolerance, View, ViewMut};
use crate::parameters;

/// Normalisation with given statistics. Inputs: x (…, C), γ, β, mean, variance (C).
#[derive(Clone, Copy, Debug)]
pub struct BatchNormInference {
    /// ε.
    pub epsilon: f64,
}

const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 1e-5,
    reason: "f32 sums over the rows for dγ and dβ",
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, shape: Vec<usize>| {
        let c = Shape::from([shape[shape.len() - 1]]);
        let inputs = vec![
            (Shape::from(shape), Fill::Normal(2.0)),
            (c.clone(), Fill::Uniform(-0.5, 1.5)),
            (c.clone(), Fill::Normal(0.5)),
            (c.clone(), Fill::Normal(1.0)),
            (c, Fill::Uniform(0.1, 3.0)),
        ];
        Case::new(
            name,
            BatchNormInference { epsilon: 1e-5 },
            inputs,
            TOLERANCE,
        )
    };
    let mut all = vec![
        case("image", vec![3, 5, 4, 3]),
        case("one channel", vec![2, 3, 3, 1]),
        case("after dense", vec![7, 5]),
    ];
    all.extend(NORMALISED.map(|(name, x)| case(name, x.to_vec()).large()));
    all
}

impl Formula for BatchNormInference {
    fn name(&self) -> &'static str {
        "batch_norm_inference"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>> {
        let [x, gamma, beta, mean, variance] = expect_inputs("batch_norm_inference", inputs)?;
        let others = [&gamma, &beta, &mean, &variance];
        Ok(vec![output_shape("batch_norm_inference", &x, &others)?])
    }

    fn differentiable(&self, input: usize) -> bool {
        input < 3
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        let x = rows(&inputs[0]);
        let [gamma, beta, mean, variance] = [1, 2, 3, 4].map(|i| vector(&inputs[i]));
        let y = (x - mean) / variance.mapv(|v| (v + self.epsilon).sqrt()) * gamma + beta;
        vec![
            y.into_shape_with_order(inputs[0].raw_dim())
                .expect("row-major"),
        ]
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        wanted: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        let [gamma, mean, variance] = [1, 3, 4].map(|i| vector(&saved.inputs[i]));
        let deviation = variance.mapv(|v| (v + self.epsilon).sqrt());
        let dy = rows(saved.grad);
        let normal = (rows(&saved.inputs[0]) - mean) / &deviation;
        let dx = (&dy * gamma / deviation)
            .into_shape_with_order(saved.inputs[0].raw_dim())
            .expect("row-major");
        vec![
            wanted[0].then_some(dx),
            wanted[1].then(|| (&dy * normal).sum_axis(Axis(0)).into_dyn()),
            wanted[2].then(|| dy.sum_axis(Axis(0)).into_dyn()),
            None,
            None,
        ]
    }
}

impl<T: Real> CpuOp<T> for BatchNormInference {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let [x, gamma, beta, mean, variance] = [0, 1, 2, 3, 4].map(|i| inputs[i].data);
        let inverse = inverse_deviation(variance, self.epsilon);
        let channels = gamma.len();
        for_rows(outputs[0].data, channels, |row, y| {
            let x = &x[row * channels..][..channels];
            for c in 0..channels {
                y[c] = (x[c] - mean[c]) * inverse[c] * gamma[c] + beta[c];
            }
        });
    }

    fn backward(&self, _: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        let [x, gamma, _, mean, variance] = [0, 1, 2, 3, 4].map(|i| saved.inputs[i].data);
        let dy = saved.grad.data;
        let inverse = inverse_deviation(variance, self.epsilon);
        let channels = gamma.len();
        if let Some(dx) = &mut grads[0] {
            for_rows(dx.data, channels, |row, dx| {
                let dy = &dy[row * channels..][..channels];
                for c in 0..channels {
                    dx[c] = dy[c] * gamma[c] * inverse[c];
                }
            });
        }
        if grads[1].is_some() || grads[2].is_some() {
            let (dgamma, dbeta) = gradient_sums(x, dy, mean, &inverse);
            for (gradient, sums) in grads[1..].iter_mut().zip([dgamma, dbeta]) {
                if let Some(gradient) = gradient {
                    gradient.data.copy_from_slice(&sums);
                }
            }
        }
    }
}

const SHADER: Shader = Shader {
    op: "batch_norm_inference",
    source: include_str!("../../shaders/batch_norm_inference.wgsl"),
};

impl GpuOp for BatchNormInference {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let elements = inputs[0].shape.len();
        let reads = inputs.iter().map(|input| Bind::Read(input.buffer));
        let binds: Vec<Bind> = reads.chain([Bind::Write(outputs[0].buffer)]).collect();
        let parameters = parameters![elements, inputs[0].shape.channels(), self.epsilon];
        let kernel = SHADER.kernel("batch_norm_inference_forward");
        gpu.dispatch_items(&kernel, &binds, parameters, elements)
    }

    fn backward(&self, gpu: &Gpu, saved: Saved<GpuView>, grads: &[Option<GpuView>]) -> Result<()> {
        let [x, gamma, _, mean, variance] = [0, 1, 2, 3, 4].map(|i| saved.inputs[i].buffer);
        let dy = saved.grad.buffer;
        if let Some(dx) = &grads[0] {
            let elements = x.len();
            let reads = [gamma, variance, dy].map(Bind::Read);
            let binds: Vec<Bind> = reads.into_iter().chain([Bind::Write(dx.buffer)]).collect();
            let parameters = parameters![elements, gamma.len(), self.epsilon];
            let kernel = SHADER.kernel("batch_norm_inference_backward_input");
            gpu.dispatch_items(&kernel, &binds, parameters, elements)?;
        }
        if grads[1].is_none() && grads[2].is_none() {
            return Ok(());
        }
        let [mut dgamma, mut dbeta] = [None, None];
        let dgamma = wanted_or_scratch(gpu, &grads[1], gamma.len(), &mut dgamma)?;
        let dbeta = wanted_or_scratch(gpu, &grads[2], gamma.len(), &mut dbeta)?;
        gpu_gradient_sums(gpu, self.epsilon, x, dy, [mean, variance], [dgamma, dbeta])
    }
}
