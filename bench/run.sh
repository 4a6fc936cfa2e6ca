#!/usr/bin/env bash
# Builds release binaries and measures the reference job against the hand-written loop, and jobs that need no broker. Minutes; by hand, never in CI.
#
# usage: bench/run.sh [--rows N] [--repeat N] [--partitions 1,4] [--loop-only | --statements-only]
set -euo pipefail
cd "$(dirname "$0")/.."

loop_only=false
for word in "$@"; do [ "$word" = --loop-only ] && loop_only=true; done
packages=(-p irmak-bench)
if [ "$loop_only" = false ]; then
    [ -f dashboard/dist/index.html ] || tools/dashboard
    packages+=(-p irmak)
fi
cargo build --release --locked "${packages[@]}"
export IRMAK_BIN=$PWD/target/release/irmak
exec target/release/irmak-bench "$@"
