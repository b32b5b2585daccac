#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# peers.sh BENCH_DIR - installs what an external referee benchmark measures beside us into .venv-bench, once: both sides import "laminardb".
set -euo pipefail
ref=${1:-}
[ -f "$ref/run.py" ] || { echo "peers: say where the benchmark is: make figures REF=path/to/bench" >&2; exit 2; }
[ ! -f .venv-bench/installed ] || exit 0
echo "peers: installing the peers into .venv-bench"
python3 -m venv .venv-bench
.venv-bench/bin/pip install -q --disable-pip-version-check -r "$ref/requirements.txt"
touch .venv-bench/installed
