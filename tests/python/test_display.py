# SPDX-License-Identifier: Apache-2.0
"""What people look at: tables, records, plans and graphs in text, HTML and LaTeX; safe whatever data say."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import laminardb
import pytest
from laminardb import display
from laminardb.flow import Flow
from laminardb.shown import Listing, Plan

TRADES = "CREATE SOURCE trades (symbol VARCHAR, price DOUBLE, volume BIGINT, ts BIGINT)"
ROWS = [("AAPL", 150.0, 1000, 1), ("GOOG", 2800.0, 500, 2), ("MSFT", 300.0, 750, 3)]
TABLE = """\
  symbol   price  volume  ts
0   AAPL   150.0    1000   1
1   GOOG  2800.0     500   2
2   MSFT   300.0     750   3
"""


@pytest.fixture
def trades(db: laminardb.Connection) -> laminardb.Connection:
    db.execute(TRADES)
    db.start()
    names = [c.strip().split()[0] for c in TRADES.partition("(")[2].split(",")]
    db.insert("trades", [dict(zip(names, row, strict=True)) for row in ROWS])
    return db


# ---- the requirements, and the outputs of the specification


@pytest.mark.requirement("F-PY-032.1")
def test_html_has_a_table(trades: laminardb.Connection) -> None:
    html = trades.query("SELECT * FROM trades")._repr_html_()
    assert "<table" in html and "AAPL" in html and ">VARCHAR<" in html


@pytest.mark.requirement("F-PY-032.2")
def test_html_falls_back_to_pre(db: laminardb.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    result = db.query("SELECT 1 AS x")
    monkeypatch.setattr(display, "html_table", lambda *a: 1 / 0)
    assert result._repr_html_() == "<pre>QueryResult(rows=1, columns=1)</pre>"


@pytest.mark.requirement("F-PY-032.3")
def test_show_prints(trades: laminardb.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    trades.query("SELECT * FROM trades").show()
    assert capsys.readouterr().out == TABLE


@pytest.mark.requirement("F-PY-032.4")
def test_show_prints_no_more_than_asked(db: laminardb.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    db.query("SELECT x FROM range(10000) AS t(x)").show(max_rows=5)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["   x", *(f"{i}  {i}" for i in range(5)), "[5 of 10000 rows]"]
    db.query("SELECT x FROM range(30) AS t(x)").show()
    assert capsys.readouterr().out.endswith("\n[20 of 30 rows]\n")


@pytest.mark.requirement("F-PY-032.5")
def test_repr(db: laminardb.Connection) -> None:
    result = db.query("SELECT 1 AS a, 2, 3, 4, 5 FROM range(100)")
    assert repr(result) == "QueryResult(rows=100, columns=5)"


@pytest.mark.requirement("F-PY-032.6")
def test_len(db: laminardb.Connection) -> None:
    assert len(db.query("SELECT 1 FROM range(100)")) == 100


@pytest.mark.requirement("F-PY-032.7")
def test_iteration(trades: laminardb.Connection) -> None:
    assert list(trades.query("SELECT * FROM trades")) == ROWS


@pytest.mark.requirement("F-PY-032.8")
def test_reprs_of_what_a_pipeline_has(trades: laminardb.Connection) -> None:
    trades.execute("CREATE STREAM n AS SELECT symbol, count(*) AS n FROM trades GROUP BY symbol")
    graph = trades.topology()
    assert repr(trades.metrics()) == "PipelineMetrics(state=Running, ingested=3, emitted=3)"
    assert repr(trades.source_metrics("trades")) == "SourceMetrics(name='trades', events=3, pending=0)"
    assert repr(trades.stream_metrics("n")) == "StreamMetrics(name='n', events=3, pending=0)"
    assert repr(graph) == "PipelineTopology(nodes=2, edges=1)"
    assert repr(graph.nodes[0]) == "PipelineNode(name='trades', type='source')"
    assert repr(graph.edges[0]) == "PipelineEdge('trades' -> 'n')"
    metrics = repr(laminardb.Metrics(trades.metrics()))
    assert re.fullmatch(r"Metrics\(state='Running', eps=[\d.]+, uptime=[\d.]+s\)", metrics)


@pytest.mark.requirement("F-PY-032.9")
def test_no_rows(db: laminardb.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    empty = db.query("SELECT 1 AS a, 'x' AS b WHERE FALSE")
    assert "<table" in empty._repr_html_() and "tabular" in empty._repr_latex_()
    empty.show()
    assert capsys.readouterr().out == "  a  b\n"


# ---- tables


def test_null_is_not_the_empty_text(db: laminardb.Connection) -> None:
    html = db.query("SELECT NULL::VARCHAR AS a, '' AS b, [NULL, 1] AS c, NULL::INT AS d")._repr_html_()
    assert (
        '<td class="lm-null">NULL</td><td></td><td>[NULL, 1]</td><td class="lm-null lm-n">NULL</td>' in html
    )
    assert display.cell_text(None) == "NULL" and display.cell_text("") == ""
    assert display.latex_table(["a", "b"], [(None, "")], 1).splitlines()[3] == r"0 & \textit{NULL} &  \\"


def test_numbers_stand_on_the_right(db: laminardb.Connection) -> None:
    html = db.query("SELECT 1 AS a, 1.5 AS b, 'x' AS c, TRUE AS d, [1] AS e")._repr_html_()
    assert re.findall(r"<t[dh]([^>]*)>(?:1|1\.5|x|True|\[1\])</td>", html) == [' class="lm-n"'] * 2 + [""] * 3
    assert 'class="lm-n">1<' in display.html_table(["a"], [(1,), (None,)], 2)
    assert 'class="lm-n">1<' not in display.html_table(["a"], [(1,), ("x",)], 2)


def test_what_is_cut_is_said(db: laminardb.Connection) -> None:
    result = db.query("SELECT repeat('x', 300) AS a, repeat('y', 200) AS b FROM range(70)")
    html = result._repr_html_()
    assert "60 of 70 rows, 60 long cells cut to 200 characters" in html
    assert "x" * 199 + "…" in html and "x" * 200 not in html and "y" * 200 in html
    whole = db.query("SELECT 1 AS a, repeat('y', 200) AS b")
    assert '"lm-note"' not in whole._repr_html_() and whole._repr_latex_().count("\n") == 4


@pytest.mark.parametrize("columns", [1, 100, 101, 1600])
def test_wide_tables(db: laminardb.Connection, columns: int) -> None:
    result = db.query("SELECT " + ", ".join(f"{i} AS c{i}" for i in range(columns)))
    for text, row in ((result._repr_html_(), "</tr>"), (result._repr_latex_(), r" \\")):
        assert (f"100 of {columns} columns" in text) == (columns > 100)
        assert len(text) < 60_000 and "c0" in text and row in text


def test_no_columns() -> None:
    for made in (display.html_table([], [], 0), display.html_table([], [()], 1, [])):
        assert "<table" in made
    assert display.text_table([], [], 0) == ""
    assert display.latex_table([], [], 0).count("\n") == 3


def test_wide_characters_keep_columns_aligned() -> None:
    lines = display.text_table(["a", "b"], [("日本", 1), ("é", 2), ("e\u0301", 3)], 3).splitlines()
    assert lines[1:] == ["0  日本  1", "1     é  2", "2     e\u0301  3"]


def test_large_cells_cost_what_is_shown() -> None:
    huge = "<" * (10 << 20)
    for value in (huge, huge.encode(), [huge] * 1000, {huge: huge}, list(range(1_000_000)), huge * 4):
        for made in (
            display.html_table(["a"], [(value,)], 1, ["VARCHAR"]),
            display.text_table(["a"], [(value,)], 1),
            display.latex_table(["a"], [(value,)], 1),
        ):
            assert len(made) < 20_000
        assert "1 long cell cut" in display.text_table(["a"], [(value,)], 1)
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert "[[[[" in display.cell_text(deep)
    while isinstance(deep, list):  # an interpreter would give it back by recursion
        deep = deep.pop()


# ---- safe whatever there is in it

_CONTROLS = [chr(c) for c in (*range(32), *range(127, 160))]
_BIDI = [chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C, 0xFEFF)]
_SURROGATES = ["\ud800", "a\udc00b", "\udfff\ud800", "\udbff"]
_MARKUP = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert&#40;1&#41;</script>",
    '"><b onmouseover=alert(1)>',
    "'><i onclick='alert(1)'>",
    "<iframe src=javascript:alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<math><mtext></table><img src onerror=alert(1)>",
    "</td></tr></table><h1>out</h1>",
    "</pre></div><form action=//evil>",
    "<!-- --><b>",
    "--><b>",
    "<![CDATA[<b>]]>",
    "<?xml version='1.0'?><b>",
    "&lt;b&gt;",
    "&#60;b&#62;",
    "&#x3c;script&#x3e;",
    "&amp;lt;b&amp;gt;",
    "&",
    "<",
    ">",
    '"',
    "'",
    "`",
    "<b",
    "<b>",
    "</b>",
    "<B/>",
    "<\x00script>",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "javascript:alert(1)",
    "{{7*7}}",
    "${alert(1)}",
    "<link rel=stylesheet href=//evil/x.css>",
    "<style>*{display:none}</style>",
    "<base href=//evil>",
    "<meta http-equiv=refresh content='0;url=//evil'>",
    "<object data=x>",
    "<embed src=x>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<body onload=alert(1)>",
    "<template><b></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "\\u003cscript\\u003e",
    "＜script＞",
    "\\input{/etc/passwd}",
    "$\\write18{id}$",
    "%\\end{tabular}",
    "x}^_~#&",
]
_TERMINAL = [
    "\x1b[31mred\x1b[0m",
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1bP$q\x1b\\",
    "\x1b_G\x1b\\",
    "\x9b31m",
    "\x9d0;title\x9c",
    "a\rb",
    "a\b\bb",
    "a\nb\r\nc",
    "\t\v\f",
    "\u2028\u2029",
    "\x00",
]
HOSTILE = [*_MARKUP, *_TERMINAL, *(f"a{c}b" for c in (*_CONTROLS, *_BIDI)), *_SURROGATES, "x" * (10 << 20)]

TAGS = set(
    "div style script table thead tbody tr th td span p pre b svg path g title rect text input".split()
)
ATTRIBUTES = set(
    "class scope colspan style xmlns width height viewbox font-family font-size d fill stroke x y rx "
    "text-anchor".split()
)


class _Checked(HTMLParser):
    """Takes note of what a page consists of."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts = ""
        self.styles = ""
        self.text = ""
        self._within = [""]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        for name, value in attrs:
            assert name in ATTRIBUTES, (tag, name)
            if name == "style":
                assert re.fullmatch(r"width:[\d.]+%", value or ""), value
            if name == "class":
                assert re.fullmatch(r"(laminar|lm-\w+)( lm-\w+)*", value or ""), value
        self._within.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._within.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._within.pop() == tag, "what is opened is closed in its order"

    def handle_data(self, data: str) -> None:
        if self._within[-1] == "script":
            self.scripts += data
        elif self._within[-1] == "style":
            self.styles += data
        else:
            self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        self.handle_comment(decl)

    def handle_pi(self, data: str) -> None:
        self.handle_comment(data)

    def unknown_decl(self, data: str) -> None:
        self.handle_comment(data)


def check_html(html: str) -> str:
    """Allowed tags and attributes alone, scripts and styles of ours alone; gives the text."""
    from laminardb.markup import static

    html.encode()  # no lone surrogates
    assert not [c for c in html if not c.isprintable() and c != "\n"]
    parser = _Checked()
    parser.feed(html)
    parser.close()
    assert parser._within == [""]
    assert parser.scripts in ("", static("table.js"))
    assert set(parser.styles.split(static("table.css"))) == {""}
    return parser.text


def check_text(text: str) -> None:
    """What a terminal is sent."""
    text.encode()
    assert all(line.isprintable() for line in text.split("\n"))


def test_there_are_enough_of_them() -> None:
    assert len(set(HOSTILE)) >= 150


def _in_tables(text: str) -> Iterator[str]:
    rows = [(text, [text, {text: text}], text.encode("utf-8", "replace"), None)]
    yield display.html_table([text] * 4, rows, 9, [text] * 4)
    yield display.html_table([text] * 4, rows, 1)


def test_hostile_texts_in_tables() -> None:
    for text in HOSTILE:
        for html in _in_tables(text):
            check_html(html)
        check_text(display.text_table([text], [(text,), ([text],)], 5))
        check_text(display.latex_table([text], [(text,), ([text],)], 5))
        seen = display.cell_text(text)
        if text.isprintable() and len(text) < 200:
            assert seen == text and text in check_html(display.html_table(["a"], [(text,)], 1))


class _Info:
    """A stand-in for what the engine would tell, with a text wherever there is one."""

    @staticmethod
    def records(text: str) -> list[Any]:
        schema = [laminardb.Column(text, text)]
        nobody: Any = None
        node = laminardb.PipelineNode(text, "stream", schema, text)
        other = laminardb.PipelineNode("t", "source", schema, None)
        flows = {text: Flow(1, 2.0, 3, text)}
        edges = [laminardb.PipelineEdge("t", text)]
        latency = laminardb.LatencyMetrics(1, *[1.0] * 7)
        stream = laminardb.StreamMetrics(
            text, 1, 0, 1, False, 0, text, 1, 0, 0, 0, 0, 0, error=text, latency=latency
        )
        why = laminardb.Why(text, text, 0, text, 1, 1, 0, 0, 0, 0, 5, (), text)
        return [
            laminardb.SourceInfo(text, schema, text, text),
            laminardb.StreamInfo(text, schema, text),
            laminardb.SinkInfo(text, text, text, text),
            laminardb.QueryInfo(1, text, True),
            laminardb.Setting(text, text, text, text, text),
            laminardb.SourceMetrics(text, 1, 0, 1, False, 0, 0.0, 0, 0, 0, 0, error=text),
            stream,
            laminardb.PipelineTopology([other, node], edges, flows),
            laminardb.PipelineTopology([other, node], edges),
            node,
            *edges,
            why,
            laminardb.ChangeRow("Insert", (text,), [text]),
            laminardb.QueryError(text),
            laminardb.Pipeline(nobody, text),
        ]


def test_hostile_texts_in_records() -> None:
    for text in HOSTILE:
        made = _Info.records(text)
        for record in made:
            html = record._repr_html_()
            assert not html.startswith("<pre>"), type(record)
            check_html(html)
            assert len(html) < 150_000
            check_text(repr(record))
            check_text(str(record) if isinstance(record, laminardb.Why) else "")
            check_text(record._repr_mimebundle_()["text/plain"])
        for record in made[:7]:
            check_html(Listing([record, copy.copy(record)])._repr_html_())
        check_html(Plan(text)._repr_html_())
        check_text(Plan(text)._repr_mimebundle_()["text/plain"])
        check_html(Plan(f"  Scan {text}  rows: 1, time: 0.5 ms, memory: 1 B")._repr_html_())
        check_html(display.html_sql(text))
        plain = re.sub(r"\x1b\[[\d;]+m", "", display.ansi_sql(text))
        check_text(plain)


def test_names_that_turn_the_direction_of_text(db: laminardb.Connection) -> None:
    made = db.execute('CREATE SOURCE "a\u202eb" ("c\u2066" BIGINT)')
    schema = laminardb.types.Schema(db.query('SELECT * FROM "a\u202eb"').__arrow_c_schema__())
    db.start()
    for text in (repr(made), repr(schema), repr(db.topology().nodes), repr(db.sources())):
        check_text(text)
    assert r"a\u202eb" in repr(made) and repr(schema) == r"c\u2066: int64"


def test_hostile_names_in_a_database(db: laminardb.Connection) -> None:
    """Through the engine, where names are any text without control characters."""
    kept = [t for t in HOSTILE if t.isprintable() and len(t) < 60]
    for i, text in enumerate(kept):
        name = (f"{i}" + text).replace('"', '""')
        db.execute(f'CREATE SOURCE "{name}" ("{name}" VARCHAR)')
        db.insert(f"{i}" + text, [(text,)])
    shown: Any
    for shown in (db, db.sources(), db.topology(), db.all_source_metrics()):
        check_html(shown._repr_html_())
    for i, text in enumerate(kept[:40]):
        result = db.query('SELECT * FROM "' + (f"{i}" + text).replace('"', '""') + '"')
        assert display.cell_text(text) in check_html(result._repr_html_())


# ---- what else is shown


def test_every_public_object_has_a_bundle(trades: laminardb.Connection) -> None:
    classes = [getattr(laminardb, name) for name in laminardb.__all__]
    without = {
        c.__name__
        for c in classes
        if isinstance(c, type) and not (hasattr(c, "_repr_mimebundle_") and hasattr(c, "_repr_html_"))
    }
    assert without == set()
    shown: Any
    for shown in (trades, trades.metrics(), trades.topology(), trades.config_list(), trades.sources()):
        bundle = shown._repr_mimebundle_()
        assert bundle["text/plain"] == repr(shown) and bundle["text/html"] == shown._repr_html_()
        assert list(shown._repr_mimebundle_(include={"text/plain"})) == ["text/plain"]
        assert list(shown._repr_mimebundle_(exclude={"text/plain"})) == ["text/html"]


def test_a_failure_to_draw_shows_the_repr(
    trades: laminardb.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = laminardb.SourceInfo("<b>", [], None)
    monkeypatch.setattr("laminardb.drawing.record_html", lambda record: 1 / 0)
    assert source._repr_html_() == "<pre>SourceInfo(name=&#x27;&lt;b&gt;&#x27;, columns=0)</pre>"


def test_a_plan_is_a_tree_with_bars(trades: laminardb.Connection) -> None:
    plan: Any = trades.explain("SELECT symbol, sum(volume) FROM trades WHERE volume > 600 GROUP BY symbol")
    assert plan.startswith("Aggregate")
    html = plan._repr_html_()
    assert "Aggregate" in check_html(html) and 'class="lm-bar"' not in html
    ran: Any = trades.explain("SELECT symbol FROM trades WHERE volume > 600", analyze=True)
    html = ran._repr_html_()
    text = check_html(html)
    assert "2 of 3" in text and "memory" in text and "at most" in text
    assert html.count('class="lm-bar"') == len(ran.splitlines()) - 1
    made = Plan(
        "Top N\n  Filter  x  rows: 1 of 9, time: 5.0 ms, memory: 1 B\n"
        "    Scan t  rows: 9, time: 20.000 ms, memory: 1 B"
    )
    assert re.findall(r'style="width:([\d.]+)%', made._repr_html_()) == ["0.0", "25.0", "100.0"]
    assert ran._repr_mimebundle_()["text/plain"] == ran


def test_a_topology_tells_rates_and_watermarks(db: laminardb.Connection) -> None:
    db.execute(
        "CREATE SOURCE e (ts BIGINT, WATERMARK FOR ts); CREATE STREAM n AS SELECT count(*) AS n FROM e"
    )
    db.start()
    db.insert("e", [(i,) for i in range(1, 2001)])
    graph = db.topology()
    assert graph.flows["e"].rows == 2000 and graph.flows["e"].watermark == 2000
    assert graph.flows["e"].rows_per_second > 0
    html = graph._repr_html_()
    assert "2k rows, " in html and "00:00:02" in html and html.startswith("<svg")
    assert "watermark 1970-01-01 00:00:02.000" in html
    check_html(html)


def test_sql_in_colours(trades: laminardb.Connection) -> None:
    sql = "SELECT count(*), 'a''b' FROM \"t\" -- end\nWHERE x = $y AND z > 1.5"
    html = display.html_sql(sql)
    assert check_html(html).strip() == sql
    for part, mark in (("SELECT", "k"), ("count", "f"), ("&#x27;a&#x27;&#x27;b&#x27;", "s"), ("1.5", "d")):
        assert f'<span class="lm-{mark}">{part}</span>' in html
    assert re.sub(r"\x1b\[[\d;]+m", "", display.ansi_sql(sql)) == sql
    trades.execute("CREATE STREAM n AS SELECT count(*) AS n FROM trades")
    shown: Any
    for shown in (trades.streams(), trades.streams()[0], trades.topology().nodes[1]):
        assert '<span class="lm-k">CREATE</span>' in shown._repr_html_()
    assert len(display.html_sql("SELECT 1, " * 100_000)) < 1_000_000


def test_colours_only_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    display.show_sql("SELECT '\x1b[2J'")
    assert capsys.readouterr().out == "SELECT '\\x1b[2J'\n"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    display.show_sql("SELECT 1")
    assert "\x1b[1;34mSELECT\x1b[0m" in capsys.readouterr().out


RENDERERS: list[Callable[[laminardb.Connection], Any]] = [
    lambda db: db.execute("SELECT 1 AS one"),
    lambda db: db.execute("CREATE TABLE made (a BIGINT)"),
    lambda db: db.subscribe("SELECT symbol FROM trades"),
    lambda db: db.writer("trades"),
    lambda db: db.checkpoint_status(),
    lambda db: db.metrics_history(),
    lambda db: db.table_stats("trades"),
    lambda db: laminardb.Metrics(db.metrics()),
    lambda db: laminardb.LaminarConfig(),
    lambda db: laminardb.types.Schema(db.query("SELECT 1 AS a").__arrow_c_schema__()),
    lambda db: laminardb.CheckpointResult(7),
    lambda db: laminardb.ChangeEvent(db.query("SELECT 1 AS k, 1 AS __weight")),
]


@pytest.mark.parametrize("made", RENDERERS, ids=range(len(RENDERERS)))
def test_other_objects(trades: laminardb.Connection, made: Callable[[laminardb.Connection], Any]) -> None:
    html = made(trades)._repr_html_()
    assert check_html(html) and html.startswith('<div class="laminar">')


def test_a_tree_has_lines_where_something_follows() -> None:
    from laminardb.drawing import branches

    assert branches([]) == [] and branches([0]) == [""]
    assert branches([0, 1, 2, 3, 2, 3, 3]) == ["", "└ ", "  ├ ", "  │ └ ", "  └ ", "    ├ ", "    └ "]
    assert branches([0, 1, 2, 1]) == ["", "├ ", "│ └ ", "└ "]
