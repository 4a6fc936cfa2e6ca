#!/usr/bin/env bash
# Builds release binaries and measures the decoders against Arrow's, the planner, jobs that need no broker, and the reference job against the
# hand-written loop. Minutes; by hand, never in CI.
#
# usage: bench/run.sh [--rows N] [--repeat N] [--partitions 1,4] [--loop-only | --statements-only [--statement TEXT] | --decoders-only | --planning-only]
set -euo pipefail
cd "$(dirname "$0")/.."

alone=false
for word in "$@"; do case $word in --loop-only | --decoders-only | --planning-only) alone=true ;; esac; done
packages=(-p irmak-bench)
if [ "$alone" = false ]; then
    [ -f dashboard/dist/index.html ] || tools/dashboard
    packages+=(-p irmak)
fi
cargo build --release --locked "${packages[@]}"
export IRMAK_BIN=$PWD/target/release/irmak
exec target/release/irmak-bench "$@"
