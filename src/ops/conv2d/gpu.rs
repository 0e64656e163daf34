//! Convolution in WGSL. Forward and the gradient of x are one kernel; the gradient
//! of the kernel is another, summed in slices.

use super::{Conv2d, Geometry};
use crate::backend::Gpu;
use crate::backend::gpu::{Bind, GpuBuffer, MAX_LOOP_ITERATIONS, Shader};
use crate::engine::op::GpuView;
use crate::engine::{GpuOp, Saved};
use crate::ops::reduce::column_sums;
use crate::ops::window::Axis;
use crate::{Result, parameters};

const SHADER: Shader = Shader {
    op: "conv2d",
    source: include_str!("../../../shaders/conv2d.wgsl"),
};
const KERNEL_SHADER: Shader = Shader {
    op: "conv2d",
    source: include_str!("../../../shaders/conv2d_kernel.wgsl"),
};

/// The kernel's gradient is shared out until so many invocations run: enough for
/// the largest gpu.
const INVOCATIONS: usize = 1 << 16;

/// Slices of the kernel's gradient, at most, unless a slice would get too long.
const SLICES: usize = 512;

/// Memory for the slices, at most, in elements.
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

/// Records y (N,I,J,O) = x (N,H,W,C) * kernel (A,B,C,O) + bias (O), of which only
/// what is above 0 is kept if `relu`.
pub(crate) fn record_forward(
    gpu: &Gpu,
    g: &Geometry,
    x: &GpuBuffer,
    kernel: &GpuBuffer,
    bias: &GpuBuffer,
    relu: bool,
    y: &GpuBuffer,
) -> Result<()> {
    let along = |axis: Axis| [axis.stride as i32, -(axis.before as i32), 1];
    let convolution = Convolution {
        entries: ["conv2d_forward", "conv2d_forward4"],
        from: [g.at.rows.input, g.at.columns.input, g.channels],
        to: [g.at.rows.output, g.at.columns.output, g.filters],
        turn: 1,
        rows: along(g.at.rows),
        columns: along(g.at.columns),
        relu,
    };
    let mut packed = None;
    let weights = match g.filters % 4 {
        0 => kernel,
        _ => {
            let loose = [g.places(), g.channels, g.filters];
            packed.insert(pack(gpu, kernel, loose, false)?)
        }
    };
    convolution.record(gpu, g, [x, weights, y], Some(bias))
}

/// Records dx (N,H,W,C), the gradient of x, from dy (N,I,J,O) and the kernel
/// (A,B,C,O).
pub(crate) fn record_backward_input(
    gpu: &Gpu,
    g: &Geometry,
    dy: &GpuBuffer,
    kernel: &GpuBuffer,
    dx: &GpuBuffer,
) -> Result<()> {
    // Pixel p is reached from position (p + before - place) / stride.
    let along = |axis: Axis| [1, axis.before as i32, axis.stride as i32];
    let convolution = Convolution {
        entries: ["conv2d_backward_input", "conv2d_backward_input4"],
        from: [g.at.rows.output, g.at.columns.output, g.filters],
        to: [g.at.rows.input, g.at.columns.input, g.channels],
        turn: -1,
        rows: along(g.at.rows),
        columns: along(g.at.columns),
        relu: false,
    };
    let weights = pack(gpu, kernel, [g.places(), g.filters, g.channels], true)?;
    convolution.record(gpu, g, [dy, &weights, dx], None)
}

/// How many blocks of 8 filters neighbouring invocations take, at most 8 and as
/// evenly as can be, and how many blocks there are then with those that stay empty.
fn side_by_side(filters: usize) -> [usize; 2] {
    let blocks = filters.div_ceil(8).max(1);
    let sets = blocks.div_ceil(8);
    let together = blocks.div_ceil(sets);
    [together, together * sets]
}

/// One run of the kernel that slides a window over `from` and fills `to`.
struct Convolution {
    /// The kernel for any number of channels, and for multiples of 4.
    entries: [&'static str; 2],
    /// Rows, columns and channels of what is read.
    from: [usize; 3],
    /// Rows, columns and filters of what is written.
    to: [usize; 3],
    turn: i32,
    /// Step, first and every, as the shader explains them.
    rows: [i32; 3],
    columns: [i32; 3],
    /// Whether what is below 0 is stored as 0.
    relu: bool,
}

impl Convolution {
    fn record(
        &self,
        gpu: &Gpu,
        g: &Geometry,
        [x, weights, y]: [&GpuBuffer; 3],
        bias: Option<&GpuBuffer>,
    ) -> Result<()> {
        let window = [g.at.rows.window, g.at.columns.window];
        let [rows, columns, channels] = self.from;
        let [out_rows, out_columns, filters] = self.to;
        let spread = out_columns.next_multiple_of(self.columns[2] as usize);
        let pixels = g.images * out_rows * spread;
        let step = if channels % 4 == 0 { 4 } else { 1 };
        let kernel = SHADER.kernel(self.entries[usize::from(step == 4)]);
        // No invocation may loop too often: where the window is huge the channels
        // are summed in several dispatches, one upon the other.
        let places = g.places();
        gpu.check_loops("conv2d", places * 3)?;
        let share = (MAX_LOOP_ITERATIONS / places - 1) * step;
        let [together, filter_blocks] = side_by_side(filters);
        let blocks = pixels.div_ceil(8) * filter_blocks;
        let binds = [
            Bind::Read(x),
            Bind::Read(weights),
            Bind::Read(bias.unwrap_or(weights)),
            Bind::Write(y),
        ];
        for first in (0..channels).step_by(share) {
            let end = channels.min(first + share);
            let start = if first > 0 {
                2
            } else {
                u32::from(bias.is_some())
            };
            let parameters = parameters![
                pixels,
                rows,
                columns,
                channels,
                out_rows,
                out_columns,
                filters,
                window[0],
                window[1],
                first,
                end,
                start,
                self.rows[0],
                self.turn,
                self.rows[1],
                self.rows[2],
                self.columns[0],
                self.columns[1],
                self.columns[2],
                spread,
                together,
                self.relu && end == channels,
            ];
            gpu.dispatch_items(&kernel, &binds, parameters, blocks)?;
        }
        Ok(())
    }
}

/// (parts, rows, columns) with rows filled up to a multiple of 4 columns. If
/// `transposed`, `loose` has (parts, columns, rows) in memory.
fn pack(gpu: &Gpu, loose: &GpuBuffer, size: [usize; 3], transposed: bool) -> Result<GpuBuffer> {
    let [parts, rows, columns] = size;
    let padded = columns.next_multiple_of(4);
    let elements = parts * rows * padded;
    let packed = gpu.allocate(elements)?;
    let binds = [Bind::Read(loose), Bind::Write(&packed)];
    let parameters = parameters![elements, rows, columns, padded, transposed];
    gpu.dispatch_items(&SHADER.kernel("conv2d_pack"), &binds, parameters, elements)?;
    Ok(packed)
}

/// Records dkernel (A,B,C,O), the gradient of the kernel, from x (N,H,W,C) and dy
/// (N,I,J,O).
pub(crate) fn record_backward_kernel(
    gpu: &Gpu,
    g: &Geometry,
    x: &GpuBuffer,
    dy: &GpuBuffer,
    dkernel: &GpuBuffer,
) -> Result<()> {
    let (rows, columns) = (g.at.rows, g.at.columns);
    let mut packed = None;
    let dy = match g.filters % 4 {
        0 => dy,
        _ => packed.insert(pack(gpu, dy, [1, g.pixels(), g.filters], false)?),
    };
    let places = g.places();
    let [together, filter_blocks] = side_by_side(g.filters);
    let (entry, blocks) = match g.channels % 4 {
        0 => (
            "conv2d_backward_kernel4",
            places * g.channels.div_ceil(8) * filter_blocks,
        ),
        _ => (
            "conv2d_backward_kernel",
            g.depth().div_ceil(4) * g.filters.div_ceil(8),
        ),
    };
    let lines = g.images * rows.output;
    // Iterations that a line costs; one line is the least that a slice can have.
    let cost = columns.output + 1;
    gpu.check_loops("conv2d", cost)?;
    let slices = (INVOCATIONS / blocks.max(1))
        .min(SLICES)
        .min(SLICED / dkernel.len().max(1));
    let slices = slices
        .clamp(1, lines.max(1))
        .max(lines.div_ceil(MAX_LOOP_ITERATIONS / cost));
    let share = lines.div_ceil(slices);
    let parameters = parameters![
        rows.input,
        columns.input,
        g.channels,
        rows.output,
        columns.output,
        g.filters,
        rows.window,
        columns.window,
        rows.stride,
        columns.stride,
        rows.before,
        columns.before,
        lines,
        share,
        slices,
        together,
    ];
    let kernel = KERNEL_SHADER.kernel(entry);
    if slices == 1 {
        let binds = [Bind::Read(x), Bind::Read(dy), Bind::Write(dkernel)];
        return gpu.dispatch_items(&kernel, &binds, parameters, blocks);
    }
    let elements = dkernel.len();
    let partial = gpu.allocate(slices * elements)?;
    let binds = [Bind::Read(x), Bind::Read(dy), Bind::Write(&partial)];
    gpu.dispatch_items(&kernel, &binds, parameters, blocks * slices)?;
    let binds = [Bind::Read(&partial), Bind::Write(dkernel)];
    let kernel = KERNEL_SHADER.kernel("conv2d_combine");
    gpu.dispatch_items(&kernel, &binds, parameters![elements, slices], elements)
}
