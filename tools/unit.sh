#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# unit.sh VENV BUILD_DIR [meson options] - configures, compiles and runs the C unit tests; fails when fewer ran than the floor.
set -euo pipefail
venv=$1 dir=$2
shift 2
export PATH="$PWD/$venv/bin:$PATH"
floor=30
[ -f "$dir/build.ninja" ] || meson setup "$dir" -Dtests=true -Dpython=false -Dwerror_strict=true -Dbuildtype=debugoptimized "$@" >"$dir.log" 2>&1 ||
    { cat "$dir.log"; exit 1; }
ninja -C "$dir" --quiet
meson test -C "$dir" --no-rebuild --print-errorlogs
ran=$(grep -c '"result": "OK"' "$dir/meson-logs/testlog.json" || true)
echo "unit: $ran test programs passed"
[ "$ran" -ge "$floor" ] || { echo "unit: fewer than $floor programs ran" >&2; exit 1; }
