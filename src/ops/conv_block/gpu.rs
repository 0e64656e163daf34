//! The block in WGSL: the convolution's kernels, then one for everything behind.

use super::{ConvBlock, Norm, Pool};
use crate::backend::Gpu;
use crate::backend::gpu::{Bind, GpuBuffer, Kernel, Shader};
use crate::engine::op::GpuView;
use crate::engine::{GpuOp, Saved, Shape};
use crate::ops::batch_norm::wanted_or_scratch;
use crate::ops::conv2d::gpu::{Moments, record_rectified};
use crate::ops::reduce::combine;
use crate::ops::window::{Axis, Sliding};
use crate::{Result, parameters};

const SHADER: Shader = Shader {
    op: "conv_block",
    source: include_str!("../../../shaders/conv_block.wgsl"),
};
const MOMENTS: Shader = Shader {
    op: "conv_block",
    source: include_str!("../../../shaders/conv_block_moments.wgsl"),
};

/// Pixels of a block of y whose moments are taken together.
const BLOCK: usize = 64;

/// What every kernel behind the convolution is told.
struct Behind<'a> {
    op: &'a ConvBlock,
    y: &'a Shape,
    at: Sliding,
}

impl<'a> Behind<'a> {
    fn new(op: &'a ConvBlock, y: &'a Shape) -> Result<Behind<'a>> {
        let one = |input| Axis {
            input,
            window: 1,
            stride: 1,
            before: 0,
            output: input,
        };
        let at = op.sliding(y)?.unwrap_or(Sliding {
            rows: one(y[1]),
            columns: one(y[2]),
        });
        Ok(Behind { op, y, at })
    }

    /// A kernel for this kind of block; with `fours`, of four channels at a time.
    fn kernel(&self, entry: &'static str, fours: bool) -> Kernel {
        let (op, Sliding { rows, columns }) = (self.op, self.at);
        let pool = match op.pool {
            None => "NONE",
            Some(Pool::Max(..)) => "MAX",
            Some(Pool::Avg(..)) => "AVERAGE",
        };
        let number = |n: usize| format!("{n}u");
        let kernel = SHADER
            .kernel(entry)
            .with("POOL", pool)
            .with("WINDOW_ROWS", number(rows.window))
            .with("WINDOW_COLUMNS", number(columns.window))
            .with("STRIDE_ROWS", number(rows.stride))
            .with("STRIDE_COLUMNS", number(columns.stride))
            .with("OVERLAP", self.overlap())
            .with("NORMAL", op.norm.is_some())
            .with("KEEP", op.kept().place.is_some());
        match fours {
            true => kernel.with("real", "vec4<f32>").with("whole", "vec4<u32>"),
            false => kernel,
        }
    }

    fn overlap(&self) -> bool {
        let Sliding { rows, columns } = self.at;
        rows.window > rows.stride || columns.window > columns.stride
    }

    /// Four channels at a time, if their number allows it.
    fn fours(&self) -> bool {
        self.y.channels().is_multiple_of(4)
    }

    /// Records `kernel` for so many lines of pixels.
    fn dispatch(
        &self,
        gpu: &Gpu,
        entry: &'static str,
        fours: bool,
        lines: usize,
        binds: &[Bind],
    ) -> Result<()> {
        let (y, Sliding { rows, columns }) = (self.y, self.at);
        let windows = match self.overlap() {
            true => (rows.window + 1) * (columns.window + 1),
            false => 1,
        };
        // Blocks of a stride or windows in a line, then what is in each.
        let block = rows.stride.max(rows.window) * (columns.stride.max(columns.window) + 1);
        let blocks = columns.input.div_ceil(columns.stride);
        gpu.check_loops("conv_block", blocks * block * windows)?;
        let channels = y.channels() / if fours { 4 } else { 1 };
        let items = lines * channels;
        let parameters = parameters![
            items,
            rows.input,
            columns.input,
            channels,
            rows.output,
            columns.output,
            y.len() / y.channels().max(1),
            match self.op.norm {
                None => 0.0,
                Some(Norm::Batch { epsilon } | Norm::Moving { epsilon }) => epsilon,
            },
        ];
        gpu.dispatch_items(&self.kernel(entry, fours), binds, parameters, items)
    }

    /// [dγ, dβ], from the pooled gradient: reads are y, mean, variance, place, grad.
    fn gradient_sums(
        &self,
        gpu: &Gpu,
        reads: [&GpuBuffer; 5],
        [dgamma, dbeta]: [&GpuBuffer; 2],
    ) -> Result<()> {
        let lines = self.y[0] * self.at.rows.output;
        let sums = gpu.allocate(lines * dgamma.len())?;
        let products = gpu.allocate(lines * dgamma.len())?;
        let writes = [&sums, &products].map(Bind::Write);
        let binds: Vec<Bind> = reads.map(Bind::Read).into_iter().chain(writes).collect();
        self.dispatch(gpu, "conv_block_backward_sums", false, lines, &binds)?;
        combine(gpu, &sums, dbeta, 1.0)?;
        combine(gpu, &products, dgamma, 1.0)
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
        let g = self.conv.geometry(inputs[0].shape, inputs[1].shape)?;
        let [x, kernel, bias] = [0, 1, 2].map(|i| inputs[i].buffer);
        let moments = record_rectified(gpu, &g, x, kernel, bias, kept.batch.is_some(), y)?;
        if self.norm.is_none() && self.pool.is_none() {
            return Ok(());
        }
        let [mean, variance] = match (kept.batch, self.norm) {
            (Some([mean, variance, _]), _) => {
                let [mean, variance] = [outputs[mean].buffer, outputs[variance].buffer];
                statistics(gpu, y, moments, mean, variance)?;
                [mean, variance]
            }
            (None, Some(_)) => [inputs[5].buffer, inputs[6].buffer],
            (None, None) => [y; 2],
        };
        let [gamma, beta] = match self.norm {
            Some(_) => [inputs[3].buffer, inputs[4].buffer],
            None => [y; 2],
        };
        let behind = Behind::new(self, &shape)?;
        let mut none = None;
        let place = match kept.place {
            Some(place) => outputs[place].buffer,
            // An element of what the kernel reads and writes.
            None => none.insert(gpu.allocate(4)?),
        };
        let reads = [y, gamma, beta, mean, variance].map(Bind::Read);
        let writes = [value.buffer, place].map(Bind::Write);
        let binds: Vec<Bind> = reads.into_iter().chain(writes).collect();
        let lines = shape[0] * behind.at.rows.output;
        behind.dispatch(gpu, "conv_block_forward", behind.fours(), lines, &binds)
    }

    fn backward(&self, gpu: &Gpu, saved: Saved<GpuView>, grads: &[Option<GpuView>]) -> Result<()> {
        let shape = self.convolved(saved.inputs[0].shape, saved.inputs[1].shape)?;
        let behind = Behind::new(self, &shape)?;
        let grad = saved.grad.buffer;
        let kept = self.kept();
        let place = kept.place.map_or(grad, |place| saved.outputs[place].buffer);
        let dconvolved = gpu.allocate(shape.len())?;
        let lines = shape[0] * shape[1].div_ceil(behind.at.rows.stride);
        let bias_sums = gpu.allocate(lines * shape.channels())?;
        let [mut dgamma, mut dbeta] = [None, None];
        let reads = match kept.batch {
            Some(batch) => {
                let [mean, variance, y] = batch.map(|i| saved.outputs[i].buffer);
                let gamma = saved.inputs[3].buffer;
                let dgamma = wanted_or_scratch(gpu, &grads[3], gamma.len(), &mut dgamma)?;
                let dbeta = wanted_or_scratch(gpu, &grads[4], gamma.len(), &mut dbeta)?;
                behind.gradient_sums(gpu, [y, mean, variance, place, grad], [dgamma, dbeta])?;
                [y, gamma, mean, variance, place, grad, dgamma, dbeta]
            }
            None => {
                let value = saved.outputs[0].buffer;
                [value, grad, grad, grad, place, grad, grad, grad]
            }
        };
        let reads = reads.map(Bind::Read).into_iter();
        let writes = [&dconvolved, &bias_sums].map(Bind::Write);
        let binds: Vec<Bind> = reads.chain(writes).collect();
        behind.dispatch(gpu, "conv_block_backward", behind.fours(), lines, &binds)?;
        if let Some(dbias) = &grads[2] {
            combine(gpu, &bias_sums, dbias.buffer, 1.0)?;
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
        GpuOp::backward(&self.conv, gpu, saved, &[grads[0], grads[1], None])
    }
}

/// Mean and biased variance of y (pixels, channels) per channel, from the moments
/// that the convolution took on its way or from a look at y.
fn statistics(
    gpu: &Gpu,
    y: &GpuBuffer,
    moments: Option<Moments>,
    mean: &GpuBuffer,
    variance: &GpuBuffer,
) -> Result<()> {
    let channels = mean.len();
    let pixels = y.len() / channels;
    let share = 1.0 / pixels as f64;
    let size =
        |block: usize| parameters![pixels, channels, block, pixels.div_ceil(block), share].to_vec();
    let moments = match moments {
        Some(moments) => moments,
        None => {
            // So many blocks that the second stage need not loop too often.
            let block = BLOCK.max(pixels.div_ceil(1 << 20));
            let items = pixels.div_ceil(block) * channels;
            let values = gpu.allocate(2 * items)?;
            let binds = [Bind::Read(y), Bind::Write(&values)];
            let kernel = MOMENTS.kernel("conv_block_moments");
            gpu.dispatch_items(&kernel, &binds, &size(block), items)?;
            Moments { values, block }
        }
    };
    let kernel = MOMENTS.kernel("conv_block_statistics");
    let size = size(moments.block);
    gpu.check_loops("conv_block", size[3] as usize / 64 + 8)?;
    let binds = [
        Bind::Read(&moments.values),
        Bind::Write(mean),
        Bind::Write(variance),
    ];
    let workgroups = gpu.covering(&kernel, channels, 1)?;
    gpu.dispatch(&kernel, &binds, &size, workgroups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::gpu::{Body, Choice, Settings};
    use crate::ops::conv2d::Conv2d;
    use crate::ops::window::Padding;

    /// Far from 0, where a mean of squares less the squared mean would have no digit of
    /// the variance: by the body that takes moments on its way and by those that leave
    /// it to a look at y, with blocks that are not full, and where NaN has to stay.
    #[test]
    fn a_small_variance_far_from_zero_is_right() {
        if std::env::var_os("RBGPU_SKIP_GPU_TESTS").is_some_and(|value| value == "1") {
            println!("SKIPPED: a gpu test, because RBGPU_SKIP_GPU_TESTS is 1");
            return;
        }
        for (body, filters) in [(Body::Direct, 40), (Body::Direct, 5), (Body::Shared, 40)] {
            let settings = Settings {
                body: Some(body),
                guards: true,
                ..Settings::default()
            };
            let gpu = Gpu::open_with(&Choice::Any, settings).expect("gpu tests need an adapter");
            let conv = Conv2d {
                stride: [1, 1],
                padding: Padding::Same,
            };
            let (x, kernel) = (Shape::from([3, 9, 11, 3]), Shape::from([3, 3, 3, filters]));
            let g = conv.geometry(&x, &kernel).unwrap();
            let filled = |values: Vec<f32>| {
                let buffer = gpu.allocate(values.len()).unwrap();
                gpu.upload(&buffer, &values).unwrap();
                buffer
            };
            let varied = |len: usize| (0..len).map(|i| ((i * 7919) % 1013) as f32 / 1013.0 - 0.5);
            let mut bias = vec![1000.0; filters];
            bias[1] = f32::NAN;
            let bias = filled(bias);
            let [x, kernel] = [&x, &kernel].map(|shape| filled(varied(shape.len()).collect()));
            let y = gpu.allocate(g.pixels() * filters).unwrap();
            let [mean, variance] = [(); 2].map(|()| gpu.allocate(filters).unwrap());
            let moments = record_rectified(&gpu, &g, &x, &kernel, &bias, true, &y).unwrap();
            statistics(&gpu, &y, moments, &mean, &variance).unwrap();
            let y = gpu.download(&y).unwrap();
            let [mean, variance] = [mean, variance].map(|of| gpu.download(&of).unwrap());
            for c in (0..filters).filter(|c| *c != 1) {
                let y: Vec<f64> = y[c..]
                    .iter()
                    .step_by(filters)
                    .map(|y| f64::from(*y))
                    .collect();
                let count = y.len() as f64;
                let expected = y.iter().sum::<f64>() / count;
                let squares: f64 = y.iter().map(|y| (y - expected).powi(2)).sum();
                let error = (f64::from(mean[c]) - expected).abs();
                assert!(error <= 2e-7 * expected, "{body}: {error} off the mean");
                let error = (f64::from(variance[c]) * count / squares - 1.0).abs();
                assert!(error <= 1e-3, "{body}: {error} of the variance");
            }
            assert!(mean[1].is_nan() && variance[1].is_nan(), "{body}");
        }
    }
}
