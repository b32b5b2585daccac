# SPDX-License-Identifier: Apache-2.0
"""Event time: rows come out of order, windows close when the watermark passes, what comes later is late."""

from __future__ import annotations

import laminardb

with laminardb.open() as db:
    # The watermark stays 10 seconds behind the newest reading: that is how long a row may be on its way.
    db.execute("""
        CREATE SOURCE readings (
            sensor VARCHAR, celsius DOUBLE, ts TIMESTAMP,
            WATERMARK FOR ts AS ts - INTERVAL '10' SECOND
        );
        CREATE STREAM minutes AS
            SELECT sensor, window_start AS minute, count(*) AS readings, avg(celsius) AS average
            FROM readings GROUP BY sensor, TUMBLE(ts, INTERVAL '1' MINUTE)
            EMIT ON WINDOW CLOSE
    """)
    db.start()
    closed = db.subscribe_stream("minutes")

    def insert(clock: str, celsius: float) -> None:
        """Inserts a reading and prints the windows that it closes."""
        db.insert("readings", {"sensor": "roof", "celsius": celsius, "ts": f"2024-03-01 {clock}"})
        minutes = db.stream_metrics("minutes")
        assert minutes is not None
        print(f"{clock}  {celsius}  late rows: {minutes.late_rows}")
        show_closed()

    def show_closed() -> None:
        while (batch := closed.try_next()) is not None:
            for sensor, minute, readings, average in batch:
                print(f"    closed: {sensor} {minute:%H:%M}, {readings} readings, {average:.1f} degrees")

    insert("12:00:10", 20.0)
    insert("12:00:50", 22.0)
    insert("12:01:05", 30.0)  # the watermark is at 12:00:55: the minute from 12:00 is still open
    insert("12:00:58", 24.0)  # out of order, and in time
    insert("12:01:10", 31.0)  # the watermark reaches 12:01:00: that minute is final
    insert("12:00:59", 99.0)  # late: counted, and in no window; the minute stays as it was sent

    # No reading will come for a while: say so, and the open minute closes.
    db.advance_watermark("readings", 1_709_294_520_000)  # 2024-03-01 12:02:00 UTC, in milliseconds
    print("advanced")
    show_closed()

    print("\nAsked once over all rows, the same windows have every row, the late one too:")
    db.query("""
        SELECT sensor, window_start AS minute, count(*) AS readings, round(avg(celsius)) AS average
        FROM readings GROUP BY sensor, TUMBLE(ts, INTERVAL '1' MINUTE) ORDER BY minute
    """).show()
