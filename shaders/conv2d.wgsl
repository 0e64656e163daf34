// Convolution of NHWC images, for the processor acting as a gpu. No shared memory and
// no barriers: an invocation keeps 8 pixels x 8 filters in registers and reads four
// channels at a time where their number allows. One body serves forward and the
// gradient of x, which is a convolution of grad with the kernel turned round.
//
// Position (i, j) of the window reads, under its place (a, b), row i step + first +
// turn a and column likewise, and fills row i every + phase, column likewise. Forward
// that is row i stride - padding + a, into row i. Backward a row of dx is reached from
// every stride-th place only, so that it is a convolution of stride 1 with a part of
// the kernel; which part goes by the row modulo the stride, its phase, and each phase
// is a dispatch. Long sums are shared out among slices of the channels.

struct Conv {
    pixels: u32, // N out_rows out_columns
    rows: u32, // of what is read
    columns: u32,
    channels: u32,
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
    share: u32, // channels of a slice
    biased: u32, // whether sums start at the bias
    relu: u32, // whether what is below 0 is stored as 0
    together: u32, // filter blocks next to each other; see `block`
}
var<immediate> conv: Conv;

@group(0) @binding(0) var<storage, read> x: array<f32>; // (N, rows, columns, channels)
@group(0) @binding(0) var<storage, read> x4: array<vec4<f32>>; // the same
// (window_rows, window_columns, channels, filters rounded up to 4)
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>; // (filters)
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // (slices, N, to_rows, to_columns, filters)

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

// Four positions: the pixels of y that they fill, their images' first rows in x, and
// the row and column of x under the window's corner.
struct Pixels {
    place: vec4<i32>, // in (slices, N, to_rows, to_columns); -1: nowhere
    image: vec4<i32>,
    row: vec4<i32>,
    column: vec4<i32>,
}

fn pixels(first: u32, slice: u32) -> Pixels {
    let wanted = first + vec4<u32>(0u, 1u, 2u, 3u);
    // What hangs over the end repeats the last pixel.
    let p = min(wanted, vec4<u32>(conv.pixels - 1u));
    let line = p / conv.out_columns;
    let column = p - line * conv.out_columns;
    let image = line / conv.out_rows;
    let row = line - image * conv.out_rows;
    let images = conv.pixels / (conv.out_rows * conv.out_columns);
    let to_row = (slice * images + image) * conv.to_rows + row * conv.every_rows + conv.phase_row;
    let place = to_row * conv.to_columns + column * conv.every_columns + conv.phase_column;
    return Pixels(
        select(vec4<i32>(-1), vec4<i32>(place), wanted == p),
        vec4<i32>(image * conv.rows),
        vec4<i32>(row) * conv.step_rows + conv.first_row,
        vec4<i32>(column) * conv.step_columns + conv.first_column,
    );
}

// Where channel 0 of the pixels under place (a, b) of the window begins in x; -1
// where that is outside of the image.
fn addresses(at: Pixels, a: u32, b: u32) -> vec4<i32> {
    let row = at.row + conv.turn * i32(a);
    let column = at.column + conv.turn * i32(b);
    var inside = (row >= vec4<i32>()) & (column >= vec4<i32>());
    inside &= (row < vec4<i32>(i32(conv.rows))) & (column < vec4<i32>(i32(conv.columns)));
    let address = ((at.image + row) * i32(conv.columns) + column) * i32(conv.channels);
    return select(vec4<i32>(-1), address, inside);
}

fn load(address: i32, c: u32) -> f32 {
    return select(0.0, x[u32(max(address, 0)) + c], address >= 0);
}

fn load4(address: i32, c: u32) -> vec4<f32> {
    return select(vec4<f32>(), x4[(u32(max(address, 0)) + c) / 4u], address >= 0);
}

fn store4(place: i32, filter_: u32, values: vec4<f32>) {
    if place < 0 {
        return;
    }
    let at = u32(place) * conv.filters + filter_;
    for (var j = 0u; j < 4u; j++) {
        if filter_ + j < conv.filters {
            var sum = values[j];
            if conv.biased != 0u {
                sum += bias[filter_ + j];
            }
            // Not max: NaN has to stay.
            y[at + j] = select(sum, 0.0, conv.relu != 0u && sum < 0.0);
        }
    }
}

fn store(at: Pixels, filter_: u32, values: mat4x4<f32>) {
    store4(at.place.x, filter_, values[0]);
    store4(at.place.y, filter_, values[1]);
    store4(at.place.z, filter_, values[2]);
    store4(at.place.w, filter_, values[3]);
}

// Which block of 8 filters, which block of 8 pixels, and which slice. Neighbouring
// invocations take up to 8 blocks of filters for one block of pixels, then the next
// block of pixels: what they read together is then neither one pixel's channels nor
// all the weights, and the fewest lines of cache.
fn block(i: u32) -> vec3<u32> {
    let pixel_blocks = (conv.pixels + 7u) / 8u;
    let blocks = (conv.filters + 7u) / 8u;
    let bundle = i / conv.together;
    let sets = (blocks + conv.together - 1u) / conv.together;
    let set_ = bundle / pixel_blocks;
    return vec3<u32>(
        set_ % sets * conv.together + i % conv.together,
        bundle % pixel_blocks,
        set_ / sets,
    );
}

// Four channels at a time; channels and share are multiples of 4. Sums are
// matrices of 4 filters (down) x 4 pixels (across).
fn convolve4(i: u32) {
    let width = (conv.filters + 3u) / 4u;
    let at = block(i);
    if 2u * at.x >= width || at.z >= conv.slices {
        return;
    }
    let first = at.y * 8u;
    let first_channel = at.z * conv.share;
    let end_channel = min(first_channel + conv.share, conv.channels);
    let o0 = at.x * 2u;
    let o1 = min(o0 + 1u, width - 1u);
    let near = pixels(first, at.z);
    let far = pixels(first + 4u, at.z);
    var near0 = mat4x4<f32>();
    var near1 = mat4x4<f32>();
    var far0 = mat4x4<f32>();
    var far1 = mat4x4<f32>();
    for (var a = 0u; a < conv.window_rows; a++) {
        for (var b = 0u; b < conv.window_columns; b++) {
            let p = addresses(near, a, b);
            let q = addresses(far, a, b);
            if all(max(p, q) < vec4<i32>()) {
                continue;
            }
            let place = (a * conv.window_columns + b) * conv.channels;
            for (var c = first_channel; c < end_channel; c += 4u) {
                let w = (place + c) * width;
                let u = w + o0;
                let v = w + o1;
                let w0 = mat4x4<f32>(
                    weights[u], weights[u + width], weights[u + 2u * width], weights[u + 3u * width]
                );
                let w1 = mat4x4<f32>(
                    weights[v], weights[v + width], weights[v + 2u * width], weights[v + 3u * width]
                );
                let xs = mat4x4<f32>(load4(p.x, c), load4(p.y, c), load4(p.z, c), load4(p.w, c));
                let xt = mat4x4<f32>(load4(q.x, c), load4(q.y, c), load4(q.z, c), load4(q.w, c));
                near0 += w0 * xs;
                near1 += w1 * xs;
                far0 += w0 * xt;
                far1 += w1 * xt;
            }
        }
    }
    store(near, o0 * 4u, near0);
    store(far, o0 * 4u, far0);
    if o1 != o0 {
        store(near, o1 * 4u, near1);
        store(far, o1 * 4u, far1);
    }
}

fn outer(w: vec4<f32>, x: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(w * x.x, w * x.y, w * x.z, w * x.w);
}

// One channel at a time: a first layer, or odd numbers of channels.
fn convolve(i: u32) {
    let width = (conv.filters + 3u) / 4u;
    let at = block(i);
    if 2u * at.x >= width || at.z >= conv.slices {
        return;
    }
    let first = at.y * 8u;
    let first_channel = at.z * conv.share;
    let end_channel = min(first_channel + conv.share, conv.channels);
    let o0 = at.x * 2u;
    let o1 = min(o0 + 1u, width - 1u);
    let near = pixels(first, at.z);
    let far = pixels(first + 4u, at.z);
    var near0 = mat4x4<f32>();
    var near1 = mat4x4<f32>();
    var far0 = mat4x4<f32>();
    var far1 = mat4x4<f32>();
    for (var a = 0u; a < conv.window_rows; a++) {
        for (var b = 0u; b < conv.window_columns; b++) {
            let p = addresses(near, a, b);
            let q = addresses(far, a, b);
            if all(max(p, q) < vec4<i32>()) {
                continue;
            }
            let place = (a * conv.window_columns + b) * conv.channels;
            for (var c = first_channel; c < end_channel; c++) {
                let w0 = weights[(place + c) * width + o0];
                let w1 = weights[(place + c) * width + o1];
                let xs = vec4<f32>(load(p.x, c), load(p.y, c), load(p.z, c), load(p.w, c));
                let xt = vec4<f32>(load(q.x, c), load(q.y, c), load(q.z, c), load(q.w, c));
                near0 += outer(w0, xs);
                near1 += outer(w1, xs);
                far0 += outer(w0, xt);
                far1 += outer(w1, xt);
            }
        }
    }
    store(near, o0 * 4u, near0);
    store(far, o0 * 4u, far0);
    if o1 != o0 {
        store(near, o1 * 4u, near1);
        store(far, o1 * 4u, far1);
    }
}

@compute @workgroup_size(64)
fn conv2d_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    convolve(linear(group, groups, lane));
}

@compute @workgroup_size(64)
fn conv2d_forward4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    convolve4(linear(group, groups, lane));
}

// x is grad, y is dx, channels and filters change places.
@compute @workgroup_size(64)
fn conv2d_backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    convolve(linear(group, groups, lane));
}

@compute @workgroup_size(64)
fn conv2d_backward_input4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    convolve4(linear(group, groups, lane));
}

struct Pack {
    elements: u32, // of packed
    rows: u32,
    columns: u32,
    padded_rows: u32, // both rounded up
    padded_columns: u32,
    transposed: u32, // whether `loose` has (columns, rows) in each of its parts
    parts_across: u32, // parts of `packed`: (down, parts_across)
    loose_across: u32, // parts of `loose`: (any, loose_across)
    first_down: u32, // part (i, j) is part (first_down + i every_down, ...) of `loose`
    every_down: u32,
    first_across: u32,
    every_across: u32,
}
var<immediate> pack: Pack;

@group(0) @binding(0) var<storage, read> loose: array<f32>; // (parts, rows, columns)
@group(0) @binding(1) var<storage, read_write> packed: array<f32>; // (parts, padded_rows, padded_columns)

// Fills rows and columns up with zeros; takes a phase's places out of a kernel and
// transposes its (C, O) on the way.
@compute @workgroup_size(64)
fn conv2d_pack(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= pack.elements {
        return;
    }
    let column = i % pack.padded_columns;
    let row = i / pack.padded_columns % pack.padded_rows;
    let part = i / pack.padded_columns / pack.padded_rows;
    let down = pack.first_down + part / pack.parts_across * pack.every_down;
    let across = pack.first_across + part % pack.parts_across * pack.every_across;
    let start = (down * pack.loose_across + across) * pack.rows * pack.columns;
    if column >= pack.columns || row >= pack.rows {
        packed[i] = 0.0;
    } else if pack.transposed != 0u {
        packed[i] = loose[start + column * pack.rows + row];
    } else {
        packed[i] = loose[start + row * pack.columns + column];
    }
}

struct Combine {
    elements: u32,
    slices: u32,
    columns: u32, // of bias
    biased: u32,
    relu: u32,
}
var<immediate> combine: Combine;

@group(0) @binding(0) var<storage, read> slices: array<f32>; // (slices, elements)
@group(0) @binding(1) var<storage, read> row: array<f32>; // (columns); anything if not biased
@group(0) @binding(2) var<storage, read_write> total: array<f32>; // (elements)

// total = the bias + the sum over the slices, always in the same order.
@compute @workgroup_size(64)
fn conv2d_combine(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= combine.elements {
        return;
    }
    var sum = 0.0;
    for (var s = 0u; s < combine.slices; s++) {
        sum += slices[s * combine.elements + i];
    }
    if combine.biased != 0u {
        sum += row[i % combine.columns];
    }
    total[i] = select(sum, 0.0, combine.relu != 0u && sum < 0.0);
}
