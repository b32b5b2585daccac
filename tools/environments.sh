#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# environments.sh VENV [NAME ...]: runs tests/python without optional packages (none), with numpy, with pyarrow, with
# all, and under other Pythons (3.12, 3.13, ...: with all). Without names: the first four; "pythons": all Pythons from
# 3.12 on that are found. The package is the one that is installed in VENV, or lies in the folder LAMINAR_PACKAGE; its
# extension has the stable interface of 3.11, so nothing is compiled. Each environment is made once, in
# build/environments. TESTS narrows what is run.
set -euo pipefail
venv=$1
shift
top=$PWD/build/environments
everything="numpy>=1.26 pyarrow>=17 pandas>=2 polars>=1"
declare -A packages=([none]="" [numpy]="numpy>=1.26" [pyarrow]="pyarrow>=17" [all]=$everything)

if [ -n "${LAMINAR_PACKAGE:-}" ]; then
    package=$(cd "$LAMINAR_PACKAGE" && pwd)/laminardb
else
    package=$("$venv/bin/python" -c "import laminardb, os; print(os.path.dirname(laminardb.__file__))")
fi
mkdir -p "$top/package"
ln -sfn "$package" "$top/package/laminardb"

# The interpreter of a version that is on PATH or among pyenv's, with its own name: a shim may stand for none.
find_python() {
    for candidate in "$(command -v "python$1" || true)" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python"$1"; do
        if [ -x "$candidate" ] && "$candidate" -c "import sys; sys.exit(sys.version_info[:2] != (${1/./,}))" 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

make_environment() { # NAME PYTHON PACKAGES
    [ ! -e "$top/$1/ready" ] || return 0
    rm -rf "${top:?}/$1"
    "$2" -m venv "$top/$1"
    # shellcheck disable=SC2086
    "$top/$1/bin/pip" install -q --disable-pip-version-check "pytest>=8" "pytest-xdist>=3.6" "hypothesis>=6" $3
    touch "$top/$1/ready"
}

# Tests that build something, or ask a tool, find those of VENV.
PATH=$PATH:$(cd "$venv/bin" && pwd)

names=${*:-none numpy pyarrow all}
[ "$names" != pythons ] || names="3.12 3.13 3.14 3.15"
for name in $names; do
    python=$venv/bin/python
    case $name in
    3.*) python=$(find_python "$name") ;;
    esac
    if [ -z "$python" ]; then
        echo "== $name: no python$name here"
        continue
    fi
    make_environment "$name" "$python" "${packages[$name]-$everything}"
    echo "== $name: $("$top/$name/bin/python" --version)"
    # shellcheck disable=SC2086
    PYTHONPATH="$top/package" "$top/$name/bin/python" -m pytest -p no:cacheprovider -n 2 --dist loadfile ${TESTS:-tests/python}
done
