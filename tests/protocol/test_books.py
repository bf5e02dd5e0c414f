"""What members are owed and what is remembered of them, fate by fate, to the wei."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omnilytics.protocol.books import Fates, FeeLimits
from omnilytics.protocol.seating import Seating
from omnilytics.protocol.terms import Terms
from omnilytics.types import Address, FeeTable, KrumPicks, Mode, Rule, member_fees_wei

MEMBERS = [Address(f"0x{i:040x}") for i in range(1, 10)]
TABLE = FeeTable(
    register=100,
    commit=200,
    select=400,
    settle=800,
    move=1_600,
    upload=3_200,
    upload_word=1,
    aggregate=6_400,
    aggregate_word=2,
    gram=12_800,
    gram_word=3,
)
PARAMS = replace(
    Terms(reward_wei=10**18, rounds=3, group_size=3, fee_table=TABLE, fee_cap_wei=1, rule=Rule.NORM).params(10, 0.5),
    bond_wei=10_001,
)
SEATS = Seating(tuple(tuple(MEMBERS[3 * g : 3 * g + 3]) for g in range(3)), (), 3)
PRICE = member_fees_wei(PARAMS)


def fates(**known: object) -> Fates:
    return replace(Fates(PARAMS, SEATS), **known)  # type: ignore[arg-type]


def dues(f: Fates, group: int) -> list[int]:
    return [f.due(group, place) for place in range(3)]


def test_the_price_of_leaving_is_a_members_fees_or_the_bond() -> None:
    assert fates().price_of_leaving() == PRICE == 100 + 200 + 3_200 + 1
    assert Fates(replace(PARAMS, bond_wei=7), SEATS).price_of_leaving() == 7


def test_groups_that_delivered() -> None:
    f = fates(paid=0b001, share_wei=50)
    assert dues(f, 0) == [10_051] * 3
    assert dues(f, 1) == [10_001] * 3


@pytest.mark.parametrize(
    ("did", "expected"),
    [
        (0b011, [15_002, 15_001, 0]),
        (0b100, [0, 0, 30_003]),
        (0b000, [10_001] * 3),
    ],
)
def test_lost_bonds_go_to_the_others(did: int, expected: list[int]) -> None:
    assert sum(expected) == 3 * PARAMS.bond_wei
    assert dues(fates(failed={1: did}), 1) == expected


def test_who_declines_pays_its_price_alone() -> None:
    f = fates(failed={1: 0b101}, dissolved={1})
    assert dues(f, 1) == [10_001 + PRICE // 2 + 1, 10_001 - PRICE, 10_001 + PRICE // 2]
    assert sum(dues(f, 1)) == 3 * PARAMS.bond_wei


def test_who_is_drawn_again_is_paid_with_its_second_group() -> None:
    a, b, c, d, e, g = MEMBERS[:6]
    again = Seating((*SEATS.groups, (a, d, b)), (), 3)
    f = fates(seats=again, failed={0: 0b011, 1: 0b001}, paid=0b1000, share_wei=7)
    assert dues(f, 0) == [0, 0, 0]
    assert dues(f, 1) == [0, 0, 0]
    assert dues(f, 3) == [15_002 + 7, 30_003 + 7, 15_001 + 7]
    assert sum(dues(f, 3)) == 6 * PARAMS.bond_wei + 21
    f.failed[3] = 0b110
    assert dues(f, 3) == [15_002 - 10_001, 30_003 + 5_001, 15_001 + 5_000]
    assert (c, e, g) == (SEATS.groups[0][2], SEATS.groups[1][1], SEATS.groups[1][2])


def test_who_objects_and_whom_keep_their_bonds() -> None:
    f = fates(failed={1: 0b010}, objected={1: 0b111})
    assert dues(f, 1) == [10_001] * 3
    assert f.records(1) == (0b101, 0b101)
    f = fates(failed={1: 0b001}, objected={1: 0b011})
    assert dues(f, 1) == [15_002, 15_001, 0]


@pytest.mark.parametrize(
    ("delivered", "loyal", "expected"),
    [
        (0b111, 0b111, [10_051] * 3),
        (0b011, 0b011, [10_051 + 5_001, 10_051 + 5_000, 0]),
        (0b111, 0b101, [10_051 + 5_001, 50, 10_051 + 5_000]),
        (0b011, 0b001, [10_051 + 20_002, 50, 0]),
    ],
)
def test_a_group_that_goes_on_without_some(delivered: int, loyal: int, expected: list[int]) -> None:
    """Who delivered has the reward; who did its part to the end has its bond, and those of the others."""
    f = fates(paid=0b001, share_wei=50, delivered={0: delivered}, loyal={0: loyal})
    assert dues(f, 0) == expected
    assert sum(expected) == 3 * PARAMS.bond_wei + 50 * delivered.bit_count()
    unpaid = fates(delivered={0: delivered}, loyal={0: loyal})
    assert sum(dues(unpaid, 0)) == 3 * PARAMS.bond_wei


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"accepted": 0b010, "paid": 0b010, "loyal": {1: 0b101}}, (0b111, 0b010)),
        ({"accepted": 0b001, "paid": 0b001, "loyal": {1: 0b101}}, (0b111, 0b111)),
        ({"unselected": True, "paid": 0b111, "loyal": {1: 0b101}}, (0b010, 0b010)),
        ({"accepted": 0b010, "paid": 0b010}, (0b111, 0)),
        ({"accepted": 0b001, "paid": 0b001}, (0b111, 0b111)),
        ({"unselected": True, "paid": 0b111}, (0, 0)),
        ({"failed": {1: 0b101}}, (0b010, 0b010)),
        ({"failed": {1: 0b110}, "dissolved": {1}}, (0b001, 0b001)),
        ({"failed": {1: 0}}, (0b111, 0b111)),
    ],
)
def test_what_is_remembered(known: dict[str, object], expected: tuple[int, int]) -> None:
    assert fates(**known).records(1) == expected
    off = fates(**known)
    off.params = replace(PARAMS, record_constants=0)
    assert off.records(1) == (0, 0)


def test_krums_rejections_are_forgotten() -> None:
    krum = replace(PARAMS, rule=Rule.KRUM, krum_m=1, krum_m_rule=KrumPicks.PAPER)
    f = Fates(krum, SEATS, accepted=0b001, paid=0b001)
    assert f.records(0) == (0b111, 0)
    assert f.records(1) == (0, 0)


@pytest.mark.parametrize(
    ("events", "limit"),
    [
        ([("Registered", 0)], 100),
        ([("Registered", 0), ("RegistrationClosed", 0), ("Drawn", 0)], 100 + 1_600),
        ([("Committed", 0), ("BarrierPassed", 0)], 200 + 1_600),
        ([("Uploaded", 10)], 3_200 + 10),
        ([("Aggregated", 30)], 6_400 + 60),
        ([("GramAdded", 20)], 12_800 + 60),
        ([("Selected", 0)], 400 + 1_600),
        ([("Settled", 0)], 800),
        ([("GroupFailed", 0), ("UploadClosed", 0)], 1_600),
        ([("DrawPostponed", 0)], 0),
        ([("Shared", 0), ("SharingClosed", 0)], 200 + 1_600),
        ([("SharingClosed", 0)], 1_600),
        ([("Revealed", 0), ("ShareRevealed", 0), ("ShareRevealed", 0)], 200),
        ([("ShareRevealed", 0), ("ShareRevealed", 0)], 200),
        ([("Rebuilt", 0), ("RevealClosed", 0)], 200 + 1_600),
        ([("DealerBlamed", 0)], 0),
        ([("Disclosed", 0)], 200),
    ],
)
def test_limits_of_calls(events: list[tuple[str, int]], limit: int) -> None:
    limits = FeeLimits(PARAMS)
    for event, words in events:
        limits.saw(7, event, words)
    assert limits.take() == limit
    assert limits.take() == 0


@pytest.mark.parametrize(
    ("events", "limit"),
    [
        ([("Posted", 6)], 3_200 + 6),
        ([("Posted", 1), ("UploadClosed", 0)], 3_200 + 1 + 1_600),
        ([("AccusingClosed", 0), ("SumsAdded", 30), ("AggregationClosed", 0)], 6_400 + 60 + 1_600),
        ([("AccusingClosed", 0), ("SumsAdded", 30)], 6_400 + 60 + 1_600),
        ([("SumsAdded", 30)], 6_400 + 60),
        ([("RefutingClosed", 0)], 1_600),
        ([("SumsProven", 20), ("Selected", 0)], 12_800 + 60 + 1_600),
    ],
)
def test_limits_of_calls_in_blobs(events: list[tuple[str, int]], limit: int) -> None:
    limits = FeeLimits(replace(PARAMS, mode=Mode.BLOB))
    for event, words in events:
        limits.saw(7, event, words)
    assert limits.take() == limit


def test_a_call_before_isnt_counted() -> None:
    limits = FeeLimits(PARAMS)
    limits.saw(7, "Settled", 0)
    limits.saw(8, "BarrierPassed", 0)
    assert limits.take() == 1_600
    assert FeeLimits(replace(PARAMS, fee_table=0, fee_cap_wei=0)).take() == 0
