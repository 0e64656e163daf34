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
@group(0) @binding(4) var<storage, read_write> moments: array<f32>; // (blocks of PIXELS, 2, filters)

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

fn store_pixel(pixel: u32, at: i32, filter_: u32, values: vec4<f32>, value5: f32) {
    if pixel < conv.pixels {
        let to = u32(at) * conv.filters + filter_;
        if filter_ < conv.filters {
            y[to] = values.x;
        }
        if filter_ + 8u < conv.filters {
            y[to + 8u] = values.y;
        }
        if filter_ + 16u < conv.filters {
            y[to + 16u] = values.z;
        }
        if filter_ + 24u < conv.filters {
            y[to + 24u] = values.w;
        }
        if FIFTH {
            if filter_ + 32u < conv.filters {
                y[to + 32u] = value5;
            }
        }
    }
}

fn store_eight(first: u32, at: i32, filter_: u32, values: Eight) {
    store_pixel(first + 0u, subgroupBroadcast(at, 0u), filter_, values.near[0], values.near5[0]);
    store_pixel(first + 1u, subgroupBroadcast(at, 1u), filter_, values.near[1], values.near5[1]);
    store_pixel(first + 2u, subgroupBroadcast(at, 2u), filter_, values.near[2], values.near5[2]);
    store_pixel(first + 3u, subgroupBroadcast(at, 3u), filter_, values.near[3], values.near5[3]);
    store_pixel(first + 4u, subgroupBroadcast(at, 4u), filter_, values.far[0], values.far5[0]);
    store_pixel(first + 5u, subgroupBroadcast(at, 5u), filter_, values.far[1], values.far5[1]);
    store_pixel(first + 6u, subgroupBroadcast(at, 6u), filter_, values.far[2], values.far5[2]);
    store_pixel(first + 7u, subgroupBroadcast(at, 7u), filter_, values.far[3], values.far5[3]);
}

// Not max: NaN has to stay.
fn rectified(sums: vec4<f32>) -> vec4<f32> {
    return select(sums, vec4<f32>(), (sums < vec4<f32>()) & vec4<bool>(conv.relu != 0u));
}

fn rectified4(sums: mat4x4<f32>, b: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        rectified(sums[0] + b), rectified(sums[1] + b), rectified(sums[2] + b), rectified(sums[3] + b)
    );
}

fn finished(sums: Eight, b: vec4<f32>, b5: f32) -> Eight {
    return Eight(
        rectified4(sums.near, b), rectified4(sums.far, b), rectified(sums.near5 + b5), rectified(sums.far5 + b5)
    );
}

// What a lane has of its 32 pixels.
struct Block {
    slice: u32,
    first: u32, // pixel
    filter_: u32,
    at: vec4<i32>, // a pixel's place in y, of each eight
    values0: Eight,
    values1: Eight,
    values2: Eight,
    values3: Eight,
}

fn store_block(block: Block) {
    store_eight(block.first + 0u, block.at.x, block.filter_, block.values0);
    store_eight(block.first + 8u, block.at.y, block.filter_, block.values1);
    store_eight(block.first + 16u, block.at.z, block.filter_, block.values2);
    store_eight(block.first + 24u, block.at.w, block.filter_, block.values3);
}

// Sums of four filters, and of the fifth.
struct Sums {
    four: vec4<f32>,
    fifth: f32,
}

// Adds 8 pixels, the first `count` of them.
fn add_eight(to: ptr<function, Sums>, v: Eight, count: u32) {
    let near = select(vec4<f32>(), vec4<f32>(1.0), vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(count));
    let far = select(vec4<f32>(), vec4<f32>(1.0), vec4<u32>(4u, 5u, 6u, 7u) < vec4<u32>(count));
    (*to).four += v.near * near + v.far * far;
    if FIFTH {
        (*to).fifth += dot(v.near5, near) + dot(v.far5, far);
    }
}

// Squares of what is above the mean.
fn squares(v: Eight, mean: Sums) -> Eight {
    let near0 = v.near[0] - mean.four;
    let near1 = v.near[1] - mean.four;
    let near2 = v.near[2] - mean.four;
    let near3 = v.near[3] - mean.four;
    let far0 = v.far[0] - mean.four;
    let far1 = v.far[1] - mean.four;
    let far2 = v.far[2] - mean.four;
    let far3 = v.far[3] - mean.four;
    let near5 = v.near5 - mean.fifth;
    let far5 = v.far5 - mean.fifth;
    return Eight(
        mat4x4<f32>(near0 * near0, near1 * near1, near2 * near2, near3 * near3),
        mat4x4<f32>(far0 * far0, far1 * far1, far2 * far2, far3 * far3),
        near5 * near5,
        far5 * far5,
    );
}

fn store_moments(at: u32, filter_: u32, values: Sums) {
    if filter_ < conv.filters {
        moments[at] = values.four.x;
    }
    if filter_ + 8u < conv.filters {
        moments[at + 8u] = values.four.y;
    }
    if filter_ + 16u < conv.filters {
        moments[at + 16u] = values.four.z;
    }
    if filter_ + 24u < conv.filters {
        moments[at + 24u] = values.four.w;
    }
    if FIFTH {
        if filter_ + 32u < conv.filters {
            moments[at + 32u] = values.fifth;
        }
    }
}

// The mean of the block's pixels and the squares about it, for batch norm.
fn moments_of(block: Block) {
    let count = min(conv.pixels - block.first, PIXELS);
    let counts = max(vec4<i32>(i32(count)) - vec4<i32>(0, 8, 16, 24), vec4<i32>());
    let all = vec4<u32>(counts);
    var mean = Sums();
    add_eight(&mean, block.values0, all.x);
    add_eight(&mean, block.values1, all.y);
    add_eight(&mean, block.values2, all.z);
    add_eight(&mean, block.values3, all.w);
    // Quotients are off by an ulp here; a full block's need not be.
    let share = select(1.0 / f32(count), 1.0 / f32(PIXELS), count == PIXELS);
    mean = Sums(mean.four * share, mean.fifth * share);
    var about = Sums();
    add_eight(&about, squares(block.values0, mean), all.x);
    add_eight(&about, squares(block.values1, mean), all.y);
    add_eight(&about, squares(block.values2, mean), all.z);
    add_eight(&about, squares(block.values3, mean), all.w);
    let at = 2u * (block.first / PIXELS) * conv.filters + block.filter_;
    store_moments(at, block.filter_, mean);
    store_moments(at + conv.filters, block.filter_, about);
}

fn convolve(group: vec3<u32>, groups: vec3<u32>, index: u32) -> Block {
    let lane = index % 8u;
    let i = (group.x + groups.x * (group.y + groups.y * group.z)) * 8u + index / 8u;
    let across = (conv.filters + FILTERS - 1u) / FILTERS;
    let down = (conv.pixels + PIXELS - 1u) / PIXELS;
    let slice = i / across / down;
    var block = Block();
    block.slice = slice;
    if slice >= conv.slices {
        return block;
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
    var b = vec4<f32>();
    var b5 = 0.0;
    if conv.biased != 0u {
        b = vec4<f32>(bias[f.x], bias[f.y], bias[f.z], bias[f.w]);
        b5 = bias[f5];
    }
    block.first = first;
    block.filter_ = filter_;
    block.at = vec4<i32>(pixel0.x, pixel1.x, pixel2.x, pixel3.x);
    block.values0 = finished(sums0, b, b5);
    block.values1 = finished(sums1, b, b5);
    block.values2 = finished(sums2, b, b5);
    block.values3 = finished(sums3, b, b5);
    return block;
}

@compute @workgroup_size(64)
fn conv2d_forward_subgroup(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let block = convolve(group, groups, index);
    if block.slice < conv.slices {
        store_block(block);
    }
}

// With one slice, and the places of the window in the order of y.
@compute @workgroup_size(64)
fn conv2d_forward_subgroup_moments(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let block = convolve(group, groups, index);
    if block.slice < conv.slices {
        store_block(block);
        moments_of(block);
    }
}

@compute @workgroup_size(64)
fn conv2d_backward_input_subgroup(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let block = convolve(group, groups, index);
    if block.slice < conv.slices {
        store_block(block);
    }
}
