# SPDX-License-Identifier: Apache-2.0
"""O6: a stream with shards is told by nothing from one without.

The random programs of test_shared_parts.py, in one of the databases with shards = 2 to 5 where the query has
keys that rows can be dealt out by. Batches are small, so one thread runs them: which threads run shards is
what tests/unit/db/test_abreast.c is about. LAMINAR_SEED=n runs one case.
"""

from __future__ import annotations

import os
import random
import re

import pytest
from test_shared_parts import Case, Side

CASES = 600
PER_TEST = 100


def without_value(told: object) -> object:
    """Of several values of a tick that do not fit, another one may come first."""
    if isinstance(told, tuple):
        return tuple(without_value(each) for each in told)
    return re.sub(r"BIGINT \d+", "BIGINT", told) if isinstance(told, str) else told


class Plain(Side):
    def changes(self, name: str) -> object:
        return without_value(super().changes(name))

    def counts(self, name: str) -> object:
        return without_value(super().counts(name))


class Sharded(Plain):
    def __init__(self, seed: int) -> None:
        super().__init__(shares=seed % 3 > 0)
        self.r = random.Random(seed)
        self.made = 0

    def run(self, sql: str) -> str:
        """As a stream of several parts, where that can be."""
        head, create, rest = sql.partition(" AS SELECT")
        if head.startswith("CREATE OR REPLACE STREAM"):
            told = super().run(f"{head} WITH (shards = {self.r.randint(2, 5)}){create}{rest}")
            if "): shards: " not in told:
                self.made += told == ""
                return told
        return super().run(sql)


class ShardedCase(Case):
    def open_sides(self) -> tuple[Side, Side]:
        seed = self.r.randrange(1 << 30)
        return Plain(shares=seed % 2 == 0), Sharded(seed)


def run(seed: int) -> int:
    case = ShardedCase(seed)
    try:
        case.run()
    except BaseException:
        print(f"LAMINAR_SEED={seed}", *case.steps, sep="\n")
        raise
    side = case.sides[1]
    assert isinstance(side, Sharded)
    return side.made


@pytest.mark.parametrize("first", range(0, CASES, PER_TEST))
def test_shards_are_told_by_nothing(first: int) -> None:
    if (seed := os.environ.get("LAMINAR_SEED")) is not None:
        run(int(seed))
        return
    assert sum(run(seed) for seed in range(first, first + PER_TEST)) > 2 * PER_TEST, "too few have shards"
