#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tpch.sh VENV SCALE - the 22 queries of TPC-H here and in DuckDB, answers compared, with times. Data of a scale is made once (build/tpch).
set -euo pipefail
venv=$1 scale=$2
[ -x "$venv/bin/tpchgen-cli" ] || "$venv/bin/python" -m pip install -q --disable-pip-version-check "tpchgen-cli>=2"
PYTHONPATH=tests/model exec "$venv/bin/python" -m tpch "$scale"
