// What stands behind a convolution: y = max(convolution, 0), then batch norm and
// pooling as the parameters say, and the way back to the convolution's gradient.
// Without pooling the window is one pixel.

const NONE: u32 = 0u;
const MAX: u32 = 1u;
const AVERAGE: u32 = 2u;

struct Size {
    elements: u32, // that this kernel writes
    rows: u32, // of y
    columns: u32,
    channels: u32,
    out_rows: u32,
    out_columns: u32,
    window_rows: u32,
    window_columns: u32,
    stride_rows: u32,
    stride_columns: u32,
    pool: u32, // NONE, MAX or AVERAGE
    normal: u32, // whether y is normalised
    keep: u32, // whether places (MAX) or signs (AVERAGE) are kept
    epsilon: f32,
    slices: u32,
    pixels: u32, // of y, in the whole batch
}
var<immediate> size: Size;

@group(0) @binding(0) var<storage, read> y: array<f32>; // (N, rows, columns, channels)
@group(0) @binding(1) var<storage, read> gamma: array<f32>; // (channels)
@group(0) @binding(2) var<storage, read> beta: array<f32>; // (channels)
@group(0) @binding(3) var<storage, read> mean: array<f32>; // (channels)
@group(0) @binding(4) var<storage, read> variance: array<f32>; // (channels)
@group(0) @binding(5) var<storage, read_write> value: array<f32>; // (N, out_rows, out_columns, channels)
@group(0) @binding(6) var<storage, read_write> place: array<f32>; // as value, or one element

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

// The first pixel of the window that pooled element i sees.
fn corner(i: u32) -> u32 {
    let column = i / size.channels % size.out_columns;
    let row = i / size.channels / size.out_columns % size.out_rows;
    let image = i / size.channels / size.out_columns / size.out_rows;
    return (image * size.rows + row * size.stride_rows) * size.columns + column * size.stride_columns;
}

@compute @workgroup_size(64)
fn conv_block_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    let c = i % size.channels;
    let first = corner(i);
    var scale = 1.0;
    var centre = 0.0;
    var shift = 0.0;
    if size.normal != 0u {
        scale = gamma[c] / sqrt(variance[c] + size.epsilon);
        centre = mean[c];
        shift = beta[c];
    }
    var largest = (y[first * size.channels + c] - centre) * scale;
    var sum = 0.0;
    var at = 0u;
    var signs = 0u;
    for (var a = 0u; a < size.window_rows; a++) {
        for (var b = 0u; b < size.window_columns; b++) {
            let pixel = y[(first + a * size.columns + b) * size.channels + c];
            let candidate = (pixel - centre) * scale;
            let here = a * size.window_columns + b;
            sum += candidate;
            signs |= select(0u, 1u << here, pixel > 0.0);
            if candidate > largest {
                largest = candidate;
                at = here;
            }
        }
    }
    if size.pool == AVERAGE {
        value[i] = sum / f32(size.window_rows * size.window_columns) + shift;
        if size.keep != 0u {
            place[i] = f32(signs);
        }
    } else {
        value[i] = largest + shift;
        if size.keep != 0u {
            place[i] = f32(at);
        }
    }
}

@group(0) @binding(0) var<storage, read> y_sums: array<f32>; // (N, rows, columns, channels)
@group(0) @binding(1) var<storage, read> mean_sums: array<f32>; // (channels)
@group(0) @binding(2) var<storage, read> variance_sums: array<f32>; // (channels)
@group(0) @binding(3) var<storage, read> place_sums: array<f32>; // (N, out_rows, out_columns, channels), or any
@group(0) @binding(4) var<storage, read> grad_sums: array<f32>; // (N, out_rows, out_columns, channels)
@group(0) @binding(5) var<storage, read_write> sums: array<f32>; // (slices, channels)
@group(0) @binding(6) var<storage, read_write> products: array<f32>; // (slices, channels)

// Slices of dbeta and dgamma: sums over the pooled gradient, which is all there is.
@compute @workgroup_size(64)
fn conv_block_backward_sums(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.slices * size.channels {
        return;
    }
    let c = i % size.channels;
    let inverse = 1.0 / sqrt(variance_sums[c] + size.epsilon);
    let share = 1.0 / f32(size.window_rows * size.window_columns);
    var sum = 0.0;
    var product = 0.0;
    for (var at = i; at < size.elements; at += size.slices * size.channels) {
        let g = grad_sums[at];
        let first = corner(at);
        sum += g;
        if size.pool == AVERAGE {
            var all = 0.0;
            for (var a = 0u; a < size.window_rows; a++) {
                for (var b = 0u; b < size.window_columns; b++) {
                    all += y_sums[(first + a * size.columns + b) * size.channels + c] - mean_sums[c];
                }
            }
            product += g * all * share;
        } else {
            var here = 0u;
            if size.pool == MAX {
                here = u32(place_sums[at]);
            }
            let pixel = first + here / size.window_columns * size.columns + here % size.window_columns;
            product += g * (y_sums[pixel * size.channels + c] - mean_sums[c]);
        }
    }
    sums[i] = sum;
    products[i] = product * inverse;
}

@group(0) @binding(0) var<storage, read> y_saved: array<f32>; // (N, rows, columns, channels)
@group(0) @binding(1) var<storage, read> gamma_saved: array<f32>; // (channels)
@group(0) @binding(2) var<storage, read> mean_saved: array<f32>; // (channels)
@group(0) @binding(3) var<storage, read> variance_saved: array<f32>; // (channels)
@group(0) @binding(4) var<storage, read> place_saved: array<f32>; // (N, out_rows, out_columns, channels), or any
@group(0) @binding(5) var<storage, read> grad: array<f32>; // (N, out_rows, out_columns, channels)
@group(0) @binding(6) var<storage, read> dgamma: array<f32>; // (channels)
@group(0) @binding(7) var<storage, read> dbeta: array<f32>; // (channels)
@group(0) @binding(8) var<storage, read_write> dconvolved: array<f32>; // as y_saved

// The gradient that reaches element i of y through all windows that cover it;
// without batch norm, only where y is positive.
fn unpooled(i: u32) -> f32 {
    if size.pool == NONE {
        return select(0.0, grad[i], size.normal != 0u || y_saved[i] > 0.0);
    }
    let c = i % size.channels;
    let column = i / size.channels % size.columns;
    let row = i / size.channels / size.columns % size.rows;
    let image = i / size.channels / size.columns / size.rows;
    var sum = 0.0;
    for (var a = row % size.stride_rows; a < size.window_rows && a <= row; a += size.stride_rows) {
        let out_row = (row - a) / size.stride_rows;
        for (var b = column % size.stride_columns; b < size.window_columns && b <= column; b += size.stride_columns) {
            let out_column = (column - b) / size.stride_columns;
            if out_row < size.out_rows && out_column < size.out_columns {
                let at = ((image * size.out_rows + out_row) * size.out_columns + out_column)
                    * size.channels + c;
                let here = a * size.window_columns + b;
                if size.pool == MAX {
                    let passes = size.normal != 0u || y_saved[at] > 0.0;
                    sum += select(0.0, grad[at], passes && place_saved[at] == f32(here));
                } else if size.normal != 0u {
                    sum += grad[at];
                } else {
                    sum += select(0.0, grad[at], ((u32(place_saved[at]) >> here) & 1u) == 1u);
                }
            }
        }
    }
    if size.pool == AVERAGE {
        return sum / f32(size.window_rows * size.window_columns);
    }
    return sum;
}

@compute @workgroup_size(64)
fn conv_block_backward_normal(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    let c = i % size.channels;
    let pixels = f32(size.pixels);
    let inverse = 1.0 / sqrt(variance_saved[c] + size.epsilon);
    let pixel = y_saved[i];
    let normalised = (pixel - mean_saved[c]) * inverse;
    let centred = unpooled(i) - dbeta[c] / pixels - normalised * (dgamma[c] / pixels);
    dconvolved[i] = select(0.0, gamma_saved[c] * inverse * centred, pixel > 0.0);
}

// Without batch norm: y_saved is the value itself, and where it is not positive
// nothing passes.
@compute @workgroup_size(64)
fn conv_block_backward_rectified(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    dconvolved[i] = unpooled(i);
}
