#!/bin/sh
# The worst differences from Keras' float64 numbers that tests/golden measures, per network and
# device: README's figures. The large set has to be there (see shared.rs).
#
#     tests/golden/worst.sh [cpu|cpu_f64|gpu]
cd "$(dirname "$0")/../.." || exit 1
cargo test --release --locked --test golden "shared::$1" -- --nocapture --test-threads 1 | awk '
    function see(kind) {
        name = $1 " " $2
        if (!(name in seen)) { seen[name] = 1; order[++count] = name }
        measured = $(NF - 1) + 0
        if (measured > most[name, kind]) most[name, kind] = measured
    }
    / P\(real\), / { see("outputs") }
    / loss, relative / { see("loss") }
    / gradient, rel\. l2 / { see("gradients") }
    / gradient, [0-9]+ ties / { see("ties") }
    END {
        # Gradients: with the choices of f32 where two values tie (choices.rs), and as they are.
        printf "%-13s %-9s %9s %9s %9s %9s\n", "network", "device", "outputs", "loss",
            "gradients", "with ties"
        for (i = 1; i <= count; i++) {
            name = order[i]; split(name, parts, " ")
            printf "%-13s %-9s %9.1e %9.1e %9.1e %9.1e\n", parts[1], parts[2],
                most[name, "outputs"], most[name, "loss"], most[name, "gradients"],
                most[name, "ties"]
        }
    }'
