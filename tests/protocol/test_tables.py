"""Fee tables and record constants refuse what doesn't fit their bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omnilytics.errors import InputError
from omnilytics.types import FeeTable, RecordConstants

TABLE = FeeTable(
    register=200_000,
    commit=70_000,
    select=100_000,
    settle=150_000,
    move=75_000,
    upload=60_000,
    upload_word=1_500,
    aggregate=100_000,
    aggregate_word=1_300,
    gram=90_000,
    gram_word=8_000,
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"token_gas": 256}, r"fee table, token_gas: expected 0\.\.255 gas, got 256"),
        ({"floor_gas": -1}, r"fee table, floor_gas: expected 0\.\.255 gas, got -1"),
        ({"base_gas": 2**24}, r"fee table, base_gas: expected 0\.\.16777215 gas, got 16777216"),
        ({"register": 6_553_600}, r"fee table, register: expected 0\.\.6553500 gas, got 6553600"),
        ({"move": 75_001}, "fee table, move: expected a multiple of 100 gas, got 75001"),
        ({"upload_word": 2**16}, r"fee table, upload_word: expected 0\.\.65535 gas, got 65536"),
    ],
)
def test_a_table_that_doesnt_fit(change: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(TABLE, **change)


@pytest.mark.parametrize("packed", [-1, 2**216])
def test_no_table(packed: int) -> None:
    with pytest.raises(InputError, match=r"fee table: expected 0\.\.2\^216-1, got"):
        FeeTable.unpack(packed)


def test_gas_of_vectors() -> None:
    assert TABLE.an_upload(words=10, chunks=2) == 2 * 60_000 + 10 * 1_500
    assert TABLE.an_aggregation(words=10, chunks=2, members=3) == 2 * 100_000 + 30 * 1_300
    assert TABLE.the_products(words=10, chunks=2, groups=5) == 2 * 90_000 + 50 * 8_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decay": 2**16}, r"record constants, decay: expected 0\.\.65535, got 65536"),
        ({"weight": 1}, r"record constants, weight: expected 2\.\.255, got 1"),
        ({"newcomer": 2**16 + 1}, r"record constants, newcomer: expected 0\.\.65536, got 65537"),
        ({"threshold": 0}, r"record constants, threshold: expected 1\.\.65536, got 0"),
    ],
)
def test_constants_that_dont_fit(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        RecordConstants(**change)


@pytest.mark.parametrize("packed", [-1, 0, 2**58])
def test_no_constants(packed: int) -> None:
    with pytest.raises(InputError, match="record constants"):
        RecordConstants.unpack(packed)


def test_a_newcomer_has_no_record_to_fade() -> None:
    constants = RecordConstants()
    assert constants.decayed(None) == 2**14
    assert constants.after(None, True) == 28_672
    assert constants.after(None, False) == 12_288
    assert constants.decayed(2**14) == 2**14 - 327
