#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# freethreaded.sh VENV [TEST ...]: CPython 3.13 without a GIL and under ThreadSanitizer, the extension likewise, and the
# tests of what threads do in it. The Python is made of Debian's source (trixie) once, in build/freethreaded: some 20 MB
# to fetch and ten minutes of one core. SUPPRESS adds a file of suppressions to CPython's own.
set -euo pipefail
venv=$PWD/$1
shift
top=$PWD/build/freethreaded
python=$top/python/bin/python3.13t
tools/need.sh "ThreadSanitizer of a Python" clang-19 libclang-rt-19-dev llvm-19
mkdir -p "$top"

fetch_source() {
    if ! command -v apt-get dpkg-source >/dev/null; then
        echo "freethreaded: needs the source of python3.13 as Debian has it, by apt-get; this is no Debian" >&2
        exit 1
    fi
    mkdir -p "$top/apt/lists/partial" "$top/apt/cache/archives/partial"
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main" >"$top/apt/sources.list"
    local options=(-o "Dir::Etc::sourcelist=$top/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$top/apt/lists" -o "Dir::Cache=$top/apt/cache" -q)
    (cd "$top" && apt-get "${options[@]}" update && apt-get "${options[@]}" source --download-only python3.13)
    tar -xf "$top"/python3.13_*.orig.tar.xz -C "$top"
}

# `make install` byte-compiles with a pool of processes, which never ends under ThreadSanitizer: its other steps do.
# The steps are one chain since the caller looks at the outcome, and there `set -e` stops nothing.
make_python() {
    { [ -n "$(compgen -G "$top/Python-3.13*/configure")" ] || fetch_source; } &&
        cd "$top"/Python-3.13* &&
        CC=clang-19 CXX=clang++-19 ./configure -q --disable-gil --with-thread-sanitizer --prefix="$top/python" \
            --disable-test-modules --with-ensurepip=no &&
        make -s -j2 &&
        make -s altbininstall inclinstall libainstall sharedinstall &&
        cp -rp Lib/. "$top/python/lib/python3.13t/" &&
        cp "$(cat pybuilddir.txt)"/_sysconfigdata* "$top/python/lib/python3.13t/"
}

# Its own races and those of its build are not looked for while it only serves to build.
export TSAN_OPTIONS=report_bugs=0
if [ ! -x "$python" ] || ! "$python" -c "import sysconfig; assert sysconfig.get_config_var('Py_GIL_DISABLED')" 2>/dev/null; then
    echo "freethreaded: making CPython 3.13 without a GIL and with ThreadSanitizer in $top"
    (make_python) >"$top/python.log" 2>&1 || { tail -20 "$top/python.log"; exit 1; }
fi
if [ ! -e "$top/site/ready" ]; then
    "$venv/bin/python" -m pip install -q --disable-pip-version-check --target "$top/site" "pytest>=8"
    touch "$top/site/ready"
fi

printf "[binaries]\npython = '%s'\nc = ['clang-19']\n" "$python" >"$top/native.ini"
PATH=$venv/bin:$PATH
if [ ! -f "$top/ext/build.ninja" ]; then
    meson setup "$top/ext" . --native-file "$top/native.ini" -Dbuildtype=debugoptimized -Doptimization=1 -Db_sanitize=thread \
        -Db_lundef=false -Dlibrary=false -Dpython.allow_limited_api=false "-Dprefix=$top/install" \
        "-Dpython.platlibdir=$top/install" "-Dpython.purelibdir=$top/install" >"$top/ext.log" 2>&1 || { tail -20 "$top/ext.log"; exit 1; }
fi
ninja -C "$top/ext" >"$top/ext.log" 2>&1 || { grep -E "error|FAILED" -A4 "$top/ext.log" | head -40; exit 1; }
meson install -C "$top/ext" --no-rebuild --quiet

cat "$top"/Python-3.13*/Tools/tsan/suppressions_free_threading.txt tools/freethreaded.supp >"$top/suppressions"
# Suppressions go by the names of functions, which a symbolizer finds: through a link it is not taken. A thread that has
# ended while the process does, and that nobody joins then, is no race.
symbolizer=$(readlink -f "$(command -v llvm-symbolizer-19)")
export TSAN_OPTIONS="suppressions=$top/suppressions:exitcode=66:halt_on_error=0:history_size=4:report_thread_leaks=0:external_symbolizer_path=$symbolizer"
export PYTHONPATH="$top/install:$top/site"
# The import of a module that does not declare Py_MOD_GIL_NOT_USED would bring the GIL back. All of it is some fifteen
# times slower here.
export LAMINAR_PATIENCE=15
unset PYTHON_GIL PYTHONDONTWRITEBYTECODE
"$python" -c "import laminardb, sys; sys.exit(sys._is_gil_enabled() and 'there is a GIL')"
tests=("$@")
[ ${#tests[@]} -gt 0 ] || tests=(tests/python/test_threads.py tests/python/test_callbacks.py tests/python/test_backpressure.py
    tests/python/test_attach_source.py tests/python/test_sinks.py tests/python/test_lag.py tests/python/test_free_threads.py)
"$python" -m pytest -p no:cacheprovider -p no:randomly --capture=sys -q "${tests[@]}"
echo "freethreaded: clean, without a GIL"
