"""Records appear whole or not at all, and damaged ones are named as such."""

import gzip
import json
from pathlib import Path

import pytest

from omnilytics.errors import DataError
from omnilytics.protocol.events import Note
from omnilytics.protocol.record import RecordWriter, SessionRecord, read_events, read_sessions, resolve
from omnilytics.types import Address, Log

SESSION = SessionRecord(1, 31337, Address("0x" + "11" * 20), Address("0x" + "22" * 20), ())
LOG = Log(SESSION.address, (b"\x01" * 32, b"\x02" * 32), b"\x00\xff")


def write(path: Path) -> Path:
    with RecordWriter(path) as writer:
        writer.event(Note(1, "one"))
        writer.session(SessionRecord(2, 1, SESSION.address, SESSION.owner, ((7, LOG),)))
        writer.event(Note(2, "two"))
    return path


def test_round_trip(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl.gz")
    assert list(read_events(path)) == [Note(1, "one"), Note(2, "two")]
    (session,) = read_sessions(path)
    assert session.logs == ((7, LOG),)
    assert session.number == 2


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    assert write(tmp_path / "a.gz").read_bytes() == write(tmp_path / "b.gz").read_bytes()


def test_nothing_is_left_after_an_exception(tmp_path: Path) -> None:
    def interrupted() -> None:
        with RecordWriter(tmp_path / "r.gz") as writer:
            writer.event(Note(1, "one"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="can't be written"), RecordWriter(tmp_path / "no" / "r.gz"):
        pass


def test_a_result_file_names_its_record(tmp_path: Path) -> None:
    path = write(tmp_path / "r.gz")
    result = tmp_path / "out.json"
    result.write_text(json.dumps({"record": "r.gz"}))
    assert resolve(result) == path
    assert len(list(read_events(result))) == 2


@pytest.mark.parametrize("content", ["{}", "[]", "no json", '{"record": null}', '{"record": "../r.gz"}'])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    other = tmp_path / "x.json"
    other.write_text(content)
    with pytest.raises(DataError, match="record"):
        resolve(other)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        resolve(tmp_path / "none")


def test_cut_off_record(tmp_path: Path) -> None:
    path = write(tmp_path / "r.gz")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"not readable|cut off"):
        list(read_events(path))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['{"kind":"header","version":3}'], "cut off"),
        (['{"kind":"header","version":1}', '{"kind":"end"}'], r"r\.gz: expected version 3, got 1$"),
        (['{"kind":"event"}', '{"kind":"end"}'], "expected version"),
        (['{"kind":"header","version":3}', "nonsense"], "malformed"),
        (['{"kind":"header","version":3}', "[1]"], "malformed"),
    ],
)
def test_damaged_lines(tmp_path: Path, lines: list[str], message: str) -> None:
    path = tmp_path / "r.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    with pytest.raises(DataError, match=message):
        list(read_events(path))


def test_malformed_session(tmp_path: Path) -> None:
    path = tmp_path / "r.gz"
    lines = ['{"kind":"header","version":3}', '{"kind":"session","number":1}', '{"kind":"end"}']
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    with pytest.raises(DataError, match="session line"):
        list(read_sessions(path))
