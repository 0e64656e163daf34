#!/usr/bin/env bash
# Fuzzes every target for so many seconds each: fuzz/run.sh [SECONDS] [TARGET…]
# Needs a nightly toolchain and cargo-fuzz. Without a sanitizer: there is hardly any unsafe code to
# watch, and inputs run several times as fast.

set -euo pipefail
cd "$(dirname "$0")/.."
seconds="${1:-60}"
shift || true
fuzz/seed.sh
for target in "${@:-$(cargo +nightly fuzz list)}"; do
    for one in $target; do
        cargo +nightly fuzz run "$one" -s none -- -max_total_time="$seconds" -max_len=300000 \
            -timeout=10 -rss_limit_mb=1024 -print_final_stats=1
    done
done
