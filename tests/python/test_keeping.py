# SPDX-License-Identifier: Apache-2.0
"""verify, backup and salvage of kept databases, and what a database says of paths that are none."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import laminardb
import pytest


def make(path: Path, rows: int = 100) -> laminardb.Connection:
    db = laminardb.open(path)
    db.execute("CREATE SOURCE t (n BIGINT, k VARCHAR)")
    db.execute("CREATE STREAM s AS SELECT k, sum(n) AS n FROM t GROUP BY k")
    db.start()
    for n in range(rows):
        db.insert("t", {"n": n, "k": f"k{n % 3}"})
    return db


def shown(db: laminardb.Connection) -> list[list[tuple[Any, ...]]]:
    return [db.query(q).fetchall() for q in ("SELECT * FROM t ORDER BY n", "SELECT * FROM s ORDER BY k")]


def test_backup_while_running(tmp_path: Path) -> None:
    db = make(tmp_path / "a.ldb")
    stop = threading.Event()

    def go_on() -> None:
        n = 100
        while not stop.is_set():
            db.insert("t", {"n": n, "k": "more"})
            n += 1

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        for i in range(5):
            db.backup(tmp_path / f"copy{i}.ldb")
            assert db.verify().records > 100
    finally:
        stop.set()
        thread.join()
    last = 0
    for i in range(5):
        with laminardb.open(tmp_path / f"copy{i}.ldb") as copy:
            rows, sums = shown(copy)
            assert [n for n, _ in rows] == list(range(len(rows)))
            assert len(rows) >= max(100, last)
            last = len(rows)
            once = copy.query("SELECT k, sum(n) AS n FROM t GROUP BY k ORDER BY k").fetchall()
            assert sums == once
            copy.insert("t", {"n": last, "k": "of its own"})
    db.close()


def test_backup_is_refused(tmp_path: Path) -> None:
    db = make(tmp_path / "a.ldb", 3)
    db.backup(tmp_path / "b.ldb")
    with pytest.raises(laminardb.ConnectionError, match="has a database already") as e:
        db.backup(tmp_path / "b.ldb")
    assert e.value.code == 100
    with pytest.raises(laminardb.ConnectionError) as e:
        db.backup(tmp_path / "no" / "such" / "place")
    assert e.value.code == 100 and "no/such/place" in str(e.value)
    with pytest.raises(laminardb.CheckpointError, match="in memory") as m:
        laminardb.open().backup(tmp_path / "c.ldb")
    assert m.value.code == 701
    with pytest.raises(laminardb.CheckpointError, match="in memory"):
        laminardb.open().verify()
    db.insert("t", {"n": 9, "k": "still"})
    db.close()


def damage(path: Path, share: float) -> int:
    """One bit in the file that is that far into its records; its offset."""
    (log,) = path.glob("wal-*")
    bytes_ = bytearray(log.read_bytes())
    used = len(bytes_.rstrip(b"\0"))
    at = 64 + int((used - 64) * share)
    bytes_[at] ^= 4
    log.write_bytes(bytes_)
    return at


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_salvage(tmp_path: Path, share: float) -> None:
    db = make(tmp_path / "a.ldb")
    at = damage(tmp_path / "a.ldb", share)
    with pytest.raises(laminardb.CheckpointError, match=r"wal-.*offset \d+") as e:
        db.verify()
    assert e.value.code == 702
    db.close()
    before = {p.name: p.read_bytes() for p in (tmp_path / "a.ldb").iterdir()}
    with pytest.raises(laminardb.CheckpointError, match="salvage") as e:
        laminardb.open(tmp_path / "a.ldb")
    found = laminardb.salvage(tmp_path / "a.ldb", tmp_path / "b.ldb")
    assert found.reason is not None and "wal-" in found.reason
    offset = int(found.reason.split("offset ")[1].split(")")[0])
    assert at - 4096 < offset <= at
    assert {p.name: p.read_bytes() for p in (tmp_path / "a.ldb").iterdir()} == before
    with laminardb.open(tmp_path / "b.ldb") as out:
        rows, sums = shown(out)
        assert [n for n, _ in rows] == list(range(len(rows)))
        assert abs(len(rows) - 100 * share) < 15
        assert sums == out.query("SELECT k, sum(n) AS n FROM t GROUP BY k ORDER BY k").fetchall()
        assert out.verify().records >= found.records


def test_salvage_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "a.ldb", 3).close()
    whole = laminardb.salvage(tmp_path / "a.ldb", tmp_path / "b.ldb")
    assert whole.reason is None and whole.records > 3
    with pytest.raises(laminardb.ConnectionError, match="has a database already"):
        laminardb.salvage(tmp_path / "a.ldb", tmp_path / "b.ldb")
    with pytest.raises(laminardb.LaminarError, match="nothing.ldb"):
        laminardb.salvage(tmp_path / "nothing.ldb", tmp_path / "c.ldb")


def bad_paths(folder: Path) -> dict[str, str]:
    """What each is like, and a path that no database can be at (D22)."""
    (folder / "file").write_text("x")
    (folder / "file.ldb").write_text("not a directory")
    os.mkfifo(folder / "pipe.ldb")
    (folder / "loop.ldb").symlink_to(folder / "loop.ldb")
    (folder / "dangling.ldb").symlink_to(folder / "nowhere")
    (folder / "locked.ldb").mkdir()
    (folder / "locked.ldb" / "LOCK").mkdir()
    (folder / "log.ldb").mkdir()
    (folder / "log.ldb" / "wal-0000000000000001").mkdir()
    (folder / "short.ldb").mkdir()
    (folder / "short.ldb" / "wal-0000000000000001").write_bytes(b"LAMIWAL\n")
    (folder / "zeros.ldb").mkdir()
    (folder / "zeros.ldb" / "wal-0000000000000001").write_bytes(bytes(4096))
    (folder / "late.ldb").mkdir()
    (folder / "late.ldb" / "wal-0000000000000009").write_bytes(bytes(4096))
    (folder / "fifo.ldb").mkdir()
    os.mkfifo(folder / "fifo.ldb" / "wal-0000000000000001")
    return {
        "a file": str(folder / "file.ldb"),
        "within a file": str(folder / "file" / "a.ldb"),
        "a pipe": str(folder / "pipe.ldb"),
        "a link to itself": str(folder / "loop.ldb"),
        "a link to nothing": str(folder / "dangling.ldb"),
        "no parent": str(folder / "no" / "parent.ldb"),
        "a long name": str(folder / ("x" * 300 + ".ldb")),
        "a long path": str(folder) + "/d" * 3000 + ".ldb",
        "a device": "/dev/null/a.ldb",
        "a device itself": "/dev/full.ldb/x.ldb",
        "proc": "/proc/a.ldb",
        "sys": "/sys/a.ldb",
        "a directory as lock": str(folder / "locked.ldb"),
        "a directory as log": str(folder / "log.ldb"),
        "a log of 8 bytes": str(folder / "short.ldb"),
        "a log of zeros": str(folder / "zeros.ldb"),
        "a log without its beginning": str(folder / "late.ldb"),
        "a pipe as log": str(folder / "fifo.ldb"),
    }


def test_bad_paths(tmp_path: Path) -> None:
    paths = bad_paths(tmp_path)
    before = sorted(str(p) for p in tmp_path.rglob("*"))
    for what, path in paths.items():
        with pytest.raises(laminardb.LaminarError) as e:
            laminardb.open(path)
        assert e.value.code in (100, 702), (what, e.value)
        assert len(str(e.value)) > 20, what
        named = Path(path).name[:20]
        assert any(w in str(e.value) for w in (named, "LOCK", "too long")), (what, str(e.value))
    new = set(map(str, tmp_path.rglob("*"))) - set(before)
    assert all(p.endswith("/LOCK") for p in new), new  # no partial directory, no log
    assert len(paths) >= 18


def test_newer_format(tmp_path: Path) -> None:
    make(tmp_path / "a.ldb", 3).close()
    (log,) = (tmp_path / "a.ldb").glob("wal-*")
    bytes_ = bytearray(log.read_bytes())
    bytes_[8] = 99  # the version; then the checksum over all but itself
    bytes_[12:16] = bytes(4)
    bytes_[12:16] = crc32c(bytes(bytes_[:64])).to_bytes(4, "little")
    log.write_bytes(bytes_)
    with pytest.raises(laminardb.CheckpointError, match="written by a later version: use that one") as e:
        laminardb.open(tmp_path / "a.ldb")
    assert e.value.code == 702 and log.name in str(e.value)


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def sealed(log: bytearray, at: int) -> None:
    """The right checksums for the record whose head is at that offset."""
    size = int.from_bytes(log[at + 24 : at + 28], "little")
    log[at + 28 : at + 32] = crc32c(bytes(log[at + 32 : at + 32 + size])).to_bytes(4, "little")
    place = bytes(log[16:24]) + at.to_bytes(8, "little")
    log[at : at + 4] = crc32c(place + bytes(log[at + 4 : at + 32])).to_bytes(4, "little")


def test_values_are_not_trusted(tmp_path: Path) -> None:
    """A record with the right checksums may still hold what is no value."""
    db = make(tmp_path / "a.ldb", 0)
    db.insert("t", {"n": 1, "k": "needle"})
    db.close()
    (path,) = (tmp_path / "a.ldb").glob("wal-*")
    log = bytearray(path.read_bytes())
    text = log.index(b"needle")
    log[text] = 0xFF
    at = 64
    while at + 32 + int.from_bytes(log[at + 24 : at + 28], "little") < text:
        at += 32 + (int.from_bytes(log[at + 24 : at + 28], "little") + 7) // 8 * 8
    sealed(log, at)
    path.write_bytes(log)
    with pytest.raises(laminardb.CheckpointError, match="a text that is not UTF-8") as e:
        laminardb.open(tmp_path / "a.ldb")
    assert e.value.code == 702 and "record" in str(e.value)
    log[text] = ord("n")
    sealed(log, at)
    path.write_bytes(log)
    with laminardb.open(tmp_path / "a.ldb") as again:
        assert again.query("SELECT k FROM t").fetchone() == ("needle",)


def test_removed_directory(tmp_path: Path) -> None:
    """Rows go on to the open files; what needs a new one is refused."""
    import shutil

    db = make(tmp_path / "a.ldb", 3)
    shutil.rmtree(tmp_path / "a.ldb")
    with pytest.raises(laminardb.LaminarError) as e:
        for _ in range(200):
            db.insert("t", [{"n": i, "k": "x" * 100} for i in range(1000)])
    assert e.value.code == 300 and "wal-new" in str(e.value)
    with pytest.raises(laminardb.LaminarError):
        db.verify()
    db.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a tmpfs of its own: root alone")
def test_full_disk(tmp_path: Path) -> None:
    """A disk of 1 MiB, for real: what was acknowledged is there, and with room it goes on."""
    import subprocess

    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=False).returncode:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        db, known, refused = make(disk / "a.ldb", 0), 0, 0
        for _ in range(2000):
            try:
                db.insert("t", [{"n": known + i, "k": "a longer text to fill the disk"} for i in range(50)])
                known += 50
            except laminardb.LaminarError as e:
                assert e.code == 300 and "No space left" in str(e), e
                refused += 1
                if refused == 20:
                    break
        assert refused == 20 and known > 0
        assert db.query("SELECT count(*) FROM t").fetchone() == (known,)
        subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)
        db.insert("t", {"n": known, "k": "room again"})
        db.close()
        with laminardb.open(disk / "a.ldb") as again:
            assert again.query("SELECT count(*) FROM t").fetchone() == (known + 1,)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
