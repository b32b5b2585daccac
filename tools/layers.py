#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""layers.py - includes point down: the module order of src/LAYERS as a test.

A file of src/<module>/ may include headers of its own folder and of modules on a strictly lower
level, written "module/file.h". The public header is seen by the top level, which implements it, and
by arrow, whose ABI structs it declares. shell, python/ext and examples/c are users of the engine: of
its headers they include laminar.h alone.

Usage: tools/layers.py [root]. Prints each finding as file:line: text, then one line of counts;
exits 1 when there are findings.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

PUBLIC_HEADER = "laminar.h"
ABI_MODULE = "arrow"
USERS = ("shell", "python/ext", "examples/c")
INCLUDE = re.compile(r'\s*#\s*include\s*(["<])([^">]+)[">]')

Finding = tuple[str, int, str]


def read_layers(path: Path, findings: list[Finding]) -> dict[str, int]:
    """Module name -> level."""
    levels: dict[str, int] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        if not words[0].isdigit() or len(words) < 2:
            findings.append(("src/LAYERS", number, 'must be "<level> <module> ..."'))
            continue
        for module in words[1:]:
            if module in levels:
                findings.append(("src/LAYERS", number, f"{module} is on two levels"))
            levels[module] = int(words[0])
    return levels


def includes(file: Path) -> Iterator[tuple[int, str, str]]:
    """(line, quote or angle, name) of each include that is not in a comment."""
    text = file.read_text(encoding="utf-8", errors="replace")
    text = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.DOTALL)
    for number, line in enumerate(text.split("\n"), 1):
        if found := INCLUDE.match(line):
            yield number, found.group(1), found.group(2)


def c_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix in (".c", ".h", ".def"))


def fault_in_engine(root: Path, levels: dict[str, int], module: str, mark: str, name: str) -> str | None:
    """What is wrong with this include in a file of `module`, or None."""
    if name == PUBLIC_HEADER:
        top = max(levels.values())
        if levels[module] == top or module == ABI_MODULE:
            return None
        return f"{module} includes {PUBLIC_HEADER}, the business of level {top}"
    target = name.split("/", 1)[0]
    if mark == "<":
        return f'writes <{name}> for "{name}"' if "/" in name and target in levels else None
    if ".." in name.split("/") or "/" not in name:
        return f'includes "{name}"; write "module/file.h"'
    if target not in levels:
        return f'includes "{name}", but {target} is not in src/LAYERS'
    if not (root / "src" / name).is_file():
        return f'includes "{name}", which does not exist'
    if target == module or levels[target] < levels[module]:
        return None
    way = "sideways" if levels[target] == levels[module] else "up"
    return f"points {way}: {module} is on level {levels[module]}, {name} on {levels[target]}"


def fault_in_user(root: Path, file: Path, mark: str, name: str) -> str | None:
    if name == PUBLIC_HEADER:
        return None
    if mark == '"' and ".." not in name.split("/") and (file.parent / name).is_file():
        return None
    if mark == '"' or (root / "src" / name).is_file():
        return f"includes {name}; of the engine it may include {PUBLIC_HEADER} alone"
    return None


def main(arguments: list[str]) -> int:
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    if len(arguments) > 1 or not (root / "src" / "LAYERS").is_file():
        print("usage: layers.py [root], where root has src/LAYERS", file=sys.stderr)
        return 2
    findings: list[Finding] = []
    files = edges = 0
    levels = read_layers(root / "src" / "LAYERS", findings)
    folders = sorted(p.name for p in (root / "src").iterdir() if p.is_dir())
    for missing in sorted(set(levels) - set(folders)):
        findings.append(("src/LAYERS", 1, f"names {missing}, but there is no src/{missing}"))
    for module in folders:
        if module not in levels:
            findings.append((f"src/{module}", 1, "is not in src/LAYERS"))
            continue
        for file in c_files(root / "src" / module):
            files += 1
            for line, mark, name in includes(file):
                edges += 1
                if fault := fault_in_engine(root, levels, module, mark, name):
                    findings.append((file.relative_to(root).as_posix(), line, fault))
    for user in USERS:
        for file in c_files(root / user):
            files += 1
            for line, mark, name in includes(file):
                edges += 1
                if fault := fault_in_user(root, file, mark, name):
                    findings.append((file.relative_to(root).as_posix(), line, fault))
    for path, line, text in sorted(findings):
        print(f"{path}:{line}: {text}")
    counts = f"{len(levels)} modules, {files} files, {edges} includes, {len(findings)} findings"
    print(f"layers: {counts}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
