// y = x / (1 - rate) where the element's random word says so, else 0. Backward
// is the same on gradients. Words come from Philox4x32-10 (Salmon et al. 2011),
// four to a counter, so that every device and every order draws the same mask.

struct Settings {
    elements: u32,
    threshold: u32, // rate 2^32: words below it are dropped
    factor: f32, // 1 / (1 - rate)
    key_low: u32,
    key_high: u32,
    stream: u32,
    step: u32,
}
var<immediate> settings: Settings;

@group(0) @binding(0) var<storage, read> x: array<f32>; // (elements)
@group(0) @binding(1) var<storage, read_write> y: array<f32>; // (elements)

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

// The upper half of a 64-bit product, from 16-bit halves.
fn multiply_high(a: u32, b: u32) -> u32 {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
    let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
    return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
}

fn philox(start: vec4<u32>) -> vec4<u32> {
    var counter = start;
    var key = vec2<u32>(settings.key_low, settings.key_high);
    for (var round = 0u; round < 10u; round++) {
        counter = vec4<u32>(
            multiply_high(0xCD9E8D57u, counter.z) ^ counter.y ^ key.x,
            0xCD9E8D57u * counter.z,
            multiply_high(0xD2511F53u, counter.x) ^ counter.w ^ key.y,
            0xD2511F53u * counter.x,
        );
        key += vec2<u32>(0x9E3779B9u, 0xBB67AE85u);
    }
    return counter;
}

@compute @workgroup_size(64)
fn dropout_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= (settings.elements + 3u) / 4u {
        return;
    }
    let first = 4u * i;
    let word = philox(vec4<u32>(i, settings.step, settings.stream, 0u));
    for (var j = 0u; j < 4u; j++) {
        if first + j < settings.elements {
            y[first + j] = select(0.0, x[first + j] * settings.factor, word[j] >= settings.threshold);
        }
    }
}

@compute @workgroup_size(64)
fn dropout_backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= (settings.elements + 3u) / 4u {
        return;
    }
    let first = 4u * i;
    let word = philox(vec4<u32>(i, settings.step, settings.stream, 0u));
    for (var j = 0u; j < 4u; j++) {
        if first + j < settings.elements {
            y[first + j] = select(0.0, x[first + j] * settings.factor, word[j] >= settings.threshold);
        }
    }
}
