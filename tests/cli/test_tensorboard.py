"""Files for TensorBoard: byte for byte what its own writer makes, one a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnilytics.cli.tensorboard import events, write_progress
from omnilytics.errors import DataError
from omnilytics.protocol.progress import Accuracy, Progress
from omnilytics.types import Address

WRITTEN = bytes.fromhex(
    "1800000000000000a37f4b2209000020eb0360da411a0d627261696e2e4576656e743a32ca79db9f3d000000000000006049f1ec09000020eb"
    "0360da4110ac022a2f0a160a0f61636375726163792f7075626c6963150000ba420a150a0e61636375726163792f77686f6c65150000bc42ad"
    "b9abd3"
)
"""By `tensorboard.summary.writer.record_writer` of TensorBoard 2.21, of the same two events."""


def reached(whole: float) -> Progress:
    return Progress(Address("0x" + "ab" * 20), 100, Accuracy(50.0, 60.0), Accuracy(81.5, whole), 0.5)


def test_a_file_is_what_tensorboard_itself_writes() -> None:
    assert events(300, 1_770_000_300.5, {"accuracy/public": 93.0, "accuracy/whole": 94.0}) == WRITTEN


def test_a_session_is_written_once(tmp_path: Path) -> None:
    """TensorBoard reads files in the order of their names."""
    folder = tmp_path / "new" / "run"
    write_progress(folder, [reached(70.0)])
    (first,) = folder.iterdir()
    content = first.read_bytes()
    for name in (b"accuracy/public", b"accuracy/whole", b"weight"):
        assert name in content
    write_progress(folder, [reached(99.0), *[reached(80.0)] * 10])
    assert first.read_bytes() == content
    files = sorted(folder.iterdir())
    assert len(files) == 11
    assert files[0] == first
    assert all("tfevents" in file.name for file in files)
    assert b"\x10\x0b" in files[-1].read_bytes()  # field 2, step 11


def test_where_it_can_t_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(DataError, match="expected room and leave to write it"):
        write_progress(tmp_path / "run", [reached(70.0)])
