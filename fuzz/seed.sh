#!/usr/bin/env bash
# Fills fuzz/corpus with the small files that the tests have, and with real ones where
# ../shared (or RBGPU_SHARED) is.
set -euo pipefail
cd "$(dirname "$0")"
shared="${RBGPU_SHARED:-../../shared}"

# seed TARGET FILE…: those that are there and small enough to be worth mutating.
seed() {
    local target="$1" file
    shift
    mkdir -p "corpus/$target"
    for file in "$@"; do
        if [ -f "$file" ] && [ "$(stat -c %s "$file")" -le 200000 ]; then
            cp "$file" "corpus/$target/$(basename "$(dirname "$file")")-$(basename "$file")"
        fi
    done
}

shopt -s nullglob globstar
fixtures=../tests/fixtures
real="$shared/real"
fits=("$fixtures"/**/*.fits* "$real"/ztf_otrain_fits/*/*.fits)
seed fits "${fits[@]:0:60}" "$real"/ztf_stargal_fits/*/*.fits
seed npz "$fixtures"/**/*.npz "$shared"/golden/*.npz
seed npy "$fixtures"/**/*.npy "$real"/**/*.npy
seed model "$fixtures"/**/*.safetensors
seed network ../src/nn/networks/*.toml "$fixtures"/**/*.toml
seed import "$fixtures"/**/*.h5 "$fixtures"/**/*.keras "$fixtures"/**/*.pth \
    "$fixtures"/**/*.safetensors "$shared"/golden/tiny*.h5 "$shared"/golden/tiny*.keras
seed truth "$fixtures"/**/*.csv
seed alerts "$fixtures"/**/*.avro "$fixtures"/**/*.tar* "$real"/ztf_avro/*.avro
ls -d corpus/* | while read -r folder; do
    echo "$folder: $(find "$folder" -type f | wc -l) files"
done
