#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# referee.sh VENV BENCH_DIR [run.py arguments] - runs an external referee benchmark against the package installed in VENV.
# BENCH_DIR holds run.py and requirements.txt; its peers get an environment of their own (.venv-bench), because both sides import "laminardb".
set -euo pipefail
venv=$1 ref=${2:-}
shift 2
[ -f "$ref/run.py" ] || { echo "referee: say where the benchmark is: make referee REF=path/to/bench" >&2; exit 2; }
if [ ! -f .venv-bench/installed ]; then
    echo "referee: installing the peers into .venv-bench"
    python3 -m venv .venv-bench
    .venv-bench/bin/pip install -q --disable-pip-version-check -r "$ref/requirements.txt"
    touch .venv-bench/installed
fi
mkdir -p build
if [ $# -gt 0 ]; then
    exec .venv-bench/bin/python "$ref/run.py" --ours "$venv/bin/python" "$@"
fi
.venv-bench/bin/python "$ref/run.py" --ours "$venv/bin/python" --suite nexmark --queries q0 q2 q12 q17 --engines laminardb-0.17 pyclink duckdb-2t \
    --events 2000000 --repeat 3 --json build/referee-nexmark.json
.venv-bench/bin/python "$ref/run.py" --ours "$venv/bin/python" --suite latency --queries "one row, try_next" "one row, next" "64 rows" "insert 1 row" \
    --engines laminardb-0.17 duckdb --quick --json build/referee-latency.json
