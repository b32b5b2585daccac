#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# environments.sh VENV [NAME ...]: runs tests/python without optional packages, with numpy, with pyarrow, with
# all. The package is the one that is installed in VENV. Each environment is made once, in build/environments.
set -euo pipefail
venv=$1
shift
top=$PWD/build/environments
declare -A packages=([none]="" [numpy]="numpy>=1.26" [pyarrow]="pyarrow>=17" [all]="numpy>=1.26 pyarrow>=17 pandas>=2 polars>=1")
installed=$("$venv/bin/python" -c "import laminardb, os; print(os.path.dirname(laminardb.__file__))")
mkdir -p "$top/package"
ln -sfn "$installed" "$top/package/laminardb"
for name in "${@:-none numpy pyarrow all}"; do
    for each in $name; do
        if [ ! -e "$top/$each/ready" ]; then
            rm -rf "${top:?}/$each"
            "$venv/bin/python" -m venv "$top/$each"
            # shellcheck disable=SC2086
            "$top/$each/bin/pip" install -q --disable-pip-version-check "pytest>=8" "pytest-xdist>=3.6" "hypothesis>=6" ${packages[$each]}
            touch "$top/$each/ready"
        fi
        echo "== $each"
        PYTHONPATH="$top/package" "$top/$each/bin/python" -m pytest -p no:cacheprovider -n 2 --dist loadfile tests/python
    done
done
