"""The first set under which a client lets its secrets out is the only one, also for the process after it."""

from __future__ import annotations

import resource
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from omnilytics.errors import DataError, ProtocolError
from omnilytics.protocol.releases import Part, ReleaseLog
from omnilytics.types import Address

PART = Part(2**64 - 1, Address("0x" + "11" * 20), 3, Address("0x" + "22" * 20))


@pytest.fixture(params=["memory", "file"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> ReleaseLog:
    return ReleaseLog(tmp_path / "released.db" if request.param == "file" else None)


def test_the_same_again_is_allowed(log: ReleaseLog) -> None:
    for _ in range(3):
        log.release(PART, 0b1011)


def test_another_set_is_refused(log: ReleaseLog) -> None:
    log.release(PART, 0b1011)
    with pytest.raises(ProtocolError, match="first released, 0b1011, got 0b1110: the chain has gone back"):
        log.release(PART, 0b1110)
    log.release(PART, 0b1011)


@pytest.mark.parametrize(
    "other",
    [{"chain_id": 1}, {"session": Address("0x" + "33" * 20)}, {"group": 4}, {"account": Address("0x" + "44" * 20)}],
)
def test_each_part_has_its_own(log: ReleaseLog, other: dict[str, object]) -> None:
    log.release(PART, 0b1011)
    log.release(replace(PART, **other), 0b1110)  # type: ignore[arg-type]


def test_any_thread_may_let_go_of_it() -> None:
    """A warning is an error here."""
    logs = [ReleaseLog()]
    thread = threading.Thread(target=logs.clear)
    thread.start()
    thread.join()
    assert not logs


def test_a_file_outlives_its_process(tmp_path: Path) -> None:
    path = tmp_path / "released.db"
    ReleaseLog(path).release(PART, 0b1011)
    again = ReleaseLog(path)
    assert again.durable
    with pytest.raises(ProtocolError):
        again.release(PART, 0b1111)


def test_it_is_on_the_disk_before_anything_is_sent(tmp_path: Path) -> None:
    """As another process sees it, and as the disk has it: every commit is synced."""
    path = tmp_path / "released.db"
    log = ReleaseLog(path)
    log.release(PART, 0b1011)
    other = sqlite3.connect(path)
    assert other.execute("SELECT chain_id, delivered FROM released").fetchall() == [(str(2**64 - 1), 0b1011)]
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()
    assert log._database.execute("PRAGMA synchronous").fetchone() == (2,)


def test_two_processes_agree(tmp_path: Path) -> None:
    path = tmp_path / "released.db"
    one, other = ReleaseLog(path), ReleaseLog(path)
    one.release(PART, 0b1011)
    with pytest.raises(ProtocolError):
        other.release(PART, 0b1111)


def test_a_file_that_is_no_log(tmp_path: Path) -> None:
    path = tmp_path / "released.db"
    path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(DataError, match="expected a database of releases, got: file is not a database"):
        ReleaseLog(path)
    with pytest.raises(DataError, match="unable to open database file"):
        ReleaseLog(tmp_path / "missing" / "released.db")


def test_what_cannot_be_written_is_not_released(tmp_path: Path) -> None:
    log = ReleaseLog(tmp_path / "released.db")
    log._database.execute("PRAGMA query_only = ON")
    with pytest.raises(DataError, match="expected room and leave to write"):
        log.release(PART, 0b1011)


def test_a_disk_without_room_is_no_damage(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        with pytest.raises(DataError, match="expected room and leave to write, got: ") as caught:
            ReleaseLog(tmp_path / "released.db")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "Make room there" in caught.value.__notes__[0]
    ReleaseLog(tmp_path / "released.db").release(PART, 0b1011)
