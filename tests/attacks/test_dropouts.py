"""Members that stop: before the commitment, before or half way through the upload. Who did not gets their bonds."""

from __future__ import annotations

import pytest

from tests.attacks.wealth import Wealth, conserved
from tests.contracts.harness import SessionDriver, Stage, Status
from tests.contracts.harness.fixtures import Factory


def run(session: SessionDriver, missing_commit: tuple[int, ...], missing_upload: tuple[int, ...]) -> Wealth:
    """The whole session; the numbers count through the seats, group 0 first."""
    wealth = Wealth(session)
    session.to(Stage.COMMIT)
    seats = session.seated()
    for place, account in enumerate(seats):
        if place not in missing_commit:
            session.commit(account)
    if session.stage() == Stage.COMMIT:
        session.pass_deadline()
    for place, account in enumerate(seats):
        if session.group(place // 3).status == Status.UPLOAD and place not in missing_upload:
            session.upload_all(account)
    if session.stage() == Stage.UPLOAD:
        session.pass_deadline()
    session.to(Stage.FINISHED)
    assert conserved(session)
    assert session.money().locked == 0
    return wealth


@pytest.mark.parametrize("assignment", [0, 1])
@pytest.mark.parametrize(
    ("missing_commit", "missing_upload"),
    [((0,), ()), ((2, 5), ()), ((0, 1), ()), ((), (0,)), ((), (0, 1)), ((), (1, 5)), ((0,), (4,))],
)
def test_bonds_of_the_missing_go_to_their_group(
    new_session: Factory, assignment: int, missing_commit: tuple[int, ...], missing_upload: tuple[int, ...]
) -> None:
    session = new_session(assignment=assignment)
    wealth = run(session, missing_commit, missing_upload)
    bond, seats = session.params.bond_wei, session.seated()
    missing = {seats[i] for i in (*missing_commit, *missing_upload)}
    failed = {i // 3 for i in (*missing_commit, *missing_upload)}
    for group in range(2):
        gains = [wealth.of(a) for a in session.members_of(group)]
        if group in failed:
            assert sum(gains) == 0, "nothing of it goes to the owner or to another group"
            assert all(
                (gain == -bond) == (a in missing) for gain, a in zip(gains, session.members_of(group), strict=True)
            )
        else:
            assert gains == [session.params.reward_wei // 3] * 3


def test_nobody_commits_and_everybody_has_its_own(new_session: Factory) -> None:
    wealth = run(new_session(), tuple(range(6)), ())
    assert set(wealth.gains().values()) == {0}


def test_nobody_uploads_and_everybody_has_its_own(new_session: Factory) -> None:
    wealth = run(new_session(), (), tuple(range(6)))
    assert set(wealth.gains().values()) == {0}


def test_half_an_upload_is_none(new_session: Factory) -> None:
    session = new_session(parameter_count=42 * 9)
    wealth = Wealth(session)
    session.to(Stage.UPLOAD)
    *prompt, late = session.seated()
    for account in prompt:
        session.upload_all(account)
    session.upload(late, 0)
    session.pass_deadline()
    session.to(Stage.FINISHED)
    assert wealth.of(late) == -session.params.bond_wei
    assert wealth.nobody_lost(late)
