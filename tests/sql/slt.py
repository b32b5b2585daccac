# SPDX-License-Identifier: Apache-2.0
"""Reads and runs .slt files: SQL with the rows, changes and errors it must give.

A file is a list of records, one blank line or more between them. `#` starts a comment line before a record.

    statement ok                the SQL below runs
    statement error <regex>     it fails and the regex is found in the message; with a `----` below the SQL,
                                the message is exactly the lines behind that
    statement rows <n>          it changes n rows
    query [rowsort] [names] [types] [once] [now]
                                the rows behind `----` come back, in this order (rowsort: in any). names,
                                types: the first lines there are the names, the types of the columns. once: it
                                is refused as a stream; every other one must also hold as a stream, but for
                                now: it shows what is retained, and a stream made earlier has counted more
    source <name>               CREATE SOURCE with the column list below
    stream <name>               CREATE STREAM name AS the SQL below
    subscribe <name>            a subscription of the SQL below, read by `changes`
    insert <source> [error <regex>]
                                CSV rows in the order of the columns; insert t(a, b): of these columns
    changes <name> [rowsort]    the rows delivered since the last look, for streams since they were made
    metric <stream>             lines "name value" of its counters
    advance <source> <ms>       moves its watermark
    start | reset               starts the streams | takes a new, empty database

Values of a row are separated by a tab or by two blanks or more. NULL, true and false are words; doubles have
a point, an exponent or are nan, inf, -inf and may differ by 1e-12 of the value. Text stands as it is, in
single quotes when it is empty, looks like NULL, or holds blanks at its ends, two in a row, a quote at its
start or control characters (then \\n, \\t, \\x01). A LIST is [1, NULL], a STRUCT and a MAP {k: v}, a STRUCT
without names (1, a). An INTERVAL is its months and its time: 1m -2d 03:00:00.
"""

from __future__ import annotations

import datetime as dt
import math
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import laminardb
from laminardb.interval import Interval

HEADS = (
    "statement",
    "query",
    "source",
    "stream",
    "subscribe",
    "insert",
    "changes",
    "metric",
    "advance",
    "start",
    "reset",
)


# Statements that change rows, or begin and end a transaction.
CHANGE = re.compile(
    r"\s*(?:WITH\b[^\n]*\)\s*)?"
    r"(UPDATE|DELETE|TRUNCATE|MERGE|UPSERT|REPLACE|INSERT\s+OR|BEGIN|COMMIT|END|ROLLBACK)\b",
    re.IGNORECASE,
)
CHANGED = re.compile(
    r"(?:\s*WITH\b[^\n]*\)(?=\s*(?:UPDATE|DELETE|MERGE)\b))?[\w\s]*?"
    r'(?:UPDATE|FROM|TABLE|TRUNCATE|INTO)\s+(\w+|"[^"]*")',
    re.IGNORECASE,
)
METADATA = re.compile(r"\s*(SHOW|DESCRIBE|DESC|PRAGMA)\b", re.IGNORECASE)  # rows that are no query's
RETURNING = re.compile(r"\s*(?:WITH\b[^\n]*\)\s*)?(INSERT|UPSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)


class Mismatch(AssertionError):
    """A record did not hold; the message has file, line and both sides."""


@dataclass
class Record:
    line: int
    kind: str
    words: list[str]
    rest: str  # of the first line behind the kind
    body: list[str] = field(default_factory=list)
    expected: list[str] | None = None

    @property
    def sql(self) -> str:
        return "\n".join(self.body)


def read(path: Path) -> list[Record]:
    records: list[Record] = []
    current: Record | None = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if current is None:
            if not line.strip() or line.startswith("#"):
                continue
            kind, _, rest = line.partition(" ")
            if kind not in HEADS:
                words = ", ".join(HEADS)
                raise Mismatch(f"{path.name}:{number}: a record starts with one of {words}, not {line!r}")
            current = Record(number, kind, rest.split(), rest.strip())
            records.append(current)
        elif not line.strip():
            current = None
        elif line == "----" and current.expected is None:
            current.expected = []
        elif current.expected is not None:
            current.expected.append(line)
        else:
            current.body.append(line)
    return records


# values


def show_text(text: str) -> str:
    bare = text.strip() == text and text != "" and text != "NULL" and "  " not in text and text[0] != "'"
    if bare and text.isprintable():
        return text
    out = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return "'" + "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in out) + "'"


def show_interval(months: int, us: int) -> str:
    sign, us = ("-" if us < 0 else ""), abs(us)
    seconds = us // 1_000_000
    clock = f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    part = f".{us % 1_000_000:06d}".rstrip("0") if us % 1_000_000 else ""
    return f"{months}m {sign}{seconds // 86400}d {clock}{part}"


def show(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        text = value.isoformat(sep=" ")
        return text.rstrip("0") if "." in text else text
    if isinstance(value, str):
        return show_text(value)
    if isinstance(value, list | tuple) and not hasattr(value, "months"):
        text = ", ".join(map(show, value))
        return f"[{text}]" if isinstance(value, list) else f"({text})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{show(k)}: {show(v)}" for k, v in value.items()) + "}"
    if isinstance(value, dt.timedelta):
        return show_interval(0, value // dt.timedelta(microseconds=1))
    if isinstance(value, Interval):
        return show_interval(value.months, value.days * 86_400_000_000 + value.microseconds)
    return repr(value) if isinstance(value, float) else str(value)


def split(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("\t")] if "\t" in line else re.split(r" {2,}", line.strip())


def is_double(text: str) -> bool:
    return re.fullmatch(r"-?(\d+\.\d+(e[+-]?\d+)?|\d+e[+-]?\d+|inf|nan)", text) is not None


def same_cell(got: str, want: str) -> bool:
    if got == want or not (is_double(got) and is_double(want)):
        return got == want
    x, y = float(got), float(want)
    return x == y != 0 or math.isclose(x, y, rel_tol=1e-12)


def same_rows(got: list[list[str]], want: list[list[str]]) -> bool:
    if len(got) != len(want):
        return False
    return all(len(g) == len(w) and all(map(same_cell, g, w)) for g, w in zip(got, want, strict=True))


def rounded(value: Any) -> str:
    if not isinstance(value, float):
        return show(value)
    return "0.0" if value == 0 else f"{value:.11g}"


def bag(rows: list[tuple[Any, ...]]) -> Counter[tuple[str, ...]]:
    """Rows as a multiset; doubles to 11 digits (sums have any order), and -0.0 is 0.0, as in keys."""
    return Counter(tuple(map(rounded, row)) for row in rows)


# the incremental check


@dataclass
class Log:
    """What a file did so far, to be done again in another database."""

    ddl: list[str] = field(default_factory=list)
    # (rows, source, table), (advance, source, ms) or (sql, table, a statement that changes rows)
    steps: list[tuple[str, str, Any]] = field(default_factory=list)
    streams: set[str] = field(default_factory=set)
    altered: bool = False  # then what was done cannot be done again in another order


def pieces(log: Log, rng: random.Random | None, whole: bool) -> Iterator[tuple[str, str, Any]]:
    """The steps of a log, its inserts cut: not at all, by the generator, or into single rows."""
    for kind, source, what in log.steps:
        if kind != "rows" or whole:
            yield kind, source, what
            continue
        at = 0
        while at < what.num_rows:
            size = 1 if rng is None else rng.choice((1, 2, 3, what.num_rows))
            yield kind, source, what.slice(at, size)
            at += size


def apply(db: laminardb.Connection, step: tuple[str, str, Any]) -> None:
    kind, source, what = step
    if kind == "rows":
        db.insert(source, what)
    elif kind == "sql":
        db.execute(what)
    else:
        db.advance_watermark(source, what)


def settled(db: laminardb.Connection, name: str) -> None:
    metrics = db.stream_metrics(name)
    if metrics is None or metrics.error is not None:
        raise Mismatch(f"the stream failed: {metrics.error if metrics else 'it is gone'}")


def late_rows(db: laminardb.Connection) -> int:
    return sum(m.late_rows for name in db.list_streams() if (m := db.stream_metrics(name)) is not None)


def make_again(db: laminardb.Connection) -> None:
    """The stream of its own text, which says what * was, must have the same columns."""
    columns = db.query("DESCRIBE incremental").fetchall()
    text = db.query("SHOW CREATE incremental").fetchall()[0][1]
    db.execute("DROP STREAM incremental")
    db.execute(text)
    if columns != db.query("DESCRIBE incremental").fetchall():
        raise Mismatch(f"its text means another stream: {text}")


def replay(log: Log, sql: str, seed: int | None, whole: bool = False) -> tuple[Counter[tuple[str, ...]], int]:
    """The state of `sql` as a stream in a new database, and the rows that came late there.

    Without a seed the stream is made before all rows. With one, the places of CREATE STREAM, start() and cuts
    are random, and a subscription to all changes must add up to the same state.
    """
    rng = None if seed is None else random.Random(seed)
    with laminardb.open() as db:
        for ddl in log.ddl:
            db.execute(ddl)
        steps = list(pieces(log, rng, whole))
        made, started = (0, 0) if rng is None else (rng.randint(0, len(steps)), rng.randint(0, len(steps)))
        watched = rng is not None and not re.search(r"\bEMIT\b", sql)
        changes: laminardb.Subscription | None = None
        for i in range(len(steps) + 1):
            if i == started:
                db.start()
            if i == made:
                db.execute(f"CREATE STREAM incremental AS {sql}")
                if rng is None:
                    make_again(db)
                changes = db.subscribe(f"{sql} EMIT CHANGES") if watched else None
            if i < len(steps):
                apply(db, steps[i])
        settled(db, "incremental")
        state = bag(db.query("SELECT * FROM incremental").fetchall())
        if changes is not None:
            summed: Counter[tuple[str, ...]] = Counter()
            while (batch := changes.try_next()) is not None:
                for *row, weight in batch.fetchall():
                    summed[tuple(map(rounded, row))] += weight
            if {k: w for k, w in summed.items() if w} != dict(state):
                raise Mismatch(f"its changes add up to {dict(summed)}, its state is {dict(state)}")
        return state, late_rows(db)


# the runner


class Runner:
    def __init__(self, path: Path, seed: int) -> None:
        self.path, self.seed = path, seed
        self.incremental = self.compared_late = self.refused = self.queries = 0
        self.codes: set[int] = set()  # of the errors that were expected and came
        self.db = laminardb.open()
        self.fresh()

    def fresh(self) -> None:
        self.db.close()
        self.db = laminardb.open()
        self.log = Log()
        self.subscriptions: dict[str, Any] = {}
        self.started = False

    def run(self) -> None:
        try:
            for record in read(self.path):
                where = f"{self.path.name}:{record.line}: {record.sql}"
                try:
                    getattr(self, f"do_{record.kind}")(record)
                except Mismatch as e:
                    raise Mismatch(f"{where}\n{e}") from None
                except (laminardb.LaminarError, ValueError, TypeError) as e:
                    raise Mismatch(f"{where}\n{type(e).__name__}: {e}") from e
        finally:
            self.db.close()

    # statements

    def execute(self, sql: str) -> laminardb.ExecuteResult:
        if CHANGE.match(sql):
            result = self.db.execute(sql)
            target = CHANGED.match(sql)
            self.log_change(target[1].strip('"') if target else "", sql)
            return result
        insert = re.match(r'\s*(?:WITH\b.*?\)\s*)?INSERT\s+(?:INTO\s+)?(\w+|"[^"]*")', sql, re.IGNORECASE)
        if insert and (self.open_transaction() or self.is_keyed(insert[1])):
            result = self.db.execute(sql)
            self.log_change(insert[1].strip('"'), sql)
            return result
        before = self.count(insert[1]) if insert else 0
        result = self.db.execute(sql)
        if insert:
            self.log_rows(insert[1], before)
        elif result.result_type == "ddl":
            self.log_ddl(sql, result.ddl_type or "", result.ddl_object or "")
        return result

    def log_ddl(self, sql: str, kind: str, name: str) -> None:
        if kind.startswith("ALTER"):
            self.log.altered = True
            return None
        if re.match(r"\s*(DROP\b|CREATE\s+OR\s+REPLACE\b)", sql, re.IGNORECASE):
            gone = name.strip('"').lower()
            self.log.steps = [step for step in self.log.steps if step[1].lower() != gone]
        if kind == "CREATE TABLE" and re.match(r"[^(]*\bAS\b", sql, re.IGNORECASE):
            columns = self.db.query(f'SHOW CREATE "{name}"').fetchall()[0][1]
            if columns in self.log.ddl and "REPLACE" not in sql:
                return None  # IF NOT EXISTS
            self.log.ddl.append(columns if "REPLACE" not in sql else f'DROP TABLE "{name}"; {columns}')
            return self.log_rows(f'"{name}"', 0)
        self.log.ddl.append(sql)
        if kind == "CREATE STREAM":
            self.subscriptions[name.lower()] = self.db.subscribe_stream(name)
        return None

    def log_change(self, table: str, sql: str) -> None:
        """A transaction is one step: nothing can be made within it."""
        if self.open_transaction():
            self.log.steps[-1] = ("sql", "", f"{self.log.steps[-1][2]};\n{sql}")
        else:
            self.log.steps.append(("sql", table, sql))

    def open_transaction(self) -> bool:
        if not self.log.steps or self.log.steps[-1][0] != "sql":
            return False
        script = self.log.steps[-1][2].rsplit(";\n", 1)
        return script[0].startswith("BEGIN") and re.match("COMMIT|END|ROLLBACK", script[-1]) is None

    def is_keyed(self, table: str) -> bool:
        """New rows may replace old ones: its INSERTs are repeated, not their rows."""
        try:
            made = self.db.query(f"SHOW CREATE {table}").fetchall()[0][1]
        except laminardb.LaminarError:
            return False
        return re.search(r"PRIMARY\s+KEY|UNIQUE", made, re.IGNORECASE) is not None

    def count(self, source: str) -> int:
        try:
            return int(self.db.query(f"SELECT count(*) FROM {source}").fetchall()[0][0])
        except laminardb.QueryError:
            return 0

    def log_rows(self, source: str, before: int) -> None:
        table = self.db.query(f"SELECT * FROM {source}").to_arrow().slice(before)
        if table.num_rows > 0:
            self.log.steps.append(("rows", source.strip('"'), table))

    def do_statement(self, r: Record) -> None:
        verb, _, rest = r.rest.partition(" ")
        if verb == "error":
            return self.expect_error(r, rest.strip(), lambda: self.execute(r.sql))
        result = self.execute(r.sql)
        if verb == "rows" and result.rows_affected != int(rest):
            raise Mismatch(f"it changed {result.rows_affected} rows, not {rest}")
        if verb not in ("ok", "rows"):
            raise Mismatch(f"unknown: statement {verb}")
        return None

    def expect_error(self, r: Record, pattern: str, call: Any) -> None:
        try:
            call()
        except (laminardb.LaminarError, ValueError, TypeError, MemoryError) as e:
            text = str(e)
            self.codes.add(getattr(e, "code", 0))
            if pattern and not re.search(pattern, text):
                raise Mismatch(f"the message does not match /{pattern}/:\n{text}") from None
            if r.expected is not None and text.splitlines() != r.expected:
                want = "\n".join(r.expected)
                raise Mismatch(f"the message is\n{text}\nand should be\n{want}") from None
            return
        raise Mismatch("it succeeded, and an error was expected")

    # queries

    def do_query(self, r: Record) -> None:
        unknown = set(r.words) - {"rowsort", "names", "types", "once", "now"}
        if unknown or r.expected is None:
            raise Mismatch(f"unknown words {unknown}" if unknown else "a query needs ---- and its rows")
        self.queries += 1
        gives = RETURNING.match(r.sql)
        result = self.execute(r.sql).to_query_result() if gives else self.db.query(r.sql)
        if result is None:
            raise Mismatch("it gives no rows")
        want = [split(line) for line in r.expected]
        if "names" in r.words:
            self.expect_rows([result.columns], [want.pop(0)], "columns")
        if "types" in r.words:
            self.expect_rows([result._column_types], [want.pop(0)], "types")
        rows = result.fetchall()
        self.expect_rows([[show(v) for v in row] for row in rows], want, "rows", "rowsort" in r.words)
        if METADATA.match(r.sql) or gives or "now" in r.words:
            self.queries -= 1
            return None
        if "once" in r.words:
            return self.expect_refused(r.sql)
        return self.check_incremental(r, bag(rows))

    def expect_rows(
        self, got: list[list[str]], want: list[list[str]], what: str, rowsort: bool = False
    ) -> None:
        if rowsort:
            got, want = sorted(got), sorted(want)
        if not same_rows(got, want):
            lines = ["\n".join("  ".join(row) for row in rows) for rows in (got, want)]
            raise Mismatch(f"{what} are\n{lines[0]}\nand should be\n{lines[1]}")

    def expect_refused(self, sql: str) -> None:
        self.refused += 1
        try:
            self.db.execute(f"CREATE STREAM refused AS {sql}")
        except laminardb.QueryError:
            return
        raise Mismatch("it is legal as a stream: leave out the word once")

    def check_incremental(self, r: Record, want: Counter[tuple[str, ...]]) -> None:
        """As a stream made after the rows, before them with one row an insert, and among random inserts."""
        self.db.execute(f"CREATE STREAM afterwards AS {r.sql}")
        try:
            if not self.started:
                with_rows = want  # it begins at start(): the replays have it
            else:
                settled(self.db, "afterwards")
                with_rows = bag(self.db.query("SELECT * FROM afterwards").fetchall())
        finally:
            metrics = self.db.stream_metrics("afterwards")
            self.db.execute("DROP STREAM afterwards")
        dropped = (metrics.late_rows if metrics else 0) + late_rows(self.db)
        if dropped == 0:
            self.agree("made after the rows", with_rows, want)
            for seed in () if self.log.altered else (None, self.seed, self.seed + 1):
                state, late = replay(self.log, r.sql, seed)
                if late > 0:  # these cuts made rows late
                    state, late = replay(self.log, r.sql, seed, whole=True)
                self.agree(f"inserts cut by seed {seed}", state, want)
        else:
            # Late rows depend on the cuts: the same ones must drop the same rows whenever the stream is made.
            self.compared_late += 1
            for seed in () if self.log.altered else (None, self.seed):
                state, _ = replay(self.log, r.sql, seed, whole=True)
                self.agree(f"same inserts, seed {seed}", state, with_rows)
        self.incremental += 1

    def agree(self, how: str, got: Counter[tuple[str, ...]], want: Counter[tuple[str, ...]]) -> None:
        if got != want:
            more, less = dict(got - want), dict(want - got)
            raise Mismatch(f"as a stream ({how}) it gives\n{more}\nmore and\n{less}\nless")

    # streams

    def do_source(self, r: Record) -> None:
        self.execute(f"CREATE SOURCE {r.rest} (\n{r.sql}\n)")

    def do_stream(self, r: Record) -> None:
        self.execute(f"CREATE STREAM {r.rest} AS\n{r.sql}")

    def do_subscribe(self, r: Record) -> None:
        self.subscriptions[r.rest.lower()] = self.db.subscribe(r.sql)

    def do_insert(self, r: Record) -> None:
        target, _, pattern = r.rest.partition(" error ")
        found = re.fullmatch(r"(\w+)\s*(?:\((.*)\))?", target.strip())
        if found is None:
            raise Mismatch(f"insert <source> or insert <source>(columns), not {target!r}")
        source, columns = found[1], found[2]
        header = columns or ",".join(field.name for field in self.db.schema(source))
        csv = "\n".join([header, *r.body]) + "\n"
        before = self.count(source)
        if pattern or r.rest.endswith(" error"):
            return self.expect_error(r, pattern, lambda: self.db.insert_csv(source, csv))
        self.db.insert_csv(source, csv)
        return self.log_rows(source, before)

    def do_changes(self, r: Record) -> None:
        rows = []
        while (batch := self.subscriptions[r.words[0].lower()].try_next()) is not None:
            rows += [[show(v) for v in row] for row in batch.fetchall()]
        want = [split(line) for line in r.expected or []]
        self.expect_rows(rows, want, "changes", "rowsort" in r.words)

    def do_metric(self, r: Record) -> None:
        metrics = self.db.stream_metrics(r.words[0])
        for line in r.body:
            name, _, want = line.partition(" ")
            got = str(getattr(metrics, name))
            if got != want.strip():
                raise Mismatch(f"{name} is {got}, and should be {want}")

    def do_advance(self, r: Record) -> None:
        source, ms = r.words[0], int(r.words[1])
        self.db.advance_watermark(source, ms)
        self.log.steps.append(("advance", source, ms))

    def do_start(self, r: Record) -> None:
        self.db.start()
        self.started = True

    def do_reset(self, r: Record) -> None:
        self.fresh()
