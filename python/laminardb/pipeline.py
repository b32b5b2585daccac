# SPDX-License-Identifier: Apache-2.0
"""What a pipeline consists of: sources, streams, sinks, queries, and the graph between them."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .flow import Flow
from .shown import Shown

if TYPE_CHECKING:
    from datetime import datetime

    from .operating import Operating

_BOX_HEIGHT, _ROW, _GAP, _CHAR = 46, 66, 60, 7.5


@dataclass(frozen=True, slots=True, repr=False)
class SourceInfo(Shown):
    """A source or table: name, schema, the statement that made it, its column of event time or None.

    watermark_column: of WATERMARK FOR.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> info = db.sources()[0]
        >>> info.name, info.schema.names, info.sql
        ('t', ['k', 's'], 'CREATE SOURCE t (k BIGINT, s VARCHAR)')
    """

    name: str
    schema: Any
    sql: str | None
    watermark_column: str | None = None

    def __repr__(self) -> str:
        return f"SourceInfo(name={self.name!r}, columns={len(self.schema)})"


@dataclass(frozen=True, slots=True, repr=False)
class StreamInfo(Shown):
    """A stream: name, schema, the statement that made it.

    sql: the statement.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
        >>> db.start()
        >>> info = db.streams()[0]
        >>> info.name, info.schema.names
        ('n', ['k', 'n'])
    """

    name: str
    schema: Any
    sql: str | None

    def __repr__(self) -> str:
        return f"StreamInfo(name={self.name!r}, columns={len(self.schema)})"


@dataclass(frozen=True, slots=True, repr=False)
class SinkInfo(Shown):
    """A sink: name, the statement that made it, connector ("file", "python") and state, as in SinkMetrics.

    sql: the statement.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE SINK k FROM t WITH (connector = 'python')")
        >>> info = db.sinks()[0]
        >>> info.name, info.connector
        ('k', 'python')
    """

    name: str
    sql: str | None = None
    connector: str | None = None
    state: str | None = None

    def __repr__(self) -> str:
        return f"SinkInfo(name={self.name!r})"


@dataclass(frozen=True, slots=True)
class QueryInfo(Shown):
    """A query or subscription by SQL, as it was when it was listed.

    id: for cancel_query. sql: its text. active: not over. progress: 0 to 1, of rows_read in
    rows_to_read rows; elapsed: seconds.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> changes = db.subscribe("SELECT k FROM t")
        >>> info = db.queries()[0]
        >>> info.sql, info.active
        ('SELECT k FROM t', True)
    """

    id: int
    sql: str
    active: bool
    progress: float | None = field(default=None, repr=False, compare=False)
    """How far a one-off query is, from 0 to 1; None: a subscription."""
    rows_read: int | None = field(default=None, repr=False, compare=False)
    rows_to_read: int | None = field(default=None, repr=False, compare=False)
    elapsed: float = field(default=0.0, repr=False, compare=False)
    """Seconds since it began, or that it took."""


@dataclass(frozen=True, slots=True)
class Progress(Shown):
    """How far a query is: what the callback of Connection.set_progress gets.

    id: of db.queries(). fraction: 0 to 1, which is the end; it never falls. rows_read of rows_to_read: rows
    of tables, sources and files (some are estimated), and those that sorts held back. elapsed, remaining:
    seconds; remaining is an estimate, None: nothing is known yet.

    Example:
        >>> db = laminardb.open()
        >>> db.set_progress(lambda p: print(f"{p.fraction:.0%}, {p.remaining} s to go"))
    """

    id: int
    fraction: float
    rows_read: int
    rows_to_read: int
    elapsed: float
    remaining: float | None


@dataclass(frozen=True, slots=True, repr=False)
class PipelineNode(Shown):
    """node_type: "source" (tables too), "stream" or "sink". sql: of streams; None otherwise.

    name: its name. schema: of its rows.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
        >>> db.start()
        >>> db.topology().nodes
        [PipelineNode(name='t', type='source'), PipelineNode(name='n', type='stream')]
    """

    name: str
    node_type: str
    schema: Any
    sql: str | None

    def __repr__(self) -> str:
        return f"PipelineNode(name={self.name!r}, type={self.node_type!r})"


@dataclass(frozen=True, slots=True, repr=False)
class PipelineEdge(Shown):
    """Rows go from from_node to to_node.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
        >>> db.start()
        >>> db.topology().edges
        [PipelineEdge('t' -> 'n')]
    """

    from_node: str
    to_node: str

    def __repr__(self) -> str:
        return f"PipelineEdge({self.from_node!r} -> {self.to_node!r})"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in text)


@dataclass(frozen=True, slots=True, repr=False)
class PipelineTopology(Shown):
    """The graph of what reads what, from the bound plans. Nodes in order of creation: inputs come first.

    flows: what went through each node, by name.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
        >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
        >>> db.start()
        >>> graph = db.topology()
        >>> graph, [node.node_type for node in graph.nodes]
        (PipelineTopology(nodes=2, edges=1), ['source', 'stream'])
    """

    nodes: list[PipelineNode]
    edges: list[PipelineEdge]
    flows: dict[str, Flow] = field(default_factory=dict, repr=False, compare=False)
    """By name: rows so far, rows a second and the watermark, when the topology was asked for."""

    def __repr__(self) -> str:
        return f"PipelineTopology(nodes={len(self.nodes)}, edges={len(self.edges)})"

    def _ids(self) -> dict[str, str]:
        return {node.name: f"n{i}" for i, node in enumerate(self.nodes)}

    def to_mermaid(self) -> str:
        """A Mermaid flowchart. Names are data: they are quoted and escaped.

        Cannot fail.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
            >>> db.start()
            >>> print(db.topology().to_mermaid(), end="")
            flowchart LR
                n0[("t")]
                n1["n"]
                n0 --> n1
        """
        shapes = {"source": ("[(", ")]"), "stream": ("[", "]"), "sink": ("[[", "]]")}
        ids = self._ids()
        lines = ["flowchart LR"]
        for node in self.nodes:
            opening, closing = shapes[node.node_type]
            label = "".join(c if c.isalnum() or c in " _-." else f"#{ord(c)};" for c in _printable(node.name))
            lines.append(f'    {ids[node.name]}{opening}"{label}"{closing}')
        lines += [f"    {ids[e.from_node]} --> {ids[e.to_node]}" for e in self.edges]
        return "\n".join(lines) + "\n"

    def to_dot(self) -> str:
        """A Graphviz digraph. Names are data: they are quoted and escaped.

        Cannot fail.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (k BIGINT, s VARCHAR)")
            >>> _ = db.execute("CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k")
            >>> db.start()
            >>> print(db.topology().to_dot().splitlines()[-2].strip())
            n0 -> n1;
        """
        shapes = {"source": "cylinder", "stream": "box", "sink": "component"}
        ids = self._ids()
        lines = ["digraph pipeline {", "    rankdir=LR;"]
        for node in self.nodes:
            label = _printable(node.name).replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'    {ids[node.name]} [label="{label}", shape={shapes[node.node_type]}];')
        lines += [f"    {ids[e.from_node]} -> {ids[e.to_node]};" for e in self.edges]
        return "\n".join([*lines, "}"]) + "\n"

    def _places(self) -> tuple[dict[str, tuple[int, int]], dict[tuple[str, str], list[tuple[int, int]]]]:
        """(column, row) of each node, one column right of its furthest input; and of each edge the places
        in the columns that it passes, which are nobody's."""
        columns: dict[str, int] = {}
        rows: dict[int, int] = {}

        def place(column: int) -> tuple[int, int]:
            rows[column] = rows.get(column, 0) + 1
            return column, rows[column] - 1

        for node in self.nodes:
            inputs = [e.from_node for e in self.edges if e.to_node == node.name]
            columns[node.name] = 1 + max((columns.get(name, 0) for name in inputs), default=-1)
        places = {node.name: place(columns[node.name]) for node in self.nodes}
        passes = {
            (e.from_node, e.to_node): [place(c) for c in range(columns[e.from_node] + 1, columns[e.to_node])]
            for e in self.edges
        }
        return places, passes

    def _html(self) -> str:
        """An inline SVG without scripts, styles or anything from elsewhere."""
        fills = {"source": "#dbeafe", "stream": "#dcfce7", "sink": "#fef3c7"}
        labels = {n.name: _printable(n.name if len(n.name) <= 40 else n.name[:39] + "…") for n in self.nodes}
        notes = {name: flow.note() for name, flow in self.flows.items()}
        longest = max(
            *(len(label) for label in labels.values()), *(len(n) * 0.84 for n in notes.values()), 8, 8
        )
        wide = int(longest * _CHAR) + 24
        placed, passed = self._places()

        def corner(place: tuple[int, int]) -> tuple[int, int]:
            return 10 + place[0] * (wide + _GAP), 10 + place[1] * _ROW

        places = {name: corner(place) for name, place in placed.items()}
        ways = {edge: [corner(place) for place in through] for edge, through in passed.items()}
        corners = [*places.values(), *(c for way in ways.values() for c in way)]
        width = max((x for x, _ in corners), default=0) + wide + 10
        height = max((y for _, y in corners), default=0) + _BOX_HEIGHT + 10
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="monospace" font-size="12">'
        ]
        for edge in self.edges:
            x, y = places[edge.from_node][0] + wide, places[edge.from_node][1] + _BOX_HEIGHT // 2
            path = f"M{x} {y}"
            to_x, to_y = places[edge.to_node]
            for next_x, next_y, end in (
                *((a, b, a + wide) for a, b in ways[edge.from_node, edge.to_node]),
                (to_x - 6, to_y, to_x - 6),
            ):
                middle, next_y = (x + next_x) // 2, next_y + _BOX_HEIGHT // 2
                path += f" C{middle} {y} {middle} {next_y} {next_x} {next_y}"
                path += "" if end == next_x else f" L{end} {next_y}"
                x, y = end, next_y
            parts.append(
                f'<path d="{path}" fill="none" stroke="#64748b"/>'
                f'<path d="M{to_x - 7} {y - 4} L{to_x} {y} L{to_x - 7} {y + 4} Z" fill="#64748b"/>'
            )
        for node in self.nodes:
            x, y = places[node.name]
            title = f"{node.node_type} {node.name[:200]}"
            if node.name in self.flows:
                title += ", " + self.flows[node.name].title()
            title = html.escape(_printable(title), quote=True)
            parts.append(
                f"<g><title>{title}</title>"
                f'<rect x="{x}" y="{y}" width="{wide}" height="{_BOX_HEIGHT}" rx="5" '
                f'fill="{fills[node.node_type]}" stroke="#64748b"/>'
                f'<text x="{x + wide // 2}" y="{y + 21}" text-anchor="middle" fill="#0f172a">'
                f"{html.escape(labels[node.name], quote=True)}</text>"
                f'<text x="{x + wide // 2}" y="{y + 37}" text-anchor="middle" font-size="10" fill="#475569">'
                f"{html.escape(notes.get(node.name, ''), quote=True)}</text></g>"
            )
        return "".join([*parts, "</svg>"])


@dataclass(frozen=True, slots=True)
class PipelineVersion(Shown):
    """What a pipeline was from created_at (aware, UTC) on: the statements that make it, as one text.

    version: from 1. sql: the statements.

    Example:
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE PIPELINE p")
        >>> _ = db.execute("CREATE STREAM s IN PIPELINE p AS SELECT sum(v) AS v FROM t")
        >>> p = db.pipeline("p")
        >>> [version.version for version in p.versions()]
        [1, 2]
    """

    version: int
    created_at: datetime
    sql: str


class Pipeline(Shown):
    """A named pipeline: streams that start, pause and stop together. Made by ``db.pipeline(name)``.

    Example:
        >>> import laminardb
        >>> db = laminardb.open()
        >>> _ = db.execute("CREATE PIPELINE p; CREATE SOURCE t (v BIGINT)")
        >>> _ = db.execute("CREATE STREAM total IN PIPELINE p AS SELECT sum(v) AS v FROM t")
        >>> p = db.pipeline("p")
        >>> p.start()
        >>> p.pause()
        >>> db.insert("t", {"v": 1})
        1
        >>> p.state, db.query_stream("total").fetchall()
        ('Paused', [(None,)])
        >>> p.resume()
        >>> db.query_stream("total").fetchall()
        [(1,)]
    """

    __slots__ = ("_db", "_name")

    def __init__(self, db: Operating, name: str) -> None:
        self._db = db
        self._name = name

    @property
    def name(self) -> str:
        """As it was declared.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE PIPELINE p")
            >>> _ = db.execute("CREATE STREAM s IN PIPELINE p AS SELECT sum(v) AS v FROM t")
            >>> p = db.pipeline("p")
            >>> p.name
            'p'
        """
        return self._name

    @property
    def state(self) -> str:
        """'Created', 'Starting', 'Running', 'Paused', 'ShuttingDown', 'Stopped', or 'Faulted'.

        Faulted: all its streams have failed.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE PIPELINE p")
            >>> _ = db.execute("CREATE STREAM s IN PIPELINE p AS SELECT sum(v) AS v FROM t")
            >>> p = db.pipeline("p")
            >>> p.start()
            >>> p.state
            'Running'
        """
        return self._db._pipeline_state(self._name)

    def _do(self, action: str) -> None:
        self._db._pipeline_state(self._name)  # a dropped one is a SchemaError, as of every call with a name
        name = self._name.replace('"', '""')
        self._db._execute(f'{action} PIPELINE "{name}"')

    def start(self) -> None:
        """Its streams read what is retained, then everything new. One that was paused resumes.

        Raises SchemaError: 200, it was dropped. ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE PIPELINE p")
            >>> _ = db.execute("CREATE STREAM s IN PIPELINE p AS SELECT sum(v) AS v FROM t")
            >>> p = db.pipeline("p")
            >>> _ = db.insert("t", {"v": 1})
            >>> p.start()
            >>> db.query_stream("s").fetchall()
            [(1,)]
        """
        self._do("START")

    def stop(self) -> None:
        """Gives back the state of its streams, which cannot be read until start() makes it again.

        Raises:
            QueryError: a stream holds values of now(), random() or the like; pause() keeps those.

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE PIPELINE p")
            >>> _ = db.execute("CREATE STREAM s IN PIPELINE p AS SELECT sum(v) AS v FROM t")
            >>> p = db.pipeline("p")
            >>> p.start()
            >>> p.stop()
            >>> p.state
            'Stopped'
        """
        self._do("STOP")

    def pause(self) -> None:
        """Its streams stay where they are; what comes for them is kept in memory until resume().

        Raises SchemaError: 200, it was dropped. ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE PIPELINE p")
            >>> _ = db.execute("CREATE STREAM s IN PIPELINE p AS SELECT sum(v) AS v FROM t")
            >>> p = db.pipeline("p")
            >>> p.start()
            >>> p.pause()
            >>> p.state
            'Paused'
        """
        self._do("PAUSE")

    def resume(self) -> None:
        """What came in the pause flows, insert by insert, as if there had been none.

        Raises SchemaError: 200, it was dropped. ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE PIPELINE p")
            >>> _ = db.execute("CREATE STREAM s IN PIPELINE p AS SELECT sum(v) AS v FROM t")
            >>> p = db.pipeline("p")
            >>> p.start()
            >>> p.pause()
            >>> _ = db.insert("t", {"v": 1})
            >>> p.resume()
            >>> db.query_stream("s").fetchall()
            [(1,)]
        """
        self._do("RESUME")

    def topology(self) -> PipelineTopology:
        """Its streams, what they read, and the sinks that read them.

        Raises SchemaError: 200, it was dropped. ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE PIPELINE p")
            >>> _ = db.execute("CREATE STREAM s IN PIPELINE p AS SELECT sum(v) AS v FROM t")
            >>> p = db.pipeline("p")
            >>> p.topology()
            PipelineTopology(nodes=2, edges=1)
        """
        return self._db._graph(self._db._pipeline_topology(self._name))

    def versions(self) -> list[PipelineVersion]:
        """What it was and is, oldest first; the last 64 are kept. CREATE, OR REPLACE and DROP of its streams
        make versions.
        Raises SchemaError: 200, it was dropped. ConnectionError 101 after close().

        Example:
            >>> db = laminardb.open()
            >>> _ = db.execute("CREATE SOURCE t (v BIGINT); CREATE PIPELINE p")
            >>> _ = db.execute("CREATE STREAM s IN PIPELINE p AS SELECT sum(v) AS v FROM t")
            >>> p = db.pipeline("p")
            >>> print(p.versions()[-1].sql.splitlines()[0])
            CREATE PIPELINE "p";
        """
        return [PipelineVersion(*row) for row in self._db._pipeline_versions(self._name).fetchall()]

    def __repr__(self) -> str:
        return f"Pipeline(name={self._name!r})"
