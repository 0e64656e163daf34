// y = gamma (x - mean) / sqrt(variance + epsilon) + beta per channel, with moving
// statistics that are not differentiated. dgamma and dbeta: batch_norm.wgsl.

struct Size {
    elements: u32,
    channels: u32,
    epsilon: f32,
}
var<immediate> size: Size;

@group(0) @binding(0) var<storage, read> x: array<f32>; // (rows, channels)
@group(0) @binding(1) var<storage, read> gamma: array<f32>; // (channels)
@group(0) @binding(2) var<storage, read> beta: array<f32>; // (channels)
@group(0) @binding(3) var<storage, read> mean: array<f32>; // (channels)
@group(0) @binding(4) var<storage, read> variance: array<f32>; // (channels)
@group(0) @binding(5) var<storage, read_write> y: array<f32>; // (rows, channels)

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

@compute @workgroup_size(64)
fn batch_norm_inference_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    let c = i % size.channels;
    y[i] = (x[i] - mean[c]) * (gamma[c] / sqrt(variance[c] + size.epsilon)) + beta[c];
}

@group(0) @binding(0) var<storage, read> gamma_saved: array<f32>; // (channels)
@group(0) @binding(1) var<storage, read> variance_saved: array<f32>; // (channels)
@group(0) @binding(2) var<storage, read> grad: array<f32>; // (rows, channels)
@group(0) @binding(3) var<storage, read_write> dx: array<f32>; // (rows, channels)

@compute @workgroup_size(64)
fn batch_norm_inference_backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    let c = i % size.channels;
    dx[i] = grad[i] * (gamma_saved[c] / sqrt(variance_saved[c] + size.epsilon));
}
