#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# referee.sh VENV BENCH_DIR [run.py arguments] - runs an external referee benchmark against the package installed in VENV.
# BENCH_DIR holds run.py and requirements.txt; its peers get an environment of their own (tools/peers.sh).
set -euo pipefail
venv=$1 ref=${2:-}
shift 2
tools/peers.sh "$ref"
mkdir -p build
if [ $# -gt 0 ]; then
    exec .venv-bench/bin/python "$ref/run.py" --ours "$venv/bin/python" "$@"
fi
.venv-bench/bin/python "$ref/run.py" --ours "$venv/bin/python" --suite nexmark --queries q0 q2 q12 q17 --engines laminardb-0.17 pyclink duckdb-2t \
    --events 2000000 --repeat 3 --json build/referee-nexmark.json
.venv-bench/bin/python "$ref/run.py" --ours "$venv/bin/python" --suite latency --queries "one row, try_next" "one row, next" "64 rows" "insert 1 row" \
    --engines laminardb-0.17 duckdb --quick --json build/referee-latency.json
