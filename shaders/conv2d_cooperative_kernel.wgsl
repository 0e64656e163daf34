// The gradient of a convolution's kernel with matrix units: the product of matrices of
// conv2d_shared_kernel.wgsl, whose tiles are f16 here and are multiplied SIZE x SIZE
// at a time by a subgroup, with f32 sums. A workgroup has 4 subgroups, each with 2
// SIZE rows x all filters of the tile. Filters come in fours.

enable f16;
enable wgpu_cooperative_matrix;

alias left = coop_mat16x16<f16, A>;
alias right = coop_mat16x16<f16, B>;
alias product = coop_mat16x16<f32, C>;
const SIZE: u32 = 16u; // of those matrices
const SUBGROUP: u32 = 32u; // invocations
const ACROSS: u32 = 5u; // matrices of filters in a tile

const LANES: u32 = 4u * SUBGROUP;
const PIXELS: u32 = 32u; // terms of a tile
const TILE_ROWS: u32 = 2u * SIZE; // in fours
const TILE_FILTERS: u32 = ACROSS * SIZE / 4u; // in fours
// From one pixel to the next, in fours: two more, so that they meet different banks.
const PITCH_X: u32 = TILE_ROWS + 2u;
const PITCH_G: u32 = TILE_FILTERS + 2u;
// What one invocation carries from memory to a tile.
const CARRIED_X: u32 = (PIXELS * TILE_ROWS + LANES - 1u) / LANES;
const CARRIED_G: u32 = (PIXELS * TILE_FILTERS + LANES - 1u) / LANES;

struct Conv {
    images: u32,
    rows: u32, // of x
    columns: u32,
    channels: u32, // of x as it is read, a multiple of 4
    out_rows: u32, // of grad
    out_columns: u32,
    filters: u32,
    window_rows: u32,
    window_columns: u32,
    stride_rows: u32,
    stride_columns: u32,
    before_rows: u32, // padding
    before_columns: u32,
    slices: u32,
    share: u32, // pixels of a slice
    kept_channels: u32, // of which there is a gradient
}
var<immediate> conv: Conv;

@group(0) @binding(0) var<storage, read> x4: array<vec4<f32>>; // (N, rows, columns, channels)
// (N, out_rows, out_columns, filters rounded up to 4)
@group(0) @binding(1) var<storage, read> grad: array<vec4<f32>>;
// (slices, window_rows, window_columns, kept_channels, filters)
@group(0) @binding(2) var<storage, read_write> partial4: array<vec4<f32>>;

var<workgroup> tile_x: array<vec4<f16>, PIXELS * PITCH_X>; // (pixels, rows in fours)
var<workgroup> tile_g: array<vec4<f16>, PIXELS * PITCH_G>; // (pixels, filters in fours)
var<workgroup> stage: array<f32, 4u * SIZE * SIZE>; // one finished matrix of each subgroup
// The windows' corners of the next tile's pixels: image times rows, row, column.
var<workgroup> corners: array<vec4<i32>, PIXELS>;

// Which tile a workgroup makes.
struct Tile {
    row: u32, // its first, in fours
    filter_: u32, // its first, in fours
    slice: u32,
}

fn tile(group: vec3<u32>, groups: vec3<u32>) -> Tile {
    let i = group.x + groups.x * (group.y + groups.y * group.z);
    let across = ((conv.filters + 3u) / 4u + TILE_FILTERS - 1u) / TILE_FILTERS;
    let depth = conv.window_rows * conv.window_columns * conv.channels / 4u;
    let down = (depth + TILE_ROWS - 1u) / TILE_ROWS;
    return Tile(i / across % down * TILE_ROWS, i % across * TILE_FILTERS, i / across / down);
}

fn corner(pixel: u32, end: u32) -> vec4<i32> {
    let line = pixel / conv.out_columns;
    let image = line / conv.out_rows;
    let row = (line - image * conv.out_rows) * conv.stride_rows;
    let column = (pixel - line * conv.out_columns) * conv.stride_columns;
    let at = vec4<i32>(
        i32(image * conv.rows),
        i32(row) - i32(conv.before_rows),
        i32(column) - i32(conv.before_columns),
        0,
    );
    // A row that is in no image.
    return select(vec4<i32>(0, -0x40000000, 0, 0), at, pixel < end);
}

// Reads what goes to the next tiles, of pixels from `first` on.
fn carry(
    t: Tile,
    lane: u32,
    first: u32,
    end: u32,
    terms: ptr<function, array<vec3<i32>, CARRIED_X>>,
    carried_x: ptr<function, array<vec4<f16>, CARRIED_X>>,
    carried_g: ptr<function, array<vec4<f16>, CARRIED_G>>,
) {
    let width = conv.filters / 4u;
    let fours = conv.channels / 4u;
    for (var s = 0u; s < CARRIED_X; s++) {
        let slot = min((lane + s * LANES) / TILE_ROWS, PIXELS - 1u);
        let row = corners[slot].y + (*terms)[s].x;
        let column = corners[slot].z + (*terms)[s].y;
        let inside = row >= 0 && row < i32(conv.rows)
            && column >= 0 && column < i32(conv.columns);
        let pixel = u32((corners[slot].x + row) * i32(conv.columns) + column);
        let at = select(0u, pixel * fours + u32((*terms)[s].z), inside);
        (*carried_x)[s] = vec4<f16>(select(vec4<f32>(), x4[at], inside));
    }
    for (var s = 0u; s < CARRIED_G; s++) {
        let slot = lane + s * LANES;
        let pixel = first + slot / TILE_FILTERS;
        let quad = t.filter_ + slot % TILE_FILTERS;
        let inside = pixel < end && quad < width;
        let at = select(0u, pixel * width + quad, inside);
        (*carried_g)[s] = vec4<f16>(select(vec4<f32>(), grad[at], inside));
    }
}

@compute @workgroup_size(LANES)
fn conv2d_backward_kernel_cooperative(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
) {
    let t = tile(group, groups);
    // A workgroup too many does nothing, but may not return: matrices want all to come along.
    let idle = t.slice >= conv.slices;
    let fours = conv.channels / 4u;
    let depth = conv.window_rows * conv.window_columns * fours;
    let pixels = conv.images * conv.out_rows * conv.out_columns;
    let first = t.slice * conv.share;
    let end = min(first + conv.share, pixels);
    let steps = select((max(end, first) - first + PIXELS - 1u) / PIXELS, 0u, idle);

    // What is carried of x is always of the same places and channels.
    var terms: array<vec3<i32>, CARRIED_X>;
    for (var s = 0u; s < CARRIED_X; s++) {
        let row = t.row + (lane + s * LANES) % TILE_ROWS;
        let a = row / fours / conv.window_columns;
        let b = row / fours - a * conv.window_columns;
        terms[s] = vec3<i32>(i32(a), i32(b), i32(row % fours));
        if row >= depth {
            terms[s].x = 0x20000000; // in no image, wherever the corner is
        }
    }
    var carried_x: array<vec4<f16>, CARRIED_X>;
    var carried_g: array<vec4<f16>, CARRIED_G>;
    let pitch_x = PITCH_X;
    let pitch_g = PITCH_G;
    let size = SIZE;
    var sums: array<product, 2u * ACROSS>; // (filters, 2 of rows)
    for (var p = lane; p < PIXELS; p += LANES) {
        corners[p] = corner(first + p, end);
    }
    workgroupBarrier();
    carry(t, lane, first, end, &terms, &carried_x, &carried_g);
    for (var step = 0u; step < steps; step++) {
        workgroupBarrier();
        for (var s = 0u; s < CARRIED_X; s++) {
            let slot = lane + s * LANES;
            if slot < PIXELS * TILE_ROWS {
                tile_x[slot / TILE_ROWS * PITCH_X + slot % TILE_ROWS] = carried_x[s];
            }
        }
        for (var s = 0u; s < CARRIED_G; s++) {
            let slot = lane + s * LANES;
            if slot < PIXELS * TILE_FILTERS {
                tile_g[slot / TILE_FILTERS * PITCH_G + slot % TILE_FILTERS] = carried_g[s];
            }
        }
        for (var p = lane; p < PIXELS; p += LANES) {
            corners[p] = corner(first + (step + 1u) * PIXELS + p, end);
        }
        workgroupBarrier();
        if step + 1u < steps {
            let next = first + (step + 1u) * PIXELS;
            carry(t, lane, next, end, &terms, &carried_x, &carried_g);
        }
        for (var k = 0u; k < PIXELS / SIZE; k++) {
            // Pixels are the terms, and rows lie next to each other: column by column.
            let at = k * SIZE * PITCH_X + 2u * subgroup * SIZE / 4u;
            let near = coopLoad<left>(&tile_x[at], pitch_x);
            let beside = at + SIZE / 4u;
            let far = coopLoad<left>(&tile_x[beside], pitch_x);
            for (var n = 0u; n < ACROSS; n++) {
                let from_ = k * SIZE * PITCH_G + n * SIZE / 4u;
                let g = coopLoadT<right>(&tile_g[from_], pitch_g);
                sums[2u * n] = coopMultiplyAdd(near, g, sums[2u * n]);
                sums[2u * n + 1u] = coopMultiplyAdd(far, g, sums[2u * n + 1u]);
            }
        }
    }

    let places = conv.window_rows * conv.window_columns;
    for (var n = 0u; n < 2u * ACROSS; n++) {
        // naga wants names for what it is handed here.
        let sum = sums[n];
        let mine = subgroup * SIZE * SIZE;
        coopStoreT(sum, &stage[mine], size);
        workgroupBarrier();
        for (var i = lane; i < SIZE * SIZE; i += LANES) {
            // Four filters of a row of a subgroup's matrix.
            let owner = i / (SIZE * SIZE / 4u);
            let line = i / (SIZE / 4u) % SIZE;
            let quad = i % (SIZE / 4u);
            let row = 4u * t.row + (2u * owner + n % 2u) * SIZE + line;
            let filter_ = 4u * t.filter_ + n / 2u * SIZE + 4u * quad;
            let place = row / conv.channels;
            let channel = row - place * conv.channels;
            if !idle && place < places && channel < conv.kept_channels && filter_ < conv.filters {
                let from_ = (owner * SIZE + line) * SIZE + 4u * quad;
                let at = (t.slice * places + place) * conv.kept_channels + channel;
                partial4[(at * conv.filters + filter_) / 4u] = vec4<f32>(
                    stage[from_], stage[from_ + 1u], stage[from_ + 2u], stage[from_ + 3u]
                );
            }
        }
        workgroupBarrier();
    }
}
