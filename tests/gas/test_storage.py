"""Storage that a data owner costs: two slots of its session, one of the market for its record with the owner.

With policy `recover` its session has one more for each of its chunks.
"""

from __future__ import annotations

from typing import Any

import pytest
from eth.db.account import AccountDB

from tests.contracts.harness import SessionDriver, Stage, economy
from tests.contracts.harness.fixtures import Factory

CHUNKS = 2


def slots_of(session: SessionDriver, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Runs a whole session; slots of it and of the market that it writes from the registration on."""
    session.to(Stage.REGISTER)
    written: set[tuple[str, int]] = set()
    original = AccountDB.set_storage

    def set_storage(self: Any, address: bytes, slot: int, value: int) -> None:
        written.add(("0x" + address.hex(), slot))
        original(self, address, slot, value)

    monkeypatch.setattr(AccountDB, "set_storage", set_storage)
    session.to(Stage.FINISHED)
    monkeypatch.undo()
    count = [
        sum(1 for address, _ in written if address == a) for a in (session.contract.address, session.market.address)
    ]
    return count[0], count[1]


@pytest.mark.parametrize("policy", [0, 1])
@pytest.mark.parametrize("assignment", [0, 1])
def test_two_slots_of_the_session_and_one_of_the_market(
    new_session: Factory, monkeypatch: pytest.MonkeyPatch, assignment: int, policy: int
) -> None:
    """Everything on: fees, records. From two groups of three to four: six data owners and two groups more."""
    options = {
        "fee_cap_wei": 10**9,
        "fee_table": economy.fee_table(),
        "record_constants": economy.record_constants(),
        "assignment": assignment,
        "parameter_count": 42 * 9,
        "min_rounds": 1,
        "policy": policy,
    }
    few, many = new_session(rounds=2, **options), new_session(rounds=4, **options)
    for session in (few, many):
        session.gas_price = 10**9
        session.caller = session.listed[0]
    (session_few, market_few), (session_many, market_many) = (slots_of(s, monkeypatch) for s in (few, many))
    groups = 2 * (1 + CHUNKS + policy)
    assert session_many - session_few - groups == 6 * (2 + CHUNKS * policy), (
        "with `recover` a group has one for its seeds"
    )
    assert market_many - market_few == 6
