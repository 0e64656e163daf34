//! The gradient of a convolution's kernel: sums over pixels, in slices that are added
//! up after it.

use super::cut::LOOPS_PER_TILE;
use super::{
    SLICED, blocks_of_a_tile, combine, matrices, pack_pixels, subgroup_filters, tiled,
    with_matrices,
};
use crate::backend::Gpu;
use crate::backend::gpu::{Bind, Body, GpuBuffer, Kernel, MAX_LOOP_ITERATIONS, Parameter, Shader};
use crate::ops::conv2d::Geometry;
use crate::{Result, parameters};

const DIRECT: Shader = Shader {
    op: "conv2d",
    source: include_str!("../../../../shaders/conv2d_kernel.wgsl"),
};
const COOPERATIVE: Shader = Shader {
    op: "conv2d",
    source: include_str!("../../../../shaders/conv2d_cooperative_kernel.wgsl"),
};
const SUBGROUP: Shader = Shader {
    op: "conv2d",
    source: include_str!("../../../../shaders/conv2d_subgroup_kernel.wgsl"),
};
const SHARED: Shader = Shader {
    op: "conv2d",
    source: include_str!("../../../../shaders/conv2d_shared_kernel.wgsl"),
};

/// Slices of the direct body are made until so many invocations run: enough for the
/// cores of the processor, and each then sums much before it stores.
const INVOCATIONS: usize = 1 << 12;

/// Slices at most, unless one would get too long.
const SLICES: usize = 512;

/// Records dkernel (A,B,C,O), the gradient of the kernel, from x (N,H,W,C) and dy
/// (N,I,J,O).
pub(crate) fn record_backward_kernel(
    gpu: &Gpu,
    g: &Geometry,
    x: &GpuBuffer,
    dy: &GpuBuffer,
    dkernel: &GpuBuffer,
) -> Result<()> {
    let mut packed_dy = None;
    let dy = match g.filters % 4 {
        0 => dy,
        _ => packed_dy.insert(pack_pixels(gpu, dy, g.filters)?),
    };
    let mut packed_x = None;
    let x = match (gpu.body(), g.channels % 4) {
        (Body::Direct, _) | (_, 0) => x,
        _ => packed_x.insert(pack_pixels(gpu, x, g.channels)?),
    };
    let cut = match gpu.body() {
        Body::Direct => direct(gpu, g, dkernel.len())?,
        _ => tiled_gradient(gpu, g, dkernel.len())?,
    };
    let mut partial = None;
    let target = match cut.slices {
        1 => dkernel,
        slices => partial.insert(gpu.allocate(slices * dkernel.len())?),
    };
    let binds = [Bind::Read(x), Bind::Read(dy), Bind::Write(target)];
    let items = cut.items * cut.slices;
    let workgroups = gpu.covering(&cut.kernel, items, cut.per_group)?;
    let (flops, bytes) = g.cost();
    gpu.profile().expect(flops, bytes);
    gpu.dispatch(&cut.kernel, &binds, &cut.parameters, workgroups)?;
    match &partial {
        Some(partial) => combine(gpu, partial, None, false, dkernel),
        None => Ok(()),
    }
}

/// How a body cuts its work.
struct Cut {
    kernel: Kernel,
    parameters: Vec<u32>,
    slices: usize,
    /// Invocations of a workgroup, and those that are needed for one slice.
    per_group: usize,
    items: usize,
}

/// Whole lines of pixels go to a slice.
fn direct(gpu: &Gpu, g: &Geometry, len: usize) -> Result<Cut> {
    let (rows, columns) = (g.at.rows, g.at.columns);
    let together = blocks_of_a_tile(g.filters, 8);
    let filter_blocks = g.filters.div_ceil(8).next_multiple_of(together);
    let (kernel, per_group, blocks) = match (subgroup_filters(gpu, g.filters), g.channels % 4) {
        (Some(filters), _) => (
            SUBGROUP
                .kernel("conv2d_backward_kernel_subgroup")
                .with("FIFTH", filters == 40),
            8,
            g.depth().div_ceil(32) * g.filters.div_ceil(filters),
        ),
        (None, 0) => (
            DIRECT.kernel("conv2d_backward_kernel4"),
            64,
            g.places() * g.channels.div_ceil(8) * filter_blocks,
        ),
        (None, _) => (
            DIRECT.kernel("conv2d_backward_kernel"),
            64,
            g.depth().div_ceil(4) * g.filters.div_ceil(8),
        ),
    };
    let lines = g.images * rows.output;
    // Iterations that a line costs; one line is the least that a slice can have.
    let cost = columns.output + 1;
    gpu.check_loops("conv2d", cost)?;
    let slices = (INVOCATIONS / (blocks * 64 / per_group).max(1))
        .min(SLICES)
        .min(SLICED / len.max(1));
    let slices = slices
        .clamp(1, lines.max(1))
        .max(lines.div_ceil(MAX_LOOP_ITERATIONS / cost));
    let share = lines.div_ceil(slices);
    let mut parameters = sizes(g, g.channels).to_vec();
    parameters.extend(parameters![lines, share, slices, together]);
    Ok(Cut {
        kernel,
        parameters,
        slices,
        per_group,
        items: blocks,
    })
}

/// Tiles of rows and filters, in workgroup memory or in matrices.
fn tiled_gradient(gpu: &Gpu, g: &Geometry, len: usize) -> Result<Cut> {
    let channels = g.channels.next_multiple_of(4);
    let depth = g.places() * channels;
    let (kernel, [down, across], terms) = match matrices(gpu, g.filters) {
        Some((size, across)) => {
            let kernel = COOPERATIVE.kernel("conv2d_backward_kernel_cooperative");
            let kernel = with_matrices(gpu, kernel, (size, across));
            (kernel, [8 * size, across * size], 32)
        }
        None => {
            let entry = match g.filters % 4 {
                0 => "conv2d_backward_kernel_shared4",
                _ => "conv2d_backward_kernel_shared",
            };
            let (down, across) = (blocks_of_a_tile(depth, 16), blocks_of_a_tile(g.filters, 16));
            let terms = if across >= 4 { 16 } else { 8 };
            let kernel = SHARED
                .kernel(entry)
                .with("ROW_BLOCKS", format!("{down}u"))
                .with("FILTER_BLOCKS", format!("{across}u"))
                .with("PIXELS", format!("{terms}u"));
            (tiled(gpu, kernel), [8 * down, 8 * across], terms)
        }
    };
    let tiles = depth.div_ceil(down) * g.filters.div_ceil(across);
    let longest = MAX_LOOP_ITERATIONS / LOOPS_PER_TILE * terms;
    let (slices, share) = slices(g.pixels(), tiles, len, longest);
    Ok(Cut {
        kernel,
        parameters: tile_parameters(g, channels, slices, share),
        slices,
        per_group: 1,
        items: tiles,
    })
}

/// Slices and the pixels of each: enough of them to keep a gpu busy, none of fewer
/// than 256 pixels or more than `longest`.
fn slices(pixels: usize, tiles: usize, len: usize, longest: usize) -> (usize, usize) {
    let wanted = (1024 / tiles.max(1)).min(SLICES).min(SLICED / len.max(1));
    let wanted = wanted.clamp(1, (pixels / 256).max(1));
    let slices = wanted.max(pixels.div_ceil(longest)).max(1);
    let share = pixels.div_ceil(slices).max(1);
    (pixels.div_ceil(share).max(1), share)
}

/// What every kernel is told of the convolution, with so many channels.
fn sizes(g: &Geometry, channels: usize) -> [u32; 12] {
    let (rows, columns) = (g.at.rows, g.at.columns);
    [
        rows.input,
        columns.input,
        channels,
        rows.output,
        columns.output,
        g.filters,
        rows.window,
        columns.window,
        rows.stride,
        columns.stride,
        rows.before,
        columns.before,
    ]
    .map(Parameter::word)
}

fn tile_parameters(g: &Geometry, channels: usize, slices: usize, share: usize) -> Vec<u32> {
    let mut words = parameters![g.images].to_vec();
    words.extend(sizes(g, channels));
    words.extend(parameters![slices, share, g.channels]);
    words
}
