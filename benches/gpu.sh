#!/bin/bash
# All that is to be measured on a machine with a real gpu, in one go (about half an hour):
#
#   benches/gpu.sh [FOLDER]     default gpu-measured; tables go there and to the screen
#
# What this machine has; every network in f32 and f16 with the part of both ceilings that it
# reaches; how cost grows, with an epoch of 449,000 candidates as in Ayyar et al. 2022 (they: 60 s);
# where a step's time goes, kernel by kernel; the three bodies of the products; and des1 and otrain
# beside PyTorch on the same gpu (benches/peers.sh says what that needs), f32 against TF32 off and
# on, f16 against AMP. DEVICE (default gpu) may name an adapter.
set -u
cd "$(dirname "$0")/.." || exit 1
to=${1:-gpu-measured} DEVICE=${DEVICE:-gpu} BATCHES=${BATCHES:-256 1024} EPOCH=${EPOCH:-449000}
NETWORKS=${NETWORKS:-des1,des2,des3,des4,otrain} SECONDS_EACH=${SECONDS_EACH:-3}
[ "$DEVICE" = gpu ] || export RBGPU_BENCH_DEVICE=$DEVICE
mkdir -p "$to" || exit 1
cargo build --release --quiet || exit 1
rbgpu=target/release/rbgpu
step() { # file command...
  local file=$1; shift
  echo "== $*" >&2
  "$@" 2> >(tee "$to/$file.err" >&2) | tee "$to/$file"
}
step devices.txt "$rbgpu" devices
for precision in f32 f16; do
  step "bench-$precision.txt" "$rbgpu" bench --device "$DEVICE" --network "$NETWORKS" \
    --batch-size "${BATCHES// /,}" --seconds "$SECONDS_EACH" --precision $precision --out "$to/bench-$precision.json"
done
step growth.txt "$rbgpu" bench --growth --device "$DEVICE" --network des1 --samples "$EPOCH" \
  --seconds "$SECONDS_EACH" --out "$to/growth.json" --picture "$to/growth.png"
for batch in $BATCHES; do
  RBGPU_BENCH_BATCH=$batch RBGPU_BENCH_PROFILE=/ \
    step "profile-$batch.txt" cargo bench --bench step -- 'nothing but the profile'
done
step bodies.txt cargo bench --bench bodies
for pair in "f32 cuda cuda-tf32" "f16 cuda-amp"; do
  read -r precision peers <<<"$pair"
  DEVICE=$DEVICE PRECISION=$precision PEERS=$peers BATCHES=$BATCHES \
    step "peers-$precision.txt" benches/peers.sh "$to/peers-$precision.jsonl"
done
