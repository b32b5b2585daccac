# SPDX-License-Identifier: Apache-2.0
"""The check tools find what they are for, and find nothing in this repository."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tools"
SPDX_C = "/* SPDX-License-Identifier: Apache-2.0 */\n"
SPDX_PYTHON = "# SPDX-License-Identifier: Apache-2.0\n"
MARKER = "TO" + "DO"

pytestmark = pytest.mark.skipif(not TOOLS.is_dir(), reason="needs the source tree")


def run(tool: str, *arguments: object) -> tuple[int, list[str]]:
    command = [sys.executable, str(TOOLS / tool), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stderr == "", done.stderr
    return done.returncode, done.stdout.splitlines()


def write(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def c_file(path: str, body: str) -> str:
    return f"{SPDX_C}/* {Path(path).name} - a file of the test. */\n{body}"


# tidy.py


GOOD = {
    "src/base/mem.c": '#include "base/mem.h"\n\nvoid\nmem_go(void) {\n    free(NULL);\n}\n',
    "src/base/mem.h": "#ifndef LAMINAR_BASE_MEM_H\n#define LAMINAR_BASE_MEM_H\n#endif\n",
}


def good_tree(root: Path) -> None:
    for path, body in GOOD.items():
        write(root, path, c_file(path, body))
    write(root, "src/base/meson.build", "sources += files('mem.c')\n")


def test_tidy_accepts_a_good_tree(tmp_path: Path) -> None:
    good_tree(tmp_path)
    # What looks bad and is not: comments, literals, members, statics of the same name, X-macros.
    path = "src/base/more.c"
    body = (
        "/* strcpy(a, b) and malloc(1) in a comment */\n"
        'const char *const words = "strcpy(a, b); /* malloc(1)";\n'
        "#define ERROR(name)                                                   \\\n"
        "    case name:                                                        \\\n"
        "        return;\n"
        '#include "base/errors.def"\n'
        "#undef ERROR\n"
        "static status\nopen(op *self) {\n    return self->read(self);\n}\n\n"
        "status\nmore_go(op *self) {\n    return open(self);\n}\n"
    )
    write(tmp_path, path, c_file(path, body))
    write(tmp_path, "src/base/meson.build", "sources += files('mem.c', 'more.c')\n")
    code, lines = run("tidy.py", tmp_path)
    assert (code, lines[:-1]) == (0, [])
    assert lines[-1] == "tidy: 4 files, 32 lines, 0 findings"


LONG_FUNCTION = "void\nlong_one(void) {\n" + "    x();\n" * 69 + "}\n"

BAD = [
    ("src/base/a.c", "void a(void);\n", "src/base/a.c:1: ", "SPDX"),
    ("src/base/a.c", SPDX_C + "int x;\n", "src/base/a.c:2: ", '"/* a.c - "'),
    ("src/base/a.c", "int x;\t\n", "src/base/a.c:3: ", "tab"),
    ("src/base/a.c", "int x; \n", "src/base/a.c:3: ", "blanks"),
    ("src/base/a.c", "int x;\r\n", "src/base/a.c:3: ", "carriage return"),
    ("src/base/a.c", "int x;", "src/base/a.c:3: ", "newline"),
    ("src/base/a.c", f"int {'x' * 96};\n", "src/base/a.c:3: ", "101 columns"),
    ("src/base/a.c", "int x;\n" * 799, "src/base/a.c:801: ", "801 lines"),
    ("src/base/a.c", LONG_FUNCTION, "src/base/a.c:4: ", "long_one has 71 lines"),
    ("src/base/a.c", f"/* {MARKER} later */\n", "src/base/a.c:3: ", MARKER),
    ("src/base/a.c", "#define A \\\n    1\n", "src/base/a.c:3: ", "macro of several lines"),
    ("src/base/a.c", "int x;\n", "src/base/a.c:1: ", "not listed in src/base/meson.build"),
    ("src/base/a.h", "int x;\n", "src/base/a.h:1: ", "no header guard LAMINAR_BASE_A_H"),
    ("src/base/a.h", "#ifndef A_H\n#define A_H\n#endif\n", "src/base/a.h:3: ", "LAMINAR_BASE_A_H"),
    ("src/base/a.c", "void\na(void) {\n    strcpy(x, y);\n}\n", "src/base/a.c:5: ", "strcpy"),
    ("src/base/a.c", "void\na(void) {\n    x = malloc(1);\n}\n", "src/base/a.c:5: ", "base/mem.h"),
    ("src/base/a.c", "pthread_t x;\n", "src/base/a.c:3: ", "os/thread.h"),
    ("src/base/a.c", "FILE *x;\n", "src/base/a.c:3: ", "os/vfs.h"),
    ("src/base/a.c", "int64_t x = time(NULL);\n", "src/base/a.c:3: ", "base/clock.h"),
    ("src/base/a.c", "void\na(void) {\n    abort();\n}\n", "src/base/a.c:5: ", "a status"),
    ("shell/a.c", "void\na(void) {\n    sprintf(x, y);\n}\n", "shell/a.c:5: ", "sprintf"),
    ("src/op/op_x.c", "int x;\n", "src/op/op_x.c:1: ", "does not define op_x_class"),
    ("src/op/ops.def", "OPERATOR(op_gone_class)\n", "src/op/ops.def:3: ", "defined nowhere"),
    ("src/agg/aggregates.def", "AGGREGATE(agg_a_class)\n", "src/agg/aggregates.def:3: ", "nowhere"),
    (
        "src/agg/agg_x.c",
        "const agg_class agg_x_class = {0};\n",
        "src/agg/agg_x.c:3: ",
        "agg_x_class is not in src/agg/aggregates.def",
    ),
    ("tools/a.py", "print()\n", "tools/a.py:1: ", "SPDX"),
    ("tools/a.py", SPDX_PYTHON + f"{'x' * 107} = 1\n", "tools/a.py:2: ", "111 columns"),
    ("tools/a.py", SPDX_PYTHON + "x = 1\n" * 800, "tools/a.py:801: ", "801 lines"),
]


@pytest.mark.parametrize(("path", "text", "start", "wanted"), BAD)
def test_tidy_finds(tmp_path: Path, path: str, text: str, start: str, wanted: str) -> None:
    good_tree(tmp_path)
    whole = path.endswith(".py") or wanted == "SPDX" or text.startswith(SPDX_C)
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes((text if whole else c_file(path, text)).encode())
    code, lines = run("tidy.py", tmp_path)
    assert code == 1
    assert any(line.startswith(start) and wanted in line for line in lines[:-1]), lines


def test_tidy_wants_sources_that_exist(tmp_path: Path) -> None:
    good_tree(tmp_path)
    write(tmp_path, "src/base/meson.build", "sources += files('mem.c', 'gone.c')\n")
    code, lines = run("tidy.py", tmp_path)
    assert code == 1
    assert lines[0] == "src/base/meson.build:1: lists gone.c, which does not exist"


def test_tidy_of_this_repository() -> None:
    code, lines = run("tidy.py")
    assert code == 0, "\n".join(lines)


# layers.py


def layered(root: Path) -> None:
    write(root, "src/LAYERS", "# low to high\n0 base\n1 os type\n2 db\n")
    for header in ("base/a.h", "os/b.h", "type/c.h", "db/d.h"):
        write(root, f"src/{header}", "")
    write(root, "src/type/c.c", '#include "type/c.h"\n#include <stdio.h>\n#include "base/a.h"\n')
    write(root, "src/db/d.c", '#include "laminar.h"\n/*\n#include "nowhere/x.h"\n*/\n')
    write(root, "shell/main.c", '#include "laminar.h"\n#include "shell.h"\n#include <stdio.h>\n')
    write(root, "shell/shell.h", "")
    write(root, "examples/c/one.c", "#include <laminar.h>\n")


def test_layers_accepts_a_good_tree(tmp_path: Path) -> None:
    layered(tmp_path)
    code, lines = run("layers.py", tmp_path)
    assert (code, lines) == (0, ["layers: 4 modules, 9 files, 8 includes, 0 findings"])


@pytest.mark.parametrize(
    ("path", "include", "wanted"),
    [
        ("src/base/x.c", '"os/b.h"', "points up: base is on level 0, os/b.h on 1"),
        ("src/os/x.h", '"type/c.h"', "points sideways: os is on level 1, type/c.h on 1"),
        ("src/os/x.h", '"laminar.h"', "os includes laminar.h"),
        ("src/os/x.h", '"b.h"', 'write "module/file.h"'),
        ("src/os/x.h", '"../base/a.h"', 'write "module/file.h"'),
        ("src/os/x.h", '"base/gone.h"', "does not exist"),
        ("src/os/x.h", '"odd/a.h"', "odd is not in src/LAYERS"),
        ("src/os/x.h", "<base/a.h>", "base/a.h"),
        ("src/odd/x.h", "<stdio.h>", "is not in src/LAYERS"),
        ("shell/x.c", '"base/a.h"', "it may include laminar.h alone"),
        ("python/ext/x.c", '"db/d.h"', "it may include laminar.h alone"),
        ("python/ext/x.c", '"../../src/db/d.h"', "it may include laminar.h alone"),
        ("examples/c/x.c", "<db/d.h>", "it may include laminar.h alone"),
    ],
)
def test_layers_finds(tmp_path: Path, path: str, include: str, wanted: str) -> None:
    layered(tmp_path)
    write(tmp_path, path, f"/* first line */\n#include {include}\n")
    code, lines = run("layers.py", tmp_path)
    assert code == 1 and len(lines) == 2, lines
    assert wanted in lines[0]
    assert lines[0].startswith(f"{path}:2: " if "src/odd" not in path else "src/odd:1: ")


def test_layers_of_this_repository() -> None:
    code, lines = run("layers.py")
    assert code == 0, "\n".join(lines)


# symbols.py


needs_compiler = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")


def compile_c(folder: Path, source: str, out: str, *flags: str) -> Path:
    (folder / "x.c").write_text(source)
    command = ["gcc", "-fPIC", "-fvisibility=hidden", *flags, "x.c", "-o", out]
    subprocess.run(command, cwd=folder, check=True, timeout=120)
    return folder / out


SHOWN = '__attribute__((visibility("default"))) '
LIBRARY = f"int helper(void) {{ return 1; }}\n{SHOWN}int laminar_go(void) {{ return helper(); }}\n"


@needs_compiler
def test_symbols_of_libraries(tmp_path: Path) -> None:
    library = compile_c(tmp_path, LIBRARY, "a.so", "-shared")
    assert run("symbols.py", library) == (0, ["symbols: 1 files, 1 exported, 0 findings"])

    leaky = compile_c(tmp_path, LIBRARY + SHOWN + "int helper_count = 3;\n", "b.so", "-shared")
    code, lines = run("symbols.py", library, leaky)
    assert code == 1 and len(lines) == 2
    assert lines[0].startswith(f"{leaky}:") and "exports helper_count" in lines[0]

    module = f"{SHOWN}void *PyInit_x(void) {{ return 0; }}\n"
    extension = compile_c(tmp_path, module, "c.so", "-shared")
    assert run("symbols.py", extension)[0] == 0

    mute = compile_c(tmp_path, "int helper(void) { return 1; }\n", "d.so", "-shared")
    assert "exports nothing" in run("symbols.py", mute)[1][0]

    needy = compile_c(tmp_path, LIBRARY, "e.so", "-shared", "-Wl,--no-as-needed", "-lgcc_s", "-lm")
    code, lines = run("symbols.py", needy)
    assert code == 1 and len(lines) == 2 and "needs libgcc_s.so.1" in lines[0]


@needs_compiler
@pytest.mark.skipif(shutil.which("ar") is None, reason="needs ar")
@pytest.mark.parametrize("kind", ["rc", "rcT"])
def test_symbols_of_archives(tmp_path: Path, kind: str) -> None:
    name = "an_object_with_a_long_name.o"
    compile_c(tmp_path, LIBRARY, name, "-c")
    subprocess.run(["ar", kind, "a.a", name], cwd=tmp_path, check=True, timeout=120)
    archive = tmp_path / "a.a"
    assert run("symbols.py", archive) == (0, ["symbols: 1 files, 1 exported, 0 findings"])
    code, lines = run("symbols.py", "--localised", archive)
    assert code == 1 and len(lines) == 2
    assert lines[0].startswith(f"{archive}({name}):") and "hidden symbol helper" in lines[0]


def test_symbols_of_other_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"#!/bin/sh\n")
    (tmp_path / "b").write_bytes(b"\x7fELF\x02\x01" + b"\xff" * 90)
    code, lines = run("symbols.py", tmp_path / "a", tmp_path / "b", tmp_path / "c")
    assert code == 1 and len(lines) == 4
    assert "is not a 64-bit little-endian ELF file" in lines[0]
    assert "is damaged" in lines[1]
    assert "No such file" in lines[2]


# base/banned.h


@needs_compiler
@pytest.mark.parametrize("call", ["strcpy(a, b)", "sprintf(a, b)", "atoi(b)", "localtime(0)"])
def test_banned_calls_do_not_compile(tmp_path: Path, call: str) -> None:
    source = (
        '#include "base/compiler.h"\n#include <stdlib.h>\n#include <time.h>\nvoid f(char *a, char *b) {\n'
    )
    flags = ["-std=gnu17", "-D_GNU_SOURCE", f"-I{ROOT / 'src'}", "-fsyntax-only"]
    for body, compiles in (("(void)a, (void)b;", True), (f"(void)a, (void)b; {call};", False)):
        write(tmp_path, "x.c", f"{source}{body}\n}}\n")
        done = subprocess.run(
            ["gcc", *flags, "x.c"], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert (done.returncode == 0) == compiles, done.stderr
        assert compiles or "is_a_banned_function" in done.stderr


# instructions.py


@pytest.mark.parametrize(
    ("now", "says"),
    [
        ({"a": (1029, "x"), "b": (971, "y")}, []),
        ({"a": (1031, "x"), "b": (1000, "y")}, ["a more"]),
        ({"a": (1000, "x"), "b": (969, "y")}, ["b less"]),
        ({"a": (1000, "z"), "b": (1000, "y")}, ["a answer z"]),
        ({"a": (1000, "x")}, ["b gone"]),
        ({"a": (1000, "x"), "b": (1000, "y"), "c": (5, "")}, ["c new"]),
    ],
)
def test_instructions_are_held_to_the_baseline(
    now: dict[str, tuple[int, str]], says: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location("instructions", TOOLS / "instructions.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    baseline = {"kernels": {"a": [1000, "x"], "b": [1000, "y"]}}
    assert module.compare({"kernels": now}, baseline) == len(says)
    shown = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    remarks = [" ".join([name, *(w for w in rest if not w[0].isdigit())]) for name, *rest in shown]
    assert [r for r in remarks if " " in r] == says
