# SPDX-License-Identifier: Apache-2.0
"""A stream that joins orders with customers: it follows both sides, in whatever order their rows come."""

from __future__ import annotations

import laminardb

with laminardb.open() as db:
    db.execute("""
        CREATE SOURCE orders (id BIGINT, customer BIGINT, amount DOUBLE);
        CREATE TABLE customers (customer BIGINT, city VARCHAR);
        INSERT INTO customers VALUES (1, 'Lisbon'), (2, 'Oslo');

        CREATE STREAM sales AS
            SELECT coalesce(c.city, 'unknown') AS city, count(*) AS orders, sum(o.amount) AS amount
            FROM orders o LEFT JOIN customers c ON o.customer = c.customer
            GROUP BY city
            EMIT CHANGES
    """)
    db.start()
    changes = db.subscribe_stream("sales")

    def show_changes(what: str) -> None:
        """EMIT CHANGES gives every change: __weight -1 takes a row away, +1 puts one there."""
        print(f"{what}:")
        batch = changes.try_next()
        for *row, weight in sorted(batch, key=lambda r: (r[0], r[-1])) if batch else []:
            print(f"  {weight:+d}", *row)

    db.insert("orders", [(1, 1, 20.0), (2, 2, 15.0), (3, 3, 99.0)])
    show_changes("three orders, one of a customer that nobody knows")

    db.insert("orders", [(4, 1, 5.0)])
    show_changes("one more from Lisbon")

    db.insert("customers", [(3, "Lisbon")])
    show_changes("customer 3 turns out to live in Lisbon: the order moves")

    print("\nnow:")
    db.query("SELECT * FROM sales ORDER BY city").show()
