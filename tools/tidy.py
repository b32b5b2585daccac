#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tidy.py - the house style as a test: what a reviewer should never have to say twice.

Usage: tools/tidy.py [root]. Prints each finding as file:line: text, then one line of counts; exits
1 when there are findings. Sizes: functions of 70 lines, files of 800, lines of 100 columns.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 800
COLUMNS_MAX = 100
PYTHON_COLUMNS_MAX = 110  # as ruff in pyproject.toml
TABLE_COLUMNS_MAX = 120  # rows of .def files

C_SUFFIXES = {".c", ".h", ".def"}
PYTHON_SUFFIXES = {".py", ".pyi"}
TEXT_NAMES = {"meson.build", "meson.options", "LAYERS", "Makefile"}
TEXT_SUFFIXES = {".md", ".toml"}
SKIPPED_FOLDERS = {"dist", "node_modules", "__pycache__", "venv", "corpus"}

# Written so that this file does not find itself.
MARKERS = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")

# Nowhere: no bound, hidden static state, or no error report. base/banned.h stops most of them too.
BANNED_EVERYWHERE = (
    "strcpy strcat sprintf vsprintf strncpy strncat strtok gets gmtime localtime ctime asctime "
    "mktime atoi atol atoll atof sscanf alloca"
).split()

# Not in src/: (names, files that own them, what to use instead).
OWNED_CALLS = [
    (
        "malloc calloc realloc free reallocarray aligned_alloc posix_memalign strdup strndup "
        "asprintf vasprintf mmap munmap mremap",
        {"src/base/mem.c"},
        "base/mem.h",
    ),
    (
        "open openat creat close read write pread pwrite fsync fdatasync ftruncate unlink rename "
        "remove stat fstat mkdir rmdir opendir fopen fdopen fclose fread fwrite fflush fgets fputs "
        "fputc putchar puts printf fprintf vprintf vfprintf perror getline",
        {"src/os/vfs.c", "src/os/event.c"},
        "os/vfs.h",
    ),
    ("time gettimeofday clock_gettime clock", {"src/base/clock.c"}, "base/clock.h"),
    ("syscall usleep nanosleep sleep", {"src/os/thread.c"}, "os/thread.h"),
    ("getrandom rand srand random drand48", {"src/base/rng.c"}, "base/rng.h"),
    ("abort exit _exit quick_exit", set(), "a status: the engine lives in someone's process"),
    ("setjmp longjmp sigsetjmp siglongjmp", set(), "a status and TRY"),
    ("strtod strtof strtold setlocale localeconv", {"src/type/number.c"}, "type/number.h"),
    ("system popen fork execv execvp", set(), "nothing: the engine starts no process"),
]
OWNED_NAMES = [
    (re.compile(r"\bpthread_\w+"), {"src/os/thread.c", "src/os/thread.h"}, "os/thread.h"),
    (re.compile(r"\bFILE\b"), {"src/os/vfs.c"}, "os/vfs.h"),
    (re.compile(r"\bstd(?:in|out|err)\b"), set(), "a status or a buf"),
]

STRIPPED = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
CONDITION = re.compile(r"\s*#\s*(if|ifdef|ifndef|elif|else|endif)\b")

Finding = tuple[str, int, str]


def blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match.group())


def code_only(text: str) -> str:
    """The same text with comments and literals turned into blanks; lines and columns stay."""
    return STRIPPED.sub(blank, text)


def without_preprocessor(code: str) -> str:
    """Blanks directives, and all branches of a conditional but the first: braces then balance."""
    lines = code.split("\n")
    dead: list[bool] = []  # per open conditional: past its first branch
    continued = False
    for i, line in enumerate(lines):
        condition = None if continued else CONDITION.match(line)
        if condition:
            word = condition.group(1)
            if word.startswith("if"):
                dead.append(False)
            elif word == "endif":
                if dead:
                    dead.pop()
            elif dead:
                dead[-1] = True
        directive = continued or line.lstrip().startswith("#")
        continued = directive and line.endswith("\\")
        if directive or any(dead):
            lines[i] = ""
    return "\n".join(lines)


def functions(code: str) -> Iterator[tuple[str, int, int]]:
    """(name, line of the opening brace, line of the closing one) of each definition."""
    line, depth, opened = 1, 0, 0
    name = ""
    statement: list[str] = []
    for char in code:
        if char == "\n":
            line += 1
        if char == "{":
            if depth == 0:
                head = "".join(statement).strip()
                found = re.search(r"(\w+)\s*\(", head)
                is_function = head.endswith(")") and "=" not in head and found
                name, opened = (found.group(1) if is_function and found else ""), line
                statement.clear()
            depth += 1
        elif char == "}":
            depth = max(0, depth - 1)
            if depth == 0 and name:
                yield name, opened, line
                name = ""
            if depth == 0:
                statement.clear()
        elif depth == 0:
            if char == ";":
                statement.clear()
            else:
                statement.append(char)


def guard_of(path: str) -> str:
    """The guard of a header; a pattern outside of src/, where folders may be left out of it."""
    parts = Path(path).with_suffix("").parts
    name = re.sub(r"\W", "_", parts[-1]).upper()
    if parts[0] == "src":
        return f"LAMINAR_{parts[-2].upper()}_{name}_H"
    return "LAMINAR_H" if name == "LAMINAR" else rf"LAMINAR_(\w+_)?{name}_H"


class Tree:
    """One run over one source tree."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.findings: list[Finding] = []
        self.files = 0
        self.lines = 0
        self.texts: dict[str, str] = {}

    def report(self, path: str, line: int, text: str) -> None:
        self.findings.append((path, line, text))

    def walk(self, folder: Path) -> Iterator[Path]:
        for entry in sorted(folder.iterdir()):
            name = entry.name
            if entry.is_dir():
                hidden = name.startswith(".") and name != ".ci"
                built = name.startswith("build") or name.endswith(".egg-info")
                if not (entry.is_symlink() or hidden or built or name in SKIPPED_FOLDERS):
                    yield from self.walk(entry)
            elif name in TEXT_NAMES or entry.suffix in C_SUFFIXES | PYTHON_SUFFIXES | TEXT_SUFFIXES:
                yield entry

    def run(self) -> None:
        for file in self.walk(self.root):
            path = file.relative_to(self.root).as_posix()
            try:
                text = file.read_bytes().decode("utf-8")
            except UnicodeDecodeError as fault:
                self.report(path, 1, f"is not UTF-8: {fault.reason} at byte {fault.start}")
                continue
            self.texts[path] = text
            self.files += 1
            self.lines += text.count("\n")
            self.check_text(path, text)
            if file.suffix in C_SUFFIXES:
                self.check_c(path, text)
            elif file.suffix in PYTHON_SUFFIXES:
                self.check_python(path, text)
        self.check_sources_listed()
        self.check_classes("op", "src/op/ops.def", "OPERATOR")
        self.check_classes("agg", "src/agg/aggregates.def", "AGGREGATE")

    # Any text.

    def check_text(self, path: str, text: str) -> None:
        suffix = Path(path).suffix
        is_code = suffix in C_SUFFIXES | PYTHON_SUFFIXES
        columns = COLUMNS_MAX
        if suffix == ".def":
            columns = TABLE_COLUMNS_MAX
        elif suffix in PYTHON_SUFFIXES:
            columns = PYTHON_COLUMNS_MAX
        if "\r" in text:
            self.report(path, 1 + text[: text.index("\r")].count("\n"), "has a carriage return")
        if text and not text.endswith("\n"):
            self.report(path, text.count("\n") + 1, "does not end with a newline")
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            if marker := MARKERS.search(line):
                self.report(path, number, f"{marker.group()}: do it now, or write an issue")
            if not is_code:
                continue
            if "\t" in line:
                self.report(path, number, "has a tab; indent with 4 spaces")
            if line != line.rstrip():
                self.report(path, number, "has blanks at its end")
            if len(line) > columns:
                self.report(path, number, f"has {len(line)} columns; at most {columns}")
        count = text.count("\n")
        if is_code and count > FILE_LINES_MAX:
            self.report(path, count, f"has {count} lines; at most {FILE_LINES_MAX}")

    def check_python(self, path: str, text: str) -> None:
        lines = text.split("\n")
        at = 1 if lines[0].startswith("#!") else 0
        if len(lines) <= at or lines[at] != "# SPDX-License-Identifier: Apache-2.0":
            self.report(path, at + 1, 'must be "# SPDX-License-Identifier: Apache-2.0"')

    # C.

    def check_c(self, path: str, text: str) -> None:
        lines = text.split("\n")
        if lines[0] != "/* SPDX-License-Identifier: Apache-2.0 */":
            self.report(path, 1, 'must be "/* SPDX-License-Identifier: Apache-2.0 */"')
        name = Path(path).name
        start = "/* " if path.startswith("tests/") else f"/* {name} - "
        template = name.endswith(".inc.h") and "".join(lines[1:2]).startswith("/* Template: ")
        if not (template or "".join(lines[1:2]).startswith(start)):
            self.report(path, 2, f'must begin with "{start}" and say what the file is')
        if name.endswith(".h") and not name.endswith(".inc.h"):
            self.check_guard(path, text)
        code = code_only(text)
        self.check_macros(path, lines)
        self.check_calls(path, code)
        for function, first, last in functions(without_preprocessor(code)):
            length = last - first + 1
            if length > FUNCTION_LINES_MAX:
                self.report(path, first, f"{function} has {length} lines; at most {FUNCTION_LINES_MAX}")

    def check_guard(self, path: str, text: str) -> None:
        wanted = guard_of(path)
        found = re.search(r"^#ifndef (\w+)\n#define (\w+)\n", text, re.MULTILINE)
        if not found or found.group(1) != found.group(2):
            self.report(path, 1, f"has no header guard {wanted}")
        elif not re.fullmatch(wanted, found.group(1)):
            line = text[: found.start()].count("\n") + 1
            self.report(path, line, f"has the header guard {found.group(1)}; it must be {wanted}")

    def expands_list(self, lines: list[str], at: int) -> bool:
        """Whether nothing but directives stands between this one and the #include of a list."""
        continued = False
        for line in lines[at:]:
            if re.match(r'\s*#\s*include "[^"]+\.(def|inc\.h)"', line):
                return True
            if line.strip() and not continued and not line.lstrip().startswith("#"):
                return False
            continued = line.endswith("\\")
        return False

    def check_macros(self, path: str, lines: list[str]) -> None:
        if path == "tests/unit/unit.h":
            return
        for i, line in enumerate(lines):
            found = re.match(r"\s*#\s*define\s+(\w+)(\([^)]*\))?", line)
            if not found or not line.endswith("\\"):
                continue
            is_list = found.group(2) in ("(X)", "(XX)")
            if not (found.group(1) == "TRY" or is_list or self.expands_list(lines, i)):
                text = f"{found.group(1)} is a macro of several lines; make it a function"
                self.report(path, i + 1, text)

    def check_calls(self, path: str, code: str) -> None:
        engine = path.startswith("src/") and path != "src/base/banned.h"
        if path == "src/base/banned.h":
            return
        rules: list[tuple[list[str], set[str], str]] = [
            (BANNED_EVERYWHERE, set(), "what base/banned.h names")
        ]
        if engine:
            rules += [(names.split(), owners, instead) for names, owners, instead in OWNED_CALLS]
        for names, owners, instead in rules:
            if path in owners:
                continue
            for found in re.finditer(rf"(?<![\w.>])({'|'.join(names)})\s*\(", code):
                name = found.group(1)
                # A static function of the same name is no call of libc.
                if re.search(rf"^static\b[\w\s*]*\b{name}\(", code, re.MULTILINE):
                    continue
                line = code[: found.start()].count("\n") + 1
                self.report(path, line, f"{name} is banned here; use {instead}")
        for pattern, owners, instead in OWNED_NAMES if engine else []:
            for found in pattern.finditer(code) if path not in owners else ():
                line = code[: found.start()].count("\n") + 1
                self.report(path, line, f"{found.group()} is banned here; use {instead}")

    # Lists that must agree with the files.

    def listed(self, path: str) -> set[str]:
        text = re.sub(r"#[^\n]*", "", self.texts.get(path, ""))
        return set(re.findall(r"'([^']+)'", text))

    def check_sources_listed(self) -> None:
        for path in self.texts:
            parts = path.split("/")
            if not path.endswith(".c") or len(parts) < 3:
                continue
            if parts[0] == "src":
                build = f"src/{parts[1]}/meson.build"
                entry = "/".join(parts[2:])
            elif parts[:2] == ["tests", "unit"] and parts[-1].startswith("test_"):
                build = "/".join(parts[:-1]) + "/meson.build"
                entry = parts[-1][len("test_") : -len(".c")]
            else:
                continue
            if entry not in self.listed(build):
                self.report(path, 1, f"is not listed in {build}")
        for build in [p for p in self.texts if re.fullmatch(r"src/\w+/meson\.build", p)]:
            folder = build.rsplit("/", 1)[0]
            for entry in sorted(self.listed(build)):
                if entry.endswith(".c") and f"{folder}/{entry}" not in self.texts:
                    self.report(build, 1, f"lists {entry}, which does not exist")

    def check_classes(self, module: str, list_path: str, macro: str) -> None:
        """Each class is defined once, in a file of its module, and is in the module's list."""
        listing = code_only(self.texts.get(list_path, ""))
        listed = {
            found.group(1): listing[: found.start()].count("\n") + 1
            for found in re.finditer(rf"^{macro}\((\w+)[,)]", listing, re.MULTILINE)
        }
        defined: set[str] = set()
        for path, text in self.texts.items():
            if not re.fullmatch(rf"src/{module}/\w+\.c", path):
                continue
            code = code_only(text)
            here = re.findall(rf"^const \w+ ({module}_\w+_class) = ", code, re.MULTILINE)
            defined.update(here)
            for name in here:
                if name not in listed:
                    self.report(path, code.count("\n"), f"{name} is not in {list_path}")
            own = Path(path).stem + "_class"
            if module == "op" and path.startswith("src/op/op_") and own not in here:
                self.report(path, 1, f"does not define {own}")
        for name, line in listed.items():
            if name not in defined:
                self.report(list_path, line, f"{name} is defined nowhere in src/{module}")


def main(arguments: list[str]) -> int:
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    if len(arguments) > 1 or not root.is_dir():
        print("usage: tidy.py [root]", file=sys.stderr)
        return 2
    tree = Tree(root)
    tree.run()
    for path, line, text in sorted(tree.findings):
        print(f"{path}:{line}: {text}")
    print(f"tidy: {tree.files} files, {tree.lines} lines, {len(tree.findings)} findings")
    return 1 if tree.findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
