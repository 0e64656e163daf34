// loss = mean of w (max(z, 0) - z y + log(1 + exp(-|z|))), from logits z and labels y, with the
// weight w of the label's class.
// The mean over rows is taken by the kernels of reduce.wgsl.

struct Size {
    rows: u32,
    bogus: f32, // weights
    real: f32,
}
var<immediate> size: Size;

@group(0) @binding(0) var<storage, read> logits: array<f32>; // (rows)
@group(0) @binding(1) var<storage, read> labels: array<f32>; // (rows)
@group(0) @binding(2) var<storage, read_write> losses: array<f32>; // (rows), one term of the mean each

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

// log(1 + u) for 0 <= u <= 1, to a few ulp: 2 artanh(u / (2 + u)) by its series.
// The built-in log is off by 2.6e-5 on some drivers.
fn log_1p(u: f32) -> f32 {
    let s = u / (2.0 + u);
    let q = s * s;
    let series = q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q * (1.0 / 9.0
        + q * (1.0 / 11.0 + q * (1.0 / 13.0 + q * (1.0 / 15.0)))))));
    return 2.0 * (s + s * series);
}

fn weight(label: f32) -> f32 {
    return select(size.bogus, size.real, label >= 0.5);
}

@compute @workgroup_size(64)
fn binary_cross_entropy_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.rows {
        return;
    }
    let z = logits[i];
    losses[i] = weight(labels[i]) * ((max(z, 0.0) - z * labels[i]) + log_1p(exp(-abs(z))));
}

@group(0) @binding(0) var<storage, read> z_saved: array<f32>; // (rows), logits
@group(0) @binding(1) var<storage, read> y_saved: array<f32>; // (rows), labels
@group(0) @binding(2) var<storage, read> grad: array<f32>; // ()
@group(0) @binding(3) var<storage, read_write> dz: array<f32>; // (rows)

@compute @workgroup_size(64)
fn binary_cross_entropy_backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.rows {
        return;
    }
    let z = z_saved[i];
    let e = exp(-abs(z));
    let p = select(e, 1.0, z >= 0.0) / (1.0 + e);
    dz[i] = (p - y_saved[i]) * (weight(y_saved[i]) * (grad[0] / f32(size.rows)));
}
