//! The block in WGSL: the convolution's kernels, then one for everything behind.

use super::{ConvBlock, Norm, Pool};
use crate::backend::Gpu;
use crate::backend::gpu::{Bind, GpuBuffer, Shader};
use crate::engine::op::GpuView;
use crate::engine::{GpuOp, Saved, Shape};
use crate::ops::batch_norm::wanted_or_scratch;
use crate::ops::reduce::{column_sums, combine, slices};
use crate::ops::relu::Relu;
use crate::ops::window::{Axis, Sliding};
use crate::{Result, parameters};

const SHADER: Shader = Shader {
    op: "conv_block",
    source: include_str!("../../../shaders/conv_block.wgsl"),
};
const NORM: Shader = Shader {
    op: "batch_norm",
    source: include_str!("../../../shaders/batch_norm.wgsl"),
};

impl ConvBlock {
    fn epsilon(&self) -> f64 {
        match self.norm {
            None => 0.0,
            Some(Norm::Batch { epsilon } | Norm::Moving { epsilon }) => epsilon,
        }
    }

    /// What every kernel is told, for so many elements to write.
    fn parameters(&self, y: &Shape, elements: usize, slices: usize) -> Result<Vec<u32>> {
        let one = |input| Axis {
            input,
            window: 1,
            stride: 1,
            before: 0,
            output: input,
        };
        let at = self.sliding(y)?.unwrap_or(Sliding {
            rows: one(y[1]),
            columns: one(y[2]),
        });
        let pool = match self.pool {
            None => 0_u32,
            Some(Pool::Max(..)) => 1,
            Some(Pool::Avg(..)) => 2,
        };
        let pixels = y.len() / y.channels().max(1);
        let mut words = at.parameters(elements, y.channels()).to_vec();
        words.extend(parameters![
            pool,
            self.norm.is_some(),
            self.kept().place.is_some(),
            self.epsilon(),
            slices,
            pixels,
        ]);
        Ok(words)
    }
}

impl GpuOp for ConvBlock {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let shape = self.convolved(inputs[0].shape, inputs[1].shape)?;
        let value = outputs[0];
        let kept = self.kept();
        let mut scratch = None;
        let y = match kept.batch {
            Some([_, _, y]) => outputs[y].buffer,
            None if self.norm.is_none() && self.pool.is_none() => value.buffer,
            None => scratch.insert(gpu.allocate(shape.len())?),
        };
        let y = GpuView {
            shape: &shape,
            buffer: y,
        };
        let convolved = gpu.allocate(shape.len())?;
        let convolved = GpuView {
            shape: &shape,
            buffer: &convolved,
        };
        GpuOp::forward(&self.conv, gpu, &inputs[..3], &[convolved])?;
        GpuOp::forward(&Relu, gpu, &[convolved], &[y])?;
        if self.norm.is_none() && self.pool.is_none() {
            return Ok(());
        }
        let [mean, variance] = match (kept.batch, self.norm) {
            (Some([mean, variance, _]), _) => {
                let [mean, variance] = [outputs[mean].buffer, outputs[variance].buffer];
                statistics(gpu, y.buffer, mean, variance)?;
                [mean, variance]
            }
            (None, Some(_)) => [inputs[5].buffer, inputs[6].buffer],
            (None, None) => [y.buffer; 2],
        };
        let [gamma, beta] = match self.norm {
            Some(_) => [inputs[3].buffer, inputs[4].buffer],
            None => [y.buffer; 2],
        };
        let mut none = None;
        let place = match kept.place {
            Some(place) => outputs[place].buffer,
            None => none.insert(gpu.allocate(1)?),
        };
        let elements = value.shape.len();
        let words = self.parameters(&shape, elements, 1)?;
        let window = words[6] as usize * (words[7] as usize + 1);
        gpu.check_loops("conv_block", window)?;
        let reads = [y.buffer, gamma, beta, mean, variance].map(Bind::Read);
        let writes = [value.buffer, place].map(Bind::Write);
        let binds: Vec<Bind> = reads.into_iter().chain(writes).collect();
        gpu.dispatch_items(
            &SHADER.kernel("conv_block_forward"),
            &binds,
            &words,
            elements,
        )
    }

    fn backward(&self, gpu: &Gpu, saved: Saved<GpuView>, grads: &[Option<GpuView>]) -> Result<()> {
        let shape = self.convolved(saved.inputs[0].shape, saved.inputs[1].shape)?;
        let grad = saved.grad.buffer;
        let kept = self.kept();
        let place = kept.place.map_or(grad, |place| saved.outputs[place].buffer);
        let dconvolved = gpu.allocate(shape.len())?;
        let words = self.parameters(&shape, shape.len(), 1)?;
        let binds = |reads: [_; 8]| {
            let reads = reads.map(Bind::Read).into_iter();
            reads
                .chain([Bind::Write(&dconvolved)])
                .collect::<Vec<Bind>>()
        };
        match kept.batch {
            Some(batch) => {
                let [mean, variance, y] = batch.map(|i| saved.outputs[i].buffer);
                let gamma = saved.inputs[3].buffer;
                let [mut dgamma, mut dbeta] = [None, None];
                let dgamma = wanted_or_scratch(gpu, &grads[3], gamma.len(), &mut dgamma)?;
                let dbeta = wanted_or_scratch(gpu, &grads[4], gamma.len(), &mut dbeta)?;
                let reads = [y, mean, variance, place, grad];
                self.gradient_sums(gpu, &shape, saved.grad, reads, [dgamma, dbeta])?;
                let binds = binds([y, gamma, mean, variance, place, grad, dgamma, dbeta]);
                let kernel = SHADER.kernel("conv_block_backward_normal");
                gpu.dispatch_items(&kernel, &binds, &words, shape.len())?;
            }
            None => {
                let value = saved.outputs[0].buffer;
                let binds = binds([value, grad, grad, grad, place, grad, grad, grad]);
                let kernel = SHADER.kernel("conv_block_backward_rectified");
                gpu.dispatch_items(&kernel, &binds, &words, shape.len())?;
            }
        }
        let grad = GpuView {
            shape: &shape,
            buffer: &dconvolved,
        };
        let saved = Saved {
            inputs: &saved.inputs[..3],
            outputs: &[],
            grad: &grad,
        };
        GpuOp::backward(&self.conv, gpu, saved, &grads[..3])
    }
}

/// Mean and biased variance of y (rows, channels) per channel.
fn statistics(gpu: &Gpu, y: &GpuBuffer, mean: &GpuBuffer, variance: &GpuBuffer) -> Result<()> {
    let channels = mean.len();
    let rows = y.len() / channels;
    let slices = slices(rows);
    column_sums(gpu, y, mean, channels, 1.0 / rows as f64)?;
    let squares = gpu.allocate(slices * channels)?;
    let binds = [Bind::Read(y), Bind::Read(mean), Bind::Write(&squares)];
    let parameters = parameters![y.len(), channels, 0.0_f64, slices];
    let kernel = NORM.kernel("batch_norm_squares");
    gpu.dispatch_items(&kernel, &binds, parameters, slices * channels)?;
    combine(gpu, &squares, variance, 1.0 / rows as f64)
}

impl ConvBlock {
    /// [dγ, dβ], from the pooled gradient: reads are y, mean, variance, place, grad.
    fn gradient_sums(
        &self,
        gpu: &Gpu,
        y: &Shape,
        grad: &GpuView,
        reads: [&GpuBuffer; 5],
        [dgamma, dbeta]: [&GpuBuffer; 2],
    ) -> Result<()> {
        let (elements, channels) = (grad.shape.len(), dgamma.len());
        let slices = slices(elements / channels);
        let sums = gpu.allocate(slices * channels)?;
        let products = gpu.allocate(slices * channels)?;
        let words = self.parameters(y, elements, slices)?;
        let window = words[6] as usize * (words[7] as usize + 1);
        let terms = (elements / channels).div_ceil(slices);
        gpu.check_loops("conv_block", terms * (window + 1))?;
        let writes = [&sums, &products].map(Bind::Write);
        let binds: Vec<Bind> = reads.map(Bind::Read).into_iter().chain(writes).collect();
        let kernel = SHADER.kernel("conv_block_backward_sums");
        gpu.dispatch_items(&kernel, &binds, &words, slices * channels)?;
        combine(gpu, &sums, dbeta, 1.0)?;
        combine(gpu, &products, dgamma, 1.0)
    }
}
