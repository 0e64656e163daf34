// m' = beta1 m + (1 - beta1) g, v' = beta2 v + (1 - beta2) g g,
// w' = w - step m' / (sqrt(v') + epsilon), elementwise.

struct Settings {
    elements: u32,
    step: f32, // bias-corrected
    beta1: f32,
    complement1: f32, // 1 - beta1, rounded once
    beta2: f32,
    complement2: f32,
    epsilon: f32,
}
var<immediate> settings: Settings;

@group(0) @binding(0) var<storage, read> w: array<f32>; // (elements)
@group(0) @binding(1) var<storage, read> m: array<f32>; // (elements)
@group(0) @binding(2) var<storage, read> v: array<f32>; // (elements)
@group(0) @binding(3) var<storage, read> g: array<f32>; // (elements)
@group(0) @binding(4) var<storage, read_write> new_w: array<f32>; // (elements)
@group(0) @binding(5) var<storage, read_write> new_m: array<f32>; // (elements)
@group(0) @binding(6) var<storage, read_write> new_v: array<f32>; // (elements)

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

@compute @workgroup_size(64)
fn adam_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= settings.elements {
        return;
    }
    let gradient = g[i];
    let first = settings.beta1 * m[i] + settings.complement1 * gradient;
    let second = settings.beta2 * v[i] + settings.complement2 * gradient * gradient;
    new_m[i] = first;
    new_v[i] = second;
    new_w[i] = w[i] - settings.step * first / (sqrt(second) + settings.epsilon);
}
