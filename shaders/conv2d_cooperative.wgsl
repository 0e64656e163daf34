// Convolution with matrix units: the same product of matrices as in conv2d_shared.wgsl,
// whose tiles are f16 here and are multiplied SIZE x SIZE at a time by a subgroup;
// sums are f32. A workgroup has 4 subgroups, each with 2 SIZE pixels x all filters of
// the tile. Filters come in fours. conv2d.wgsl explains the parameters.

enable f16;
enable wgpu_cooperative_matrix;

alias left = coop_mat16x16<f16, A>;
alias right = coop_mat16x16<f16, B>;
alias product = coop_mat16x16<f32, C>;
const SIZE: u32 = 16u; // of those matrices
const SUBGROUP: u32 = 32u; // invocations
const ACROSS: u32 = 5u; // matrices of filters in a tile

const LANES: u32 = 4u * SUBGROUP;
const FOURS: u32 = 8u; // terms of a tile, in fours
const TILE_PIXELS: u32 = 8u * SIZE;
const TILE_FILTERS: u32 = ACROSS * SIZE / 4u; // in fours
// From one row to the next, in fours: two more, so that rows meet different banks.
const PITCH_X: u32 = FOURS + 2u;
const PITCH_W: u32 = TILE_FILTERS + 2u;
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
@group(0) @binding(3) var<storage, read_write> y4: array<vec4<f32>>; // (slices, N, to_rows, to_columns, filters)

var<workgroup> tile_x: array<vec4<f16>, TILE_PIXELS * PITCH_X>; // (pixels, terms in fours)
var<workgroup> tile_w: array<vec4<f16>, 4u * FOURS * PITCH_W>; // (terms, filters in fours)
var<workgroup> stage: array<f32, 4u * SIZE * SIZE>; // one finished matrix of each subgroup

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

// Reads what goes to the next tiles.
fn carry(
    t: Tile,
    lane: u32,
    first: u32,
    end: u32,
    corners: ptr<function, array<vec3<i32>, CARRIED_X>>,
    term_x: ptr<function, Term>,
    terms_w: ptr<function, array<Term, CARRIED_W>>,
    carried_x: ptr<function, array<vec4<f16>, CARRIED_X>>,
    carried_w: ptr<function, array<vec4<f16>, CARRIED_W>>,
) {
    let width = conv.filters / 4u;
    let shift = conv.turn * vec2<i32>(i32((*term_x).a), i32((*term_x).b));
    for (var s = 0u; s < CARRIED_X; s++) {
        let row = (*corners)[s].y + shift.x;
        let column = (*corners)[s].z + shift.y;
        let inside = (*term_x).a < conv.window_rows && row >= 0 && row < i32(conv.rows)
            && column >= 0 && column < i32(conv.columns);
        let pixel = u32(((*corners)[s].x + row) * i32(conv.columns) + column);
        let at = select(0u, (pixel * conv.channels + (*term_x).c) / 4u, inside);
        (*carried_x)[s] = vec4<f16>(select(vec4<f32>(), x4[at], inside));
    }
    *term_x = forward(*term_x, 4u * FOURS, first, end);
    for (var s = 0u; s < CARRIED_W; s++) {
        let term = (*terms_w)[s];
        let quad = t.filter_ + (lane + s * LANES) % TILE_FILTERS;
        let inside = term.a < conv.window_rows && quad < width;
        let row = (term.a * conv.window_columns + term.b) * conv.channels + term.c;
        let at = select(0u, row * width + quad, inside);
        (*carried_w)[s] = vec4<f16>(select(vec4<f32>(), weights[at], inside));
        (*terms_w)[s] = forward(term, 4u * FOURS, first, end);
    }
}

fn convolve(group: vec3<u32>, groups: vec3<u32>, lane: u32, subgroup: u32) {
    let t = tile(group, groups);
    // A workgroup too many does nothing, but may not return: matrices want all to come along.
    let idle = t.slice >= conv.slices;
    let first = min(t.slice, conv.slices - 1u) * conv.share;
    let end = min(first + conv.share, conv.channels);
    let terms = conv.window_rows * conv.window_columns * (end - first);
    let steps = select((terms + 4u * FOURS - 1u) / (4u * FOURS), 0u, idle);

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
    var carried_x: array<vec4<f16>, CARRIED_X>;
    var carried_w: array<vec4<f16>, CARRIED_W>;

    let pitch_x = PITCH_X;
    let pitch_w = PITCH_W;
    let size = SIZE;
    var sums: array<product, 2u * ACROSS>; // (filters, 2 of pixels)
    carry(t, lane, first, end, &corners, &term_x, &terms_w, &carried_x, &carried_w);
    for (var step = 0u; step < steps; step++) {
        workgroupBarrier();
        for (var s = 0u; s < CARRIED_X; s++) {
            let slot = lane + s * LANES;
            if slot < FOURS * TILE_PIXELS {
                tile_x[slot / FOURS * PITCH_X + slot % FOURS] = carried_x[s];
            }
        }
        for (var s = 0u; s < CARRIED_W; s++) {
            let slot = lane + s * LANES;
            if slot < 4u * FOURS * TILE_FILTERS {
                tile_w[slot / TILE_FILTERS * PITCH_W + slot % TILE_FILTERS] = carried_w[s];
            }
        }
        workgroupBarrier();
        if step + 1u < steps {
            carry(t, lane, first, end, &corners, &term_x, &terms_w, &carried_x, &carried_w);
        }
        for (var k = 0u; k < 4u * FOURS / SIZE; k++) {
            let at = 2u * subgroup * SIZE * PITCH_X + k * SIZE / 4u;
            let near = coopLoadT<left>(&tile_x[at], pitch_x);
            let beside = at + SIZE * PITCH_X;
            let far = coopLoadT<left>(&tile_x[beside], pitch_x);
            for (var n = 0u; n < ACROSS; n++) {
                let from_ = k * SIZE * PITCH_W + n * SIZE / 4u;
                let w = coopLoadT<right>(&tile_w[from_], pitch_w);
                sums[2u * n] = coopMultiplyAdd(near, w, sums[2u * n]);
                sums[2u * n + 1u] = coopMultiplyAdd(far, w, sums[2u * n + 1u]);
            }
        }
    }

    // Which element of a matrix an invocation holds is the driver's secret: they go
    // through workgroup memory.
    let images = conv.pixels / (conv.out_rows * conv.out_columns);
    let slice = t.slice * images * conv.to_rows * conv.to_columns;
    for (var n = 0u; n < 2u * ACROSS; n++) {
        // naga wants names for what it is handed here.
        let sum = sums[n];
        let mine = subgroup * SIZE * SIZE;
        coopStoreT(sum, &stage[mine], size);
        workgroupBarrier();
        for (var i = lane; i < SIZE * SIZE; i += LANES) {
            // Four filters of a pixel of a subgroup's matrix.
            let owner = i / (SIZE * SIZE / 4u);
            let row = i / (SIZE / 4u) % SIZE;
            let quad = i % (SIZE / 4u);
            let pixel = t.pixel + (2u * owner + n % 2u) * SIZE + row;
            let filter_ = 4u * t.filter_ + n / 2u * SIZE + 4u * quad;
            if !idle && pixel < conv.pixels && filter_ < conv.filters {
                let at = (owner * SIZE + row) * SIZE + 4u * quad;
                let values = vec4<f32>(stage[at], stage[at + 1u], stage[at + 2u], stage[at + 3u]);
                y4[((slice + place(pixel)) * conv.filters + filter_) / 4u] = finished(values, filter_);
            }
        }
        workgroupBarrier();
    }
}

@compute @workgroup_size(LANES)
fn conv2d_forward_cooperative(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
) {
    convolve(group, groups, lane, subgroup);
}

@compute @workgroup_size(LANES)
fn conv2d_backward_input_cooperative(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
) {
    convolve(group, groups, lane, subgroup);
}
