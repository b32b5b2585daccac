#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# san_python.sh VENV BUILD_DIR - the Python extension under AddressSanitizer, LeakSanitizer and UBSan in a stock interpreter: the API, inserts
# and a share of the model tests; leaks are looked for where no other extension is loaded. BUILD_DIR is that of the C units (make san).
set -euo pipefail
venv=$1 dir=$2
PATH="$PWD/$venv/bin:$PATH" meson install -C $dir --quiet --no-rebuild
# libstdc++ comes second: the runtime looks up the throw of C++ when it starts, and other extensions load that library later.
run() {
    PYTHONPATH=$PWD/$dir/install PYTHONMALLOC=malloc LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libstdc++.so)" \
        ASAN_OPTIONS=halt_on_error=1:quarantine_size_mb=16:malloc_context_size=8:detect_leaks=$leaks UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 "$venv/bin/python" -P "$@"
}
# pytest leaves the file descriptors alone: a report that ends the process is seen.
leaks=0
run -c "import laminardb._laminardb as m, sys; sys.exit('$dir' not in m.__file__ and 'the release module was loaded: ' + m.__file__)"
run -m pytest -p no:cacheprovider --capture=sys tests/model -k "[0]" >"$dir-model.log" 2>&1 & # beside the others: each has one core
model=$!
trap 'kill $model 2>/dev/null || true' EXIT
run -m pytest -p no:cacheprovider --capture=sys tests/python/test_api.py tests/python/test_insert.py
leaks=1
run tests/python/leaks.py
wait $model || { cat "$dir-model.log"; exit 1; }
tail -1 "$dir-model.log"
echo "san: the extension is clean"
