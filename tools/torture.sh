#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# torture.sh VENV MESON_OPTIONS - every allocation of every C scenario refused in turn, under ASan and UBSan (make san's build); says how many
# runs that were and fails when they are fewer than the floor.
set -euo pipefail
venv=$1
shift
floor=6500 scenarios_floor=80
export LAMINAR_TORTURE=$PWD/build/torture.txt
mkdir -p build
rm -f "$LAMINAR_TORTURE"
tools/unit.sh "$venv" build/san "unit -fuzz" 50 "$@"
sort -rn "$LAMINAR_TORTURE" | head -5
runs=$(awk '{ n += $1 } END { print n + 0 }' "$LAMINAR_TORTURE")
scenarios=$(wc -l <"$LAMINAR_TORTURE")
echo "torture: $runs runs of $scenarios scenarios, one refused allocation each, no leak and no crash"
[ "$runs" -ge $floor ] && [ "$scenarios" -ge $scenarios_floor ] ||
    { echo "torture: fewer than $floor runs or $scenarios_floor scenarios" >&2; exit 1; }
