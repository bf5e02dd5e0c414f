"""Seats, fees, records and whitelists agree with the plain-Python protocol."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omnilytics.protocol.books import Fates
from omnilytics.protocol.merkle import MerkleTree, verify
from omnilytics.protocol.seating import Registration, Seating, first_seats, full_groups, second_seats
from omnilytics.protocol.terms import Terms
from omnilytics.types import (
    Address,
    Assignment,
    DropoutPolicy,
    FeeTable,
    RecordConstants,
    Rule,
    SessionParams,
    divided_wei,
    member_fees_wei,
    reserve_wei,
)
from tests.golden import cases, vectors

Case = dict[str, Any]

SUSPICIOUS, CLEAR = 2**15, 2**15 - 1
LIMITS = ("register", "commit", "select", "settle", "move", "upload", "aggregate", "gram")
PARAMS = Terms(reward_wei=10**18, records=RecordConstants(), rule=Rule.NORM).params(100, 0.5)


def account(number: int) -> Address:
    return Address(f"0x{number + 1:040x}")


def seated(case: Case, assignment: Assignment = Assignment.SHUFFLED) -> SessionParams:
    return replace(PARAMS, members=case["members"], rounds=case.get("rounds", 1), assignment=assignment)


def registration(number: int, pool: int, cohort: int, place: int) -> Registration:
    suspicion = SUSPICIOUS if pool == 1 else CLEAR
    return Registration(account(number), suspicion, (cohort + 1) << 8 if pool == 2 else 0, place)


def numbers(seats: Seating) -> list[list[int]]:
    return [[int(member, 16) - 1 for member in group] for group in seats.groups]


def unhex(text: str) -> bytes:
    return bytes.fromhex(text[2:])


@pytest.mark.parametrize("case", cases("draw", "seats"))
def test_first_draw(case: Case) -> None:
    registered = [registration(number, *one) for number, one in enumerate(case["registered"])]
    params = seated(case)
    seats = first_seats(params, registered, unhex(case["seed"]))
    assert numbers(seats) == case["groups"]
    assert seats.first == full_groups(params, registered) == len(case["groups"])
    everybody = {member for group in seats.groups for member in group} | set(seats.unseated)
    assert everybody == {one.member for one in registered}
    assert len(seats.unseated) == len(registered) - len(case["groups"]) * case["members"]


def test_another_seed_gives_other_seats() -> None:
    case = vectors("draw")["seats"][1]
    registered = [registration(number, *one) for number, one in enumerate(case["registered"])]
    assert numbers(first_seats(seated(case), registered, bytes(32))) != case["groups"]


@pytest.mark.parametrize("case", cases("draw", "greedy"))
def test_greedy_seats(case: Case) -> None:
    registered = [Registration(account(number), SUSPICIOUS) for number in range(case["registered"])]
    assert numbers(first_seats(seated(case, Assignment.GREEDY), registered, bytes(32))) == case["groups"]


@pytest.mark.parametrize("key", ["redraws", "greedy_redraws"])
def test_second_draw(key: str) -> None:
    for case in vectors("draw")[key]:
        survivors = [account(number) for number in range(case["survivors"])]
        first = Seating(((account(500),), (account(501),)), (account(502),), 2)
        params = seated(case, Assignment.GREEDY if key == "greedy_redraws" else Assignment.SHUFFLED)
        both = second_seats(params, first, survivors, unhex(case.get("seed", "0x")))
        assert numbers(both)[2:] == case["groups"]
        assert (both.groups[:2], both.unseated, both.first) == (first.groups, first.unseated, 2)


@pytest.mark.parametrize("case", cases("fees", "tables"))
def test_fee_tables(case: Case) -> None:
    table = fee_table(case["fields"])
    assert table.pack() == int(case["packed"])
    assert FeeTable.unpack(int(case["packed"])) == table


def fee_table(fields: dict[str, int]) -> FeeTable:
    return FeeTable(**{name: 100 * value if name in LIMITS else value for name, value in fields.items()})


@pytest.mark.parametrize("case", cases("fees", "sessions"))
def test_reserve(case: Case) -> None:
    check_reserve(case, DropoutPolicy.ABORT)


@pytest.mark.parametrize("case", cases("fees", "recover"))
def test_reserve_to_recover(case: Case) -> None:
    check_reserve(case, DropoutPolicy.RECOVER)


def check_reserve(case: Case, policy: DropoutPolicy) -> None:
    names = ("rounds", "members", "parameter_count", "lane_bits", "chunk_words", "fee_cap_wei")
    table = int(vectors("fees")["tables"][case["table"]]["packed"])
    shape = {name: case[name] for name in names}
    params = replace(PARAMS, fee_table=table, rule=Rule(case["rule"]), policy=policy, **shape)
    assert member_fees_wei(params) == int(case["member_fees"])
    assert reserve_wei(params, case["capacity"]) == int(case["reserve"])
    without = replace(params, fee_table=0, fee_cap_wei=0)
    assert (member_fees_wei(without), reserve_wei(without, case["capacity"])) == (0, 0)


@pytest.mark.parametrize("case", cases("fees", "rewards"))
def test_rewards(case: Case) -> None:
    reward, counts = int(case["reward"]), case["counts"]
    shape = {name: case[name] for name in ("rounds", "members")}
    params = replace(PARAMS, rule=Rule(case["rule"]), reward_wei=reward, **shape)
    paid = sum(count for count, is_paid in zip(counts, case["paid"], strict=True) if is_paid)
    each, burnt = divided_wei(params, sum(counts), paid)
    assert (each, burnt) == (int(case["each"]), int(case["burnt"]))
    assert reward - paid * each - burnt == int(case["owner"])


@pytest.mark.parametrize("case", cases("fees", "bonds"))
def test_bonds(case: Case) -> None:
    members = case["members"]
    seats = Seating((tuple(account(place) for place in range(members)),), (), 1)
    fates = Fates(replace(PARAMS, members=members, bond_wei=int(case["bond"])), seats, unselected=True)
    if case["stage"] is None:
        fates.delivered[0], fates.loyal[0] = case["delivered"], case["did"]
    else:
        fates.failed[0] = case["did"]
    assert [fates.due(0, place) for place in range(members)] == [int(wei) for wei in case["back"]]
    missing = (1 << members) - 1 & ~case["did"]
    assert fates.records(0) == (missing, missing)


@pytest.mark.parametrize("case", cases("records", "constants"))
def test_record_constants(case: Case) -> None:
    constants = RecordConstants(**{name: value for name, value in case.items() if name != "packed"})
    assert constants.pack() == int(case["packed"])
    assert RecordConstants.unpack(int(case["packed"])) == constants


def test_records_fade_and_change() -> None:
    records = vectors("records")
    for case in records["decay"]:
        constants = RecordConstants(decay=case["decay"])
        assert [constants.decayed(value) for value in case["before"]] == case["after"]
    for case in records["settle"]:
        constants = RecordConstants(weight=case["weight"])
        assert [constants.after(value, case["blamed"]) for value in case["before"]] == case["after"]


@pytest.mark.parametrize("case", cases("merkle", "cases"))
def test_merkle_trees(case: Case) -> None:
    tree = MerkleTree(case["accounts"])
    root = unhex(case["root"])
    assert tree.root == root
    for member, proof in case["proofs"].items():
        hashes = [unhex(one) for one in proof]
        assert tree.proof(member) == hashes
        assert verify(root, member, hashes)
        assert not verify(root, case["stranger"], hashes)
