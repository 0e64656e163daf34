// y = x kernel + bias, and its gradients: three products of matrices that differ
// only in how their elements are reached, so one body. An invocation makes a block
// of 4 x 4 elements of (M, N) from one slice of the terms K; the slices are added
// up after it, always in the same order.

struct Product {
    rows: u32, // M
    columns: u32, // N
    terms: u32, // K
    slices: u32,
    terms_per_slice: u32,
    left_row: u32, // elements from one row of the left matrix to the next
    left_term: u32,
    right_term: u32,
    right_column: u32,
}
var<immediate> product: Product;

@group(0) @binding(0) var<storage, read> left: array<f32>; // (M, K), in any layout
@group(0) @binding(1) var<storage, read> right: array<f32>; // (K, N), in any layout
@group(0) @binding(2) var<storage, read_write> partial: array<f32>; // (slices, M, N)

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

fn store(slice: u32, row: u32, column: u32, values: vec4<f32>) {
    if row >= product.rows {
        return;
    }
    let at = (slice * product.rows + row) * product.columns + column;
    for (var j = 0u; j < 4u; j++) {
        if column + j < product.columns {
            partial[at + j] = values[j];
        }
    }
}

fn multiply(i: u32) {
    let blocks = (product.columns + 3u) / 4u;
    let rows = (product.rows + 3u) / 4u;
    let column = i % blocks * 4u;
    let row = i / blocks % rows * 4u;
    let slice = i / blocks / rows;
    if slice >= product.slices {
        return;
    }
    // Blocks that hang over the edge read the last row or column again.
    let offsets = vec4<u32>(0u, 1u, 2u, 3u);
    let l = min(row + offsets, vec4<u32>(product.rows - 1u)) * product.left_row;
    let r = min(column + offsets, vec4<u32>(product.columns - 1u)) * product.right_column;
    let first = slice * product.terms_per_slice;
    let end = min(first + product.terms_per_slice, product.terms);
    var sum0 = vec4<f32>();
    var sum1 = vec4<f32>();
    var sum2 = vec4<f32>();
    var sum3 = vec4<f32>();
    for (var k = first; k < end; k++) {
        let lk = l + k * product.left_term;
        let rk = r + k * product.right_term;
        let b = vec4<f32>(right[rk.x], right[rk.y], right[rk.z], right[rk.w]);
        sum0 += left[lk.x] * b;
        sum1 += left[lk.y] * b;
        sum2 += left[lk.z] * b;
        sum3 += left[lk.w] * b;
    }
    store(slice, row, column, sum0);
    store(slice, row + 1u, column, sum1);
    store(slice, row + 2u, column, sum2);
    store(slice, row + 3u, column, sum3);
}

// x (N, I) times kernel (I, O).
@compute @workgroup_size(64)
fn dense_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    multiply(linear(group, groups, lane));
}

// grad (N, O) times the transposed kernel (O, I).
@compute @workgroup_size(64)
fn dense_backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    multiply(linear(group, groups, lane));
}

// The transposed x (I, N) times grad (N, O).
@compute @workgroup_size(64)
fn dense_backward_kernel(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    multiply(linear(group, groups, lane));
}

struct Combine {
    elements: u32, // M N
    columns: u32,
    slices: u32,
    biased: u32, // whether a bias is added
}
var<immediate> combine: Combine;

@group(0) @binding(0) var<storage, read> slices: array<f32>; // (slices, M, N)
@group(0) @binding(1) var<storage, read> bias: array<f32>; // (N); anything if not biased
@group(0) @binding(2) var<storage, read_write> total: array<f32>; // (M, N)

// total = bias + the sum over the slices.
@compute @workgroup_size(64)
fn dense_combine(
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
        sum += bias[i % combine.columns];
    }
    total[i] = sum;
}
