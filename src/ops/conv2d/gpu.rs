//! Convolution in WGSL. Forward and the gradient of x are one kernel, in
//! `gpu/slide.rs`; the gradient of the kernel is another, in `gpu/gradient.rs`.
//! Either has several bodies, of which the device runs one.

mod cut;
mod gradient;
mod slide;

use super::Conv2d;
use crate::backend::Gpu;
use crate::backend::gpu::{Bind, Body, GpuBuffer, GpuPrecision, Kernel, Shader};
use crate::engine::op::GpuView;
use crate::engine::{GpuOp, Saved};
use crate::ops::reduce::column_sums;
use crate::{Result, parameters};

pub(crate) use gradient::record_backward_kernel;
pub(crate) use slide::{Moments, record_backward_input, record_forward, record_rectified};

const SHADER: Shader = Shader {
    op: "conv2d",
    source: include_str!("../../../shaders/conv2d.wgsl"),
};

/// Memory for slices, at most, in elements.
const SLICED: usize = 1 << 24;

impl GpuOp for Conv2d {
    fn forward(&self, gpu: &Gpu, inputs: &[GpuView], outputs: &[GpuView]) -> Result<()> {
        let [x, kernel, bias] = [0, 1, 2].map(|i| inputs[i]);
        let g = self.geometry(x.shape, kernel.shape)?;
        let (bias, y) = (bias.buffer, outputs[0].buffer);
        record_forward(gpu, &g, x.buffer, kernel.buffer, bias, false, y)
    }

    fn backward(&self, gpu: &Gpu, saved: Saved<GpuView>, grads: &[Option<GpuView>]) -> Result<()> {
        let (x, kernel, dy) = (saved.inputs[0], saved.inputs[1], saved.grad.buffer);
        let g = self.geometry(x.shape, kernel.shape)?;
        if let Some(dx) = &grads[0] {
            record_backward_input(gpu, &g, dy, kernel.buffer, dx.buffer)?;
        }
        if let Some(dkernel) = &grads[1] {
            record_backward_kernel(gpu, &g, x.buffer, dy, dkernel.buffer)?;
        }
        match &grads[2] {
            Some(dbias) => column_sums(gpu, dy, dbias.buffer, g.filters, 1.0),
            None => Ok(()),
        }
    }
}

/// Blocks of 8 among so many filters, shared out evenly to tiles of at most `most`:
/// blocks of a tile.
fn blocks_of_a_tile(filters: usize, most: usize) -> usize {
    let blocks = filters.div_ceil(8).max(1);
    blocks.div_ceil(blocks.div_ceil(most))
}

/// Filters that a subgroup takes, 40 or 32, where the direct body may use subgroups of
/// 8 and not too many of its lanes would idle.
fn subgroup_filters(gpu: &Gpu, filters: usize) -> Option<usize> {
    let [idle5, idle4] = [40, 32].map(|n: usize| filters.next_multiple_of(n) - filters);
    let (most, idle) = if idle5 <= idle4 {
        (40, idle5)
    } else {
        (32, idle4)
    };
    (gpu.subgroup() == Some(8) && 2 * idle <= filters).then_some(most)
}

/// Tiles of the cooperative body: the size of its matrices, and how many of them stand
/// next to each other. `None` where the body does not run: filters have to come in fours.
fn matrices(gpu: &Gpu, filters: usize) -> Option<(usize, usize)> {
    let size = match gpu.body() {
        Body::Cooperative if filters.is_multiple_of(4) => gpu.matrix_size()?,
        _ => return None,
    };
    let across = filters.div_ceil(size).max(1);
    Some((size, across.div_ceil(across.div_ceil(8))))
}

/// A kernel of the cooperative body.
fn with_matrices(gpu: &Gpu, kernel: Kernel, (size, across): (usize, usize)) -> Kernel {
    let matrix = |types: &str| format!("coop_mat{size}x{size}<{types}>");
    kernel
        .with("left", matrix("f16, A"))
        .with("right", matrix("f16, B"))
        .with("product", matrix("f32, C"))
        .with("SIZE", format!("{size}u"))
        .with("SUBGROUP", format!("{}u", gpu.subgroup().unwrap_or(32)))
        .with("ACROSS", format!("{across}u"))
}

/// A kernel of the shared body, whose tiles hold what the device multiplies.
fn tiled(gpu: &Gpu, kernel: Kernel) -> Kernel {
    match gpu.precision() {
        GpuPrecision::F32 => kernel,
        GpuPrecision::F16 => kernel.enabling("f16").with("half", "f16"),
    }
}

/// Part (i, j) of what is packed is part `first + every · (i, j)` of `across` parts
/// a line.
#[derive(Clone, Copy)]
struct Parts {
    count: [usize; 2],
    across: usize,
    first: [usize; 2],
    every: [usize; 2],
}

impl Parts {
    /// All of them, as they are.
    fn all(count: usize) -> Parts {
        Parts {
            count: [1, count],
            across: count,
            first: [0, 0],
            every: [1, 1],
        }
    }
}

/// (parts, rows, columns) with both filled up to what `padded` says. If `transposed`,
/// `loose` has (parts, columns, rows) in memory.
fn pack(
    gpu: &Gpu,
    loose: &GpuBuffer,
    parts: Parts,
    [rows, columns]: [usize; 2],
    padded: [usize; 2],
    transposed: bool,
) -> Result<GpuBuffer> {
    let elements = parts.count[0] * parts.count[1] * padded[0] * padded[1];
    let packed = gpu.allocate(elements)?;
    let binds = [Bind::Read(loose), Bind::Write(&packed)];
    let parameters = parameters![
        elements,
        rows,
        columns,
        padded[0],
        padded[1],
        transposed,
        parts.count[1],
        parts.across,
        parts.first[0],
        parts.every[0],
        parts.first[1],
        parts.every[1],
    ];
    gpu.dispatch_items(&SHADER.kernel("conv2d_pack"), &binds, parameters, elements)?;
    Ok(packed)
}

/// (pixels, channels) with channels filled up to a multiple of 4.
fn pack_pixels(gpu: &Gpu, x: &GpuBuffer, channels: usize) -> Result<GpuBuffer> {
    let size = [x.len() / channels, channels];
    let padded = [size[0], channels.next_multiple_of(4)];
    pack(gpu, x, Parts::all(1), size, padded, false)
}

/// total = bias + the sum over partial (slices, total), rectified if `relu`.
fn combine(
    gpu: &Gpu,
    partial: &GpuBuffer,
    bias: Option<&GpuBuffer>,
    relu: bool,
    total: &GpuBuffer,
) -> Result<()> {
    let elements = total.len();
    let binds = [
        Bind::Read(partial),
        Bind::Read(bias.unwrap_or(partial)),
        Bind::Write(total),
    ];
    let parameters = parameters![
        elements,
        partial.len() / elements.max(1),
        bias.map_or(1, GpuBuffer::len),
        bias.is_some(),
        relu,
    ];
    let kernel = SHADER.kernel("conv2d_combine");
    gpu.dispatch_items(&kernel, &binds, parameters, elements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::gpu::{Choice, Settings};
    use crate::engine::Shape;
    use crate::ops::Padding;

    /// y with and without the ReLU in the epilogue, from the kernel itself (few
    /// channels) and from the sum over slices (very many).
    #[test]
    fn the_epilogue_rectifies_and_keeps_nan() {
        if std::env::var_os("RBGPU_SKIP_GPU_TESTS").is_some_and(|value| value == "1") {
            println!("SKIPPED: a gpu test, because RBGPU_SKIP_GPU_TESTS is 1");
            return;
        }
        for body in [Body::Direct, Body::Shared] {
            let settings = Settings {
                body: Some(body),
                guards: true,
                ..Settings::default()
            };
            let gpu = Gpu::open_with(&Choice::Any, settings).expect("gpu tests need an adapter");
            for (window, channels, filters) in [(3, 4, 40), (3, 3, 5), (11, 2400, 3)] {
                let op = Conv2d {
                    stride: [1, 1],
                    padding: Padding::Valid,
                };
                let (x, kernel) = (
                    Shape::from([2, 13, 13, channels]),
                    Shape::from([window, window, channels, filters]),
                );
                let g = op.geometry(&x, &kernel).unwrap();
                let filled = |len: usize, bias: f32| {
                    let buffer = gpu.allocate(len).unwrap();
                    let values: Vec<f32> = (0..len)
                        .map(|i| ((i * 7919) % 1013) as f32 / 1013.0 - bias)
                        .collect();
                    gpu.upload(&buffer, &values).unwrap();
                    buffer
                };
                let (x, kernel) = (filled(x.len(), 0.5), filled(kernel.len(), 0.5));
                let bias = gpu.allocate(filters).unwrap();
                let mut values = vec![0.01; filters];
                values[1] = f32::NAN;
                gpu.upload(&bias, &values).unwrap();
                let [plain, rectified] = [false, true].map(|relu| {
                    let y = gpu.allocate(g.pixels() * filters).unwrap();
                    record_forward(&gpu, &g, &x, &kernel, &bias, relu, &y).unwrap();
                    gpu.download(&y).unwrap()
                });
                let want: Vec<u32> = plain
                    .iter()
                    .map(|y| if *y < 0.0 { 0.0 } else { *y }.to_bits())
                    .collect();
                let got: Vec<u32> = rectified.iter().map(|y| y.to_bits()).collect();
                assert_eq!(got, want, "{body}, {channels} channels");
                assert!(plain.iter().any(|y| *y < 0.0) && plain[1].is_nan());
            }
        }
    }
}
