#!/usr/bin/env bash
# Builds the wheel, installs it in an environment of its own, and tests it there.
# Python 3.10 or newer with venv, and PyPI, have to be there.
set -euo pipefail
cd "$(dirname "$0")"

place="$(mktemp -d)"
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "maturin>=1.10,<2" numpy pytest
# Beside the crate's own build, most of which is the same.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/../target}"
"$place/venv/bin/maturin" build --release --locked --quiet --out "$place/dist"
"$place/venv/bin/pip" install --quiet "$place"/dist/rbgpu-*.whl
# From elsewhere, so that nothing of the checkout is imported.
cp -r tests "$place/tests"
cd "$place"
venv/bin/python -m pytest -q -p no:cacheprovider tests
