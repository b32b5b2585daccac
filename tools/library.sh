#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# library.sh VENV - liblaminar, the shell and the C examples as they ship, in build/library; warnings are errors.
set -euo pipefail
export PATH="$PWD/$1/bin:$PATH"
mkdir -p build
[ -f build/library/build.ninja ] || meson setup build/library -Dpython=false -Dwerror_strict=true >build/library.log 2>&1 || { cat build/library.log; exit 1; }
ninja -C build/library --quiet
