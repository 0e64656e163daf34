#!/usr/bin/env bash
# Runs every test. A Rust toolchain is all that has to be there: a C linker and
# a Vulkan adapter (Mesa's, in software) are installed with apt-get where they
# are missing and that is allowed,
# and so is a browser (Chromium) to open the report in.
#
# RBGPU_SKIP_GPU_TESTS=1 does without an adapter, RBGPU_SKIP_BROWSER_TESTS=1 without a browser.
set -euo pipefail
cd "$(dirname "$0")/.."

# install PACKAGE WHY
install() {
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo -n)
    fi
    if command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
        echo "tests/run.sh: installing $1: $2"
        "${as_root[@]}" apt-get update -qq
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -qq -y --no-install-recommends "$1" >/dev/null
    else
        echo "tests/run.sh: $2; install it: apt-get install $1" >&2
        return 1
    fi
}

if ! command -v cargo >/dev/null; then
    echo "tests/run.sh: there is no cargo; install Rust: https://rustup.rs" >&2
    exit 1
fi
if ! command -v cc >/dev/null; then
    # Rust links with it.
    install build-essential "there is no C compiler (cc)"
fi

# Mesa looks for a desktop there and complains where the variable is not set.
if [ -z "${XDG_RUNTIME_DIR:-}" ]; then
    XDG_RUNTIME_DIR="$(mktemp -d)"
    export XDG_RUNTIME_DIR
    trap 'rm -rf "$XDG_RUNTIME_DIR"' EXIT
fi

if [ "${RBGPU_SKIP_GPU_TESTS:-}" != 1 ]; then
    # The program that comes with the tests: `cargo run` would compile much again.
    program="$(cargo test --release --locked --no-run --message-format=json-render-diagnostics |
        sed -n 's|.*"executable":"\([^"]*/rbgpu\)".*|\1|p')"
    has_adapter() {
        "$program" devices --json | grep '"driver"' >/dev/null
    }
    if ! has_adapter; then
        install mesa-vulkan-drivers "there is no Vulkan adapter" || {
            echo "tests/run.sh: or skip the gpu tests: RBGPU_SKIP_GPU_TESTS=1 tests/run.sh" >&2
            exit 1
        }
        has_adapter || {
            echo "tests/run.sh: there is no Vulkan adapter, with mesa-vulkan-drivers either" >&2
            exit 1
        }
    fi
fi

if [ "${RBGPU_SKIP_BROWSER_TESTS:-}" != 1 ]; then
    has_browser() {
        command -v chromium || command -v chromium-browser || command -v google-chrome
    }
    if ! has_browser >/dev/null; then
        install chromium "there is no browser to open the report in" || {
            echo "tests/run.sh: or skip these tests: RBGPU_SKIP_BROWSER_TESTS=1 tests/run.sh" >&2
            exit 1
        }
    fi
    # It drives the browser through the page of `relabel`.
    if ! command -v chromedriver >/dev/null; then
        install chromium-driver "there is no chromedriver to drive the browser with" || {
            echo "tests/run.sh: or skip these tests: RBGPU_SKIP_BROWSER_TESTS=1 tests/run.sh" >&2
            exit 1
        }
    fi
fi

cargo test --release --locked "$@"
