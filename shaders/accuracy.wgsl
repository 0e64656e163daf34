// 1 for each row that is predicted right, else 0; reduce.wgsl counts them. One
// class: logit >= 0 against label >= 0.5. More: the places of the first largest.

struct Size {
    rows: u32,
    classes: u32,
}
var<immediate> size: Size;

@group(0) @binding(0) var<storage, read> logits: array<f32>; // (rows, classes)
@group(0) @binding(1) var<storage, read> targets: array<f32>; // (rows, classes)
@group(0) @binding(2) var<storage, read_write> right: array<f32>; // (rows)

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

@compute @workgroup_size(64)
fn accuracy_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.rows {
        return;
    }
    let first = i * size.classes;
    if size.classes == 1u {
        right[i] = select(0.0, 1.0, (logits[i] >= 0.0) == (targets[i] >= 0.5));
        return;
    }
    var predicted = first;
    var wanted = first;
    for (var k = first + 1u; k < first + size.classes; k++) {
        if logits[k] > logits[predicted] {
            predicted = k;
        }
        if targets[k] > targets[wanted] {
            wanted = k;
        }
    }
    right[i] = select(0.0, 1.0, predicted == wanted);
}
