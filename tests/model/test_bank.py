# SPDX-License-Identifier: Apache-2.0
"""Money moves between accounts in transactions, by several threads, and is never seen on its way.

Every state of the total that is emitted, every answer of a reader and every state of a stream over streams
has all the money. Transfers fail now and then (an overdraft refuses the transaction) or are rolled back.
LAMINAR_TRANSFERS=1000000 makes more of them.
"""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from typing import Any

import laminardb

TRANSFERS = int(os.environ.get("LAMINAR_TRANSFERS", "20000"))
ACCOUNTS, MONEY, WRITERS = 40, 500, 3
ALL = (ACCOUNTS * MONEY,)

STREAMS = {
    "total": "SELECT sum(balance) AS total FROM bank",
    "branches": "SELECT branch, sum(balance) AS total, count(*) AS n FROM bank GROUP BY branch",
    "again": "SELECT sum(total) AS total FROM branches",
    "halves": "SELECT sum(CASE WHEN b.balance >= 0 THEN a.balance ELSE 0 END) AS total"
    " FROM bank AS a JOIN bank AS b ON a.id = b.id",
}


class Bank:
    def __init__(self, db: laminardb.Connection) -> None:
        self.db, self.faults, self.done = db, list[str](), threading.Event()
        self.kept = Counter[str]()
        db.execute(
            "CREATE TABLE bank (id BIGINT PRIMARY KEY, branch BIGINT, balance BIGINT CHECK (balance >= 0))"
        )
        for name, sql in STREAMS.items():
            db.execute(f"CREATE STREAM {name} AS {sql} EMIT CHANGES")
        db.start()
        db.insert("bank", [(i, i % 4, MONEY) for i in range(ACCOUNTS)])
        self.subscriptions = {
            name: db.subscribe_stream(name, snapshot=True) for name in STREAMS if name != "branches"
        }

    def guarded(self, work: Any, *args: Any) -> None:
        try:
            work(*args)
        except BaseException as e:
            self.faults.append(repr(e))

    def transfer(self, seed: int) -> None:
        rng, db = random.Random(seed), self.db
        for _ in range(TRANSFERS // WRITERS):
            db.execute("BEGIN")
            a = b = 0
            try:
                for _ in range(rng.choice((1, 1, 1, 3))):
                    a, b = rng.sample(range(ACCOUNTS), 2)
                    amount = rng.randint(1, 90)
                    db.execute("UPDATE bank SET balance = balance - ? WHERE id = ?", [amount, a])
                    db.execute("UPDATE bank SET balance = balance + ? WHERE id = ?", [amount, b])
                if rng.random() < 0.05:  # an account moves to another branch, by delete and insert
                    (row,) = db.query("SELECT * FROM bank WHERE id = ?", [a]).fetchall()
                    db.execute("DELETE FROM bank WHERE id = ?", [a])
                    db.insert("bank", (row[0], rng.randint(0, 3), row[2]))
            except laminardb.IngestionError:
                db.execute("ROLLBACK")
                self.kept["refused"] += 1
            else:
                how = rng.choice(("COMMIT", "COMMIT", "COMMIT", "ROLLBACK"))
                db.execute(how)
                self.kept[how] += 1

    def read(self) -> None:
        asked = 0
        while not self.done.is_set() or asked < 20:
            asked += 1
            for sql in (
                "SELECT sum(balance) FROM bank",
                "SELECT * FROM total",
                "SELECT sum(total) FROM branches",
                "SELECT sum(n) * 500 FROM branches",
                "SELECT * FROM again",
            ):
                if (got := self.db.query(sql).fetchall()) != [ALL]:
                    self.faults.append(f"{sql}: {got}")
        self.kept["answers"] += asked

    def follow(self, name: str) -> None:
        """The state after each batch of changes."""
        state: Counter[tuple[Any, ...]] = Counter()
        while not self.done.is_set() or state == {}:
            batch = self.subscriptions[name].next_timeout(50)
            if batch is None:
                continue
            for *row, weight in batch.fetchall():
                state[tuple(row)] += weight
            self.kept[name] += 1
            if {row: n for row, n in state.items() if n} != {ALL: 1}:
                self.faults.append(f"{name} emitted {state}")


def test_money_is_never_seen_on_its_way() -> None:
    with laminardb.open() as db:
        bank = Bank(db)
        watchers = [threading.Thread(target=bank.guarded, args=(bank.read,))]
        watchers += [
            threading.Thread(target=bank.guarded, args=(bank.follow, name)) for name in bank.subscriptions
        ]
        writers = [threading.Thread(target=bank.guarded, args=(bank.transfer, i)) for i in range(WRITERS)]
        for thread in watchers + writers:
            thread.start()
        for thread in writers:
            thread.join()
        bank.done.set()
        for thread in watchers:
            thread.join()
        assert bank.faults == []
        done = bank.kept["COMMIT"] + bank.kept["ROLLBACK"] + bank.kept["refused"]
        assert done == TRANSFERS // WRITERS * WRITERS and min(bank.kept.values()) > 0, bank.kept
        assert db.query("SELECT sum(balance), count(*), min(balance) >= 0 FROM bank").fetchall() == [
            (*ALL, ACCOUNTS, True)
        ]
        for name, sql in STREAMS.items():
            want = Counter(db.query(sql).fetchall())
            assert Counter(db.query(f"SELECT * FROM {name}").fetchall()) == want, name
