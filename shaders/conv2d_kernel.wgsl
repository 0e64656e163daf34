// The gradient of a convolution's kernel: for each place (a, b) of the window,
// channel c and filter o, the sum over all output pixels of x times grad. Lines of
// output pixels are shared out among slices; the slices are added up after it,
// always in the same order. The first file of this op is conv2d.wgsl.

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
    together: u32, // filter blocks next to each other, as in conv2d.wgsl
}
var<immediate> conv: Conv;

@group(0) @binding(0) var<storage, read> x: array<f32>; // (N, rows, columns, channels)
@group(0) @binding(0) var<storage, read> x4: array<vec4<f32>>; // the same
// (N, out_rows, out_columns, filters rounded up to 4)
@group(0) @binding(1) var<storage, read> grad: array<vec4<f32>>;
// (slices, window_rows, window_columns, channels, filters)
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

// `row` is (a, b, c) in one number.
fn store4(slice: u32, row: u32, filter_: u32, values: vec4<f32>) {
    let depth = conv.window_rows * conv.window_columns * conv.channels;
    let at = (slice * depth + row) * conv.filters + filter_;
    for (var j = 0u; j < 4u; j++) {
        if row < depth && filter_ + j < conv.filters {
            partial[at + j] = values[j];
        }
    }
}

fn store(slice: u32, row: u32, filter_: u32, values: mat4x4<f32>) {
    store4(slice, row, filter_, values[0]);
    store4(slice, row + 1u, filter_, values[1]);
    store4(slice, row + 2u, filter_, values[2]);
    store4(slice, row + 3u, filter_, values[3]);
}

fn outer(g: vec4<f32>, x: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(g * x.x, g * x.y, g * x.z, g * x.w);
}

// 8 channels x 8 filters at one place of the window; channels are a multiple of 4.
@compute @workgroup_size(64)
fn conv2d_backward_kernel4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    let width = (conv.filters + 3u) / 4u;
    let blocks = (width + 1u) / 2u;
    let depth = conv.channels / 4u;
    let channel_blocks = (depth + 1u) / 2u;
    let places = conv.window_rows * conv.window_columns;
    let sets = (blocks + conv.together - 1u) / conv.together;
    let bundle = i / conv.together;
    let o0 = (bundle / channel_blocks % sets * conv.together + i % conv.together) * 2u;
    let o1 = min(o0 + 1u, width - 1u);
    let c0 = bundle % channel_blocks * 2u;
    let c1 = min(c0 + 1u, depth - 1u);
    let place = bundle / channel_blocks / sets % places;
    let slice = bundle / channel_blocks / sets / places;
    if slice >= conv.slices || o0 >= width {
        return;
    }
    let a = place / conv.window_columns;
    let b = place % conv.window_columns;
    // The positions whose window has a pixel of the image at this place:
    // 0 <= position stride + b - before < columns.
    let left = max(conv.before_columns, b) - b;
    let low = (left + conv.stride_columns - 1u) / conv.stride_columns;
    let right = max(conv.columns + conv.before_columns, b) - b;
    let high = min((right + conv.stride_columns - 1u) / conv.stride_columns, conv.out_columns);
    var near0 = mat4x4<f32>();
    var near1 = mat4x4<f32>();
    var far0 = mat4x4<f32>();
    var far1 = mat4x4<f32>();
    let end = min((slice + 1u) * conv.lines_per_slice, conv.lines);
    for (var line = slice * conv.lines_per_slice; line < end; line++) {
        let image = line / conv.out_rows;
        let tall = (line - image * conv.out_rows) * conv.stride_rows + a;
        if tall < conv.before_rows || tall >= conv.before_rows + conv.rows {
            continue;
        }
        let row = (image * conv.rows + tall - conv.before_rows) * conv.columns;
        for (var column = low; column < high; column++) {
            let g = (line * conv.out_columns + column) * width;
            let at = (row + column * conv.stride_columns + b - conv.before_columns) * depth;
            let g0 = grad[g + o0];
            let g1 = grad[g + o1];
            let xs = x4[at + c0];
            let xt = x4[at + c1];
            near0 += outer(g0, xs);
            near1 += outer(g1, xs);
            far0 += outer(g0, xt);
            far1 += outer(g1, xt);
        }
    }
    let first = place * conv.channels;
    store(slice, first + c0 * 4u, o0 * 4u, near0);
    if o1 != o0 {
        store(slice, first + c0 * 4u, o1 * 4u, near1);
    }
    if c1 != c0 {
        store(slice, first + c1 * 4u, o0 * 4u, far0);
        if o1 != o0 {
            store(slice, first + c1 * 4u, o1 * 4u, far1);
        }
    }
}

// 4 rows x 8 filters, where a row is a place and a channel: any number of channels.
@compute @workgroup_size(64)
fn conv2d_backward_kernel(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    let width = (conv.filters + 3u) / 4u;
    let blocks = (width + 1u) / 2u;
    let depth = conv.window_rows * conv.window_columns * conv.channels;
    let row_blocks = (depth + 3u) / 4u;
    let o0 = i % blocks * 2u;
    let o1 = min(o0 + 1u, width - 1u);
    let first = i / blocks % row_blocks * 4u;
    let slice = i / blocks / row_blocks;
    if slice >= conv.slices {
        return;
    }
    // What hangs over the end repeats the last row, and is not stored.
    let rows = min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(depth - 1u));
    let places = rows / conv.channels;
    let channel = vec4<i32>(rows - places * conv.channels);
    let a = vec4<i32>(places / conv.window_columns) - i32(conv.before_rows);
    let b = vec4<i32>(places % conv.window_columns) - i32(conv.before_columns);
    let zero = vec4<i32>();
    var sum0 = mat4x4<f32>();
    var sum1 = mat4x4<f32>();
    let end = min((slice + 1u) * conv.lines_per_slice, conv.lines);
    for (var line = slice * conv.lines_per_slice; line < end; line++) {
        let image = line / conv.out_rows;
        let row = i32((line - image * conv.out_rows) * conv.stride_rows) + a;
        let above = (row >= zero) & (row < vec4<i32>(i32(conv.rows)));
        let start = (i32(image * conv.rows) + row) * i32(conv.columns);
        for (var j = 0u; j < conv.out_columns; j++) {
            let column = i32(j * conv.stride_columns) + b;
            let inside = above & (column >= zero) & (column < vec4<i32>(i32(conv.columns)));
            let address = (start + column) * i32(conv.channels) + channel;
            let at = vec4<u32>(select(zero, address, inside));
            let pixel = select(vec4<f32>(), vec4<f32>(x[at.x], x[at.y], x[at.z], x[at.w]), inside);
            let g = (line * conv.out_columns + j) * width;
            sum0 += outer(grad[g + o0], pixel);
            sum1 += outer(grad[g + o1], pixel);
        }
    }
    store(slice, first, o0 * 4u, sum0);
    if o1 != o0 {
        store(slice, first, o1 * 4u, sum1);
    }
}
