// y = factor x + offset, elementwise. Backward is the same on gradients, without the offset.

struct Size {
    elements: u32,
    factor: f32,
    offset: f32,
}
var<immediate> size: Size;

@group(0) @binding(0) var<storage, read> x: array<f32>; // (elements)
@group(0) @binding(1) var<storage, read_write> y: array<f32>; // (elements)

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

@compute @workgroup_size(64)
fn scale_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    y[i] = size.factor * x[i] + size.offset;
}

@compute @workgroup_size(64)
fn scale_backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    y[i] = size.factor * x[i];
}
