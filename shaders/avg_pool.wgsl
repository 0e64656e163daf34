// y = the mean of each window.

struct Size {
    elements: u32, // that this kernel writes
    rows: u32, // of x
    columns: u32,
    channels: u32,
    out_rows: u32,
    out_columns: u32,
    window_rows: u32,
    window_columns: u32,
    stride_rows: u32,
    stride_columns: u32,
}
var<immediate> size: Size;

@group(0) @binding(0) var<storage, read> x: array<f32>; // (N, rows, columns, channels)
@group(0) @binding(1) var<storage, read_write> y: array<f32>; // (N, out_rows, out_columns, channels)

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

@compute @workgroup_size(64)
fn avg_pool_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    let c = i % size.channels;
    let column = i / size.channels % size.out_columns;
    let row = i / size.channels / size.out_columns % size.out_rows;
    let image = i / size.channels / size.out_columns / size.out_rows;
    let corner = (image * size.rows + row * size.stride_rows) * size.columns
        + column * size.stride_columns;
    var sum = 0.0;
    for (var a = 0u; a < size.window_rows; a++) {
        for (var b = 0u; b < size.window_columns; b++) {
            sum += x[(corner + a * size.columns + b) * size.channels + c];
        }
    }
    y[i] = sum / f32(size.window_rows * size.window_columns);
}

@group(0) @binding(0) var<storage, read> grad: array<f32>; // (N, out_rows, out_columns, channels)
@group(0) @binding(1) var<storage, read_write> dx: array<f32>; // (N, rows, columns, channels)

@compute @workgroup_size(64)
fn avg_pool_backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    let c = i % size.channels;
    let column = i / size.channels % size.columns;
    let row = i / size.channels / size.columns % size.rows;
    let image = i / size.channels / size.columns / size.rows;
    var sum = 0.0;
    // Only positions whose window reaches this pixel.
    for (var a = row % size.stride_rows; a < size.window_rows && a <= row; a += size.stride_rows) {
        let out_row = (row - a) / size.stride_rows;
        for (var b = column % size.stride_columns; b < size.window_columns && b <= column; b += size.stride_columns) {
            let out_column = (column - b) / size.stride_columns;
            if out_row < size.out_rows && out_column < size.out_columns {
                let at = ((image * size.out_rows + out_row) * size.out_columns + out_column)
                    * size.channels + c;
                sum += grad[at];
            }
        }
    }
    dx[i] = sum / f32(size.window_rows * size.window_columns);
}
