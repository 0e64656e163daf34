// Sums over the rows of a matrix, in two stages and always in the same order:
// first slices of rows, then the slices. A scalar is a matrix of one column.

struct Size {
    rows: u32,
    columns: u32,
    slices: u32,
}
var<immediate> size: Size;

@group(0) @binding(0) var<storage, read> x: array<f32>; // (rows, columns)
@group(0) @binding(1) var<storage, read_write> partial: array<f32>; // (slices, columns)

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

// Slice s is every row r with r mod slices = s: neighbouring invocations then read
// neighbouring elements, however few columns there are.
@compute @workgroup_size(64)
fn reduce_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.slices * size.columns {
        return;
    }
    let stride = size.slices * size.columns;
    let end = size.rows * size.columns;
    var sum = 0.0;
    for (var at = i; at < end; at += stride) {
        sum += x[at];
    }
    partial[i] = sum;
}

struct Combine {
    columns: u32,
    slices: u32,
    factor: f32,
}
var<immediate> combine: Combine;

@group(0) @binding(0) var<storage, read> slices: array<f32>; // (slices, columns)
@group(0) @binding(1) var<storage, read_write> total: array<f32>; // (columns)

var<workgroup> sums: array<f32, 64>;

// One workgroup per column; total = factor * sum over the slices.
@compute @workgroup_size(64)
fn reduce_combine(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let column = group.x + groups.x * (group.y + groups.y * group.z);
    if column >= combine.columns {
        return;
    }
    var sum = 0.0;
    for (var s = lane; s < combine.slices; s += 64u) {
        sum += slices[s * combine.columns + column];
    }
    sums[lane] = sum;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half /= 2u) {
        if lane < half {
            sums[lane] += sums[lane + half];
        }
        workgroupBarrier();
    }
    if lane == 0u {
        total[column] = combine.factor * sums[0];
    }
}

struct Spread {
    elements: u32,
    columns: u32,
    factor: f32,
}
var<immediate> spread: Spread;

@group(0) @binding(0) var<storage, read> grad: array<f32>; // (columns)
@group(0) @binding(1) var<storage, read_write> dx: array<f32>; // (rows, columns)

@compute @workgroup_size(64)
fn reduce_backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= spread.elements {
        return;
    }
    dx[i] = spread.factor * grad[i % spread.columns];
}
