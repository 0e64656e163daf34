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
seed exposure "${fits[@]:0:60}"
mkdir -p corpus/autoscan corpus/model
# A stamp and its table in one file, as the target takes them: halves of the same length.
for stamp in "$fixtures"/autoscan/**/*.gif; do
    table="$fixtures/autoscan/autoscan_features.csv"
    size="$(stat -c %s "$stamp" "$table" | sort -n | tail -1)"
    for half in "$stamp" "$table"; do
        head -c "$size" "$half"
        head -c "$((size - $(stat -c %s "$half")))" /dev/zero | tr '\0' '\n'
    done >"corpus/autoscan/$(basename "$stamp")"
done
# Models, where the program is there to make them.
rbgpu=../target/release/rbgpu
if [ -x "$rbgpu" ]; then
    for network in "$fixtures"/keras/keras*.h5; do
        "$rbgpu" import "$network" --quiet --out "corpus/model/$(basename "$network").safetensors" ||
            true
    done
fi
seed npz "$fixtures"/**/*.npz "$shared"/golden/*.npz
seed npy "$fixtures"/**/*.npy "$real"/**/*.npy
seed model "$fixtures"/**/*.safetensors
seed network ../src/nn/networks/*.toml "$fixtures"/**/*.toml
seed import "$fixtures"/**/*.h5 "$fixtures"/**/*.keras "$fixtures"/**/*.pth \
    "$fixtures"/**/*.safetensors "$shared"/golden/tiny*.h5 "$shared"/golden/tiny*.keras
seed truth "$fixtures"/**/*.csv
seed alerts "$fixtures"/**/*.avro "$fixtures"/**/*.tar* "$real"/ztf_avro/*.avro
# Tables of scores, with the byte in front that the target takes for the format.
mkdir -p corpus/table
table() { # BYTE CONTENTS
    printf '%b' "$1$2" >"corpus/table/$(printf '%s' "$1$2" | cksum | cut -d ' ' -f 1)"
}
table '\x00' 'id,rb_score,decision,label,mag,filter\na,0.5,real,1,18.5,g\nb,,unscored,,,r\n'
table '\x01' '# filename cand_ID label0 label1\n"a b" 7 0.25 0.75\n'
table '\x02' '{"id": "a", "rb_score": 0.5, "label": 1}\n{"id": "b", "rb_score": null}\n'
for file in "$fixtures"/**/*.npy; do
    { printf '\x04'; cat "$file"; } >"corpus/table/$(basename "$file")"
done
# Tables of features, and a forest where the program is there to grow it.
mkdir -p corpus/forest
{ printf '\x00'; head -20 "$fixtures/forest/features.csv"; } >corpus/forest/features
if [ -x "$rbgpu" ]; then
    grown="$(mktemp -d)"
    "$rbgpu" forest train "$fixtures/forest/features.csv" --trees 2 --quiet \
        --out "$grown/forest.safetensors" &&
        { printf '\x01'; cat "$grown/forest.safetensors"; } >corpus/forest/forest || true
    rm -r "$grown"
fi
ls -d corpus/* | while read -r folder; do
    echo "$folder: $(find "$folder" -type f | wc -l) files"
done
