#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# fuzz_floor.sh VENV RUNS - every fuzz target for its share of RUNS executions, two side by side, from the corpus on. Fails on the first fault, and
# when fewer ran than that.
set -euo pipefail
venv=$1 runs=$2
# Thousandths of the runs: what takes about two minutes at the rates of the targets, the dear ones first. The inputs are the same each time,
# so more of them tell of changes to the code alone; `make fuzz` is what looks for new ones.
shares="parser 180 arrow 245 plan 12 scan 150 csv 330 match 1 log 4 packed 60 manifest 18"
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
