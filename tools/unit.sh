#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# unit.sh VENV BUILD_DIR SUITES FLOOR [meson options] - configures, compiles and runs C unit tests; fails when fewer programs passed than
# the floor. SUITES are modules ("os exec", "-name" leaves one out), "unit" for all.
set -euo pipefail
venv=$1 dir=$2 suites=$3 floor=$4
shift 4
export PATH="$PWD/$venv/bin:$PATH"
mkdir -p build
# The default keeps 256 MiB of freed blocks and 30 frames of each allocation: a fifth of the time of these programs.
export ASAN_OPTIONS=${ASAN_OPTIONS:-quarantine_size_mb=16:malloc_context_size=8}
[ -f "$dir/build.ninja" ] || meson setup "$dir" -Dtests=true -Dpython=false -Dwerror_strict=true -Dbuildtype=debugoptimized "$@" >"$dir.log" 2>&1 ||
    { cat "$dir.log"; exit 1; }
ninja -C "$dir" --quiet build.ninja # else a list of before new programs came
chosen=$(printf -- '--suite %s ' $suites | sed 's/--suite -/--no-suite /g')
programs=all # some suites alone: what they run, which is a third of the programs
[ "$suites" = unit ] || programs=$(meson test -C "$dir" --no-rebuild --list $chosen | sed -nE 's,.*laminardb:(\w+)/(\w+)$,tests/unit/unit_\1_\2,; s,unit/unit_fuzz,fuzz/fuzz,; s,^tests/,&,p')
ninja -C "$dir" --quiet $programs
meson test -C "$dir" --no-rebuild --print-errorlogs $chosen
ran=$(grep -c '"result": "OK"' "$dir/meson-logs/testlog.json" || true)
echo "unit: $ran test programs of $suites passed"
[ "$ran" -ge "$floor" ] || { echo "unit: fewer than $floor programs ran" >&2; exit 1; }
