//! How each body cuts a sliding window's work into workgroups and slices.

use super::slide::{Direction, Slide};
use super::{SHADER, blocks_of_a_tile, matrices, subgroup_filters, tiled, with_matrices};
use crate::Result;
use crate::backend::Gpu;
use crate::backend::gpu::{Body, Kernel, MAX_LOOP_ITERATIONS, Shader};

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

/// How a body cuts its work.
pub(super) struct Cut {
    pub kernel: Kernel,
    /// Invocations of a workgroup, and those that are needed for one slice.
    pub per_group: usize,
    pub items: usize,
    /// Channels of a slice, at most, so that no invocation loops too often.
    pub share: usize,
    /// The slices that would keep a gpu busy.
    pub wanted: usize,
    /// Blocks of filters that stand next to each other: the direct body's last parameter.
    pub together: Option<usize>,
    /// The kernel that also takes moments, of blocks of so many pixels.
    pub moments: Option<(Kernel, usize)>,
}

/// The body that runs for `slide`, and how it cuts it.
pub(super) fn cut(gpu: &Gpu, direction: Direction, slide: &Slide) -> Result<Cut> {
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
        moments: None,
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
    let specialised = |entry| {
        SUBGROUP
            .kernel(entry)
            .with("FIFTH", filters == 40)
            .with("STEP", format!("{step}u"))
    };
    let moments = specialised("conv2d_forward_subgroup_moments");
    let tiles = slide.pixels().div_ceil(32) * slide.filters.div_ceil(filters);
    let places = slide.places().max(1);
    gpu.check_loops("conv2d", places * 6)?;
    Ok(Cut {
        kernel: specialised(entry),
        per_group: 8,
        items: tiles,
        share: (MAX_LOOP_ITERATIONS / places - 1) * step / 4 * 4,
        wanted: 1,
        together: None,
        moments: matches!(direction, Direction::Forward).then_some((moments, 32)),
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
    in_tiles(gpu, slide, tiled(gpu, kernel), tiles, fours * 4)
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
    let kernel = with_matrices(gpu, COOPERATIVE.kernel(entry), (size, across));
    in_tiles(gpu, slide, kernel, tiles, 32)
}

/// A workgroup for each of `tiles`, which sums `terms` terms between two barriers.
fn in_tiles(gpu: &Gpu, slide: &Slide, kernel: Kernel, tiles: usize, terms: usize) -> Result<Cut> {
    let places = slide.places().max(1);
    gpu.check_loops("conv2d", places * LOOPS_PER_TILE)?;
    let terms = MAX_LOOP_ITERATIONS / LOOPS_PER_TILE * terms;
    Ok(Cut {
        kernel,
        per_group: 1,
        items: tiles,
        share: (terms / places / 4 * 4).max(4),
        wanted: slices_wanted(tiles, places, slide.channels),
        together: None,
        moments: None,
    })
}

/// Slices of at least 256 terms that keep a gpu busy.
fn slices_wanted(tiles: usize, places: usize, channels: usize) -> usize {
    (WORKGROUPS / tiles.max(1)).clamp(1, (places * channels / 256).max(1))
}
