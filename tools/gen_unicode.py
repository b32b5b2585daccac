# SPDX-License-Identifier: Apache-2.0
"""gen_unicode.py - writes src/base/unicode_case.inc.h and unicode_category.inc.h.

    python tools/gen_unicode.py

Simple case mappings (one character to one), general categories as ranges, and the base letter of characters
that are a letter with marks.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

BASE = Path(__file__).resolve().parents[1] / "src/base"
CODES = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def mapped(pairs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, int, int]]:
    """(first, last, step, delta) for pairs (code, its image), in order of code."""
    run: list[int] = []  # first, last, step (0: not known yet), delta
    for code, image in pairs:
        delta = image - code
        if run and run[3] == delta and code - run[1] in ((1, 2) if run[2] == 0 else (run[2],)):
            run[1], run[2] = code, code - run[1]
            continue
        if run:
            yield run[0], run[1], run[2] or 1, run[3]
        run = [code, code, 0, delta]
    yield run[0], run[1], run[2] or 1, run[3]


def case_pairs(method: str) -> Iterator[tuple[int, int]]:
    for code in CODES:
        image = getattr(chr(code), method)()
        if len(image) == 1 and ord(image) != code:
            yield code, ord(image)


def categories() -> Iterator[tuple[int, int, str]]:
    first, last, kind = -1, -1, "Cn"
    for code in CODES:
        now = unicodedata.category(chr(code))
        if now == kind and code == last + 1:
            last = code
            continue
        if kind != "Cn":
            yield first, last, kind
        first, last, kind = code, code, now
    if kind != "Cn":
        yield first, last, kind


def bases() -> Iterator[tuple[int, int]]:
    for code in CODES:
        parts = unicodedata.normalize("NFD", chr(code))
        marks = all(unicodedata.category(p) == "Mn" for p in parts[1:])
        if len(parts) > 1 and marks and unicodedata.category(parts[0])[0] == "L":
            yield code, ord(parts[0])


def lines(entries: Iterable[str]) -> Iterator[str]:
    row = "   "
    for entry in entries:
        if len(row) + len(entry) + 2 > 100:
            yield row
            row = "   "
        row += " " + entry + ","
    yield row


def head(name: str) -> Iterator[str]:
    yield "/* SPDX-License-Identifier: Apache-2.0 */"
    yield f"/* {name} - made by tools/gen_unicode.py from Unicode {unicodedata.unidata_version}. */"
    yield "/* clang-format off */"


def table(declaration: str, entries: Iterable[str]) -> Iterator[str]:
    yield f"static const {declaration}[] = {{"
    yield from lines(entries)
    yield "};"


def case_page() -> Iterator[str]:
    yield from head("unicode_case.inc.h")
    for name, method in (("to_lower", "lower"), ("to_upper", "upper")):
        runs = mapped(case_pairs(method))
        yield from table(f"case_run {name}", (f"{{{a},{b},{s},{d}}}" for a, b, s, d in runs))
    yield from table("base_letter base_letters", (f"{{{a},{b}}}" for a, b in bases()))


def category_page() -> Iterator[str]:
    yield from head("unicode_category.inc.h")
    yield from table("category_run category_runs", (f"{{{a},{b},{k}}}" for a, b, k in categories()))


def main() -> int:
    for name, page in (("unicode_case.inc.h", case_page()), ("unicode_category.inc.h", category_page())):
        (BASE / name).write_text("\n".join(page) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
