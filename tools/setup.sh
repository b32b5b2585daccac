#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# setup.sh VENV PYTHON - makes the virtual environment with everything that building and testing need.
set -euo pipefail
venv=$1 python=$2

if ! echo '#include <cmocka.h>' | gcc -include stdarg.h -include stddef.h -include setjmp.h -include stdint.h -E - >/dev/null 2>&1; then
    tools/need.sh "C unit tests" libcmocka-dev pkg-config
fi
if ! command -v strace >/dev/null && [ "$(id -u)" = 0 ]; then # kills at calls; the test is skipped without
    apt-get install -y -q strace >/dev/null 2>&1 || echo "setup: strace cannot be installed: no kills at calls"
fi
if ! command -v chromium >/dev/null && [ "$(id -u)" = 0 ]; then # shows live tables; their test is skipped without
    apt-get install -y -q --no-install-recommends chromium >/dev/null 2>&1 || echo "setup: chromium cannot be installed: no test in a JupyterLab"
fi

if [ ! -x "$venv/bin/python" ]; then
    echo "setup: making $venv"
    "$python" -m venv "$venv"
fi
echo "setup: installing build and test tools into $venv"
"$venv/bin/python" -m pip install -q --disable-pip-version-check meson-python meson ninja \
    $("$venv/bin/python" - <<'PY'
import tomllib
extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]
print(*(extras["test"] + extras["check"]))
PY
)
touch "$venv/installed"
