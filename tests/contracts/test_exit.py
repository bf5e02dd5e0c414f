"""exit(): the owner leaves while nobody has a seat. tests/attacks/test_stalling_owner.py has what it gains: nothing."""

from __future__ import annotations

import pytest

from tests.contracts.harness import SessionDriver, Stage, reverts
from tests.contracts.harness.fixtures import Factory


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    return new_session(8).to(Stage.REGISTER)


def test_in_setup(new_session: Factory) -> None:
    session = new_session()
    receipt = session.contract.exit(sender=session.owner)
    assert (receipt.only("Cancelled").by, receipt.only("Cancelled").groups) == (session.owner, 0)
    assert receipt.only("Finished").owner_credit_wei == 0
    assert (session.stage(), session.money()) == (Stage.FINISHED, (0, 0, 0, 0))
    with reverts("session: nothing to withdraw"):
        session.contract.withdraw(sender=session.owner)


def test_with_nobody_registered(base: SessionDriver) -> None:
    receipt = base.contract.exit(sender=base.owner)
    assert receipt.only("Finished").owner_credit_wei == base.params.reward_wei == base.credit_of(base.owner)
    base.contract.withdraw(sender=base.owner)
    assert base.chain.balance(base.contract.address) == 0


def test_with_a_full_group(base: SessionDriver) -> None:
    base.register_all(base.listed[:5])
    receipt = base.contract.exit(sender=base.owner)
    assert receipt.only("RegistrationClosed").registered == 5
    assert (receipt.only("Drawn").groups, receipt.only("Drawn").unseated) == (1, 2)
    assert base.stage() == Stage.COMMIT
    assert [base.credit_of(a) for a in base.listed[:5]] == [0, 0, 0, base.params.bond_wei, base.params.bond_wei]


def test_after_the_registration_window_it_is_still_open(base: SessionDriver) -> None:
    """Until somebody closes it; who is in a full group goes on all the same."""
    base.register_all(base.listed[:3])
    base.chain.next_at(base.deadline() + 10)
    base.contract.exit(sender=base.owner)
    assert base.stage() == Stage.COMMIT


def test_only_the_owner(base: SessionDriver, new_session: Factory) -> None:
    for session in (base, new_session()):
        for sender in (session.stranger, session.listed[0]):
            with reverts("session: only the owner"):
                session.contract.exit(sender=sender)


@pytest.mark.parametrize("stage", [Stage.COMMIT, Stage.AGGREGATE, Stage.FINISHED])
def test_too_late(new_session: Factory, stage: Stage) -> None:
    session = new_session().to(stage)
    with reverts("session: too late to exit"):
        session.contract.exit(sender=session.owner)


def test_twice(base: SessionDriver) -> None:
    base.contract.exit(sender=base.owner)
    with reverts("session: too late to exit"):
        base.contract.exit(sender=base.owner)
