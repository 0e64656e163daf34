// y[n,k] = exp(x[n,k]) / sum over j of exp(x[n,j]). One invocation per row.

struct Size {
    rows: u32,
    classes: u32,
}
var<immediate> size: Size;

@group(0) @binding(0) var<storage, read> x: array<f32>; // (rows, classes)
@group(0) @binding(1) var<storage, read_write> y: array<f32>; // (rows, classes)

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

@compute @workgroup_size(64)
fn softmax_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.rows {
        return;
    }
    let first = i * size.classes;
    let end = first + size.classes;
    var top = x[first];
    for (var k = first + 1u; k < end; k++) {
        top = max(top, x[k]);
    }
    var sum = 0.0;
    for (var k = first; k < end; k++) {
        let e = exp(x[k] - top);
        y[k] = e;
        sum += e;
    }
    for (var k = first; k < end; k++) {
        y[k] /= sum;
    }
}

@group(0) @binding(0) var<storage, read> value: array<f32>; // (rows, classes), what forward wrote
@group(0) @binding(1) var<storage, read> grad: array<f32>; // (rows, classes)
@group(0) @binding(2) var<storage, read_write> dx: array<f32>; // (rows, classes)

@compute @workgroup_size(64)
fn softmax_backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.rows {
        return;
    }
    let first = i * size.classes;
    let end = first + size.classes;
    var sum = 0.0;
    for (var k = first; k < end; k++) {
        sum += grad[k] * value[k];
    }
    for (var k = first; k < end; k++) {
        dx[k] = value[k] * (grad[k] - sum);
    }
}
