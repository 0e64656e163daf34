// y = 1 / (1 + exp(-x)), elementwise.

struct Size {
    elements: u32,
}
var<immediate> size: Size;

@group(0) @binding(0) var<storage, read> x: array<f32>; // (elements)
@group(0) @binding(1) var<storage, read_write> y: array<f32>; // (elements)

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

// exp is only ever taken of what is not positive, so that nothing overflows.
@compute @workgroup_size(64)
fn sigmoid_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    let e = exp(-abs(x[i]));
    y[i] = select(e, 1.0, x[i] >= 0.0) / (1.0 + e);
}

@group(0) @binding(0) var<storage, read> value: array<f32>; // (elements), what forward wrote
@group(0) @binding(1) var<storage, read> grad: array<f32>; // (elements)
@group(0) @binding(2) var<storage, read_write> dx: array<f32>; // (elements)

@compute @workgroup_size(64)
fn sigmoid_backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    dx[i] = grad[i] * value[i] * (1.0 - value[i]);
}
