// A batch from resident pixels: picked, turned, and if they are u8 normalised.
// One dispatch per tensor of words; it writes the candidates that it holds.

struct Settings {
    elements: u32, // N H W C
    height: u32,
    width: u32,
    channels: u32,
    words: u32, // of a candidate
    first: u32, // the first candidate in this tensor
    count: u32, // and how many it holds
}
var<immediate> settings: Settings;

@group(0) @binding(0) var<storage, read> rows: array<f32>; // (N, 2): candidate, symmetry
@group(0) @binding(1) var<storage, read> pixels: array<u32>; // (count, words)
@group(0) @binding(2) var<storage, read_write> x: array<f32>; // (N, H, W, C)
@group(0) @binding(3) var<storage, read> affine: array<f32>; // (candidates, C, 3)

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

struct Place {
    here: bool, // whether this tensor holds the candidate
    candidate: u32,
    word: u32, // where in `pixels` it begins
    at: u32, // the pixel in the candidate
    channel: u32,
}

// Where the pixel comes from that goes to element i.
fn place(i: u32) -> Place {
    let c = i % settings.channels;
    let pixel = i / settings.channels;
    let x = pixel % settings.width;
    let y = pixel / settings.width % settings.height;
    let n = pixel / settings.width / settings.height;
    let candidate = u32(rows[2u * n]);
    let symmetry = u32(rows[2u * n + 1u]);
    let transpose = (symmetry & 4u) != 0u && settings.height == settings.width;
    var row = select(y, x, transpose);
    var column = select(x, y, transpose);
    row = select(row, settings.height - 1u - row, (symmetry & 2u) != 0u);
    column = select(column, settings.width - 1u - column, (symmetry & 1u) != 0u);
    let within = candidate - settings.first;
    return Place(
        candidate >= settings.first && within < settings.count,
        candidate,
        within * settings.words,
        (row * settings.width + column) * settings.channels + c,
        c,
    );
}

@compute @workgroup_size(64)
fn gather_u8(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= settings.elements {
        return;
    }
    let source = place(i);
    if !source.here {
        return;
    }
    let word = pixels[source.word + source.at / 4u];
    let value = f32((word >> (8u * (source.at % 4u))) & 255u);
    let image = 3u * (source.candidate * settings.channels + source.channel);
    x[i] = (value - affine[image] - affine[image + 1u]) * affine[image + 2u];
}

@compute @workgroup_size(64)
fn gather_f16(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= settings.elements {
        return;
    }
    let source = place(i);
    if !source.here {
        return;
    }
    let both = unpack2x16float(pixels[source.word + source.at / 2u]);
    x[i] = select(both.x, both.y, source.at % 2u == 1u);
}

@compute @workgroup_size(64)
fn gather_f32(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= settings.elements {
        return;
    }
    let source = place(i);
    if !source.here {
        return;
    }
    x[i] = bitcast<f32>(pixels[source.word + source.at]);
}
