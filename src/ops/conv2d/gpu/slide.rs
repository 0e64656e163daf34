//! A window that slides over images and fills images: a convolution forward, and
//! the gradient of its x.

use super::{
    Parts, SHADER, SLICED, blocks_of_a_tile, combine, matrices, pack, pack_pixels,
    subgroup_filters, tiled, with_matrices,
};
use crate::backend::Gpu;
use crate::backend::gpu::{Bind, Body, GpuBuffer, Kernel, MAX_LOOP_ITERATIONS, Shader};
use crate::ops::conv2d::Geometry;
use crate::ops::window::Axis;
use crate::{Result, parameters};

const SHARED: Shader = Shader {
    op: "conv2d",
    source: include_str!("../../../../shaders/conv2d_shared.wgsl"),
};

const COOPERATIVE: Shader = Shader {
    op: "conv2d",
    source: include_str!("../../../../shaders/conv2d_cooperative.wgsl"),
};
const SUBGROUP: Shader = Shader {
    op: "conv2d",
    source: include_str!("../../../../shaders/conv2d_subgroup.wgsl"),
};

/// Loop iterations, at most, that a tile of terms costs an invocation of the shared
/// and cooperative bodies.
pub(super) const LOOPS_PER_TILE: usize = 128;

/// So many workgroups keep the largest gpu busy.
const WORKGROUPS: usize = 512;

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
    let slide = Slide {
        turn: 1,
        rows: Way::forward(g.at.rows),
        columns: Way::forward(g.at.columns),
        images: g.images,
        channels: padded_channels(gpu, g.channels),
        filters: g.filters,
    };
    let mut packed_x = None;
    let x = match slide.channels == g.channels {
        true => x,
        false => packed_x.insert(pack_pixels(gpu, x, g.channels)?),
    };
    let mut packed = None;
    let padded = [slide.channels, g.filters.next_multiple_of(4)];
    let weights = match padded == [g.channels, g.filters] {
        true => kernel,
        false => {
            let (parts, size) = (Parts::all(g.places()), [g.channels, g.filters]);
            packed.insert(pack(gpu, kernel, parts, size, padded, false)?)
        }
    };
    let output = Output {
        bias: Some(bias),
        relu,
        y,
    };
    output.record(gpu, Direction::Forward, x, &[(slide, weights)])
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
    let channels = padded_channels(gpu, g.filters);
    let mut packed_dy = None;
    let dy = match channels == g.filters {
        true => dy,
        false => packed_dy.insert(pack_pixels(gpu, dy, g.filters)?),
    };
    let (rows, columns) = (g.at.rows, g.at.columns);
    let mut phases = Vec::new();
    for row in 0..rows.stride.min(rows.input) {
        for column in 0..columns.stride.min(columns.input) {
            let slide = Slide {
                turn: -1,
                rows: Way::backward(rows, row),
                columns: Way::backward(columns, column),
                images: g.images,
                channels,
                filters: g.channels,
            };
            let parts = Parts {
                count: [slide.rows.window, slide.columns.window],
                across: columns.window,
                first: [slide.rows.first_place, slide.columns.first_place],
                every: [rows.stride, columns.stride],
            };
            let padded = [channels, g.channels.next_multiple_of(4)];
            let size = [g.filters, g.channels];
            phases.push((slide, pack(gpu, kernel, parts, size, padded, true)?));
        }
    }
    let output = Output {
        bias: None,
        relu: false,
        y: dx,
    };
    let phases: Vec<_> = phases.iter().map(|(slide, w)| (*slide, w)).collect();
    output.record(gpu, Direction::Backward, dy, &phases)
}

/// The direct body takes any number of channels, the others multiples of 4.
fn padded_channels(gpu: &Gpu, channels: usize) -> usize {
    match gpu.body() {
        Body::Direct => channels,
        _ => channels.next_multiple_of(4),
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Forward,
    Backward,
}

/// One axis of what a window slides over; `conv2d.wgsl` explains the numbers.
#[derive(Clone, Copy)]
struct Way {
    from: usize,
    to: usize,
    positions: usize,
    window: usize,
    step: i32,
    first: i32,
    every: usize,
    phase: usize,
    first_place: usize,
}

impl Way {
    fn forward(axis: Axis) -> Way {
        Way {
            from: axis.input,
            to: axis.output,
            positions: axis.output,
            window: axis.window,
            step: axis.stride as i32,
            first: -(axis.before as i32),
            every: 1,
            phase: 0,
            first_place: 0,
        }
    }

    /// Pixel i · stride + phase of x is reached from position (pixel + before − place)
    /// / stride, where that is whole.
    fn backward(axis: Axis, phase: usize) -> Way {
        let first_place = (phase + axis.before) % axis.stride;
        Way {
            from: axis.output,
            to: axis.input,
            positions: (axis.input - phase).div_ceil(axis.stride),
            window: axis
                .window
                .saturating_sub(first_place)
                .div_ceil(axis.stride),
            step: 1,
            first: ((phase + axis.before) / axis.stride) as i32,
            every: axis.stride,
            phase,
            first_place,
        }
    }
}

/// A window that slides over images; its weights are (window, channels, filters
/// rounded up to 4).
#[derive(Clone, Copy)]
struct Slide {
    turn: i32,
    rows: Way,
    columns: Way,
    images: usize,
    channels: usize,
    filters: usize,
}

impl Slide {
    fn pixels(&self) -> usize {
        self.images * self.rows.positions * self.columns.positions
    }

    fn places(&self) -> usize {
        self.rows.window * self.columns.window
    }
}

/// How a body cuts its work.
struct Cut {
    kernel: Kernel,
    /// Invocations of a workgroup, and those that are needed for one slice.
    per_group: usize,
    items: usize,
    /// Channels of a slice, at most, so that no invocation loops too often.
    share: usize,
    /// The slices that would keep a gpu busy.
    wanted: usize,
    /// Blocks of filters that stand next to each other: the direct body's last parameter.
    together: Option<usize>,
}

/// What is filled, and the epilogue.
struct Output<'a> {
    bias: Option<&'a GpuBuffer>,
    relu: bool,
    y: &'a GpuBuffer,
}

impl Output<'_> {
    /// Records all phases, which together fill y.
    fn record(
        &self,
        gpu: &Gpu,
        direction: Direction,
        x: &GpuBuffer,
        phases: &[(Slide, &GpuBuffer)],
    ) -> Result<()> {
        let Some((largest, _)) = phases.iter().max_by_key(|(slide, _)| slide.places()) else {
            return Ok(());
        };
        let Cut { share, wanted, .. } = cut(gpu, direction, largest)?;
        let channels = largest.channels;
        let memory = (SLICED / self.y.len().max(1)).max(1);
        let slices = channels.div_ceil(share).max(wanted.min(memory));
        let share = channels.div_ceil(slices).next_multiple_of(4);
        let slices = channels.div_ceil(share);

        let mut partial = None;
        let (y, bias, relu) = match slices {
            1 => (self.y, self.bias, self.relu),
            _ => {
                let partial = partial.insert(gpu.allocate(slices * self.y.len())?);
                (&*partial, None, false)
            }
        };
        for (slide, weights) in phases {
            let binds = [
                Bind::Read(x),
                Bind::Read(weights),
                Bind::Read(bias.unwrap_or(weights)),
                Bind::Write(y),
            ];
            let cut = cut(gpu, direction, slide)?;
            let (rows, columns) = (slide.rows, slide.columns);
            let mut parameters = parameters![
                slide.pixels(),
                rows.from,
                columns.from,
                channels,
                rows.positions,
                columns.positions,
                slide.filters,
                rows.window,
                columns.window,
                rows.step,
                rows.first,
                columns.step,
                columns.first,
                slide.turn,
                rows.to,
                columns.to,
                rows.every,
                rows.phase,
                columns.every,
                columns.phase,
                slices,
                share,
                bias.is_some(),
                relu,
            ]
            .to_vec();
            parameters.extend(cut.together.map(|together| together as u32));
            let workgroups = gpu.covering(&cut.kernel, cut.items * slices, cut.per_group)?;
            gpu.dispatch(&cut.kernel, &binds, &parameters, workgroups)?;
        }
        match &partial {
            Some(partial) => combine(gpu, partial, self.bias, self.relu, self.y),
            None => Ok(()),
        }
    }
}

fn cut(gpu: &Gpu, direction: Direction, slide: &Slide) -> Result<Cut> {
    match gpu.body() {
        Body::Direct => match subgroup_filters(gpu, slide.filters) {
            Some(filters) => subgroup(gpu, direction, slide, filters),
            None => direct(gpu, direction, slide),
        },
        _ => match matrices(gpu, slide.filters) {
            Some(matrices) => cooperative(gpu, direction, slide, matrices),
            None => shared(gpu, direction, slide),
        },
    }
}

fn direct(gpu: &Gpu, direction: Direction, slide: &Slide) -> Result<Cut> {
    let step = if slide.channels.is_multiple_of(4) {
        4
    } else {
        1
    };
    let entry = match (direction, step) {
        (Direction::Forward, 4) => "conv2d_forward4",
        (Direction::Forward, _) => "conv2d_forward",
        (Direction::Backward, 4) => "conv2d_backward_input4",
        (Direction::Backward, _) => "conv2d_backward_input",
    };
    let places = slide.places().max(1);
    gpu.check_loops("conv2d", places * 6)?;
    // At most 8 blocks of filters next to each other, and as evenly as can be.
    let together = blocks_of_a_tile(slide.filters, 8);
    let blocks = slide.filters.div_ceil(8).next_multiple_of(together);
    Ok(Cut {
        kernel: SHADER.kernel(entry),
        per_group: 64,
        items: slide.pixels().div_ceil(8) * blocks,
        share: (MAX_LOOP_ITERATIONS / places - 1) * step / 4 * 4,
        wanted: 1,
        together: Some(together),
    })
}

/// The direct body where 8 invocations can tell each other what they read.
fn subgroup(gpu: &Gpu, direction: Direction, slide: &Slide, filters: usize) -> Result<Cut> {
    let entry = match direction {
        Direction::Forward => "conv2d_forward_subgroup",
        Direction::Backward => "conv2d_backward_input_subgroup",
    };
    let step = match slide.channels {
        channels if channels.is_multiple_of(4) => 4,
        3 => 3,
        _ => 1,
    };
    let kernel = SUBGROUP
        .kernel(entry)
        .with("FIFTH", filters == 40)
        .with("STEP", format!("{step}u"));
    let tiles = slide.pixels().div_ceil(32) * slide.filters.div_ceil(filters);
    let places = slide.places().max(1);
    gpu.check_loops("conv2d", places * 6)?;
    Ok(Cut {
        kernel,
        per_group: 8,
        items: tiles,
        share: (MAX_LOOP_ITERATIONS / places - 1) * step / 4 * 4,
        wanted: 1,
        together: None,
    })
}

fn shared(gpu: &Gpu, direction: Direction, slide: &Slide) -> Result<Cut> {
    let entry = match (direction, slide.filters % 4) {
        (Direction::Forward, 0) => "conv2d_forward_shared4",
        (Direction::Forward, _) => "conv2d_forward_shared",
        (Direction::Backward, 0) => "conv2d_backward_input_shared4",
        (Direction::Backward, _) => "conv2d_backward_input_shared",
    };
    let across = blocks_of_a_tile(slide.filters, 16);
    // 128 invocations or more, and no more registers for what each carries than needed.
    let (down, fours) = if across >= 8 { (16, 4) } else { (32, 2) };
    let tiles = slide.pixels().div_ceil(8 * down) * slide.filters.div_ceil(8 * across);
    let kernel = SHARED
        .kernel(entry)
        .with("PIXEL_BLOCKS", format!("{down}u"))
        .with("FILTER_BLOCKS", format!("{across}u"))
        .with("FOURS", format!("{fours}u"));
    let places = slide.places().max(1);
    gpu.check_loops("conv2d", places * LOOPS_PER_TILE)?;
    let terms = MAX_LOOP_ITERATIONS / LOOPS_PER_TILE * fours * 4;
    Ok(Cut {
        kernel: tiled(gpu, kernel),
        per_group: 1,
        items: tiles,
        share: (terms / places / 4 * 4).max(4),
        wanted: slices_wanted(tiles, places, slide.channels),
        together: None,
    })
}

fn cooperative(
    gpu: &Gpu,
    direction: Direction,
    slide: &Slide,
    (size, across): (usize, usize),
) -> Result<Cut> {
    let entry = match direction {
        Direction::Forward => "conv2d_forward_cooperative",
        Direction::Backward => "conv2d_backward_input_cooperative",
    };
    let tiles = slide.pixels().div_ceil(8 * size) * slide.filters.div_ceil(size * across);
    let places = slide.places().max(1);
    gpu.check_loops("conv2d", places * LOOPS_PER_TILE)?;
    let terms = MAX_LOOP_ITERATIONS / LOOPS_PER_TILE * 32;
    Ok(Cut {
        kernel: with_matrices(gpu, COOPERATIVE.kernel(entry), (size, across)),
        per_group: 1,
        items: tiles,
        share: (terms / places / 4 * 4).max(4),
        wanted: slices_wanted(tiles, places, slide.channels),
        together: None,
    })
}

/// Slices of at least 256 terms that keep a gpu busy.
fn slices_wanted(tiles: usize, places: usize, channels: usize) -> usize {
    (WORKGROUPS / tiles.max(1)).clamp(1, (places * channels / 256).max(1))
}
