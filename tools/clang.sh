#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# clang.sh VENV - the whole tree (engine, library, extension, C units) with clang-19 beside gcc, warnings as errors.
set -euo pipefail
# Warnings are what is asked for: neither optimised nor with debug information, which is a third of the time.
command -v clang-19 >/dev/null || tools/need.sh "the second compiler" clang-19 libclang-rt-19-dev
export PATH="$PWD/$1/bin:$PATH"
mkdir -p build
[ -f build/clang/build.ninja ] || CC=clang-19 meson setup build/clang -Dtests=true -Dwerror_strict=true -Dbuildtype=plain >build/clang.log 2>&1 ||
    { cat build/clang.log; exit 1; }
ninja -C build/clang --quiet
echo "clang: $(clang-19 -dumpversion) builds everything with -Wall -Wextra -Wconversion -Wshadow -Werror"
