// y = gamma (x - mean) / sqrt(variance + epsilon) + beta per channel, with the
// mean and the biased variance of the batch. All sums run over slices of rows
// first and over the slices then (reduce.wgsl), always in the same order.

struct Size {
    elements: u32,
    channels: u32,
    epsilon: f32,
    slices: u32,
}
var<immediate> size: Size;

@group(0) @binding(0) var<storage, read> x: array<f32>; // (rows, channels)
@group(0) @binding(1) var<storage, read> mean: array<f32>; // (channels)
@group(0) @binding(2) var<storage, read_write> squares: array<f32>; // (slices, channels)

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

@compute @workgroup_size(64)
fn batch_norm_squares(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.slices * size.channels {
        return;
    }
    let average = mean[i % size.channels];
    var sum = 0.0;
    for (var at = i; at < size.elements; at += size.slices * size.channels) {
        let centred = x[at] - average;
        sum += centred * centred;
    }
    squares[i] = sum;
}

@group(0) @binding(0) var<storage, read> x_forward: array<f32>; // (rows, channels)
@group(0) @binding(1) var<storage, read> gamma: array<f32>; // (channels)
@group(0) @binding(2) var<storage, read> beta: array<f32>; // (channels)
@group(0) @binding(3) var<storage, read> mean_forward: array<f32>; // (channels)
@group(0) @binding(4) var<storage, read> variance: array<f32>; // (channels)
@group(0) @binding(5) var<storage, read_write> y: array<f32>; // (rows, channels)

@compute @workgroup_size(64)
fn batch_norm_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    let c = i % size.channels;
    let scale = gamma[c] / sqrt(variance[c] + size.epsilon);
    y[i] = (x_forward[i] - mean_forward[c]) * scale + beta[c];
}

@group(0) @binding(0) var<storage, read> x_saved: array<f32>; // (rows, channels)
@group(0) @binding(1) var<storage, read> mean_saved: array<f32>; // (channels)
@group(0) @binding(2) var<storage, read> variance_saved: array<f32>; // (channels)
@group(0) @binding(3) var<storage, read> grad: array<f32>; // (rows, channels)
@group(0) @binding(4) var<storage, read_write> grad_sums: array<f32>; // (slices, channels)
@group(0) @binding(5) var<storage, read_write> product_sums: array<f32>; // (slices, channels)

// Slices of the sums of grad and of grad times normalised x: dbeta and dgamma.
@compute @workgroup_size(64)
fn batch_norm_backward_sums(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.slices * size.channels {
        return;
    }
    let c = i % size.channels;
    let inverse = 1.0 / sqrt(variance_saved[c] + size.epsilon);
    var sum = 0.0;
    var product = 0.0;
    for (var at = i; at < size.elements; at += size.slices * size.channels) {
        let g = grad[at];
        sum += g;
        product += g * (x_saved[at] - mean_saved[c]);
    }
    grad_sums[i] = sum;
    product_sums[i] = product * inverse;
}

@group(0) @binding(0) var<storage, read> x_in: array<f32>; // (rows, channels)
@group(0) @binding(1) var<storage, read> gamma_in: array<f32>; // (channels)
@group(0) @binding(2) var<storage, read> mean_in: array<f32>; // (channels)
@group(0) @binding(3) var<storage, read> variance_in: array<f32>; // (channels)
@group(0) @binding(4) var<storage, read> grad_in: array<f32>; // (rows, channels)
@group(0) @binding(5) var<storage, read> dgamma: array<f32>; // (channels)
@group(0) @binding(6) var<storage, read> dbeta: array<f32>; // (channels)
@group(0) @binding(7) var<storage, read_write> dx: array<f32>; // (rows, channels)

@compute @workgroup_size(64)
fn batch_norm_backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    let c = i % size.channels;
    let rows = f32(size.elements / size.channels);
    let inverse = 1.0 / sqrt(variance_in[c] + size.epsilon);
    let normalised = (x_in[i] - mean_in[c]) * inverse;
    let centred = grad_in[i] - dbeta[c] / rows - normalised * (dgamma[c] / rows);
    dx[i] = gamma_in[c] * inverse * centred;
}
