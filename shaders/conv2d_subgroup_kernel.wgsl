// The gradient of a convolution's kernel where 8 invocations of a subgroup can tell
// each other what they read: see conv2d_subgroup.wgsl. A subgroup makes 32 rows, that
// is places and channels, x 40 or 32 filters from a slice of the lines of output
// pixels; the slices are added up after it. The first file of this op is conv2d.wgsl.

const FIFTH: bool = true; // whether a lane has 5 filters, or 4

const FILTERS: u32 = 32u + 8u * u32(FIFTH); // of a subgroup

struct Conv {
    rows: u32, // of x
    columns: u32,
    channels: u32,
    out_rows: u32, // of grad
    out_columns: u32,
    filters: u32,
    window_rows: u32,
    window_columns: u32,
    stride_rows: u32,
    stride_columns: u32,
    before_rows: u32, // padding
    before_columns: u32,
    lines: u32, // N out_rows
    lines_per_slice: u32,
    slices: u32,
    together: u32, // of the direct body only
}
var<immediate> conv: Conv;

@group(0) @binding(0) var<storage, read> x: array<f32>; // (N, rows, columns, channels)
// (N, out_rows, out_columns, filters rounded up to 4)
@group(0) @binding(1) var<storage, read> grad: array<f32>;
// (slices, window_rows, window_columns, channels, filters)
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

// Sums of 8 rows: (4 filters, 4 rows) and the fifth filter of 4 rows, twice.
struct Eight {
    near: mat4x4<f32>,
    far: mat4x4<f32>,
    near5: vec4<f32>,
    far5: vec4<f32>,
}

fn outer(w: vec4<f32>, x: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(w * x.x, w * x.y, w * x.z, w * x.w);
}

// Adds the products of a lane's filters and what each of the 8 lanes has read.
fn multiply(sums: ptr<function, Eight>, mine: f32, w: vec4<f32>, w5: f32) {
    let near = vec4<f32>(
        subgroupBroadcast(mine, 0u),
        subgroupBroadcast(mine, 1u),
        subgroupBroadcast(mine, 2u),
        subgroupBroadcast(mine, 3u),
    );
    let far = vec4<f32>(
        subgroupBroadcast(mine, 4u),
        subgroupBroadcast(mine, 5u),
        subgroupBroadcast(mine, 6u),
        subgroupBroadcast(mine, 7u),
    );
    (*sums).near += outer(w, near);
    (*sums).far += outer(w, far);
    if FIFTH {
        (*sums).near5 += w5 * near;
        (*sums).far5 += w5 * far;
    }
}

// A row: its place (a, b) less the padding, and its channel.
fn row_of(wanted: u32) -> vec3<i32> {
    // What hangs over the end repeats the last row.
    let row = min(wanted, conv.window_rows * conv.window_columns * conv.channels - 1u);
    let place = row / conv.channels;
    let a = place / conv.window_columns;
    return vec3<i32>(
        i32(a) - i32(conv.before_rows),
        i32(place - a * conv.window_columns) - i32(conv.before_columns),
        i32(row - place * conv.channels),
    );
}

// What a row reads of a line of output: where column 0 would be in x, and how many
// columns there are, none if the line is in no image.
fn start(row: vec3<i32>, line: u32) -> vec2<i32> {
    let image = line / conv.out_rows;
    let tall = i32((line - image * conv.out_rows) * conv.stride_rows) + row.x;
    let inside = tall >= 0 && tall < i32(conv.rows);
    let pixel = (i32(image * conv.rows) + tall) * i32(conv.columns) + row.y;
    return vec2<i32>(pixel * i32(conv.channels) + row.z, select(0, i32(conv.columns), inside));
}

fn load(start: vec2<i32>, row: vec3<i32>, column: u32) -> f32 {
    let wide = column * conv.stride_columns;
    let inside = u32(i32(wide) + row.y) < u32(start.y);
    return select(0.0, x[u32(select(0, start.x + i32(wide * conv.channels), inside))], inside);
}

fn store(at: u32, filter_: u32, sum: f32) {
    if filter_ < conv.filters {
        partial[at * conv.filters + filter_] = sum;
    }
}

fn store_row(slice: u32, row: u32, filter_: u32, sums: vec4<f32>, sum5: f32) {
    let depth = conv.window_rows * conv.window_columns * conv.channels;
    if row < depth {
        let at = slice * depth + row;
        store(at, filter_, sums.x);
        store(at, filter_ + 8u, sums.y);
        store(at, filter_ + 16u, sums.z);
        store(at, filter_ + 24u, sums.w);
        if FIFTH {
            store(at, filter_ + 32u, sum5);
        }
    }
}

fn store_eight(slice: u32, first: u32, filter_: u32, sums: Eight) {
    store_row(slice, first + 0u, filter_, sums.near[0], sums.near5[0]);
    store_row(slice, first + 1u, filter_, sums.near[1], sums.near5[1]);
    store_row(slice, first + 2u, filter_, sums.near[2], sums.near5[2]);
    store_row(slice, first + 3u, filter_, sums.near[3], sums.near5[3]);
    store_row(slice, first + 4u, filter_, sums.far[0], sums.far5[0]);
    store_row(slice, first + 5u, filter_, sums.far[1], sums.far5[1]);
    store_row(slice, first + 6u, filter_, sums.far[2], sums.far5[2]);
    store_row(slice, first + 7u, filter_, sums.far[3], sums.far5[3]);
}

@compute @workgroup_size(64)
fn conv2d_backward_kernel_subgroup(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let lane = index % 8u;
    let i = (group.x + groups.x * (group.y + groups.y * group.z)) * 8u + index / 8u;
    let across = (conv.filters + FILTERS - 1u) / FILTERS;
    let down = (conv.window_rows * conv.window_columns * conv.channels + 31u) / 32u;
    let slice = i / across / down;
    if slice >= conv.slices {
        return;
    }
    let first = i / across % down * 32u;
    let filter_ = i % across * FILTERS + lane;
    let width = (conv.filters + 3u) / 4u * 4u;
    // What hangs over the end repeats the last filter.
    let last = conv.filters - 1u;
    let f = min(vec4<u32>(filter_) + vec4<u32>(0u, 8u, 16u, 24u), vec4<u32>(last));
    let f5 = min(filter_ + 32u, last);
    let row0 = row_of(first + 0u + lane);
    let row1 = row_of(first + 8u + lane);
    let row2 = row_of(first + 16u + lane);
    let row3 = row_of(first + 24u + lane);
    var sums0 = Eight();
    var sums1 = Eight();
    var sums2 = Eight();
    var sums3 = Eight();
    let end = min((slice + 1u) * conv.lines_per_slice, conv.lines);
    for (var line = slice * conv.lines_per_slice; line < end; line++) {
        let start0 = start(row0, line);
        let start1 = start(row1, line);
        let start2 = start(row2, line);
        let start3 = start(row3, line);
        var column = 0u;
        for (; column + 4u <= conv.out_columns; column += 4u) {
            let g0 = (line * conv.out_columns + column) * width + f;
            let v0 = vec4<f32>(grad[g0.x], grad[g0.y], grad[g0.z], grad[g0.w]);
            let u0 = grad[g0.x - f.x + f5];
            multiply(&sums0, load(start0, row0, column), v0, u0);
            multiply(&sums1, load(start1, row1, column), v0, u0);
            multiply(&sums2, load(start2, row2, column), v0, u0);
            multiply(&sums3, load(start3, row3, column), v0, u0);
            let g1 = (line * conv.out_columns + column + 1u) * width + f;
            let v1 = vec4<f32>(grad[g1.x], grad[g1.y], grad[g1.z], grad[g1.w]);
            let u1 = grad[g1.x - f.x + f5];
            multiply(&sums0, load(start0, row0, column + 1u), v1, u1);
            multiply(&sums1, load(start1, row1, column + 1u), v1, u1);
            multiply(&sums2, load(start2, row2, column + 1u), v1, u1);
            multiply(&sums3, load(start3, row3, column + 1u), v1, u1);
            let g2 = (line * conv.out_columns + column + 2u) * width + f;
            let v2 = vec4<f32>(grad[g2.x], grad[g2.y], grad[g2.z], grad[g2.w]);
            let u2 = grad[g2.x - f.x + f5];
            multiply(&sums0, load(start0, row0, column + 2u), v2, u2);
            multiply(&sums1, load(start1, row1, column + 2u), v2, u2);
            multiply(&sums2, load(start2, row2, column + 2u), v2, u2);
            multiply(&sums3, load(start3, row3, column + 2u), v2, u2);
            let g3 = (line * conv.out_columns + column + 3u) * width + f;
            let v3 = vec4<f32>(grad[g3.x], grad[g3.y], grad[g3.z], grad[g3.w]);
            let u3 = grad[g3.x - f.x + f5];
            multiply(&sums0, load(start0, row0, column + 3u), v3, u3);
            multiply(&sums1, load(start1, row1, column + 3u), v3, u3);
            multiply(&sums2, load(start2, row2, column + 3u), v3, u3);
            multiply(&sums3, load(start3, row3, column + 3u), v3, u3);
        }
        for (; column < conv.out_columns; column++) {
            let g0 = (line * conv.out_columns + column) * width + f;
            let v0 = vec4<f32>(grad[g0.x], grad[g0.y], grad[g0.z], grad[g0.w]);
            let u0 = grad[g0.x - f.x + f5];
            multiply(&sums0, load(start0, row0, column), v0, u0);
            multiply(&sums1, load(start1, row1, column), v0, u0);
            multiply(&sums2, load(start2, row2, column), v0, u0);
            multiply(&sums3, load(start3, row3, column), v0, u0);
        }
    }
    store_eight(slice, first + 0u, filter_, sums0);
    store_eight(slice, first + 8u, filter_, sums1);
    store_eight(slice, first + 16u, filter_, sums2);
    store_eight(slice, first + 24u, filter_, sums3);
}
