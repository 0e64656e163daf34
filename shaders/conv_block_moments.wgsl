// Mean and variance of y per channel from one look at it: of blocks of pixels their
// mean and the squares about it, then of all blocks together (Chan, Golub & LeVeque
// 1979). Sums of squares about 0 would lose a small variance far from 0. The first
// file of this op is conv_block.wgsl. A convolution that keeps a block's pixels in
// registers fills `moments` itself (conv2d_subgroup.wgsl).

struct Size {
    pixels: u32,
    channels: u32,
    block: u32, // pixels of a block; the last may have fewer
    blocks: u32,
    share: f32, // 1 / pixels
}
var<immediate> size: Size;

@group(0) @binding(0) var<storage, read> y: array<f32>; // (pixels, channels)
@group(0) @binding(1) var<storage, read_write> moments: array<f32>; // (blocks, 2, channels): mean, squares

// For any y. Sums run over what is above the block's first pixel, which is no further
// from the mean than the block's deviation allows.
@compute @workgroup_size(64)
fn conv_block_moments(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
    let block = i / size.channels;
    if block >= size.blocks {
        return;
    }
    let c = i - block * size.channels;
    let first = block * size.block;
    let count = min(size.block, size.pixels - first);
    let origin = y[first * size.channels + c];
    var at = first * size.channels + c;
    var sum = 0.0;
    var squares = 0.0;
    for (var pixel = 0u; pixel < count; pixel++) {
        let above = y[at] - origin;
        sum += above;
        squares += above * above;
        at += size.channels;
    }
    let mean = sum / f32(count);
    let to = 2u * block * size.channels + c;
    moments[to] = origin + mean;
    moments[to + size.channels] = squares - sum * mean;
}

@group(0) @binding(0) var<storage, read> blocks: array<f32>; // as moments
@group(0) @binding(1) var<storage, read_write> mean: array<f32>; // (channels)
@group(0) @binding(2) var<storage, read_write> variance: array<f32>; // (channels)

// A set of pixels: how many, their mean, the sum of squares about it.
struct Moments {
    count: f32,
    mean: f32,
    squares: f32,
}

fn together(a: Moments, b: Moments) -> Moments {
    if b.count == 0.0 {
        return a;
    }
    // Exactly: a software adapter's quotients are off by an ulp, always the same way.
    if a.count == 0.0 {
        return b;
    }
    let count = a.count + b.count;
    let apart = b.mean - a.mean;
    let share = b.count / count;
    return Moments(
        count,
        a.mean + apart * share,
        a.squares + b.squares + apart * apart * (a.count * share),
    );
}

var<workgroup> sets: array<Moments, 64>;

// A workgroup has one channel, and always takes its blocks in the same order.
@compute @workgroup_size(64)
fn conv_block_statistics(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let c = group.x + groups.x * (group.y + groups.y * group.z);
    if c >= size.channels {
        return;
    }
    var all = Moments();
    for (var block = lane; block < size.blocks; block += 64u) {
        let count = min(size.block, size.pixels - block * size.block);
        let at = 2u * block * size.channels + c;
        all = together(all, Moments(f32(count), blocks[at], blocks[at + size.channels]));
    }
    sets[lane] = all;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half /= 2u) {
        if lane < half {
            sets[lane] = together(sets[lane], sets[lane + half]);
        }
        workgroupBarrier();
    }
    if lane == 0u {
        mean[c] = sets[0].mean;
        let all = sets[0].squares * size.share;
        // Not max: NaN has to stay.
        variance[c] = select(all, 0.0, all < 0.0);
    }
}
