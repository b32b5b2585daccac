# SPDX-License-Identifier: Apache-2.0
"""Every kind of call once, for a leak checker to look at what is left (tools/san_python.sh). Nothing but the
standard library is imported: what numpy keeps at exit would hide what we lose."""

import contextlib

import laminardb


def use(db: laminardb.Connection) -> None:
    db.execute(
        "CREATE SOURCE t (k BIGINT, v DOUBLE, s VARCHAR, ts TIMESTAMP,"
        " WATERMARK FOR ts AS ts - INTERVAL '1' SECOND);"
        "CREATE STREAM n AS SELECT k, count(*) AS n, min(s) AS s FROM t GROUP BY k;"
        "CREATE STREAM w AS SELECT window_start, sum(v) AS v FROM t GROUP BY TUMBLE(ts, INTERVAL '1' MINUTE)"
    )
    db.start()
    named = db.subscribe_stream("n")
    asked = db.subscribe("SELECT k, v, s FROM t WHERE v > 1 EMIT CHANGES")
    for i in range(50):
        row = {"k": i % 5, "v": i / 2, "s": f"text number {i}", "ts": f"2024-01-01 00:0{i % 10}:00"}
        db.insert("t", row if i % 2 else [row, row])
        with contextlib.suppress(laminardb.LaminarError, ValueError, TypeError):
            db.insert("t", {**row, "v": "no number"})
        for sub in (named, asked):
            while (batch := sub.try_next()) is not None:
                batch.fetchall()
    for sql in (
        "SELECT * FROM t ORDER BY k",
        "SELECT * FROM n",
        "SELECT * FROM w",
        "SELECT nothing FROM t",
        "SELEC",
    ):
        with contextlib.suppress(laminardb.LaminarError):
            result = db.query(sql)
            result.fetchall()
    db.stream_metrics("n")
    asked.cancel()


for close in (True, False):
    connection = laminardb.open()
    use(connection)
    if close:
        connection.close()
