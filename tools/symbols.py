#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""symbols.py - what a built library shows to the world.

A shared library or Python extension exports laminar_* and PyInit_* alone and needs no library but
libc, libm and pthreads. A static archive or object must not show other names with default
visibility; with --localised not even hidden ones: those still collide when a program is linked.

Usage: tools/symbols.py [--localised] file... Reads ELF itself, so it needs no binutils. Prints each
finding as file:line: text (the line is the symbol's index), then one line of counts; exits 1 when
there are findings.
"""

import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ALLOWED = re.compile(r"(laminar_|PyInit_)\w+")
# Put there by linkers and C runtimes, not by us.
RUNTIME = {"_init", "_fini", "_edata", "_end", "__bss_start", "_GLOBAL_OFFSET_TABLE_"}
NEEDED = re.compile(r"(libc|libm|libpthread|ld-linux[-\w]*|ld64)(\.so|\.musl)[-\w.]*")

RELOCATABLE, SHARED_OBJECT = 1, 3
SYMTAB, DYNAMIC, DYNSYM = 2, 6, 11
LOCAL, DEFAULT, NEEDED_TAG = 0, 0, 1


class BadFile(Exception):
    """The file is not what this tool reads."""


@dataclass
class Section:
    kind: int
    offset: int
    size: int
    link: int


@dataclass
class Symbol:
    index: int
    name: str
    hidden: bool


class Elf:
    """The few tables of a 64-bit little-endian ELF file that matter here."""

    def __init__(self, data: bytes) -> None:
        if data[:6] != b"\x7fELF\x02\x01":
            raise BadFile("is not a 64-bit little-endian ELF file")
        self.data = data
        self.kind = struct.unpack_from("<H", data, 16)[0]
        start = struct.unpack_from("<Q", data, 40)[0]
        entry_size, count = struct.unpack_from("<HH", data, 58)
        self.sections = []
        for i in range(count):
            _, kind, _, _, offset, size, link = struct.unpack_from("<IIQQQQI", data, start + i * entry_size)
            self.sections.append(Section(kind, offset, size, link))

    def text(self, table: Section, offset: int) -> str:
        at = table.offset + offset
        return self.data[at : self.data.index(b"\0", at)].decode("utf-8", "replace")

    def symbols(self) -> Iterator[Symbol]:
        """Defined symbols that are not local."""
        wanted = SYMTAB if self.kind == RELOCATABLE else DYNSYM
        for section in self.sections:
            if section.kind != wanted:
                continue
            names = self.sections[section.link]
            for i in range(section.size // 24):
                name, info, other, defined_in = struct.unpack_from(
                    "<IBBH", self.data, section.offset + i * 24
                )
                if info >> 4 != LOCAL and defined_in != 0 and name != 0:
                    yield Symbol(i, self.text(names, name), other & 3 != DEFAULT)

    def needed(self) -> Iterator[str]:
        for section in self.sections:
            if section.kind != DYNAMIC:
                continue
            names = self.sections[section.link]
            for i in range(section.size // 16):
                tag, value = struct.unpack_from("<QQ", self.data, section.offset + i * 16)
                if tag == NEEDED_TAG:
                    yield self.text(names, value)


def archive_members(data: bytes, folder: Path) -> Iterator[tuple[str, bytes]]:
    """(name, content) of each object; a thin archive names files beside it."""
    thin = data.startswith(b"!<thin>\n")
    at = 8
    long_names = b""
    while at + 60 <= len(data):
        header = data[at : at + 60]
        name = header[:16].decode("ascii", "replace").rstrip()
        size = int(header[48:58])
        special = name in ("/", "//", "/SYM64/")
        body = b"" if thin and not special else data[at + 60 : at + 60 + size]
        at += 60 + (0 if thin and not special else size + size % 2)
        if name == "//":
            long_names = body
        if special:
            continue
        if name[0] == "/" and name[1:].isdigit():
            start = int(name[1:])
            name = long_names[start : long_names.index(b"\n", start)].decode("utf-8", "replace")
        name = name.rstrip("/")
        yield name, (folder / name).read_bytes() if thin else body


class Check:
    def __init__(self, localised: bool) -> None:
        self.localised = localised
        self.findings: list[tuple[str, int, str]] = []
        self.exported = 0

    def elf(self, label: str, elf: Elf, is_part: bool) -> None:
        shown = 0
        for symbol in elf.symbols():
            if symbol.name in RUNTIME or (symbol.hidden and not self.localised):
                continue
            if ALLOWED.fullmatch(symbol.name):
                shown += 1
            else:
                how = "keeps the hidden symbol" if symbol.hidden else "exports"
                text = f"{how} {symbol.name}; only laminar_* and PyInit_* may be seen"
                self.findings.append((label, symbol.index, text))
        for library in elf.needed():
            if not NEEDED.fullmatch(library):
                text = f"needs {library}; only libc, libm and pthreads are allowed"
                self.findings.append((label, 0, text))
        if shown == 0 and not is_part:
            self.findings.append((label, 0, "exports nothing: no laminar_* and no PyInit_*"))
        self.exported += shown

    def file(self, path: Path) -> None:
        label = str(path)
        try:
            data = path.read_bytes()
            if data[:8] in (b"!<arch>\n", b"!<thin>\n"):
                before = self.exported
                for name, body in archive_members(data, path.parent):
                    self.elf(f"{label}({name})", Elf(body), True)
                if self.exported == before:
                    self.findings.append((label, 0, "holds no laminar_* function"))
            else:
                self.elf(label, Elf(data), False)
        except (BadFile, OSError) as fault:
            self.findings.append((label, 0, str(fault)))
        except (struct.error, IndexError, OverflowError, ValueError):
            self.findings.append((label, 0, "is damaged: a table points outside of the file"))


def main(arguments: list[str]) -> int:
    localised = "--localised" in arguments
    paths = [a for a in arguments if a != "--localised"]
    if not paths or any(p.startswith("-") for p in paths):
        print("usage: symbols.py [--localised] file...", file=sys.stderr)
        return 2
    check = Check(localised)
    for path in paths:
        check.file(Path(path))
    for label, index, text in check.findings:
        print(f"{label}:{index}: {text}")
    print(f"symbols: {len(paths)} files, {check.exported} exported, {len(check.findings)} findings")
    return 1 if check.findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
