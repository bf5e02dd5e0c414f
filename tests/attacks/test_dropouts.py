"""A member drops out: before its commitment, in either round, before or half way through its upload."""

from __future__ import annotations

import pytest

from tests.attacks.wealth import Wealth, conserved, honest_profits
from tests.contracts.harness import SessionDriver, Stage, Status, economy
from tests.contracts.harness.fixtures import Factory


def run(session: SessionDriver, no_commit: set[str], no_upload: set[str]) -> Wealth:
    """The whole session, but for these accounts at these steps; in a second round everybody commits."""
    wealth = Wealth(session)
    session.to(Stage.COMMIT)
    for absent in (no_commit, set()):
        if session.stage() != Stage.COMMIT:
            break
        live = session.live_groups(Status.COMMIT)
        for account in session.seated():
            member = session.member(account)
            if member.group in live and not member.committed and account not in absent:
                session.commit(account)
        if session.stage() == Stage.COMMIT and (session.group_count() > session.first_groups() > 0 or absent):
            session.pass_deadline()
        if session.stage() == Stage.DRAW:
            session.draw()
    for account in session.seated():
        if session.group(session.member(account).group).status == Status.UPLOAD and account not in no_upload:
            session.upload_all(account)
    if session.stage() == Stage.UPLOAD:
        session.pass_deadline()
    session.to(Stage.FINISHED)
    assert conserved(session)
    assert session.money().locked == 0
    return wealth


def at(session: SessionDriver, *numbers: int) -> set[str]:
    """The accounts of these seats, counted through the groups."""
    seats = session.seated()
    return {seats[i] for i in numbers}


@pytest.mark.parametrize("assignment", [0, 1])
@pytest.mark.parametrize(
    ("no_commit", "no_upload"), [((0,), ()), ((0, 1), ()), ((), (0,)), ((), (0, 1)), ((), (1, 5)), ((0,), (4,))]
)
def test_bonds_of_the_missing_go_to_their_group(
    new_session: Factory, assignment: int, no_commit: tuple[int, ...], no_upload: tuple[int, ...]
) -> None:
    session = new_session(assignment=assignment).to(Stage.COMMIT)
    honest, numbers = honest_profits(session), (*no_commit, *no_upload)
    seats, missing = session.seated(), at(session, *numbers)
    wealth = run(session, at(session, *no_commit), at(session, *no_upload))
    for group in range(2):
        members = seats[3 * group : 3 * group + 3]
        gains = [wealth.of(a) for a in members]
        if missing & set(members):
            did = sum(1 << place for place, a in enumerate(members) if a not in missing)
            back = economy.bonds_back(session.params.bond_wei, 3, did)
            assert gains == [wei - session.params.bond_wei for wei in back]
        else:
            assert gains == [session.params.reward_wei // 6] * 3
    name = f"no commitment {no_commit}, no upload {no_upload}, {('greedy', 'shuffled')[assignment]}"
    told = wealth.tell(name, *missing, honest=[honest[a] for a in missing])
    assert told.loses
    assert told.honest_loss == 0


def test_the_others_earn_what_the_session_would_have_paid(new_session: Factory) -> None:
    """One that is missing: its bond, shared by N - 1, is a share of the reward each, and more where fees are paid."""
    session = new_session()
    session.to(Stage.COMMIT)
    wealth = run(session, set(), at(session, 0))
    share = session.params.reward_wei // 6
    assert all(wealth.of(a) >= share for a in session.members_of(0)[1:])


def test_nobody_commits_and_everybody_has_its_own(new_session: Factory) -> None:
    session = new_session().to(Stage.COMMIT)
    wealth = run(session, set(session.listed), set())
    assert set(wealth.gains().values()) == {0}
    assert wealth.tell("nobody commits", *session.listed).honest_loss == 0


def test_nobody_uploads_and_everybody_has_its_own(new_session: Factory) -> None:
    session = new_session().to(Stage.COMMIT)
    wealth = run(session, set(), set(session.listed))
    assert set(wealth.gains().values()) == {0}
    assert wealth.tell("nobody uploads", *session.listed).honest_loss == 0


def test_half_an_upload_is_none(new_session: Factory) -> None:
    session = new_session(parameter_count=42 * 9)
    wealth, honest = Wealth(session), honest_profits(session)
    session.to(Stage.UPLOAD)
    *prompt, late = session.seated()
    for account in prompt:
        session.upload_all(account)
    session.upload(late, 0)
    session.pass_deadline()
    session.to(Stage.FINISHED)
    assert wealth.of(late) == -session.params.bond_wei
    told = wealth.tell("half an upload", late, honest=[honest[late]])
    assert told.loses
    assert told.honest_loss == 0


@pytest.fixture(scope="module")
def wide(new_session: Factory) -> SessionDriver:
    """Four groups of three, drawn."""
    return new_session(rounds=4, assignment=1).to(Stage.COMMIT)


def test_a_failed_group_gets_a_second_chance(wide: SessionDriver) -> None:
    """Two miss the first round; their four peers are drawn again, three into a group, which is paid like any other."""
    session, honest = wide.copy(), honest_profits(wide)
    missing = at(session, 0, 3)
    peers = at(session, 1, 2, 4, 5)
    wealth = run(session, missing, set())
    assert session.accepted() == 0b11100
    share = session.params.reward_wei // 12
    again = set(session.members_of(4))
    assert again < peers
    extra = session.params.bond_wei // 2
    assert all(wealth.of(a) - extra - (share if a in again else 0) in (0, 1) for a in peers)
    told = wealth.tell("no commitment, first round", *missing, honest=[honest[a] for a in missing])
    assert told.profit == -2 * session.params.bond_wei - sum(map(wealth.gas, missing)) + sum(map(wealth.fees, missing))
    assert told.over_honest < 0
    assert told.honest_loss == 0


@pytest.mark.parametrize("step", ["commitment", "upload"])
def test_dropping_out_of_the_second_round_fails_for_good(wide: SessionDriver, step: str) -> None:
    session, honest = wide.copy(), honest_profits(wide)
    first = at(session, 0, 3)
    wealth = Wealth(session)
    for account in session.seated():
        if account not in first:
            session.commit(account)
    session.pass_deadline()
    session.draw()
    dropout, *victims = session.members_of(4)
    for account in [dropout, *victims] if step == "upload" else victims:
        session.commit(account)
    if step == "commitment":
        session.pass_deadline()
    for account in session.seated():
        if session.group(session.member(account).group).status == Status.UPLOAD and account != dropout:
            session.upload_all(account)
    if session.stage() == Stage.UPLOAD:
        session.pass_deadline()
    session.to(Stage.FINISHED)
    bond = session.params.bond_wei
    assert wealth.of(dropout) <= bond // 2 + 1 - bond, "a share of the first round's bonds, less its own"
    assert all(wealth.of(a) >= bond // 2 + bond // 2 for a in victims)
    missing = [*first, dropout]
    told = wealth.tell(
        f"two miss the first commitment, one the second {step}", *missing, honest=[honest[a] for a in missing]
    )
    assert told.loses
    assert told.honest_loss == 0
