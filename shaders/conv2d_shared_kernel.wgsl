// The gradient of a convolution's kernel as a product of matrices: (place, channel)
// down, filters across, summed over output pixels, which are shared out among
// slices. Tiles in workgroup memory as in conv2d_shared.wgsl; the first file of this
// op is conv2d.wgsl.

alias half = f32; // what tiles hold, f32 or f16; sums are f32
const ROW_BLOCKS: u32 = 15u; // invocations of a workgroup: down,
const FILTER_BLOCKS: u32 = 10u; // and across; each makes 8 x 8
const PIXELS: u32 = 16u; // terms of a tile

const LANES: u32 = ROW_BLOCKS * FILTER_BLOCKS;
const TILE_ROWS: u32 = 2u * ROW_BLOCKS; // in fours
const TILE_FILTERS: u32 = 2u * FILTER_BLOCKS; // in fours
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
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial4: array<vec4<f32>>; // the same

var<workgroup> tile_x: array<vec4<half>, PIXELS * TILE_ROWS>; // (pixels, rows in fours)
var<workgroup> tile_g: array<vec4<half>, PIXELS * TILE_FILTERS>; // (pixels, filters in fours)
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

fn correlate(t: Tile, lane: u32, sums: ptr<function, array<vec4<f32>, 16>>) {
    let width = (conv.filters + 3u) / 4u;
    let fours = conv.channels / 4u;
    let depth = conv.window_rows * conv.window_columns * fours;
    let pixels = conv.images * conv.out_rows * conv.out_columns;
    let first = t.slice * conv.share;
    let end = min(first + conv.share, pixels);
    let steps = (max(end, first) - first + PIXELS - 1u) / PIXELS;

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
    var carried_x: array<vec4<f32>, CARRIED_X>;
    var carried_g: array<vec4<f32>, CARRIED_G>;
    let down = lane / FILTER_BLOCKS;
    let across = lane % FILTER_BLOCKS;
    for (var p = lane; p < PIXELS; p += LANES) {
        corners[p] = corner(first + p, end);
    }
    workgroupBarrier();
    // One step more than there are: the first only reads, the last only multiplies.
    for (var step = 0u; step <= steps; step++) {
        if step < steps {
            for (var s = 0u; s < CARRIED_X; s++) {
                let slot = min((lane + s * LANES) / TILE_ROWS, PIXELS - 1u);
                let row = corners[slot].y + terms[s].x;
                let column = corners[slot].z + terms[s].y;
                let inside = row >= 0 && row < i32(conv.rows)
                    && column >= 0 && column < i32(conv.columns);
                let pixel = u32((corners[slot].x + row) * i32(conv.columns) + column);
                let at = select(0u, pixel * fours + u32(terms[s].z), inside);
                carried_x[s] = select(vec4<f32>(), x4[at], inside);
            }
            for (var s = 0u; s < CARRIED_G; s++) {
                let slot = lane + s * LANES;
                let pixel = first + step * PIXELS + slot / TILE_FILTERS;
                let quad = t.filter_ + slot % TILE_FILTERS;
                let inside = pixel < end && quad < width;
                let at = select(0u, pixel * width + quad, inside);
                carried_g[s] = select(vec4<f32>(), grad[at], inside);
            }
        }
        if step > 0u {
            for (var p = 0u; p < PIXELS; p++) {
                let near = vec4<f32>(tile_g[p * TILE_FILTERS + across]);
                let far = vec4<f32>(tile_g[p * TILE_FILTERS + across + FILTER_BLOCKS]);
                let xs = vec4<f32>(tile_x[p * TILE_ROWS + down]);
                let xt = vec4<f32>(tile_x[p * TILE_ROWS + down + ROW_BLOCKS]);
                (*sums)[0] = fma(vec4<f32>(xs.x), near, (*sums)[0]);
                (*sums)[1] = fma(vec4<f32>(xs.y), near, (*sums)[1]);
                (*sums)[2] = fma(vec4<f32>(xs.z), near, (*sums)[2]);
                (*sums)[3] = fma(vec4<f32>(xs.w), near, (*sums)[3]);
                (*sums)[4] = fma(vec4<f32>(xt.x), near, (*sums)[4]);
                (*sums)[5] = fma(vec4<f32>(xt.y), near, (*sums)[5]);
                (*sums)[6] = fma(vec4<f32>(xt.z), near, (*sums)[6]);
                (*sums)[7] = fma(vec4<f32>(xt.w), near, (*sums)[7]);
                (*sums)[8] = fma(vec4<f32>(xs.x), far, (*sums)[8]);
                (*sums)[9] = fma(vec4<f32>(xs.y), far, (*sums)[9]);
                (*sums)[10] = fma(vec4<f32>(xs.z), far, (*sums)[10]);
                (*sums)[11] = fma(vec4<f32>(xs.w), far, (*sums)[11]);
                (*sums)[12] = fma(vec4<f32>(xt.x), far, (*sums)[12]);
                (*sums)[13] = fma(vec4<f32>(xt.y), far, (*sums)[13]);
                (*sums)[14] = fma(vec4<f32>(xt.z), far, (*sums)[14]);
                (*sums)[15] = fma(vec4<f32>(xt.w), far, (*sums)[15]);
            }
        }
        workgroupBarrier();
        for (var s = 0u; s < CARRIED_X; s++) {
            let slot = lane + s * LANES;
            if slot < PIXELS * TILE_ROWS {
                tile_x[slot] = vec4<half>(carried_x[s]);
            }
        }
        for (var s = 0u; s < CARRIED_G; s++) {
            let slot = lane + s * LANES;
            if slot < PIXELS * TILE_FILTERS {
                tile_g[slot] = vec4<half>(carried_g[s]);
            }
        }
        for (var p = lane; p < PIXELS; p += LANES) {
            corners[p] = corner(first + (step + 1u) * PIXELS + p, end);
        }
        workgroupBarrier();
    }
}

// Of sum `i`: whether it is to be stored, its first filter, and where in `partial`.
fn target_(t: Tile, lane: u32, i: u32) -> vec3<u32> {
    let places = conv.window_rows * conv.window_columns;
    let row = 4u * (t.row + lane / FILTER_BLOCKS + i / 4u % 2u * ROW_BLOCKS) + i % 4u;
    let filter_ = 4u * (t.filter_ + lane % FILTER_BLOCKS + i / 8u * FILTER_BLOCKS);
    let place = row / conv.channels;
    let channel = row - place * conv.channels;
    let kept = place < places && channel < conv.kept_channels;
    let at = (t.slice * places + place) * conv.kept_channels + channel;
    return vec3<u32>(select(0u, 1u, kept && filter_ < conv.filters), filter_, at * conv.filters + filter_);
}

@compute @workgroup_size(LANES)
fn conv2d_backward_kernel_shared(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let t = tile(group, groups);
    if t.slice >= conv.slices {
        return;
    }
    var sums: array<vec4<f32>, 16>;
    correlate(t, lane, &sums);
    for (var i = 0u; i < 16u; i++) {
        let at = target_(t, lane, i);
        for (var j = 0u; j < 4u; j++) {
            if at.x != 0u && at.y + j < conv.filters {
                partial[at.z + j] = sums[i][j];
            }
        }
    }
}

// The same where filters come in fours.
@compute @workgroup_size(LANES)
fn conv2d_backward_kernel_shared4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let t = tile(group, groups);
    if t.slice >= conv.slices {
        return;
    }
    var sums: array<vec4<f32>, 16>;
    correlate(t, lane, &sums);
    for (var i = 0u; i < 16u; i++) {
        let at = target_(t, lane, i);
        if at.x != 0u {
            partial4[at.z / 4u] = sums[i];
        }
    }
}
