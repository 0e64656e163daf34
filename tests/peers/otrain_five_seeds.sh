#!/usr/bin/env bash
# O'TRAIN's network in rbgpu on the splits that keras_otrain.py wrote, one run per
# file, with the settings of that script: the two halves of one comparison.
#
#   python keras_otrain.py CUBE.npz --splits DIR --out keras.json
#   tests/peers/otrain_five_seeds.sh DIR OUT
#
# OUT/seedK.json holds rbgpu's metrics at its own threshold, OUT/seedK.csv every
# score with its label, from which any other metric follows.
set -euo pipefail
splits=$1
out=$2
mkdir -p "$out"
for seed in 1 2 3 4 5; do
    cube="$splits/seed$seed.npz"
    model="$out/seed$seed.safetensors"
    rbgpu train "$cube" --split-key split --network otrain --batch-size 64 --patience 5 \
        --normalise standard --seed "$seed" --out "$model" --json >"$out/seed$seed.json"
    rbgpu score "$model" "$cube" --out "$out/seed$seed.csv"
done
