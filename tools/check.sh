#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# check.sh VENV - every static check; each says in one line what it looked at.
set -euo pipefail
bin=$PWD/$1/bin
sources=$(git ls-files --cached --others --exclude-standard '*.c' '*.h')
"$bin/clang-format" --dry-run -Werror $sources
echo "format: $(wc -w <<<"$sources") C files"
"$bin/python" tools/tidy.py
"$bin/python" tools/layers.py
"$bin/python" tools/symbols.py "$("$bin/python" -c 'import laminardb._laminardb as m; print(m.__file__)')"
"$bin/ruff" check -q python tests tools bench examples
echo "ruff: clean"
mkdir -p build
types() {
    "$bin/mypy" --python-executable "$bin/python" python/laminardb tests/python tests/model tests/sql
    "$bin/basedpyright" --pythonpath "$bin/python"
    (cd build && "$bin/python" -m mypy.stubtest laminardb._laminardb)
}
(set -e; types) >build/types.log 2>&1 & # one core's work: beside the compiler, whose last steps leave one idle
types=$!
trap 'kill $types 2>/dev/null || true' EXIT
export PATH="$bin:$PATH"
tools/library.sh "$1"
"$bin/python" tools/symbols.py build/library/include/liblaminar.so
build/library/include/quickstart >/dev/null
build/library/include/functions >/dev/null
wait $types || { cat build/types.log; exit 1; }
cat build/types.log
echo "library: liblaminar builds with -Wall -Wextra -Wconversion -Wshadow -Werror, the C examples run"
