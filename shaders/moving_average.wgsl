// moving' = momentum moving + (1 - momentum) batch, elementwise.

struct Size {
    elements: u32,
    momentum: f32,
    complement: f32, // 1 - momentum, rounded once
}
var<immediate> size: Size;

@group(0) @binding(0) var<storage, read> moving: array<f32>; // (elements)
@group(0) @binding(1) var<storage, read> batch: array<f32>; // (elements)
@group(0) @binding(2) var<storage, read_write> updated: array<f32>; // (elements)

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

@compute @workgroup_size(64)
fn moving_average_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    updated[i] = size.momentum * moving[i] + size.complement * batch[i];
}

@group(0) @binding(0) var<storage, read> now: array<f32>; // (elements)
@group(0) @binding(1) var<storage, read_write> average: array<f32>; // (elements)

@compute @workgroup_size(64)
fn moving_average_in_place(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.elements {
        return;
    }
    average[i] = size.momentum * average[i] + size.complement * now[i];
}
