// loss = mean over rows of w times the sum over k of y[k] (log sum exp z - z[k]), from logits z
// and targets y, with the weight w of the row's class. One invocation per row; the mean is taken by reduce.wgsl.

struct Size {
    rows: u32,
    classes: u32,
    bogus: f32, // weights
    real: f32,
}
var<immediate> size: Size;

@group(0) @binding(0) var<storage, read> logits: array<f32>; // (rows, classes)
@group(0) @binding(1) var<storage, read> targets: array<f32>; // (rows, classes)
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

// log(x) for normal x > 0: the exponent and the mantissa's logarithm.
fn logarithm(x: f32) -> f32 {
    let bits = bitcast<u32>(x);
    let exponent = f32(i32(bits >> 23u) - 127);
    let mantissa = bitcast<f32>((bits & 0x007fffffu) | 0x3f800000u);
    return exponent * 0.69314718055994531 + log_1p(mantissa - 1.0);
}

@compute @workgroup_size(64)
fn categorical_cross_entropy_forward(
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
    var top = logits[first];
    var place = first;
    for (var k = first + 1u; k < end; k++) {
        if logits[k] > top {
            top = logits[k];
            place = k;
        }
    }
    // The largest term is exactly 1. The others stay apart, so that the loss of a
    // certain and right sample, which is their sum, keeps its digits.
    var rest = 0.0;
    for (var k = first; k < end; k++) {
        rest += select(exp(logits[k] - top), 0.0, k == place);
    }
    var log_sum = 0.0;
    if rest <= 1.0 {
        log_sum = log_1p(rest);
    } else {
        log_sum = logarithm(1.0 + rest);
    }
    var loss = 0.0;
    for (var k = first; k < end; k++) {
        loss += targets[k] * ((top - logits[k]) + log_sum);
    }
    let is_real = size.classes > 1u && targets[first + 1u] >= 0.5;
    losses[i] = select(size.bogus, size.real, is_real) * loss;
}

@group(0) @binding(0) var<storage, read> z_saved: array<f32>; // (rows, classes), logits
@group(0) @binding(1) var<storage, read> y_saved: array<f32>; // (rows, classes), targets
@group(0) @binding(2) var<storage, read> grad: array<f32>; // ()
@group(0) @binding(3) var<storage, read_write> dz: array<f32>; // (rows, classes)

@compute @workgroup_size(64)
fn categorical_cross_entropy_backward_input(
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
    var top = z_saved[first];
    for (var k = first + 1u; k < end; k++) {
        top = max(top, z_saved[k]);
    }
    var sum = 0.0;
    var target_sum = 0.0;
    for (var k = first; k < end; k++) {
        sum += exp(z_saved[k] - top);
        target_sum += y_saved[k];
    }
    let is_real = size.classes > 1u && y_saved[first + 1u] >= 0.5;
    let share = select(size.bogus, size.real, is_real) * (grad[0] / f32(size.rows));
    for (var k = first; k < end; k++) {
        let p = exp(z_saved[k] - top) / sum;
        dz[k] = (p * target_sum - y_saved[k]) * share;
    }
}
