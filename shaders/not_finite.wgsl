// How many elements are infinite or NaN: per slice of elements here, and the
// slices of all tensors are added up by reduce.wgsl.

struct Size {
    elements: u32,
    slices: u32,
    first: u32, // where this tensor's slices begin
}
var<immediate> size: Size;

@group(0) @binding(0) var<storage, read> bits: array<u32>; // (elements), of f32
@group(0) @binding(1) var<storage, read_write> counts: array<f32>; // (slices of all tensors)

fn linear(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.x + groups.x * (group.y + groups.y * group.z)) * 64u + lane;
}

// Slice s is every element e with e mod slices = s.
@compute @workgroup_size(64)
fn not_finite_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear(group, groups, lane);
    if i >= size.slices {
        return;
    }
    var count = 0u;
    for (var at = i; at < size.elements; at += size.slices) {
        if (bits[at] & 0x7f800000u) == 0x7f800000u {
            count += 1u;
        }
    }
    counts[size.first + i] = f32(count);
}
