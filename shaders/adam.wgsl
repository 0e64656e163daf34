// m' = beta1 m + (1 - beta1) g, v' = beta2 v + (1 - beta2) g g,
// w' = w - step m' / (sqrt(v') + epsilon), elementwise; into other tensors, or
// in place. Scaled: with the state of loss_scale.wgsl, which says by what to
// divide g, how large the bias correction is, and whether to move at all.

struct Settings {
    elements: u32,
    step: f32, // bias-corrected, but for scaled
    beta1: f32,
    complement1: f32, // 1 - beta1, rounded once
    beta2: f32,
    complement2: f32,
    epsilon: f32,
}
var<immediate> settings: Settings;

@group(0) @binding(0) var<storage, read_write> new_w: array<f32>; // (elements)
@group(0) @binding(1) var<storage, read_write> new_m: array<f32>; // (elements)
@group(0) @binding(2) var<storage, read_write> new_v: array<f32>; // (elements)

@group(0) @binding(3) var<storage, read> w: array<f32>; // (elements)
@group(0) @binding(4) var<storage, read> m: array<f32>; // (elements)
@group(0) @binding(5) var<storage, read> v: array<f32>; // (elements)
@group(0) @binding(6) var<storage, read> g: array<f32>; // (elements)
@group(0) @binding(7) var<storage, read> state: array<f32>; // (6)

// In place.
@group(0) @binding(3) var<storage, read> gradient: array<f32>; // (elements)
@group(0) @binding(4) var<storage, read> control: array<f32>; // (6)

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

fn update(i: u32, old: vec3<f32>, gradient: f32, step: f32) {
    let first = settings.beta1 * old.y + settings.complement1 * gradient;
    let second = settings.beta2 * old.z + settings.complement2 * gradient * gradient;
    new_m[i] = first;
    new_v[i] = second;
    new_w[i] = old.x - step * first / (sqrt(second) + settings.epsilon);
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
    update(i, vec3(w[i], m[i], v[i]), g[i], settings.step);
}

@compute @workgroup_size(64)
fn adam_in_place(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= settings.elements {
        return;
    }
    update(i, vec3(new_w[i], new_m[i], new_v[i]), gradient[i], settings.step);
}

@compute @workgroup_size(64)
fn adam_scaled(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= settings.elements {
        return;
    }
    // 2, 3 the corrections of mean and square, 4 whether to move, 5 the scale of g
    if state[4] == 0.0 {
        new_w[i] = w[i];
        new_m[i] = m[i];
        new_v[i] = v[i];
        return;
    }
    let step = settings.step * (sqrt(state[3]) / state[2]);
    update(i, vec3(w[i], m[i], v[i]), g[i] * (1.0 / state[5]), step);
}

@compute @workgroup_size(64)
fn adam_scaled_in_place(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= settings.elements {
        return;
    }
    if control[4] == 0.0 {
        return;
    }
    let step = settings.step * (sqrt(control[3]) / control[2]);
    update(i, vec3(new_w[i], new_m[i], new_v[i]), gradient[i] * (1.0 / control[5]), step);
}
