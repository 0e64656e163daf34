// y = x where x > 0, else slope x, elementwise.

struct Size {
    elements: u32,
    slope: f32,
}
var<immediate> size: Size;

@group(0) @binding(0) var<storage, read> x: array<f32>; // (elements)
@group(0) @binding(1) var<storage, read_write> y: array<f32>; // (elements)

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

@compute @workgroup_size(64)
fn leaky_relu_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    y[i] = select(x[i], size.slope * x[i], x[i] < 0.0);
}

@group(0) @binding(1) var<storage, read> grad: array<f32>; // (elements)
@group(0) @binding(2) var<storage, read_write> dx: array<f32>; // (elements)

@compute @workgroup_size(64)
fn leaky_relu_backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    dx[i] = select(size.slope * grad[i], grad[i], x[i] > 0.0);
}
