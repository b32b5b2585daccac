# SPDX-License-Identifier: Apache-2.0
"""The shell: scripts through pipes, a person at a pseudo-terminal, and what must never reach a terminal."""

from __future__ import annotations

import codecs
import contextlib
import csv
import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import laminardb
import pytest
from optional import package

pa = package("pyarrow")
SHELL = [sys.executable, "-m", "laminardb"]
WAIT = 20.0  # seconds at most for what takes some milliseconds on an idle machine


def run(*arguments: str, stdin: bytes = b"", **more: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "LAMINARDB_HISTORY": "", **more}
    return subprocess.run(
        [*SHELL, *arguments], input=stdin, capture_output=True, timeout=WAIT, env=environment
    )


def output(*arguments: str, stdin: bytes = b"") -> str:
    done = run(*arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


# ------------------------------------------------------------------------------------------ scripts


def test_box_has_types_under_names_and_tells_null_from_empty() -> None:
    assert output("-c", "SELECT 1 AS id, 'x' AS name, NULL AS gone, '' AS nothing, 2.5 AS v") == (
        "┌────────┬─────────┬──────┬─────────┬────────┐\n"
        "│     id │ name    │ gone │ nothing │      v │\n"
        "│ bigint │ varchar │ null │ varchar │ double │\n"
        "├────────┼─────────┼──────┼─────────┼────────┤\n"
        "│      1 │ x       │ NULL │         │    2.5 │\n"
        "└────────┴─────────┴──────┴─────────┴────────┘\n"
        "1 row\n"
    )


def test_box_cuts_many_rows_and_long_cells_with_a_note() -> None:
    text = output("-c", "SELECT x, repeat('漢', 500) AS s FROM range(1000) r(x)")
    lines = text.splitlines()
    assert lines[-1] == "1000 rows (40 shown); … marks what is cut"
    assert len(lines) == 5 + 40 + 1 + 1
    assert "│   0 │" not in text and "│      0 │" in text and "│    999 │" in text
    assert output("-c", ".rows 0", "-c", "SELECT x FROM range(1000) r(x)").count("\n") == 5 + 1000 + 1
    assert output("-c", "SELECT 1 AS x WHERE false").splitlines()[-1] == "0 rows"


def test_wide_results_stay_sane() -> None:
    columns = ", ".join(f"{i} AS c{i}" for i in range(1600))
    assert output("-c", f"SELECT {columns}").splitlines()[-1] == "1 row"


def test_modes() -> None:
    sql = "SELECT 1 AS k, 'a|b' AS s, NULL AS n UNION ALL SELECT 2, 'say \"hi\", you', 'x' ORDER BY k"
    assert list(csv.reader(io.StringIO(output("--csv", "-c", sql)))) == [
        ["k", "s", "n"],
        ["1", "a|b", ""],
        ["2", 'say "hi", you', "x"],
    ]
    assert json.loads(output("--json", "-c", sql)) == [
        {"k": 1, "s": "a|b", "n": None},
        {"k": 2, "s": 'say "hi", you', "n": "x"},
    ]
    assert output("--mode", "line", "-c", sql).startswith("k = 1\ns = a|b\nn = NULL\n\nk = 2\n")
    assert output("--mode=markdown", "-c", sql).splitlines()[:3] == [
        "| k | s | n |",
        "|---:|:---|:---|",
        "| 1 | a\\|b | NULL |",
    ]
    assert output("-c", "\\x on", "-c", "SELECT 7 AS seven") == "seven = 7\n"
    assert output("--csv", "--no-header", "-c", "SELECT 7") == "7\n"


def test_json_is_exact_and_valid() -> None:
    sql = (
        "SELECT 9223372036854775807 AS big, 1e300 AS d, 'nan'::DOUBLE AS nan, true AS b,"
        " 1.10::DECIMAL(9,2) AS m, [1, NULL] AS l, {'a': 'x'} AS s, MAP {'k': 1} AS p,"
        " DATE '2024-02-29' AS day, chr(27) || '\"\\' AS t"
    )
    text = output("--json", "-c", sql)
    row = json.loads(text)[0]
    assert '"big": 9223372036854775807' in text and '"m": 1.10' in text
    assert row["nan"] == "nan" and row["b"] is True and row["l"] == [1, None] and row["s"] == {"a": "x"}
    assert row["p"] == {"k": 1} and row["day"] == "2024-02-29" and row["t"] == '\x1b"\\'
    assert json.loads(output("--json", "-c", "SELECT 1 AS x WHERE false")) == []


def test_nested_values_are_spelt_as_casts_spell_them() -> None:
    values = "['a', 'b c', 'it''s', '', 'NULL', NULL, 'x, y']", "{'a': 1, 'b c': 'x'}", "MAP {'k': [1.5]}"
    for value in values:
        shown = output("--csv", "--no-header", "-c", f"SELECT {value} AS a, CAST({value} AS VARCHAR) AS b")
        made, cast = next(csv.reader(io.StringIO(shown)))
        assert made == cast


def test_arrow_is_what_pyarrow_reads() -> None:
    sql = (
        "SELECT x, x::VARCHAR AS s, x % 2 = 0 AS b, CASE WHEN x % 3 > 0 THEN [x, NULL] END AS l,"
        " {'a': x} AS st, MAP {'k': x} AS m, x::DECIMAL(30, 2) AS d, DATE '2024-01-01' AS dd,"
        " TIMESTAMP '2024-01-01' AS t,"
        " now() AS tz, INTERVAL '1' DAY AS i, NULL AS n, '\\xAB'::BLOB AS bl, NULLIF(x, 3)::TINYINT AS nn,"
        " TIME '10:00' AS tm, uuid() AS u, x::REAL AS f FROM (SELECT y % 100 AS x FROM range(20000) r(y))"
    )
    done = run("--mode", "arrow", "-c", sql)
    assert done.returncode == 0, done.stderr
    table = pa.ipc.open_stream(done.stdout).read_all()
    table.validate(full=True)
    assert table.num_rows == 20000 and table["x"].to_pylist() == [y % 100 for y in range(20000)]
    assert table["l"].to_pylist()[:3] == [None, [1, None], [2, None]]
    assert table["m"][7].as_py() == [("k", 7)] and table["st"][8].as_py() == {"a": 8}
    assert table["nn"].null_count == 200 and table["bl"][0].as_py() == b"\xab"
    empty = run("--mode", "arrow", "-c", "SELECT 1 AS a, 'x' AS b WHERE false")
    assert pa.ipc.open_stream(empty.stdout).read_all().to_pydict() == {"a": [], "b": []}


def test_scripts_and_exit_codes(tmp_path: Path) -> None:
    script = tmp_path / "s.sql"
    script.write_text(
        "-- a comment; with a semicolon\n.mode csv\n"
        "CREATE TABLE t (s VARCHAR);\nINSERT INTO t VALUES\n ('a;b'), ($$x\n;y$$);\n"
        "SELECT s FROM t; SELECT 2 AS two"
    )
    assert output("-f", str(script)) == 's\na;b\n"x\n;y"\ntwo\n2\n'
    assert output(stdin=script.read_bytes()) == 's\na;b\n"x\n;y"\ntwo\n2\n'
    assert output("-c", f".read {script}").endswith("two\n2\n")
    script.write_text("SELECT 1 AS a;\n\nSELECT\n  nope;\nSELECT 3 AS c;")
    failed = run("--csv", "-f", str(script))
    assert failed.returncode == 1 and failed.stdout == b"a\n1\n"
    error = failed.stderr.decode()
    assert (
        error.startswith(f"{script}:4: QueryError (400): ") and "nope\n" in error and "\n          ^" in error
    )
    assert "x1b" not in error and "\x1b" not in error
    for bad in (["--nope"], ["a", "b"], ["-c"], ["--mode", "xml"]):
        assert run(*bad).returncode == 2
    assert run("-f", "/nowhere/x.sql").returncode == 1
    assert run("/nowhere/x.ldb").returncode == 1
    assert output("--version") == f"laminardb {laminardb.__version__}\n"
    assert "-c SQL" in output("--help") and ".live" in output("-c", ".help")


def test_output_goes_to_a_file_and_back(tmp_path: Path) -> None:
    file = tmp_path / "o.csv"
    assert (
        output(
            "--csv", "-c", f".output {file}", "-c", "SELECT 1 AS a", "-c", ".output", "-c", "SELECT 2 AS b"
        )
        == "b\n2\n"
    )
    assert file.read_text() == "a\n1\n"
    assert run("-c", ".output /nowhere/x").returncode == 1
    if os.path.exists("/dev/full"):
        full = run("--csv", "-c", ".output /dev/full", "-c", "SELECT x FROM range(100000) r(x)")
        assert full.returncode == 1 and b"written" in full.stderr


def test_a_reader_that_leaves_ends_it_in_silence() -> None:
    command = [*SHELL, "--csv", "-c", "SELECT x FROM range(100000000) r(x)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as shell:
        assert shell.stdout is not None and shell.stderr is not None
        assert shell.stdout.read(4) == b"x\n0\n"
        shell.stdout.close()
        assert shell.stderr.read() == b"" and shell.wait(WAIT) == 1


def test_commands_tell_what_there_is() -> None:
    made = (
        "CREATE SOURCE trades (symbol VARCHAR, price DOUBLE, ts TIMESTAMP, WATERMARK FOR ts);"
        "CREATE STREAM totals AS SELECT symbol, sum(price) AS total FROM trades GROUP BY symbol;"
        "INSERT INTO trades VALUES ('A', 1, TIMESTAMP '2024-01-01'), ('A', 2, TIMESTAMP '2024-01-02')"
    )

    def tell(command: str) -> str:
        return output("-c", made, "-c", command)

    assert "trades" in tell(".sources") and "running" in tell(".streams") and "totals" in tell(".tables")
    assert "CREATE STREAM totals" in tell(".schema totals") and "CREATE SOURCE trades" in tell(".schema")
    assert "symbol" in tell("\\d trades") and "totals" in tell("\\d") and "0 rows" in tell("\\dt")
    assert "trades" in tell(".watermarks") and "ingested" in tell(".metrics")
    assert "suggestion = " in tell(".why totals") and "trades" in tell(".explain SELECT * FROM trades")
    assert re.search(r"Time: \d+\.\d{3} s", output("-c", ".timer on", "-c", "SELECT 1"))
    assert output("-c", made, "--csv", "-c", "SELECT total FROM totals") == "total\n3.0\n"
    for wrong in (
        ".nope",
        ".mode xml",
        ".read /nowhere",
        ".why",
        ".live x",
        "\\watch",
        ".rows x",
        ".timer x",
    ):
        assert run("-c", wrong).returncode == 1, wrong


def test_a_database_is_kept(tmp_path: Path) -> None:
    path = str(tmp_path / "k.ldb")
    assert output(path, "-c", "CREATE TABLE t (k BIGINT); INSERT INTO t VALUES (1), (2)") == ""
    assert output("--csv", path, "-c", "SELECT count(*) AS n FROM t") == "n\n2\n"


def test_a_million_rows_take_constant_memory() -> None:
    pytest.importorskip("resource")

    def peak(rows: int, mode: str) -> int:
        code = (
            "import sys, resource; from laminardb._laminardb import shell_main; shell_main(['', '--mode', "
            f"'{mode}', '-c', \"SELECT x, 'name ' || x AS s FROM range({rows}) r(x)\"]);"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=WAIT,
            check=True,
        )
        return int(done.stderr)

    few, many = peak(20_000, "csv"), peak(1_000_000, "csv")
    assert many - few < 8_000  # KiB; the rows are 40 MiB
    assert peak(1_000_000, "box") - few < 8_000


# ------------------------------------------------------------------------------------------ hostile text

HOSTILE = [
    *(chr(c) for c in range(1, 32)),
    *(chr(c) for c in range(0x7F, 0xA0)),
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b]52;c;ZWNobyBwd25lZA==\x07",
    "\x1bP+q544e\x1b\\",
    "\x9b31m",
    "a\rb",
    "a\bb",
    "\x1b[2J\x1b[H",
    "\u202eevil\u202c",
    "\u2066x\u2069",
    "\u200b\u2060\ufeff",
    "\u2028\u2029",
    "\U000e0001\U000e007f",
    "\u061c\u200e\u200f\xad",
]
HOSTILE += [f"a{c}b" for c in HOSTILE] + ["<script>alert(1)</script>", "|---|", "&amp;", "'\"`\\"]
assert len(HOSTILE) >= 150
#: What a terminal may get beside text: line feeds, and what the shell itself says in colours or to draw.
OWN = re.compile(r"\x1b\[(\?(25[hl]|1049[hl]|2004[hl])|[0-9;]*[mABCJKH])")


def is_harmless(text: str) -> bool:
    rest = OWN.sub("", text).replace("\r", "")
    bad = "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
    return not re.search(bad, rest) and not re.search("[\U000e0000-\U000e007f]", rest)


def quoted(text: str, mark: str = "'") -> str:
    return mark + text.replace(mark, 2 * mark) + mark


@pytest.mark.parametrize("mode", ["box", "line", "markdown", "json"])
def test_no_control_reaches_the_output(mode: str) -> None:
    values = " UNION ALL ".join(f"SELECT {i} AS i, {quoted(v)} AS s" for i, v in enumerate(HOSTILE))
    text = output("--mode", mode, "-c", ".rows 0", "-c", values)
    assert is_harmless(text), [c for c in text if not is_harmless(c)]
    assert len(text) > 10 * len(HOSTILE)
    if mode == "json":
        assert [row["s"] for row in json.loads(text)] == HOSTILE


def test_no_control_reaches_the_terminal_by_names_errors_or_bytes() -> None:
    statements = [f"SELECT 1 AS {quoted(v, chr(34))}" for v in HOSTILE]
    statements += [f"SELECT {quoted(v, chr(34))}" for v in HOSTILE] + [f"SELECT {v}x" for v in HOSTILE]
    statements += [f".{c} {v}" for v in HOSTILE for c in ("why", "mode", "read", v)]
    code = (
        "import json, sys; from laminardb._laminardb import shell_main\n"
        "for one in json.load(sys.stdin): shell_main(['', '-c', one])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(statements).encode(),
        capture_output=True,
        timeout=WAIT,
        check=True,
    )
    shown = [done.stdout.decode(), done.stderr.decode()]  # valid UTF-8, or this fails
    raw = (
        b"SELECT '\xff\xfe' AS x;",
        b'SELECT 1 AS "\xed\xa0\x80";',
        b"\xff;",
        b".mode \x1b[31m\xff",
        b"\x00;",
    )
    for bad in raw:
        done = run(stdin=bad)
        assert done.returncode == 1 and done.stderr
        shown += [done.stdout.decode(), done.stderr.decode()]
    assert len(shown[0]) > 1000 and len(shown[1]) > 10_000
    for text in shown:
        assert is_harmless(text), [line for line in text.splitlines() if not is_harmless(line)]


# ------------------------------------------------------------------------------------------ a person


class Screen:
    """What a terminal shows of the bytes that it gets: enough of a VT100 for what the shell sends."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.lines = [""]
        self.y = self.x = 0
        self.rest = ""
        self.saved: tuple[list[str], int, int] | None = None

    def put(self, c: str) -> None:
        if self.x >= self.columns:
            self.x, self.y = 0, self.y + 1
        while len(self.lines) <= self.y:
            self.lines.append("")
        line = self.lines[self.y].ljust(self.x)
        self.lines[self.y] = line[: self.x] + c + line[self.x + 1 :]
        self.x += 1

    def top(self) -> int:
        return max(0, len(self.lines) - self.rows)

    def control(self, numbers: str, letter: str) -> None:
        n = int(numbers) if numbers.isdigit() else 1
        if letter == "A":
            self.y = max(0, self.y - n)
        elif letter == "B":
            self.y += n
        elif letter == "C":
            self.x += n
        elif letter == "H":
            self.y, self.x = self.top(), 0
        elif letter == "K":
            self.lines[self.y] = self.lines[self.y][: self.x]
        elif letter == "J" and numbers == "2":
            self.lines = self.lines[: self.top()] + [""]
        elif letter == "J":
            self.lines = [*self.lines[: self.y], self.lines[self.y][: self.x]]
        elif numbers == "?1049" and letter == "h":
            self.saved, self.lines, self.y, self.x = (self.lines, self.y, self.x), [""], 0, 0
        elif numbers == "?1049" and self.saved is not None:
            self.lines, self.y, self.x = self.saved

    def feed(self, text: str) -> None:
        text = self.rest + text
        cut = re.search(r"\x1b(\[[?0-9;]*)?\Z", text)  # a sequence that is not whole yet
        self.rest = "" if cut is None else cut[0]
        text = text[: len(text) - len(self.rest)]
        at = 0
        while at < len(text):
            found = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])").match(text, at)
            if found:
                self.control(found[1], found[2])
                at = found.end()
                continue
            c = text[at]
            at += 1
            if c == "\r":
                self.x = 0
            elif c == "\n":
                self.y += 1
            else:
                self.put(c)
                continue
            while len(self.lines) <= self.y:
                self.lines.append("")

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines)


# Whoever runs the tests in the background has signals ignored, and children inherit that.
AT_TERMINAL = (
    "import fcntl, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "[signal.signal(n, signal.SIG_DFL) for n in (signal.SIGHUP, signal.SIGQUIT)];"
    "from laminardb.shell import main; sys.argv[0] = 'laminardb'; sys.exit(main())"
)


class Person:
    """Types into a shell at a pseudo-terminal and looks at its screen."""

    def __init__(self, *arguments: str, columns: int = 80, rows: int = 24, **environment: str) -> None:
        self.fd, theirs = pty.openpty()
        home = {**os.environ, "LAMINARDB_HISTORY": "", "TERM": "xterm", **environment}
        home.pop("NO_COLOR", None)
        # The pseudo-terminal becomes the controlling one, so that Ctrl-C is a signal.
        self.process = subprocess.Popen(
            [sys.executable, "-c", AT_TERMINAL, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=home,
            start_new_session=True,
        )
        os.close(theirs)
        self.raw = b""
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.screen = Screen(columns, rows)
        self.resize(columns, rows)
        self.until("laminar>")

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.columns, self.screen.rows = columns, rows

    def look(self, seconds: float) -> bool:
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.raw += data
        self.screen.feed(self.decoder.decode(data))
        return bool(data)

    def wait(self, seen: Callable[[str], bool], what: str) -> str:
        end = time.monotonic() + WAIT
        while not seen(self.screen.text()):
            if time.monotonic() > end or not self.look(max(0.0, end - time.monotonic())):
                raise AssertionError(f"{what} is not on the screen:\n{self.screen.text()}")
        return self.screen.text()

    def until(self, text: str) -> str:
        return self.wait(lambda shown: text in shown, repr(text))

    def type(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def says(self, keys: str, text: str) -> str:
        self.type(keys)
        return self.until(text)

    def run(self, sql: str, text: str) -> str:
        return self.says(sql + "\r", text)

    def prompt(self) -> None:
        self.wait(lambda shown: shown.rstrip("\n").endswith("laminar>"), "a prompt")

    def close(self) -> int:
        try:
            end = time.monotonic() + WAIT
            while time.monotonic() < end and self.process.poll() is None:
                with contextlib.suppress(OSError):  # it may be gone by now
                    os.write(self.fd, b"\x03\x04")  # again: between two prompts Ctrl-D is no key
                for _ in range(20):
                    self.look(0.05)
            self.process.kill()
            return self.process.wait()
        finally:
            os.close(self.fd)


@pytest.fixture
def person() -> Iterator[Person]:
    p = Person()
    yield p
    shown = p.raw.decode(errors="replace")  # before close, whose keys a terminal may echo between two prompts
    assert p.close() == 0
    assert is_harmless(shown), shown


def test_typing_and_editing(person: Person) -> None:
    person.run("SELECT 1 +", "...>")
    shown = person.run("41 AS answer;", "1 row")
    assert "│     42 │" in shown
    person.prompt()  # the terminal itself shows keys that come before
    # home, end, left, delete to the end, yank, erase a word
    person.type("LECT 7 AS x;\x01SE\x05\x1b[D\x1b[D\x7fseven\x1b[1;5D\x1b[C\x05\r")
    person.until("seven")
    person.prompt()
    person.type("SELECT 1 nonsense\x17 AS ok;\x01\x0b\x19\r")
    person.until("│     ok │")
    person.prompt()
    person.type("SELECT 'äö漢' AS w\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x7f\x05;\r")
    person.until("│ äö      │")


def test_history(tmp_path: Path) -> None:
    file = tmp_path / "history"
    first = Person(LAMINARDB_HISTORY=str(file))
    first.run("SELECT 11 AS a;", "│     11 │")
    first.prompt()
    first.run("SELECT\r22 AS b;", "│     22 │")
    first.prompt()
    assert first.close() == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text() == "SELECT 11 AS a;\nSELECT\\n22 AS b;\n"
    second = Person(LAMINARDB_HISTORY=str(file))
    second.says("\x1b[A", "...> 22 AS b;")
    second.says("\x1b[A\x1b[A", "laminar> SELECT 11 AS a;")
    second.says("\r", "│     11 │")
    second.prompt()
    second.says("\x1222", "(search) 22:")
    second.says("\r", "...> 22 AS b;")
    second.says("\x05\r", "│     22 │")
    second.prompt()
    assert second.close() == 0


def test_completion(person: Person) -> None:
    person.run("CREATE SOURCE trades (symbol VARCHAR, price DOUBLE);", "CREATE SOURCE trades")
    person.prompt()
    person.says("SEL\t* FROM tr\t", "SELECT * FROM trades")
    person.says(" WHERE pric\t> 1;\r", "0 rows")
    assert "WHERE price> 1;" in person.screen.text()
    person.prompt()
    person.says("SELECT t.\t FROM trades t", "SELECT t. FROM")
    person.says("\x1b[D" * 14 + "\t", "price   symbol")
    person.says("\x03", "^C")
    person.says(".stre\t", ".streams")
    person.says("\x03.schema tra\t\r", "CREATE SOURCE trades (symbol")
    person.prompt()
    person.says("SELECT date_tr\t", "SELECT date_trunc(")
    person.says("\x03.mode m\t", ".mode markdown")


def test_ctrl_c_ends_the_query_and_not_the_shell(person: Person) -> None:
    person.type("SELECT sum(a.x) FROM range(100000000) a(x), range(100000) b(x);\r")
    person.until(" %")  # how far it is, after a second
    began = time.monotonic()
    person.says("\x03", "interrupted")
    assert time.monotonic() - began < 10
    person.prompt()
    person.run("SELECT 5 AS alive;", "│      5 │")
    person.prompt()
    person.says("SELECT half\x03", "^C")
    person.run("SELECT 6 AS alive;", "│      6 │")


def test_an_error_has_its_caret_and_colors_stay_inside(person: Person) -> None:
    shown = person.run("SELECT nope FROM range(3);", "nope")
    shown = person.until("^")
    assert "QueryError (400)" in shown
    assert b"\x1b[1;34mSELECT" in person.raw  # a keyword is painted while it is typed


def test_live_redraws_in_place_and_runs_statements(person: Person) -> None:
    person.run("CREATE SOURCE t (k VARCHAR, v BIGINT);", "CREATE SOURCE t")
    person.prompt()
    person.run("CREATE STREAM s AS SELECT k, sum(v) AS total FROM t GROUP BY k;", "CREATE STREAM s")
    person.prompt()
    person.run(".live s", "0 changes - q ends")
    person.says(":", ": ")
    person.run("INSERT INTO t VALUES ('a', 41), ('b', 7);", "│ a       │     41 │")
    person.says(":", ": ")
    shown = person.run("INSERT INTO t VALUES ('a', 1);", "│ a       │     42 │")
    assert "41" not in shown
    person.type("q")
    person.prompt()
    assert "│ a       │     42 │" not in person.screen.text()  # the screen before is back
    person.run("SELECT count(*) AS n FROM t;", "│      3 │")
    person.prompt()
    person.run("\\watch 0.1", "every 0.1 s")
    person.says("\x03", "laminar>")
    person.prompt()
    person.run(".live SELECT nope FROM t", "does not exist")
    person.prompt()


def test_resize(person: Person) -> None:
    wide = ", ".join(f"'value {i}' AS column_{i}" for i in range(12))
    person.run(f"SELECT {wide};", "12 columns")
    assert all(len(line) <= 80 for line in person.screen.text().splitlines())
    person.prompt()
    person.run(".live SELECT repeat('x', 200) AS long", "changes")
    person.resize(40, 12)
    person.process.send_signal(signal.SIGWINCH)
    person.wait(
        lambda shown: any(line.startswith("┌") and len(line) == 40 for line in shown.splitlines()),
        "40 columns",
    )
    person.type("q")
    person.prompt()
    person.says("SELECT 'a text that is longer than the forty columns of the screen' AS x;", "of the screen")
    person.says("\x01\x05\r", "1 row")


def test_a_hostile_session(person: Person) -> None:
    person.run("SELECT chr(27) || '[31m' || chr(7) || chr(8238) AS h;", "\\x1b[31m\\x07\\u202e")
    person.prompt()
    person.run(".mode csv", "laminar>")
    person.run("SELECT chr(27) || ']0;t' AS h;", "\\x1b]0;t")
    person.prompt()
    person.says("\x1b[200~SELECT 'p\x1b[2Jq\x07' AS pasted,\r\n\t1 AS one;\x1b[201~", "1 AS one;")
    person.says("\r", "p[2Jq,1")
    person.prompt()
    person.run(".mode arrow", "laminar>")
    person.run("SELECT 1;", "not for a terminal")


# ------------------------------------------------------------------------------------------ the guide

GUIDE = Path(__file__).resolve().parents[2] / "docs/guide/shell.md"


def blocks(language: str) -> list[str]:
    if not GUIDE.is_file():
        pytest.skip("needs the source tree")
    text = GUIDE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_session_of_the_guide(person: Person) -> None:
    (session,) = blocks("session")
    for line in session.splitlines():
        if line.startswith(("laminar> ", "    ...> ")):
            person.wait(lambda shown: shown.endswith("> ") or shown.endswith(">"), "a prompt")
            person.type(line[9:].replace("\t", "") + "\r")
            person.until(line)
    person.wait(lambda shown: shown.endswith("\nlaminar>"), "the last prompt")
    assert "\n".join(person.screen.text().splitlines()[1:-1]) + "\n" == session


def test_the_scripts_of_the_guide(tmp_path: Path) -> None:
    (console,) = blocks("console")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "laminardb").write_text(f'#!/bin/sh\nexec {sys.executable} -m laminardb "$@"\n')
    (folder / "laminardb").chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    made = ""
    for command in re.findall(r"^\$ (.*)$", console, re.MULTILINE):
        done = subprocess.run(
            ["sh", "-c", command + " 2>&1"], cwd=tmp_path, env=environment, capture_output=True, timeout=WAIT
        )
        made += f"$ {command}\n{done.stdout.decode()}"
    assert made == console


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
@pytest.mark.parametrize("live", [False, True])
def test_what_ends_it_leaves_the_terminal_as_it_was(number: int, live: bool) -> None:
    person = Person()
    with_echo = termios.ECHO | termios.ICANON
    assert termios.tcgetattr(person.fd)[3] & with_echo == 0, "keys come one by one"
    if live:
        person.run("CREATE SOURCE t (k BIGINT);", "CREATE SOURCE")
        person.prompt()
        person.run(".live SELECT count(*) AS n FROM t", "bigint")
    os.kill(person.process.pid, number)
    assert person.process.wait(WAIT) == -number
    assert termios.tcgetattr(person.fd)[3] & with_echo == with_echo
    while person.look(0.2):
        pass
    assert person.raw.endswith(b"\x1b[?2004l\x1b[0m\r\n")
    assert person.raw.count(b"\x1b[?1049h") == person.raw.count(b"\x1b[?1049l") == int(live)
    os.close(person.fd)


def test_stopped_and_going_on(person: Person) -> None:
    """A job that is stopped gives the terminal back, and has its keys again when it goes on."""
    with_echo = termios.ECHO | termios.ICANON
    person.type("SELECT 4")
    person.until("SELECT 4")
    os.kill(person.process.pid, signal.SIGTSTP)
    _, status = os.waitpid(person.process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    assert termios.tcgetattr(person.fd)[3] & with_echo == with_echo
    os.kill(person.process.pid, signal.SIGCONT)
    person.says("2;\r", "1 row")
    assert "42" in person.screen.text()
