// From one state of a loss scale to the next: 0 the scale, 1 good steps since it
// changed, 2 and 3 Adam's bias corrections, 4 whether to take this step, 5 the
// scale of its gradients.

const SMALLEST: f32 = 6.103515625e-5; // 2^-14

struct Settings {
    beta1: f32,
    complement1: f32, // 1 - beta1, rounded once
    beta2: f32,
    complement2: f32,
    interval: f32, // good steps before the scale is doubled
    largest: f32,
}
var<immediate> settings: Settings;

@group(0) @binding(0) var<storage, read> state: array<f32>; // (6)
@group(0) @binding(1) var<storage, read> not_finite: array<f32>; // (1), a count
@group(0) @binding(2) var<storage, read_write> next: array<f32>; // (6)

@group(0) @binding(3) var<storage, read_write> next_scale: array<f32>; // (1)

@compute @workgroup_size(64)
fn loss_scale_forward(@builtin(local_invocation_index) lane: u32) {
    if lane > 0u {
        return;
    }
    let scale = state[0];
    next[5] = scale;
    if not_finite[0] > 0.0 {
        let smaller = max(0.5 * scale, SMALLEST);
        next[0] = smaller;
        next_scale[0] = smaller;
        next[1] = 0.0;
        next[2] = state[2];
        next[3] = state[3];
        next[4] = 0.0;
        return;
    }
    let good = state[1] + 1.0;
    let grow = good >= settings.interval && scale < settings.largest;
    next[0] = select(scale, 2.0 * scale, grow);
    next_scale[0] = select(scale, 2.0 * scale, grow);
    next[1] = select(good, 0.0, grow);
    next[2] = settings.beta1 * state[2] + settings.complement1;
    next[3] = settings.beta2 * state[3] + settings.complement2;
    next[4] = 1.0;
}
