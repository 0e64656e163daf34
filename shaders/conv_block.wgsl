// What stands behind a convolution: y = max(convolution, 0), then batch norm and
// pooling as the constants say, and the way back to the convolution's gradient.
// Without pooling the window is one pixel. An invocation has one channel, or four, of
// a whole line of pixels: it divides once and reads what belongs to the channel once.

alias real = f32; // one channel; or vec4<f32>, four of them,
alias whole = u32; // then vec4<u32>
const NONE: u32 = 0u;
const MAX: u32 = 1u;
const AVERAGE: u32 = 2u;
const POOL: u32 = 0u; // one of these
const WINDOW_ROWS: u32 = 1u;
const WINDOW_COLUMNS: u32 = 1u;
const STRIDE_ROWS: u32 = 1u;
const STRIDE_COLUMNS: u32 = 1u;
const OVERLAP: bool = false; // whether a pixel is in more than one window
const NORMAL: bool = false; // whether y is normalised
const KEEP: bool = false; // whether places (MAX) or signs (AVERAGE) are kept

struct Size {
    items: u32, // invocations: lines times channels
    rows: u32, // of y
    columns: u32,
    channels: u32, // in fours if there are four in a real
    out_rows: u32,
    out_columns: u32,
    pixels: u32, // of y, in the whole batch
    epsilon: f32,
}
var<immediate> size: Size;

@group(0) @binding(0) var<storage, read> y: array<real>; // (N, rows, columns, channels)
@group(0) @binding(1) var<storage, read> gamma: array<real>; // (channels)
@group(0) @binding(2) var<storage, read> beta: array<real>; // (channels)
@group(0) @binding(3) var<storage, read> mean: array<real>; // (channels)
@group(0) @binding(4) var<storage, read> variance: array<real>; // (channels)
@group(0) @binding(5) var<storage, read_write> value: array<real>; // (N, out_rows, out_columns, channels)
@group(0) @binding(6) var<storage, read_write> place: array<real>; // as value, or any

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

// A line of pooled pixels.
@compute @workgroup_size(64)
fn conv_block_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.items {
        return;
    }
    let line = i / size.channels;
    let c = i - line * size.channels;
    let image = line / size.out_rows;
    let row = line - image * size.out_rows;
    var scale = real(1.0);
    var centre = real();
    var shift = real();
    if NORMAL {
        scale = gamma[c] / sqrt(variance[c] + size.epsilon);
        centre = mean[c];
        shift = beta[c];
    }
    var corner = (image * size.rows + row * STRIDE_ROWS) * size.columns * size.channels + c;
    var to = line * size.out_columns * size.channels + c;
    for (var column = 0u; column < size.out_columns; column++) {
        var largest = real();
        var sum = real();
        var at = whole();
        var signs = whole();
        for (var a = 0u; a < WINDOW_ROWS; a++) {
            for (var b = 0u; b < WINDOW_COLUMNS; b++) {
                let pixel = y[corner + (a * size.columns + b) * size.channels];
                let candidate = (pixel - centre) * scale;
                let here = a * WINDOW_COLUMNS + b;
                if POOL == AVERAGE {
                    sum += candidate;
                    signs |= select(whole(), whole(1u << here), pixel > real());
                } else if here == 0u {
                    largest = candidate;
                } else {
                    at = select(at, whole(here), candidate > largest);
                    largest = select(largest, candidate, candidate > largest);
                }
            }
        }
        if POOL == AVERAGE {
            value[to] = sum / f32(WINDOW_ROWS * WINDOW_COLUMNS) + shift;
            if KEEP {
                place[to] = real(signs);
            }
        } else {
            value[to] = largest + shift;
            if KEEP {
                place[to] = real(at);
            }
        }
        corner += STRIDE_COLUMNS * size.channels;
        to += size.channels;
    }
}

@group(0) @binding(0) var<storage, read> y_sums: array<f32>; // (N, rows, columns, channels)
@group(0) @binding(1) var<storage, read> mean_sums: array<f32>; // (channels)
@group(0) @binding(2) var<storage, read> variance_sums: array<f32>; // (channels)
@group(0) @binding(3) var<storage, read> place_sums: array<f32>; // (N, out_rows, out_columns, channels), or any
@group(0) @binding(4) var<storage, read> grad_sums: array<f32>; // (N, out_rows, out_columns, channels)
@group(0) @binding(5) var<storage, read_write> sums: array<f32>; // (N out_rows, channels)
@group(0) @binding(6) var<storage, read_write> products: array<f32>; // (N out_rows, channels)

// Slices of dbeta and dgamma: sums over lines of the pooled gradient, which is all
// there is. One channel at a time: the places of maxima go apart.
@compute @workgroup_size(64)
fn conv_block_backward_sums(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.items {
        return;
    }
    let line = i / size.channels;
    let c = i - line * size.channels;
    let image = line / size.out_rows;
    let row = line - image * size.out_rows;
    let centre = mean_sums[c];
    var corner = (image * size.rows + row * STRIDE_ROWS) * size.columns * size.channels + c;
    var at = line * size.out_columns * size.channels + c;
    var sum = 0.0;
    var product = 0.0;
    for (var column = 0u; column < size.out_columns; column++) {
        let g = grad_sums[at];
        sum += g;
        if POOL == AVERAGE {
            var all = 0.0;
            for (var a = 0u; a < WINDOW_ROWS; a++) {
                for (var b = 0u; b < WINDOW_COLUMNS; b++) {
                    all += y_sums[corner + (a * size.columns + b) * size.channels] - centre;
                }
            }
            product += g * (all / f32(WINDOW_ROWS * WINDOW_COLUMNS));
        } else {
            var pixel = 0u;
            if POOL == MAX {
                let here = u32(place_sums[at]);
                pixel = here / WINDOW_COLUMNS * size.columns + here % WINDOW_COLUMNS;
            }
            product += g * (y_sums[corner + pixel * size.channels] - centre);
        }
        corner += STRIDE_COLUMNS * size.channels;
        at += size.channels;
    }
    sums[i] = sum;
    products[i] = product / sqrt(variance_sums[c] + size.epsilon);
}

@group(0) @binding(0) var<storage, read> y_saved: array<real>; // (N, rows, columns, channels), or value
@group(0) @binding(1) var<storage, read> gamma_saved: array<real>; // (channels)
@group(0) @binding(2) var<storage, read> mean_saved: array<real>; // (channels)
@group(0) @binding(3) var<storage, read> variance_saved: array<real>; // (channels)
@group(0) @binding(4) var<storage, read> place_saved: array<real>; // (N, out_rows, out_columns, channels), or any
@group(0) @binding(5) var<storage, read> grad: array<real>; // (N, out_rows, out_columns, channels)
@group(0) @binding(6) var<storage, read> dgamma: array<real>; // (channels)
@group(0) @binding(7) var<storage, read> dbeta: array<real>; // (channels)
@group(0) @binding(8) var<storage, read_write> dconvolved: array<real>; // (N, rows, columns, channels)
@group(0) @binding(9) var<storage, read_write> bias_sums: array<real>; // (lines, channels)

// What a pooled element has for the pixels of its window: its gradient, and the place
// or the signs. Without batch norm y_saved is the value itself, and where that is not
// positive nothing passes.
struct Pooled {
    grad: real,
    kept: real,
}

fn pooled(at: u32) -> Pooled {
    var all = Pooled(grad[at], real());
    if POOL == AVERAGE {
        all.grad /= f32(WINDOW_ROWS * WINDOW_COLUMNS);
    } else if !NORMAL {
        all.grad = select(real(), all.grad, y_saved[at] > real());
    }
    if POOL == MAX || (POOL == AVERAGE && !NORMAL) {
        all.kept = place_saved[at];
    }
    return all;
}

// What of it pixel `here` of the window gets.
fn given(all: Pooled, here: u32) -> real {
    if POOL == MAX {
        return select(real(), all.grad, all.kept == real(f32(here)));
    }
    if POOL == AVERAGE && !NORMAL {
        return select(real(), all.grad, (whole(all.kept) & whole(1u << here)) != whole());
    }
    return all.grad;
}

// The gradient that reaches a pixel through all windows that cover it.
fn gathered(image: u32, row: u32, column: u32, c: u32) -> real {
    var sum = real();
    for (var a = row % STRIDE_ROWS; a < WINDOW_ROWS && a <= row; a += STRIDE_ROWS) {
        let out_row = (row - a) / STRIDE_ROWS;
        for (var b = column % STRIDE_COLUMNS; b < WINDOW_COLUMNS && b <= column; b += STRIDE_COLUMNS) {
            let out_column = (column - b) / STRIDE_COLUMNS;
            if out_row < size.out_rows && out_column < size.out_columns {
                let line = image * size.out_rows + out_row;
                let at = (line * size.out_columns + out_column) * size.channels + c;
                sum += given(pooled(at), a * WINDOW_COLUMNS + b);
            }
        }
    }
    return sum;
}

// A line of blocks of pixels, each a stride high and wide; and the sum of what is
// written, a slice of dbias.
@compute @workgroup_size(64)
fn conv_block_backward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.items {
        return;
    }
    let line = i / size.channels;
    let c = i - line * size.channels;
    let lines = (size.rows + STRIDE_ROWS - 1u) / STRIDE_ROWS; // of an image
    let image = line / lines;
    let out_row = line - image * lines;
    let first_row = out_row * STRIDE_ROWS;
    var scale = real();
    var centre = real();
    var level = real();
    var slope = real();
    if NORMAL {
        let inverse = 1.0 / sqrt(variance_saved[c] + size.epsilon);
        scale = gamma_saved[c] * inverse;
        centre = mean_saved[c];
        level = dbeta[c] / f32(size.pixels);
        slope = dgamma[c] / f32(size.pixels) * inverse;
    }
    var sum = real();
    var out_column = 0u;
    for (var first = 0u; first < size.columns; first += STRIDE_COLUMNS) {
        var all = Pooled();
        if !OVERLAP && out_row < size.out_rows && out_column < size.out_columns {
            let window = (image * size.out_rows + out_row) * size.out_columns + out_column;
            all = pooled(window * size.channels + c);
        }
        for (var a = 0u; a < STRIDE_ROWS; a++) {
            for (var b = 0u; b < STRIDE_COLUMNS; b++) {
                let row = first_row + a;
                let column = first + b;
                if row < size.rows && column < size.columns {
                    var g = real();
                    if OVERLAP {
                        g = gathered(image, row, column, c);
                    } else if a < WINDOW_ROWS && b < WINDOW_COLUMNS {
                        g = given(all, a * WINDOW_COLUMNS + b);
                    }
                    let at = ((image * size.rows + row) * size.columns + column) * size.channels + c;
                    if NORMAL {
                        let pixel = y_saved[at];
                        let centred = g - level - (pixel - centre) * slope;
                        g = select(real(), scale * centred, pixel > real());
                    }
                    dconvolved[at] = g;
                    sum += g;
                }
            }
        }
        out_column++;
    }
    bias_sums[i] = sum;
}
