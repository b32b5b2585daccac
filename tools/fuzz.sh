#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh VENV TARGET SECONDS - fuzzes one target (parser, plan, arrow, csv, scan, match, packed, log, manifest, image) under ASan and UBSan. New inputs stay in build/fuzz-TARGET and
# are used again; a failing one is written to build/fuzz-TARGET-crash-*. Instead of SECONDS: -runs=N plays the same N inputs each time, build
# only compiles, merge keeps what was learnt in the corpus.
set -euo pipefail
venv=$1 target=$2 seconds=$3
command -v clang-19 >/dev/null && [ -n "$(compgen -G '/usr/lib/llvm-19/lib/clang/19/lib/*/libclang_rt.fuzzer*.a')" ] ||
    tools/need.sh "fuzzing" clang-19 libclang-rt-19-dev
export PATH="$PWD/$venv/bin:$PATH"
mkdir -p build "build/fuzz-$target"
[ -f build/fuzz/build.ninja ] || CC=clang-19 meson setup build/fuzz -Dfuzz=true -Dpython=false -Dlibrary=false -Dbuildtype=debugoptimized -Dc_args=-g1 \
    -Db_sanitize=address,undefined -Db_lundef=false >build/fuzz.log 2>&1 || { cat build/fuzz.log; exit 1; }
ninja -C build/fuzz --quiet "tests/fuzz/fuzz_$target"
corpus=tests/fuzz/corpus/$target
options=(-max_len=2048 -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 "-artifact_prefix=build/fuzz-$target-")
case $target in parser | plan) corpus=tests/fuzz/corpus/sql options+=(-dict=tests/fuzz/sql.dict) ;; image) options+=(-max_len=32768) ;; esac
export ASAN_OPTIONS=detect_stack_use_after_return=0 UBSAN_OPTIONS=print_stacktrace=1
[ "$seconds" != build ] || exit 0
if [ "$seconds" = merge ]; then
    exec "build/fuzz/tests/fuzz/fuzz_$target" -merge=1 -max_len=600 "$corpus" "build/fuzz-$target"
fi
found=build/fuzz-$target
if [[ $seconds = -runs=* ]]; then # the same inputs each time
    found=$(mktemp -d) && trap 'rm -rf "$found"' EXIT
    options+=("$seconds" -seed=1)
else
    options+=("-max_total_time=$seconds")
fi
"build/fuzz/tests/fuzz/fuzz_$target" "${options[@]}" "$found" "$corpus"
