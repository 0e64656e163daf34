// y = a + b, elementwise. The gradient of either is the gradient of y, copied.

struct Size {
    elements: u32,
}
var<immediate> size: Size;

@group(0) @binding(0) var<storage, read> a: array<f32>; // (elements)
@group(0) @binding(1) var<storage, read> b: array<f32>; // (elements)
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // (elements)

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

@compute @workgroup_size(64)
fn add_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    y[i] = a[i] + b[i];
}

@group(0) @binding(0) var<storage, read> grad: array<f32>; // (elements)
@group(0) @binding(1) var<storage, read_write> dx: array<f32>; // (elements)

@compute @workgroup_size(64)
fn add_backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    dx[i] = grad[i];
}

@group(0) @binding(0) var<storage, read> more: array<f32>; // (elements)
@group(0) @binding(1) var<storage, read_write> sum: array<f32>; // (elements)

@compute @workgroup_size(64)
fn add_in_place(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    sum[i] = sum[i] + more[i];
}
