// Convolution of NHWC images, for the processor acting as a gpu with 8 invocations
// in a subgroup. A subgroup makes a block of pixels x filters: each of its 8 lanes has
// every eighth filter, reads every eighth pixel, and tells the others what it read.
// A number costs such an adapter many instructions to read and few to pass on. The
// first file of this op is conv2d.wgsl, which explains the parameters.

const FIFTH: bool = true; // whether a lane has 5 filters, or 4
const STEP: u32 = 4u; // channels at a time: 1, 3 or 4

const PIXELS: u32 = 32u; // of a subgroup; nothing below is a loop over them
const FILTERS: u32 = 32u + 8u * u32(FIFTH); // of a subgroup

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
    share: u32, // channels of a slice, a multiple of STEP
    biased: u32, // whether sums start at the bias
    relu: u32, // whether what is below 0 is stored as 0
}
var<immediate> conv: Conv;

@group(0) @binding(0) var<storage, read> x: array<f32>; // (N, rows, columns, channels)
// (window_rows, window_columns, channels, filters rounded up to 4)
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>; // (filters)
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // (slices, N, to_rows, to_columns, filters)

// Sums of 8 pixels: (4 filters, 4 pixels) and the fifth filter of 4 pixels, twice.
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

// A pixel: its place in y, in pixels; and of the window's corner, the image's first
// row, the row and the column in x.
fn pixel_of(wanted: u32, slice: u32) -> vec4<i32> {
    // What hangs over the end repeats the last pixel.
    let pixel = min(wanted, conv.pixels - 1u);
    let line = pixel / conv.out_columns;
    let column = pixel - line * conv.out_columns;
    let image = line / conv.out_rows;
    let row = line - image * conv.out_rows;
    let images = conv.pixels / (conv.out_rows * conv.out_columns);
    let to_row = (slice * images + image) * conv.to_rows + row * conv.every_rows + conv.phase_row;
    return vec4<i32>(
        i32(to_row * conv.to_columns + column * conv.every_columns + conv.phase_column),
        i32(image * conv.rows),
        i32(row) * conv.step_rows + conv.first_row,
        i32(column) * conv.step_columns + conv.first_column,
    );
}

// Where channel 0 of what is under place (a, b) begins in x; -1 outside of the image.
fn address(at: vec4<i32>, a: u32, b: u32) -> i32 {
    let row = at.z + conv.turn * i32(a);
    let column = at.w + conv.turn * i32(b);
    let inside = row >= 0 && row < i32(conv.rows) && column >= 0 && column < i32(conv.columns);
    return select(-1, ((at.y + row) * i32(conv.columns) + column) * i32(conv.channels), inside);
}

fn load(address: i32, c: u32) -> f32 {
    return select(0.0, x[u32(max(address, 0)) + c], address >= 0);
}

fn store(at: i32, filter_: u32, sum: f32) {
    if filter_ < conv.filters {
        var value = sum;
        if conv.biased != 0u {
            value += bias[filter_];
        }
        // Not max: NaN has to stay.
        y[u32(at) * conv.filters + filter_] = select(value, 0.0, conv.relu != 0u && value < 0.0);
    }
}

fn store_pixel(pixel: u32, at: i32, filter_: u32, sums: vec4<f32>, sum5: f32) {
    if pixel < conv.pixels {
        store(at, filter_, sums.x);
        store(at, filter_ + 8u, sums.y);
        store(at, filter_ + 16u, sums.z);
        store(at, filter_ + 24u, sums.w);
        if FIFTH {
            store(at, filter_ + 32u, sum5);
        }
    }
}

fn store_eight(first: u32, at: i32, filter_: u32, sums: Eight) {
    store_pixel(first + 0u, subgroupBroadcast(at, 0u), filter_, sums.near[0], sums.near5[0]);
    store_pixel(first + 1u, subgroupBroadcast(at, 1u), filter_, sums.near[1], sums.near5[1]);
    store_pixel(first + 2u, subgroupBroadcast(at, 2u), filter_, sums.near[2], sums.near5[2]);
    store_pixel(first + 3u, subgroupBroadcast(at, 3u), filter_, sums.near[3], sums.near5[3]);
    store_pixel(first + 4u, subgroupBroadcast(at, 4u), filter_, sums.far[0], sums.far5[0]);
    store_pixel(first + 5u, subgroupBroadcast(at, 5u), filter_, sums.far[1], sums.far5[1]);
    store_pixel(first + 6u, subgroupBroadcast(at, 6u), filter_, sums.far[2], sums.far5[2]);
    store_pixel(first + 7u, subgroupBroadcast(at, 7u), filter_, sums.far[3], sums.far5[3]);
}

fn convolve(group: vec3<u32>, groups: vec3<u32>, index: u32) {
    let lane = index % 8u;
    let i = (group.x + groups.x * (group.y + groups.y * group.z)) * 8u + index / 8u;
    let across = (conv.filters + FILTERS - 1u) / FILTERS;
    let down = (conv.pixels + PIXELS - 1u) / PIXELS;
    let slice = i / across / down;
    if slice >= conv.slices {
        return;
    }
    let first = i / across % down * PIXELS;
    let filter_ = i % across * FILTERS + lane;
    let first_channel = slice * conv.share;
    let end_channel = min(first_channel + conv.share, conv.channels);
    let width = (conv.filters + 3u) / 4u * 4u;
    // What hangs over the end repeats the last filter.
    let last = conv.filters - 1u;
    let f = min(vec4<u32>(filter_) + vec4<u32>(0u, 8u, 16u, 24u), vec4<u32>(last));
    let f5 = min(filter_ + 32u, last);
    let pixel0 = pixel_of(first + 0u + lane, slice);
    let pixel1 = pixel_of(first + 8u + lane, slice);
    let pixel2 = pixel_of(first + 16u + lane, slice);
    let pixel3 = pixel_of(first + 24u + lane, slice);
    var sums0 = Eight();
    var sums1 = Eight();
    var sums2 = Eight();
    var sums3 = Eight();
    for (var a = 0u; a < conv.window_rows; a++) {
        for (var b = 0u; b < conv.window_columns; b++) {
            let address0 = address(pixel0, a, b);
            let address1 = address(pixel1, a, b);
            let address2 = address(pixel2, a, b);
            let address3 = address(pixel3, a, b);
            let place = (a * conv.window_columns + b) * conv.channels;
            for (var c = first_channel; c < end_channel; c += STEP) {
                let w0 = (place + c + 0u) * width + f;
                let v0 = vec4<f32>(weights[w0.x], weights[w0.y], weights[w0.z], weights[w0.w]);
                let u0 = weights[(place + c + 0u) * width + f5];
                multiply(&sums0, load(address0, c + 0u), v0, u0);
                multiply(&sums1, load(address1, c + 0u), v0, u0);
                multiply(&sums2, load(address2, c + 0u), v0, u0);
                multiply(&sums3, load(address3, c + 0u), v0, u0);
                if STEP > 1u {
                    let w1 = (place + c + 1u) * width + f;
                    let v1 = vec4<f32>(weights[w1.x], weights[w1.y], weights[w1.z], weights[w1.w]);
                    let u1 = weights[(place + c + 1u) * width + f5];
                    multiply(&sums0, load(address0, c + 1u), v1, u1);
                    multiply(&sums1, load(address1, c + 1u), v1, u1);
                    multiply(&sums2, load(address2, c + 1u), v1, u1);
                    multiply(&sums3, load(address3, c + 1u), v1, u1);
                    let w2 = (place + c + 2u) * width + f;
                    let v2 = vec4<f32>(weights[w2.x], weights[w2.y], weights[w2.z], weights[w2.w]);
                    let u2 = weights[(place + c + 2u) * width + f5];
                    multiply(&sums0, load(address0, c + 2u), v2, u2);
                    multiply(&sums1, load(address1, c + 2u), v2, u2);
                    multiply(&sums2, load(address2, c + 2u), v2, u2);
                    multiply(&sums3, load(address3, c + 2u), v2, u2);
                }
                if STEP > 3u {
                    let w3 = (place + c + 3u) * width + f;
                    let v3 = vec4<f32>(weights[w3.x], weights[w3.y], weights[w3.z], weights[w3.w]);
                    let u3 = weights[(place + c + 3u) * width + f5];
                    multiply(&sums0, load(address0, c + 3u), v3, u3);
                    multiply(&sums1, load(address1, c + 3u), v3, u3);
                    multiply(&sums2, load(address2, c + 3u), v3, u3);
                    multiply(&sums3, load(address3, c + 3u), v3, u3);
                }
            }
        }
    }
    store_eight(first + 0u, pixel0.x, filter_, sums0);
    store_eight(first + 8u, pixel1.x, filter_, sums1);
    store_eight(first + 16u, pixel2.x, filter_, sums2);
    store_eight(first + 24u, pixel3.x, filter_, sums3);
}

@compute @workgroup_size(64)
fn conv2d_forward_subgroup(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    convolve(group, groups, index);
}

@compute @workgroup_size(64)
fn conv2d_backward_input_subgroup(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    convolve(group, groups, index);
}
