# SPDX-License-Identifier: Apache-2.0
"""Random decisions that are written down, and what makes a failing list of them small.

Every decision is a number below a bound, and 0 is the plainest one. So any list of numbers is a case (what is
missing is 0, what is too large is the largest), and a case is made smaller by leaving numbers out or lowering
them, without knowing what they stand for.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class Draw:
    def __init__(self, seed: int = 0, given: list[int] | None = None) -> None:
        self.random = random.Random(seed).random
        self.given = given
        self.taken: list[int] = []

    def take(self, value: int, bound: int) -> int:
        if self.given is not None:
            at = len(self.taken)
            value = min(self.given[at], bound - 1) if at < len(self.given) else 0
        self.taken.append(value)
        return value

    def below(self, bound: int) -> int:
        return self.take(int(self.random() * bound), bound)

    def between(self, low: int, high: int) -> int:
        return low + self.below(high - low + 1)

    def pick(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def chance(self, p: float) -> bool:
        return self.take(int(self.random() < p), 2) == 1

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in range(min(count, len(left)))]

    def shuffle(self, items: list[Any]) -> None:
        items[:] = self.sample(items, len(items))


class Coverage:
    """Which alternatives of which choice were taken: the productions of a grammar."""

    def __init__(self, grammar: dict[str, tuple[str, ...]]) -> None:
        self.all = {f"{group}: {name}" for group, names in grammar.items() for name in names}
        self.hits: Counter[str] = Counter()

    def missing(self) -> list[str]:
        return sorted(self.all - self.hits.keys())

    def share(self) -> float:
        return 1 - len(self.missing()) / len(self.all)


def fewer(items: list[T], fails: Callable[[list[T]], bool], until: float) -> list[T]:
    """The list without what the failure does not need: ever smaller runs are left out."""
    size = max(len(items) // 2, 1)
    while items:
        at = 0
        while at < len(items) and time.monotonic() < until:
            without = items[:at] + items[at + size :]
            if fails(without):
                items = without
            else:
                at += size
        if size == 1 or time.monotonic() >= until:
            break
        size //= 2
    return items


def lower(numbers: list[int], fails: Callable[[list[int]], bool], until: float) -> list[int]:
    """The decisions, each as plain as the failure allows."""
    for at in range(len(numbers)):
        for value in (0, 1, numbers[at] // 2):
            if at < len(numbers) and value < numbers[at] and time.monotonic() < until:
                plainer = [*numbers[:at], value, *numbers[at + 1 :]]
                if fails(plainer):
                    numbers = plainer
                    break
    return numbers


def _first(fails: Callable[[list[T], list[int]], bool], numbers: list[int], rows: list[T]) -> bool:
    return fails(rows, numbers)


def shrink(
    rows: list[T],
    numbers: list[int],
    fails: Callable[[list[T], list[int]], bool],
    seconds: float = 20,
) -> tuple[list[T], list[int]]:
    """Fewer rows (or steps), fewer and plainer decisions, until nothing gets smaller or the time is over."""
    until = time.monotonic() + seconds
    while True:
        before = (len(rows), len(numbers), sum(numbers))
        rows = fewer(rows, partial(_first, fails, numbers), until)
        numbers = fewer(numbers, partial(fails, rows), until)
        numbers = lower(numbers, partial(fails, rows), until)
        if (len(rows), len(numbers), sum(numbers)) == before or time.monotonic() >= until:
            return rows, numbers
