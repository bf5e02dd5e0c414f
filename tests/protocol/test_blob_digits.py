"""What a sum may be: `is_malformed` finds the elements that `scheme.decode` refuses, and no others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnilytics.blobs import scheme
from omnilytics.blobs.blob import element
from omnilytics.errors import EncodingError
from omnilytics.protocol.blob_sums import is_malformed
from omnilytics.protocol.terms import Terms
from omnilytics.types import BLOB_ELEMENTS, Mode, Rule

PACKED = Terms(reward_wei=10**18, rule=Rule.NORM, mode=Mode.BLOB, packed=True, fee_cap_wei=0)
MIDDLE = PACKED.group_size * PACKED.bound


def refused(blob: bytes, count: int, *, packed: bool) -> bool:
    try:
        scheme.decode(blob, count, PACKED.group_size, PACKED.bound, packed=packed)
    except EncodingError:
        return True
    return False


@settings(max_examples=40, deadline=None)
@given(
    packed=st.booleans(),
    lanes=st.integers(1, 21),
    last=st.integers(1, BLOB_ELEMENTS),
    place=st.integers(0, BLOB_ELEMENTS - 1),
    lane=st.integers(0, 20),
    digit=st.sampled_from([0, 1, MIDDLE - 1, MIDDLE, MIDDLE + 1, 2 * MIDDLE, 2 * MIDDLE + 1, 4_095]),
)
def test_one_digit(packed: bool, lanes: int, last: int, place: int, lane: int, digit: int) -> None:
    """Of a sum that is N Q everywhere one digit is another, in a lane that there is or isn't."""
    lanes = lanes if packed else 1
    count = BLOB_ELEMENTS * (lanes - 1) + last
    params = replace(PACKED, packed=packed).params(count, 0.1)
    middle = sum(MIDDLE << 12 * at for at in range(lanes))
    before = MIDDLE if lane < lanes else 0
    other = middle + ((digit - before) << 12 * lane)
    blob = bytearray(middle.to_bytes(32, "big") * BLOB_ELEMENTS)
    blob[32 * place : 32 * place + 32] = other.to_bytes(32, "big")
    assert element(bytes(blob), place) == other
    assert is_malformed(params, place, other) == refused(bytes(blob), count, packed=packed)
    assert not is_malformed(params, (place + 1) % BLOB_ELEMENTS, middle)


@pytest.mark.parametrize("bit", range(252, 255))
def test_above_all_lanes(bit: int) -> None:
    params = PACKED.params(21 * BLOB_ELEMENTS, 0.1)
    middle = sum(MIDDLE << 12 * at for at in range(21))
    assert not is_malformed(params, 0, middle)
    assert is_malformed(params, 0, middle | 1 << bit)


def test_of_the_second_blob() -> None:
    """Two lanes are left for it, of the second of which there are four values."""
    params = PACKED.params(22 * BLOB_ELEMENTS + 4, 0.1)
    middle = MIDDLE + (MIDDLE << 12)
    for place in (0, 3, 4, 4_095):
        assert not is_malformed(params, BLOB_ELEMENTS + place, middle)
        assert is_malformed(params, BLOB_ELEMENTS + place, middle + (1 << 24))
        assert is_malformed(params, BLOB_ELEMENTS + place, middle + (1 << 12)) == (place >= 4)
