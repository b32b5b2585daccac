# SPDX-License-Identifier: Apache-2.0
"""%laminardb and %%laminardb in an IPython of this process."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import laminardb
import pytest
from optional import some

interactive = pytest.importorskip("IPython.core.interactiveshell")


@pytest.fixture
def shell(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = interactive.InteractiveShell()
        made.history_manager.enabled = False
        made.run_line_magic("load_ext", "laminardb")
        with laminardb.open() as db:
            db.execute("CREATE SOURCE trades (symbol VARCHAR, price DOUBLE)")
            db.start()
            db.insert("trades", [("A", 1.0), ("B", 5.0), ("A", 3.0)])
            made.user_ns["db"] = db
            yield made
        made.history_manager.end_session()


def test_a_line_and_a_cell(shell: Any) -> None:
    assert shell.run_line_magic("laminardb", "SELECT count(*) FROM trades").fetchall() == [(3,)]
    found = shell.run_cell_magic("laminardb", "--name best", "SELECT max(price) FROM trades;\n")
    assert found.fetchall() == [(5.0,)] and shell.user_ns["best"] is found
    done = shell.run_cell_magic("laminardb", "", "CREATE TABLE t (a BIGINT); INSERT INTO t VALUES (1)")
    assert repr(done) == "ExecuteResult(rows_affected=1)"
    assert shell.run_line_magic("laminardb", "") is shell.user_ns["db"]


def test_python_variables_are_bound(shell: Any) -> None:
    shell.user_ns.update(least=2.0, name="A' OR TRUE --")
    sql = "SELECT price FROM trades WHERE price > $least ORDER BY 1"
    assert shell.run_line_magic("laminardb", sql).fetchall() == [(3.0,), (5.0,)]
    assert shell.run_line_magic("laminardb", "SELECT * FROM trades WHERE symbol = $name").fetchall() == []
    assert shell.run_line_magic("laminardb", "SELECT '$least' AS a -- $nothing").fetchall() == [("$least",)]
    given = "--params {'least':4} SELECT price, $name AS n FROM trades WHERE price > $least"
    assert shell.run_line_magic("laminardb", given).fetchall() == [(5.0, "A' OR TRUE --")]
    given = '--params "[4.0]" SELECT price FROM trades WHERE price > ?'
    assert shell.run_line_magic("laminardb", given).fetchall() == [(5.0,)]


def test_names_of_python_are_tables(shell: Any) -> None:
    shell.user_ns["mine"] = {"a": [1, 2]}
    assert shell.run_line_magic("laminardb", "SELECT sum(a) FROM mine").fetchall() == [(3,)]


@pytest.mark.parametrize(("kind", "package"), [("df", "pandas"), ("pl", "polars"), ("arrow", "pyarrow")])
def test_frames(shell: Any, kind: str, package: str) -> None:
    pytest.importorskip(package)
    found = shell.run_line_magic("laminardb", f"--as {kind} SELECT symbol FROM trades")
    assert type(found).__module__.partition(".")[0] == package and len(found) == 3


def test_live(shell: Any) -> None:
    found = shell.run_line_magic("laminardb", "--live --name sub SELECT symbol FROM trades;")
    assert isinstance(found, laminardb.Subscription) and shell.user_ns["sub"] is found
    assert len(some(found.next())) == 3


def test_other_connections(shell: Any, tmp_path: Any) -> None:
    with laminardb.open() as other:
        shell.user_ns["other"] = other
        shell.run_line_magic("laminardb", "--db other CREATE TABLE only_there (a BIGINT)")
        assert other.list_tables() == ["only_there"]
        assert shell.run_line_magic("laminardb", "SHOW TABLES").num_rows == 1, "it is the one from now on"
    path = tmp_path / "x.ldb"
    opened = shell.run_line_magic("laminardb", f"--db {path}")
    assert isinstance(opened, laminardb.Connection) and path.is_dir()
    opened.close()
    assert shell.run_line_magic("laminardb", "") is shell.user_ns["db"]


def test_a_plan_is_a_plan(shell: Any) -> None:
    plan = shell.run_line_magic("laminardb", "EXPLAIN ANALYZE SELECT count(*) FROM trades")
    assert "lm-bar" in plan._repr_html_() and plan.startswith("Aggregate")
    assert isinstance(shell.run_line_magic("laminardb", "SELECT 1 AS plan"), laminardb.QueryResult)


def test_errors_are_a_caret_and_no_traceback(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    done = shell.run_cell("%laminardb SELECT prise FROM trades WHERE symbol = '\x1b[2J'")
    assert isinstance(done.error_in_exec, laminardb.QueryError), "the cell has failed"
    said = capsys.readouterr()
    text = said.out + said.err
    assert (
        "^" in text and 'did you mean "price"?' in text and "Traceback" not in text and "\x1b[2J" not in text
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--wrong SELECT 1", "--wrong is no option: there are --live, --name, --as, --db, --params"),
        ("--as csv SELECT 1", "--as is df, pl, arrow, not csv"),
        ("--name 1x SELECT 1", "--name takes the name of a variable, not '1x'"),
        ("--name", "--name needs a value"),
        ("--db nothing SELECT 1", "--db nothing: there is no variable of that name that holds a Connection"),
        ("SELECT $absent", "$absent: there is no Python variable of that name"),
        ("--as df CREATE TABLE u (a BIGINT)", "--as df: the statement gives no rows"),
    ],
)
def test_what_is_wrong_with_a_line(shell: Any, line: str, said: str) -> None:
    error = pytest.importorskip("IPython.core.error").UsageError
    with pytest.raises(error) as raised:
        shell.run_line_magic("laminardb", line)
    assert str(raised.value) == said


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("%laminardb SELECT * FROM tr", "trades"),
        ("%laminardb --db db SELECT pr| FROM trades", "price"),
        ("%%laminardb --name x\nSELECT sym| FROM trades", "symbol"),
        ("x = 1\n%laminardb SELECT * FROM tr", "trades"),
        ("%%laminardb\nSEL", "SELECT"),
        ("tr", None),
        ("%laminardb --na", None),
        ("%laminardb SELECT 1\ntr", None),
    ],
)
def test_completion(shell: Any, text: str, wanted: str | None) -> None:
    at = text.index("|") if "|" in text else len(text)
    magics = shell.magics_manager.magics["line"]["laminardb"].__self__
    found = magics.complete(text.replace("|", ""), at)
    if wanted is None:
        assert found is None
        return
    word, names = found
    assert wanted in [name for name, _ in names] and text[:at].endswith(word) and word
    if "\n" not in text:
        _, made = shell.complete(text.replace("|", ""), text.replace("|", ""), at)
        assert wanted in made


def test_unloading(shell: Any) -> None:
    shell.run_line_magic("unload_ext", "laminardb")
    assert not [
        m for m in shell.Completer.custom_matchers if getattr(m, "matcher_identifier", "") == "laminardb"
    ]
