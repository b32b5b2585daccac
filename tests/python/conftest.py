# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import signal
import tomllib
from collections.abc import Iterator
from pathlib import Path

import laminardb
import pytest

# A shell's background job starts with SIGINT ignored, and its children do; they are to be interrupted here.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def db() -> Iterator[laminardb.Connection]:
    with laminardb.open() as connection:
        yield connection


# ---- which test answers which requirement: told by the tests, on whatever worker, shown at the end


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("requirement"):
            item.user_properties.append(("requirement", str(mark.args[0])))


def _texts() -> dict[str, str]:
    listed = tomllib.loads((Path(__file__).parent / "requirements.toml").read_text(encoding="utf-8"))
    return {f"{f}.{i}": text for f in listed for i, text in enumerate(listed[f]["requirements"], 1)}


def _in_order(key: str) -> tuple[str, int]:
    feature, _, number = key.partition(".")
    return feature, int(number)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found: dict[str, list[tuple[str, str]]] = {}
    for outcome in ("passed", "failed", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, value in getattr(report, "user_properties", ()):
                if name == "requirement" and (report.when == "call" or outcome != "passed"):
                    found.setdefault(value, []).append((report.nodeid.rpartition("/")[2], outcome))
    if len(found) < 20:  # some tests alone were run
        return
    texts = _texts()
    terminalreporter.section("requirements")
    for key in sorted(
        found.keys() | texts.keys(), key=lambda k: (k.partition(".")[0], int(k.partition(".")[2]))
    ):
        tests = ", ".join(f"{test} ({outcome})" for test, outcome in found.get(key, [])) or "no test ran"
        terminalreporter.write_line(f"{key:12} {texts.get(key, '')}: {tests}")
