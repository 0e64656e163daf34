// Convolution as a product of matrices whose left one is never written down: pixels
// down, (place, channel) along, filters across. A workgroup makes a tile of it from
// tiles in workgroup memory; an invocation keeps 8 pixels x 8 filters in registers
// and reads the next tiles from memory while it multiplies the present ones. The
// first file of this op is conv2d.wgsl, which explains the parameters.

alias half = f32; // what tiles hold, f32 or f16; sums are f32
const PIXEL_BLOCKS: u32 = 16u; // invocations of a workgroup: down,
const FILTER_BLOCKS: u32 = 8u; // and across
const FOURS: u32 = 4u; // terms of a tile, in fours

const LANES: u32 = PIXEL_BLOCKS * FILTER_BLOCKS;
const TILE_PIXELS: u32 = 8u * PIXEL_BLOCKS;
const TILE_FILTERS: u32 = 2u * FILTER_BLOCKS; // in fours
// Two more than there are, so that neighbouring invocations meet different banks.
const PITCH: u32 = TILE_PIXELS + 2u;
// What one invocation carries from memory to a tile.
const CARRIED_X: u32 = (FOURS * TILE_PIXELS + LANES - 1u) / LANES;
const CARRIED_W: u32 = (4u * FOURS * TILE_FILTERS + LANES - 1u) / LANES;

struct Conv {
    pixels: u32, // N out_rows out_columns
    rows: u32, // of what is read
    columns: u32,
    channels: u32, // a multiple of 4
    out_rows: u32, // positions of the window
    out_columns: u32,
    filters: u32,
    window_rows: u32,
    window_columns: u32,
    step_rows: i32,
    first_row: i32,
    step_columns: i32,
    first_column: i32,
    turn: i32,
    to_rows: u32, // of what is written
    to_columns: u32,
    every_rows: u32,
    phase_row: u32,
    every_columns: u32,
    phase_column: u32,
    slices: u32,
    share: u32, // channels of a slice, a multiple of 4
    biased: u32,
    relu: u32,
}
var<immediate> conv: Conv;

@group(0) @binding(0) var<storage, read> x4: array<vec4<f32>>; // (N, rows, columns, channels)
// (window_rows, window_columns, channels, filters rounded up to 4)
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>; // (filters)
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // (slices, N, to_rows, to_columns, filters)
@group(0) @binding(3) var<storage, read_write> y4: array<vec4<f32>>; // the same

var<workgroup> tile_x: array<vec4<half>, FOURS * PITCH>; // (terms in fours, pixels)
var<workgroup> tile_w: array<vec4<half>, 4u * FOURS * TILE_FILTERS>; // (terms, filters in fours)

// Which tile a workgroup makes.
struct Tile {
    pixel: u32, // its first
    filter_: u32, // its first, in fours
    slice: u32,
}

fn tile(group: vec3<u32>, groups: vec3<u32>) -> Tile {
    let i = group.x + groups.x * (group.y + groups.y * group.z);
    let width = (conv.filters + 3u) / 4u;
    let across = (width + TILE_FILTERS - 1u) / TILE_FILTERS;
    let down = (conv.pixels + TILE_PIXELS - 1u) / TILE_PIXELS;
    return Tile(i / across % down * TILE_PIXELS, i % across * TILE_FILTERS, i / across / down);
}

// The window's corner at a pixel: image times rows, row, column.
fn corner(pixel: u32) -> vec3<i32> {
    let line = pixel / conv.out_columns;
    let image = line / conv.out_rows;
    return vec3<i32>(
        i32(image * conv.rows),
        i32(line - image * conv.out_rows) * conv.step_rows + conv.first_row,
        i32(pixel - line * conv.out_columns) * conv.step_columns + conv.first_column,
    );
}

// Where y has a pixel, in (N, to_rows, to_columns).
fn place(pixel: u32) -> u32 {
    let line = pixel / conv.out_columns;
    let image = line / conv.out_rows;
    let row = (line - image * conv.out_rows) * conv.every_rows + conv.phase_row;
    let column = (pixel - line * conv.out_columns) * conv.every_columns + conv.phase_column;
    return (image * conv.to_rows + row) * conv.to_columns + column;
}

// Four terms: a place of the window and a channel.
struct Term {
    a: u32,
    b: u32,
    c: u32,
}

fn forward(from_: Term, terms: u32, first: u32, end: u32) -> Term {
    var t = from_;
    t.c += terms;
    while t.c >= end {
        t.c -= end - first;
        t.b += 1u;
        if t.b == conv.window_columns {
            t.b = 0u;
            t.a += 1u;
        }
    }
    return t;
}

fn convolve(t: Tile, lane: u32, sums: ptr<function, array<vec4<f32>, 16>>) {
    let width = (conv.filters + 3u) / 4u;
    let first = t.slice * conv.share;
    let end = min(first + conv.share, conv.channels);
    let steps = (conv.window_rows * conv.window_columns * (end - first) + 4u * FOURS - 1u)
        / (4u * FOURS);

    // What is carried is always of the same pixels, and of the same filters.
    var corners: array<vec3<i32>, CARRIED_X>;
    for (var s = 0u; s < CARRIED_X; s++) {
        let pixel = (lane + s * LANES) / FOURS;
        let wanted = pixel < TILE_PIXELS && t.pixel + pixel < conv.pixels;
        // A row that is in no image.
        corners[s] = select(vec3<i32>(0, -0x40000000, 0), corner(t.pixel + pixel), wanted);
    }
    // LANES is a multiple of FOURS: all that is carried is of the same terms.
    var term_x = forward(Term(0u, 0u, first), 4u * (lane % FOURS), first, end);
    var terms_w: array<Term, CARRIED_W>;
    for (var s = 0u; s < CARRIED_W; s++) {
        terms_w[s] = forward(Term(0u, 0u, first), (lane + s * LANES) / TILE_FILTERS, first, end);
    }
    var carried_x: array<vec4<f32>, CARRIED_X>;
    var carried_w: array<vec4<f32>, CARRIED_W>;

    let down = lane / FILTER_BLOCKS;
    let across = lane % FILTER_BLOCKS;
    // One step more than there are: the first only reads, the last only multiplies.
    for (var step = 0u; step <= steps; step++) {
        if step < steps {
            let shift = conv.turn * vec2<i32>(i32(term_x.a), i32(term_x.b));
            for (var s = 0u; s < CARRIED_X; s++) {
                let row = corners[s].y + shift.x;
                let column = corners[s].z + shift.y;
                let inside = term_x.a < conv.window_rows && row >= 0 && row < i32(conv.rows)
                    && column >= 0 && column < i32(conv.columns);
                let pixel = u32((corners[s].x + row) * i32(conv.columns) + column);
                let at = select(0u, (pixel * conv.channels + term_x.c) / 4u, inside);
                carried_x[s] = select(vec4<f32>(), x4[at], inside);
            }
            term_x = forward(term_x, 4u * FOURS, first, end);
            for (var s = 0u; s < CARRIED_W; s++) {
                let term = terms_w[s];
                let quad = t.filter_ + (lane + s * LANES) % TILE_FILTERS;
                let inside = term.a < conv.window_rows && quad < width;
                let row = (term.a * conv.window_columns + term.b) * conv.channels + term.c;
                carried_w[s] = select(vec4<f32>(), weights[select(0u, row * width + quad, inside)], inside);
                terms_w[s] = forward(term, 4u * FOURS, first, end);
            }
        }
        if step > 0u {
            for (var q = 0u; q < FOURS; q++) {
                let w = 4u * q * TILE_FILTERS + across;
                let near0 = vec4<f32>(tile_w[w]);
                let near1 = vec4<f32>(tile_w[w + TILE_FILTERS]);
                let near2 = vec4<f32>(tile_w[w + 2u * TILE_FILTERS]);
                let near3 = vec4<f32>(tile_w[w + 3u * TILE_FILTERS]);
                let v = w + FILTER_BLOCKS;
                let far0 = vec4<f32>(tile_w[v]);
                let far1 = vec4<f32>(tile_w[v + TILE_FILTERS]);
                let far2 = vec4<f32>(tile_w[v + 2u * TILE_FILTERS]);
                let far3 = vec4<f32>(tile_w[v + 3u * TILE_FILTERS]);
                for (var i = 0u; i < 8u; i++) {
                    let xs = vec4<f32>(tile_x[q * PITCH + down + i * PIXEL_BLOCKS]);
                    var near = (*sums)[2u * i];
                    near = fma(vec4<f32>(xs.x), near0, near);
                    near = fma(vec4<f32>(xs.y), near1, near);
                    near = fma(vec4<f32>(xs.z), near2, near);
                    near = fma(vec4<f32>(xs.w), near3, near);
                    (*sums)[2u * i] = near;
                    var far = (*sums)[2u * i + 1u];
                    far = fma(vec4<f32>(xs.x), far0, far);
                    far = fma(vec4<f32>(xs.y), far1, far);
                    far = fma(vec4<f32>(xs.z), far2, far);
                    far = fma(vec4<f32>(xs.w), far3, far);
                    (*sums)[2u * i + 1u] = far;
                }
            }
        }
        workgroupBarrier();
        for (var s = 0u; s < CARRIED_X; s++) {
            let slot = lane + s * LANES;
            if slot < FOURS * TILE_PIXELS {
                tile_x[slot % FOURS * PITCH + slot / FOURS] = vec4<half>(carried_x[s]);
            }
        }
        for (var s = 0u; s < CARRIED_W; s++) {
            let slot = lane + s * LANES;
            if slot < 4u * FOURS * TILE_FILTERS {
                tile_w[slot] = vec4<half>(carried_w[s]);
            }
        }
        workgroupBarrier();
    }
}

fn finished(sum: vec4<f32>, filter_: u32) -> vec4<f32> {
    var values = sum;
    if conv.biased != 0u {
        let last = conv.filters - 1u;
        values += vec4<f32>(
            bias[filter_],
            bias[min(filter_ + 1u, last)],
            bias[min(filter_ + 2u, last)],
            bias[min(filter_ + 3u, last)],
        );
    }
    if conv.relu != 0u {
        // Not max: NaN has to stay.
        values = select(values, vec4<f32>(), values < vec4<f32>());
    }
    return values;
}

// Where the tile's pixel `down + i PIXEL_BLOCKS` is in y, in pixels of all slices.
fn target_(t: Tile, pixel: u32) -> u32 {
    let images = conv.pixels / (conv.out_rows * conv.out_columns);
    return t.slice * images * conv.to_rows * conv.to_columns + place(pixel);
}

fn forward_or_backward(group: vec3<u32>, groups: vec3<u32>, lane: u32) {
    let t = tile(group, groups);
    if t.slice >= conv.slices {
        return;
    }
    var sums: array<vec4<f32>, 16>;
    convolve(t, lane, &sums);
    for (var i = 0u; i < 16u; i++) {
        let pixel = t.pixel + lane / FILTER_BLOCKS + i / 2u * PIXEL_BLOCKS;
        let filter_ = 4u * (t.filter_ + lane % FILTER_BLOCKS + i % 2u * FILTER_BLOCKS);
        if pixel < conv.pixels && filter_ < conv.filters {
            let values = finished(sums[i], filter_);
            let at = target_(t, pixel) * conv.filters + filter_;
            for (var j = 0u; j < 4u && filter_ + j < conv.filters; j++) {
                y[at + j] = values[j];
            }
        }
    }
}

// The same where filters come in fours.
fn forward_or_backward4(group: vec3<u32>, groups: vec3<u32>, lane: u32) {
    let t = tile(group, groups);
    if t.slice >= conv.slices {
        return;
    }
    var sums: array<vec4<f32>, 16>;
    convolve(t, lane, &sums);
    for (var i = 0u; i < 16u; i++) {
        let pixel = t.pixel + lane / FILTER_BLOCKS + i / 2u * PIXEL_BLOCKS;
        let filter_ = 4u * (t.filter_ + lane % FILTER_BLOCKS + i % 2u * FILTER_BLOCKS);
        if pixel < conv.pixels && filter_ < conv.filters {
            y4[(target_(t, pixel) * conv.filters + filter_) / 4u] = finished(sums[i], filter_);
        }
    }
}

@compute @workgroup_size(LANES)
fn conv2d_forward_shared(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    forward_or_backward(group, groups, lane);
}

@compute @workgroup_size(LANES)
fn conv2d_forward_shared4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    forward_or_backward4(group, groups, lane);
}

@compute @workgroup_size(LANES)
fn conv2d_backward_input_shared(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    forward_or_backward(group, groups, lane);
}

@compute @workgroup_size(LANES)
fn conv2d_backward_input_shared4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    forward_or_backward4(group, groups, lane);
}
