//! A window that slides over images and fills images: a convolution forward, and
//! the gradient of its x.

use super::cut::{Cut, cut};
use super::{Parts, SLICED, combine, pack, pack_pixels};
use crate::backend::Gpu;
use crate::backend::gpu::{Bind, Body, GpuBuffer};
use crate::ops::conv2d::Geometry;
use crate::ops::window::Axis;
use crate::{Result, parameters};

/// Of blocks of pixels, their mean and the squares about it: values (blocks, 2, O). The
/// last block may have fewer pixels.
pub(crate) struct Moments {
    pub values: GpuBuffer,
    /// Pixels of a block.
    pub block: usize,
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
    let output = Output {
        bias: Some(bias),
        relu,
        y,
        cost: g.cost(),
        moments: false,
    };
    output.forward(gpu, g, x, kernel).map(drop)
}

/// Records y = max(x * kernel + bias, 0); if `moments`, also the moments of y where the
/// body that runs can take them on its way.
pub(crate) fn record_rectified(
    gpu: &Gpu,
    g: &Geometry,
    x: &GpuBuffer,
    kernel: &GpuBuffer,
    bias: &GpuBuffer,
    moments: bool,
    y: &GpuBuffer,
) -> Result<Option<Moments>> {
    let output = Output {
        bias: Some(bias),
        relu: true,
        y,
        cost: g.cost(),
        moments,
    };
    output.forward(gpu, g, x, kernel)
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
        cost: g.cost(),
        moments: false,
    };
    let phases: Vec<_> = phases.iter().map(|(slide, w)| (*slide, w)).collect();
    output
        .record(gpu, Direction::Backward, dy, &phases)
        .map(drop)
}

/// The direct body takes any number of channels, the others multiples of 4.
fn padded_channels(gpu: &Gpu, channels: usize) -> usize {
    match gpu.body() {
        Body::Direct => channels,
        _ => channels.next_multiple_of(4),
    }
}

#[derive(Clone, Copy)]
pub(super) enum Direction {
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
pub(super) struct Slide {
    turn: i32,
    rows: Way,
    columns: Way,
    images: usize,
    pub channels: usize,
    pub filters: usize,
}

impl Slide {
    pub fn pixels(&self) -> usize {
        self.images * self.rows.positions * self.columns.positions
    }

    pub fn places(&self) -> usize {
        self.rows.window * self.columns.window
    }
}

/// What is filled, and the epilogue.
struct Output<'a> {
    bias: Option<&'a GpuBuffer>,
    relu: bool,
    y: &'a GpuBuffer,
    /// Operations and bytes of all phases.
    cost: (u64, u64),
    /// Whether moments of y are wanted.
    moments: bool,
}

impl Output<'_> {
    fn forward(
        &self,
        gpu: &Gpu,
        g: &Geometry,
        x: &GpuBuffer,
        kernel: &GpuBuffer,
    ) -> Result<Option<Moments>> {
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
        self.record(gpu, Direction::Forward, x, &[(slide, weights)])
    }

    /// Records all phases, which together fill y.
    fn record(
        &self,
        gpu: &Gpu,
        direction: Direction,
        x: &GpuBuffer,
        phases: &[(Slide, &GpuBuffer)],
    ) -> Result<Option<Moments>> {
        let Some((largest, _)) = phases.iter().max_by_key(|(slide, _)| slide.places()) else {
            return Ok(None);
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
        let mut moments = None;
        for (slide, weights) in phases {
            let mut cut = cut(gpu, direction, slide)?;
            if let (true, 1, Some((kernel, block))) = (self.moments, slices, cut.moments.take()) {
                let blocks = slide.pixels().div_ceil(block);
                let values = gpu.allocate(2 * blocks * slide.filters)?;
                moments = Some(Moments { values, block });
                cut.kernel = kernel;
            }
            let mut binds = vec![
                Bind::Read(x),
                Bind::Read(weights),
                Bind::Read(bias.unwrap_or(weights)),
                Bind::Write(y),
            ];
            binds.extend(moments.iter().map(|moments| Bind::Write(&moments.values)));
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
            let phases = phases.len() as u64;
            gpu.profile()
                .expect(self.cost.0 / phases, self.cost.1 / phases);
            gpu.dispatch(&cut.kernel, &binds, &parameters, workgroups)?;
        }
        if let Some(partial) = &partial {
            combine(gpu, partial, self.bias, self.relu, self.y)?;
        }
        Ok(moments)
    }
}
