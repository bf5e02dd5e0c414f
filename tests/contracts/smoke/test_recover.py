"""Whole sessions with policy `recover`: whoever is gone, the sum of who delivered comes out, and all money is paid."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.contracts.harness import RecoverDriver, Stage, Status, economy
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import RecoverFactory

GONE = 2
Leave = Callable[[RecoverDriver], None]


def nobody(session: RecoverDriver) -> None:
    """Everybody stays."""


def before_sharing(session: RecoverDriver) -> None:
    session.share_all([a for i, a in enumerate(session.members_of(0)) if i != GONE])
    session.pass_deadline()


def before_the_upload(session: RecoverDriver) -> None:
    session.to(Stage.UPLOAD)
    for i, account in enumerate(session.members_of(0)):
        if i != GONE:
            session.upload_rest(account)
    session.pass_deadline()


def before_revealing(session: RecoverDriver) -> None:
    session.to(Stage.REVEAL)
    stayed = [a for i, a in enumerate(session.members_of(0)) if i != GONE]
    for account in stayed:
        session.reveal(account)
    session.pass_half_of_reveal()
    for account in stayed:
        session.reveal_shares(account)
    session.rebuild(session.members_of(0)[GONE])


@pytest.mark.parametrize(
    ("leave", "sharers", "delivered", "revealed"),
    [
        (nobody, 0b1111, 0b1111, 0b1111),
        (before_sharing, 0b1011, 0b1011, 0b1011),
        (before_the_upload, 0b1111, 0b1011, 0b1011),
        (before_revealing, 0b1111, 0b1111, 0b1011),
    ],
)
def test_the_sum_of_who_delivered_comes_out(
    new_recover: RecoverFactory, leave: Leave, sharers: int, delivered: int, revealed: int
) -> None:
    session = new_recover(rounds=1, parameter_count=400)
    session.to(Stage.SHARE)
    leave(session)
    session.to(Stage.AGGREGATE)
    assert session.group(0).status == Status.DELIVERED
    session.disclose(0)
    words = [session.unmask(0, chunk).only("Aggregated").words for chunk in range(session.chunk_count)]
    values = ref.unpack(ref.from_bytes(b"".join(words)), session.params.lane_bits, 400)
    view = session.group(0)
    assert (view.committed, view.delivered, view.revealed, view.opened) == (sharers, delivered, revealed, sharers)
    assert values == session.plain_sum(0)
    assert view.squared_norm == ref.dot(values, values)
    assert len(words) == 2

    session.to(Stage.PAYMENT)
    session.settle(0)
    share, burnt, rest = economy.rewards(session.params, delivered.bit_count(), delivered.bit_count())
    bonds = economy.bonds_back(session.params.bond_wei, 4, revealed)
    due = [bond + share * (delivered >> i & 1) for i, bond in enumerate(bonds)]
    assert [session.due(a) for a in session.members_of(0)] == due
    assert (burnt, session.credit_of(session.owner)) == (0, rest)
    session.to(Stage.FINISHED)
    money = session.money()
    assert (money.locked, money.credits, money.withdrawn) == (0, 0, money.deposited)
    assert session.chain.balance(session.contract.address) == 0
