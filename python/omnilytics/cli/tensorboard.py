"""Numbers by session for TensorBoard, in its own files (TFRecords of `Event`); writing them takes no package."""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from omnilytics.errors import DataError
from omnilytics.private import make_folder, replace_private
from omnilytics.protocol.progress import Progress

CASTAGNOLI = 0x82F63B78
"""The polynomial of CRC-32C, bits reversed."""

MASK = 0xA282EAD8
"""Added to a rotated sum, as TFRecord has it: a sum of data that hold sums would say little."""

VERSION = b"brain.Event:2"


def write_progress(folder: Path, sessions: Sequence[Progress]) -> None:
    """Writes a file for each of a model owner's sessions, its first one being step 1, that has none yet.

    Args:
        folder: of the run; made where it isn't there.
        sessions: what they have come to, oldest first.

    Raises:
        DataError: it can't be written.
    """
    write_points(
        folder,
        [
            {"accuracy/public": one.after.public, "accuracy/whole": one.after.whole, "weight": one.weight}
            for one in sessions
        ],
    )


def write_points(folder: Path, points: Sequence[Mapping[str, float]]) -> None:
    """Writes a file for each point that has none yet, the first one being step 1.

    Args:
        folder: of the curves; made where it isn't there.
        points: a value for each name.

    Raises:
        DataError: they can't be written.
    """
    for step, scalars in enumerate(points, 1):
        path = folder / f"events.out.tfevents.{step:010d}"  # TensorBoard reads files in the order of their names
        try:
            make_folder(folder)
            if not path.exists():
                replace_private(path, events(step, time.time(), scalars))
        except OSError as error:
            raise DataError(f"{path}: expected room and leave to write it, got: {error.strerror}") from None


def events(step: int, now: float, scalars: Mapping[str, float]) -> bytes:
    """A file that TensorBoard shows as one point of each curve.

    Args:
        step: where on the curves.
        now: unix time, seconds.
        scalars: a value for each name; `/` in a name groups curves.
    """
    values = b"".join(_field(1, _field(1, name.encode()) + _float(2, value)) for name, value in scalars.items())
    head, point = _field(3, VERSION), _number(2, step) + _field(5, values)
    return b"".join(_record(_double(1, now) + event) for event in (head, point))


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + _sum(length) + data + _sum(data)


def _sum(data: bytes) -> bytes:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _table()[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + MASK) & 0xFFFFFFFF)


@cache
def _table() -> tuple[int, ...]:
    def entry(value: int) -> int:
        for _ in range(8):
            value = value >> 1 ^ (CASTAGNOLI if value & 1 else 0)
        return value

    return tuple(map(entry, range(256)))


def _field(number: int, content: bytes) -> bytes:
    """A field with a length, of a Protocol Buffers message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _double(number: int, value: float) -> bytes:
    return _varint(number << 3 | 1) + struct.pack("<d", value)


def _float(number: int, value: float) -> bytes:
    return _varint(number << 3 | 5) + struct.pack("<f", value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])
