# SPDX-License-Identifier: Apache-2.0
"""What a person sees of what takes long: on a terminal, in a notebook, and nothing elsewhere."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import laminardb
import pytest
from laminardb import Progress, _laminardb, progressing

PACKAGES = str(Path(laminardb.__file__).parent.parent)
QUERY = """
import laminardb, time
db = laminardb.open()
def ask(rows):
    start = time.monotonic()
    db.query(f"SELECT count(*) FROM range({{rows}}) AS t(x) WHERE regexp_matches(x::TEXT, '7.*7.*7.*1')")
    return time.monotonic() - start
{0}
print("done")
"""
# About a second and a half of work on any machine.
LONG = QUERY.format("ask(int(1.5 * 400_000 / ask(400_000)))")


def on_a_terminal(code: str) -> str:
    """What a process that has a terminal writes to it."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "PYTHONPATH": PACKAGES}
    with subprocess.Popen([sys.executable, "-c", code], stdout=theirs, stderr=theirs, env=env) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:
                break
            if not part:
                break
            said += part
    os.close(ours)
    assert process.returncode == 0, said
    return said.decode()


def test_a_line_on_a_terminal() -> None:
    said = on_a_terminal(LONG)
    lines = [line.strip() for line in said.split("\r") if "laminardb:" in line]
    assert lines and all(len(line) <= 79 for line in lines)
    shape = r"laminardb: +\d+%  [\d.]+[kM]? of [\d.]+[kM]? rows  [\d.]+ s(, about [\d.]+ s to go)?"
    assert all(re.fullmatch(shape, line) for line in lines), lines
    assert said.endswith(" " * 79 + "\rdone\r\n"), "the line goes when it is over"


def test_short_queries_show_nothing() -> None:
    assert on_a_terminal(QUERY.format("ask(10)")) == "done\r\n"


def test_nothing_elsewhere() -> None:
    env = {**os.environ, "PYTHONPATH": PACKAGES}
    done = subprocess.run([sys.executable, "-c", LONG], env=env, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_what_has_no_measure_tells_its_time() -> None:
    code = "import laminardb.shown as s, time\nwith s.working('opening a\x1b[2Jb'): time.sleep(1.2)"
    code += "\nprint('done')"
    said = on_a_terminal(code)
    lines = [line.strip() for line in said.split("\r") if "laminardb:" in line]
    assert 1 <= len(lines) <= 5
    assert all(re.fullmatch(r"laminardb: opening a\\x1b\[2Jb  [\d.]+ s", line) for line in lines)
    assert said.endswith(" " * 79 + "\rdone\r\n")


KEPT = """
import laminardb, sys, time
from laminardb import progressing
progressing.DELAY, progressing.INTERVAL_MS = 0.01, 10
made = laminardb.open({0!r}, config=laminardb.LaminarConfig(checkpoint_interval_ms=3600000))
made.execute("CREATE SOURCE IF NOT EXISTS t (k BIGINT, s VARCHAR)")
if made.stats("t")["total_events"] == 0:
    batch = {{"k": list(range(20_000)), "s": [str(k * k * 7919) for k in range(20_000)]}}
    for _ in range({1}):
        made.insert("t", batch)
    made.execute("CREATE STREAM s AS SELECT s, count(*) AS n FROM t GROUP BY s")
    made.start()
else:
    {2}
"""


def test_files_are_counted(tmp_path: Path) -> None:
    """What is read and written of a database's files says how much of how much."""
    folder = str(tmp_path / "t.ldb")
    # The first run inserts, the second reads the log, then makes a checkpoint, looks at it and copies it.
    work = f"made.checkpoint(); made.verify(); made.backup({str(tmp_path / 'copy.ldb')!r}); made.restore(1)"
    said = [on_a_terminal(KEPT.format(folder, 40, work)) for _ in range(2)][1]
    lines = [line.strip() for line in said.split("\r") if "laminardb:" in line]
    shape = re.compile(r"laminardb: (\w+).* (\d+)%  [\d.]+[kM]?B of [\d.]+[kM]?B, (about )?[\d.]+ s( to go)?")
    found = [m for m in map(shape.fullmatch, lines) if m]
    assert {m[1] for m in found} >= {"opening", "making"}, lines
    assert any(0 < int(m[2]) < 100 for m in found), lines


@pytest.mark.parametrize("shown", [False, True])
def test_the_counts_of_work_end_where_they_should(
    tmp_path: Path, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What there was to do is what was done, also when the calls themselves show how far they are."""
    from laminardb import shown as showing

    monkeypatch.setattr(showing, "watcher", lambda: progressing if shown else None)

    config = laminardb.LaminarConfig(checkpoint_interval_ms=3_600_000)

    def counted(work: Any) -> tuple[Any, int, int]:
        count = _laminardb._work_begin()
        try:
            made = work()
        finally:
            _laminardb._work_end()
        return (made, *_laminardb._work_look(count))

    db, done, total = counted(lambda: laminardb.open(tmp_path / "t.ldb", config=config))
    db.execute("CREATE SOURCE t (k BIGINT)")
    db.execute("CREATE STREAM s AS SELECT k, count(*) AS n FROM t GROUP BY k")
    db.start()
    for i in range(5):
        db.insert("t", {"k": list(range(i, 50_000))})
    for work in (db.checkpoint, db.verify, lambda: db.backup(tmp_path / "u.ldb"), lambda: db.restore(1)):
        _, done, total = counted(work)
        assert total > 100_000 and 0.8 * total <= done <= total, (work, done, total)
    db.close()
    db, done, total = counted(lambda: laminardb.open(tmp_path / "t.ldb", config=config))
    assert total > 100_000 and 0.8 * total <= done <= total
    _, done, total = counted(lambda: db.query("SELECT count(*) FROM t"))
    assert (done, total) == (0, 0)
    db.close()


def test_the_estimate_is_right_within_a_factor_of_two(db: laminardb.Connection) -> None:
    """On a scan that goes evenly: the middle of the estimates between a quarter and three quarters of it."""
    db.execute("SET threads = 1")
    seen: list[tuple[float, Progress]] = []
    db.set_progress(lambda p: seen.append((time.monotonic(), p)), interval_ms=20)
    sql = "SELECT count(*) FROM range(3000000) AS t(x) WHERE regexp_matches(x::TEXT, '7.*7.*7.*1')"
    db.query(sql)
    end = seen[-1][0]
    ratios = [p.remaining / (end - at) for at, p in seen if 0.25 < p.fraction < 0.75 and p.remaining]
    assert ratios, [p.fraction for _, p in seen]
    assert 0.5 < sorted(ratios)[len(ratios) // 2] < 2, ratios


def estimates_of_an_opening(folder: str) -> list[float]:
    """Estimates of the time left between a quarter and three quarters of an opening, by what was left."""
    work, over = _laminardb._work_begin(), threading.Event()
    pace = progressing.Pace()
    seen: list[tuple[float, float | None]] = []
    began = time.monotonic()

    def look() -> None:
        while not over.wait(0.004):
            done, total = _laminardb._work_look(work)
            elapsed = time.monotonic() - began
            seen.append((elapsed, pace.left(done, total, elapsed)))

    looker = threading.Thread(target=look)
    looker.start()
    try:
        config = laminardb.LaminarConfig(checkpoint_interval_ms=3_600_000)
        db = laminardb.open(folder, config=config)
        took = time.monotonic() - began
    finally:
        _laminardb._work_end()
        over.set()
        looker.join()
    db.close()
    return [left / (took - at) for at, left in seen if left is not None and 0.25 < at / took < 0.75]


@pytest.mark.parametrize("kind", ["log", "checkpoint", "both"])
def test_the_estimate_of_an_opening(tmp_path: Path, kind: str) -> None:
    """Right within a factor of two in the middle of it: of a log, of much state, of a log behind state."""
    folder = str(tmp_path / "t.ldb")
    db = laminardb.open(folder, config=laminardb.LaminarConfig(checkpoint_interval_ms=3_600_000))
    db.execute("CREATE SOURCE t (s VARCHAR)")
    db.execute("CREATE STREAM s AS SELECT s, count(*) AS n FROM t GROUP BY s")
    db.start()
    batches = 100 if kind == "checkpoint" else 60
    for i in range(batches):
        db.insert("t", {"s": [str((i * 20_000 + k) * 7919) for k in range(20_000)]})
        if kind == "both" and i == 10:
            db.checkpoint()
    if kind == "checkpoint":
        db.checkpoint()
    db.close()
    middles = []
    for _ in range(5):  # what else the machine does spoils one, not all
        ratios = sorted(estimates_of_an_opening(folder))
        middles.append(ratios[len(ratios) // 2] if ratios else 0)
        if 0.5 < middles[-1] < 2:
            return
    pytest.fail(f"estimates by what was left: {middles}")


def test_the_texts() -> None:
    texts = [progressing.seconds(s) for s in (0.04, 59.94, 61, 3599, 7260)]
    assert texts == ["0.0 s", "59.9 s", "1 min 01 s", "59 min 59 s", "2 h 01 min"]
    p = Progress(1, 0.25, 3_000_000, 12_000_000, 1.5, None)
    line = progressing.work_line("opening a-rather-long-name.ldb", 1_500_000, 12_000_000, 2, 14)
    assert line == "opening a-rather-long…   12%  1.5MB of 12MB, about 14.0 s to go"
    assert progressing.work_line("opening t", 0, 0, 1) == "opening t  1.0 s"
    assert progressing.line_of(p) == " 25%  3M of 12M rows  1.5 s"


def test_one_display_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    display = pytest.importorskip("IPython.display")
    calls: list[Any] = []

    class Handle:
        def update(self, bundle: Any, raw: bool) -> None:
            calls.append(bundle)

    def show(bundle: Any, raw: bool, display_id: bool) -> Handle:
        calls.append("new")
        return Handle()

    monkeypatch.setattr(display, "display", show)
    monkeypatch.setitem(sys.modules, "ipykernel", display)
    report = progressing.QueryProgress()
    for fraction, elapsed in ((0.1, 0.2), (0.3, 0.6), (0.5, 0.8), (1.0, 1.0)):
        report(Progress(7, fraction, 10, 20, elapsed, 1.0))
    assert calls[0] == "new" and len(calls) == 3
    assert "width:50.0%" in calls[1]["text/html"] and calls[2] == {"text/html": "", "text/plain": ""}
    report(Progress(8, 1.0, 10, 20, 9.0, 0.0))
    assert len(calls) == 3
