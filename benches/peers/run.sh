#!/usr/bin/env bash
# Ours beside general solvers, single-threaded, at equal certified accuracy: prints one Markdown table (see README.md there).
# Usage: run.sh [channels for each N, default 5]
# Environment: PYTHON, an interpreter that has requirements.txt installed; otherwise a virtual environment is made in benches/.venv.
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1 RAYON_NUM_THREADS=1

if [ -z "${PYTHON:-}" ]; then
    PYTHON=.venv/bin/python
    [ -x "$PYTHON" ] || python3 -m venv .venv
    "$PYTHON" -m pip install --quiet --disable-pip-version-check -r peers/requirements.txt
fi
cargo build --quiet --release -p benches --features peers --bin peers
target=$(cargo metadata --format-version 1 --no-deps | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
exec "$PYTHON" peers/peers.py "$target/release/peers" "${1:-5}"
