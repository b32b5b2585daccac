#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# san_python.sh VENV - the Python extension under AddressSanitizer, LeakSanitizer and UBSan in a stock interpreter: the API, inserts and
# a share of the model tests; leaks are looked for where no other extension is loaded.
set -euo pipefail
venv=$1 dir=build/san-python
export PATH="$PWD/$venv/bin:$PATH"
mkdir -p build
# Folders of its own: with a prefix alone the module would replace the one in the virtual environment.
[ -f $dir/build.ninja ] || meson setup $dir -Dlibrary=false -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false \
    --prefix="$PWD/$dir/install" -Dpython.platlibdir="$PWD/$dir/install" -Dpython.purelibdir="$PWD/$dir/install" >$dir.log 2>&1 ||
    { cat $dir.log; exit 1; }
ninja -C $dir --quiet
meson install -C $dir --quiet --no-rebuild
# libstdc++ comes second: the runtime looks up the throw of C++ when it starts, and other extensions load that library later.
run() {
    PYTHONPATH=$PWD/$dir/install PYTHONMALLOC=malloc LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libstdc++.so)" \
        ASAN_OPTIONS=halt_on_error=1:detect_leaks=$leaks UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 "$venv/bin/python" -P "$@"
}
# pytest leaves the file descriptors alone: a report that ends the process is seen.
leaks=0
run -c "import laminardb._laminardb as m, sys; sys.exit('$dir' not in m.__file__ and 'the release module was loaded: ' + m.__file__)"
run -m pytest -p no:cacheprovider --capture=sys tests/python/test_api.py tests/python/test_insert.py
run -m pytest -p no:cacheprovider --capture=sys tests/model -k "[0] or [1]"
leaks=1
run tests/python/leaks.py
echo "san: the extension is clean"
