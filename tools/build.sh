#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# build.sh VENV - compiles the engine and installs the package, when a source is newer than the last build.
set -euo pipefail
venv=$1
stamp=$venv/built
if [ -f "$stamp" ] && [ -z "$(find src include python meson.build meson.options pyproject.toml -newer "$stamp" -type f -print -quit)" ]; then
    exit 0
fi
echo "build: compiling the engine and installing laminardb into $venv"
export PATH="$PWD/$venv/bin:$PATH"
mkdir -p build
pip install -q --disable-pip-version-check --no-build-isolation --no-deps --force-reinstall -C build-dir=build/python .
touch "$stamp"
