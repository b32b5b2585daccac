#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# fuzz_floor.sh VENV RUNS - every fuzz target for its share of RUNS executions, two side by side, from the corpus on. Fails on the first fault, and
# when fewer ran than that.
set -euo pipefail
venv=$1 runs=$2
# Thousandths of the runs: a minute or so of each target, the dear ones first. A run of csv, packed and manifest takes 0.1 ms, of arrow 0.2,
# parser 0.3, scan 0.6, log 3, plan 6, match 20. The inputs are the same each time, so more of them tell of changes to the code alone;
# `make fuzz` is what looks for new ones.
shares="parser 90 arrow 160 scan 50 match 1 plan 4 csv 548 log 4 packed 120 manifest 21 image 2"
mkdir -p build
rm -f build/fuzz-floor-*.log
share() {
    local log=build/fuzz-floor-$1.log
    tools/fuzz.sh "$venv" "$1" "-runs=$(($2 * runs / 1000 + 1))" >"$log" 2>&1 || { tail -40 "$log"; echo "fuzz: $1 failed" >&2; return 1; }
    echo "fuzz: $1 $(sed -n 's/stat::number_of_executed_units: *//p' "$log") runs"
}
for target in $(tr ' ' '\n' <<<"$shares" | sed -n 'p;n'); do tools/fuzz.sh "$venv" "$target" build; done
export -f share
export venv runs
xargs -n 2 -P 2 bash -c 'share "$0" "$1"' <<<"$shares"
ran=$(sed -n 's/stat::number_of_executed_units: *//p' build/fuzz-floor-*.log | awk '{ n += $1 } END { print n + 0 }')
echo "fuzz: $ran runs, no fault"
[ "$ran" -ge "$runs" ] || { echo "fuzz: fewer than $runs runs" >&2; exit 1; }
