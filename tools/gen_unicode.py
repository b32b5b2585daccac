# SPDX-License-Identifier: Apache-2.0
"""gen_unicode.py - writes the tables of src/base/unicode_*.inc.h.

    python tools/gen_unicode.py

Simple case mappings (one character to one), general categories as ranges, the base letter of characters that
are a letter with marks, what breaks of graphemes look at (UAX #29; its properties are asked of perl, because
Python does not know them), decompositions, compositions and classes of marks (UAX #15), and what is wide in a
terminal (UAX #11).
"""

from __future__ import annotations

import subprocess
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


GRAPHEMES = """
    use Unicode::UCD;
    print Unicode::UCD::UnicodeVersion(), "\\n";
    for my $v (qw(Control CR LF Extend ZWJ RI Prepend SpacingMark L V T)) {
        for my $c (0 .. 0x10FFFF) {
            next if $c >= 0xD800 && $c <= 0xDFFF;
            print "$c $v\\n" if chr($c) =~ /\\p{GCB=$v}/;
        }
    }
    for my $c (0 .. 0x10FFFF) {
        next if $c >= 0xD800 && $c <= 0xDFFF;
        print "$c Pictographic\\n" if chr($c) =~ /\\p{ExtPict}/ && chr($c) =~ /\\p{GCB=Other}/;
    }
"""


def runs(pairs: Iterable[tuple[int, str]]) -> Iterator[str]:
    first, last, kind = -1, -1, ""
    for code, now in pairs:
        if now == kind and code == last + 1:
            last = code
            continue
        if kind:
            yield f"{{{first},{last},{kind}}}"
        first, last, kind = code, code, now
    yield f"{{{first},{last},{kind}}}"


def grapheme_page() -> Iterator[str]:
    perl = subprocess.run(["perl", "-e", GRAPHEMES], capture_output=True, text=True, check=True)
    version, *found = perl.stdout.splitlines()
    if version != unicodedata.unidata_version:
        raise SystemExit(f"perl knows Unicode {version}, Python {unicodedata.unidata_version}")
    pairs = [(int(code), "GRAPHEME_" + kind.upper()) for code, kind in (line.split() for line in found)]
    yield from head("unicode_grapheme.inc.h")
    yield from table("grapheme_run grapheme_runs", runs(sorted(pairs)))


def compositions() -> Iterator[tuple[int, int, int, int]]:
    """code, the one or two that it stands for, and whether those two make it again."""
    for code in CODES:
        parts = unicodedata.decomposition(chr(code)).split()
        if not parts or parts[0].startswith("<"):
            continue
        pair = [int(p, 16) for p in parts]
        again = unicodedata.normalize("NFC", chr(code)) == chr(code) and len(pair) == 2
        yield code, pair[0], pair[1] if len(pair) == 2 else 0, int(again)


def compose_page() -> Iterator[str]:
    classes = ((c, str(unicodedata.combining(chr(c)))) for c in CODES if unicodedata.combining(chr(c)))
    pairs = list(compositions())
    made = sorted((a, b, code) for code, a, b, again in pairs if again)
    yield from head("unicode_compose.inc.h")
    yield from table("decomposition decompositions", (f"{{{c},{a},{b}}}" for c, a, b, _ in pairs))
    yield from table("composition compositions", (f"{{{a},{b},{c}}}" for a, b, c in made))
    yield from table("mark_run mark_runs", runs(classes))


def wide_page() -> Iterator[str]:
    """Characters that take two cells of a terminal: East Asian Wide and Fullwidth, as runs."""

    def is_wide(code: int) -> bool:  # planes of ideographs are wide, assigned or not; other holes are not
        if 0x20000 <= code <= 0x3FFFD:
            return True
        return unicodedata.category(chr(code)) != "Cn" and unicodedata.east_asian_width(chr(code)) in "WF"

    wide = ((c, "1") for c in CODES if is_wide(c))
    yield from head("unicode_wide.inc.h")
    ranges = (run.rsplit(",", 1)[0] + "}" for run in runs(wide))
    yield from table("wide_run wide_runs", ranges)


def main() -> int:
    pages = (
        ("unicode_case.inc.h", case_page()),
        ("unicode_category.inc.h", category_page()),
        ("unicode_grapheme.inc.h", grapheme_page()),
        ("unicode_compose.inc.h", compose_page()),
        ("unicode_wide.inc.h", wide_page()),
    )
    for name, page in pages:
        (BASE / name).write_text("\n".join(page) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
