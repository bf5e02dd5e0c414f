"""Fewer than T members are left: when shares are dealt, when words are uploaded, when secrets are revealed.

Defence: the group fails at that step. Before U is fixed nobody has revealed anything; afterwards every client has
revealed one secret of each at most, and no set of uploads can be told from a part of them: not a single model, and not
the sum either. Bonds go to those who did their part, the price of the group's seats returns to the owner.

What remains: the group's work is lost, and whoever drops out when the others have revealed knows their sum: it pays as
many bonds as it takes to leave fewer than T.
"""

from __future__ import annotations

import pytest

from tests.attacks.dealers import reveal_but, upload_but
from tests.attacks.learning import open_secrets, told_sums
from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import RecoverDriver, Stage, Status, economy, reverts
from tests.contracts.harness.fixtures import RecoverFactory

N, T = 5, 3


@pytest.fixture(scope="module")
def sharing(new_recover: RecoverFactory) -> RecoverDriver:
    """Two groups of five, T = 3; sharing is open."""
    return new_recover(members=N).to(Stage.SHARE)


@pytest.fixture(scope="module")
def uploading(new_recover: RecoverFactory) -> RecoverDriver:
    """Everybody has shared."""
    return new_recover(members=N).to(Stage.UPLOAD)


def price_is_back(session: RecoverDriver, wealth: Wealth) -> None:
    """Group 1 is paid; what group 0 would have had is the owner's."""
    seat = session.params.reward_wei // (2 * N)
    assert wealth.of(session.owner) == -N * seat
    assert [wealth.of(a) for a in session.members_of(1)] == [seat] * N


def gains(session: RecoverDriver, did: int) -> list[int]:
    """What the bonds of group 0 bring or cost its members."""
    bond = session.params.bond_wei
    return [wei - bond for wei in economy.bonds_back(bond, N, did)]


@pytest.mark.parametrize("left", range(T))
def test_when_shares_are_dealt(sharing: RecoverDriver, left: int) -> None:
    """Nothing has been uploaded, and nothing will be."""
    session, wealth, honest = sharing.copy(), Wealth(sharing), honest_profits(sharing)
    members = session.members_of(0)
    session.share_all([*members[:left], *session.members_of(1)])
    session.pass_deadline()
    session.pass_deadline()
    assert session.stage() == Stage.UPLOAD
    assert session.group(0).status == Status.FAILED
    for account in members:
        with reverts("session: the group has failed" if account in members[:left] else "session: no commitment"):
            session.contract.upload(0, bytes(32), [], sender=account)
    session.to(Stage.FINISHED)
    assert [wealth.of(a) for a in members] == gains(session, (1 << left) - 1)
    price_is_back(session, wealth)
    told = wealth.tell(f"{left} of {N} share (T = {T})", *members[left:], honest=[honest[a] for a in members[left:]])
    assert told.loses or left == 0
    assert told.honest_loss == 0


@pytest.mark.parametrize("left", range(T))
def test_when_words_are_uploaded(uploading: RecoverDriver, left: int) -> None:
    """The contract takes no secret of that group, and nothing can be told from the uploads: all masks are closed."""
    session, wealth, honest = uploading.copy(), Wealth(uploading), honest_profits(uploading)
    members = session.members_of(0)
    upload_but(session, *members[left:])
    assert session.group(0).status == Status.FAILED
    mine = session.dealing(members[0]).addresses
    for reveals in (members[0], members[-1]):
        with reverts("session: the group has failed"):
            session.contract.reveal(session.self_secret(reveals), mine, [], sender=reveals)
    with reverts("session: the group has failed"):
        session.contract.rebuild(members[-1], mine, 0b111, [1, 1, 1], sender=session.stranger)
    colluder = [N - 1]
    assert open_secrets(session, 0, colluder) == ({N - 1}, {N - 1})
    assert told_sums(session, 0, colluder) == []
    session.to(Stage.FINISHED)
    assert [wealth.of(a) for a in members] == gains(session, (1 << left) - 1)
    price_is_back(session, wealth)
    told = wealth.tell(f"{left} of {N} upload", *members[left:], honest=[honest[a] for a in members[left:]])
    assert told.loses or left == 0
    assert told.honest_loss == 0


@pytest.mark.parametrize("gone", [0, 1, 2])
@pytest.mark.parametrize("left", range(1, T))
def test_when_secrets_are_revealed(uploading: RecoverDriver, left: int, gone: int) -> None:
    """Some haven't delivered, so few of the others reveal. They lend what they can, in vain, and keep their bonds.

    By one colluder with all its shares, too, nothing is told: not even the sum.
    """
    session, wealth, honest = uploading.copy(), Wealth(uploading), honest_profits(uploading)
    members = session.members_of(0)
    upload_but(session, *members[N - gone :])
    reveal_but(session, *members[left:])
    session.pass_half_of_reveal()
    for account in members[:left]:
        session.reveal_shares(account)
    session.pass_deadline()
    assert session.group(0).status == Status.FAILED
    colluders = [] if left == T - 1 else [N - 1]
    keys, masks = open_secrets(session, 0, colluders)
    assert keys == set(colluders)
    assert masks == {*range(left), *colluders}
    assert told_sums(session, 0, colluders) == []
    session.to(Stage.FINISHED)
    assert [wealth.of(a) for a in members] == gains(session, (1 << left) - 1)
    price_is_back(session, wealth)
    others = members[left:]
    name = f"{left} of {N - gone} that uploaded reveal ({gone} hadn't)"
    told = wealth.tell(name, *others, honest=[honest[a] for a in others])
    assert told.loses
    assert told.honest_loss == 0


def test_exactly_t_are_enough(uploading: RecoverDriver) -> None:
    """One fewer wouldn't be: the same session with T left comes through, to the sum of those who delivered."""
    session, wealth, honest = uploading.copy(), Wealth(uploading), honest_profits(uploading)
    members = session.members_of(0)
    upload_but(session, *members[T:])
    reveal_but(session)
    assert session.stage() == Stage.AGGREGATE
    assert told_sums(session, 0) == [{0, 1, 2}]
    session.to(Stage.FINISHED)
    seat = session.params.reward_wei // (2 * N)
    assert [wealth.of(a) for a in members] == [wei + seat * (i < T) for i, wei in enumerate(gains(session, 0b111))]
    told = wealth.tell(f"{T} of {N} upload and reveal", *members[T:], honest=[honest[a] for a in members[T:]])
    assert told.loses
    assert told.honest_loss == 0


@pytest.mark.parametrize("owner_too", [False, True])
def test_who_leaves_with_the_sum_pays_for_it(new_recover: RecoverFactory, owner_too: bool) -> None:
    """What remains: N - T + 1 = t accounts deliver, let the others reveal, and don't. They alone know the others' sum.

    If they are the owner's, it has back what the group would have cost, and loses more in bonds.
    """
    session = new_recover(members=N, colluders=2).to(Stage.REVEAL)
    wealth, honest = Wealth(session), honest_profits(session)
    members = session.members_of(0)
    staying, leaving = members[:3], members[3:]
    reveal_but(session, *leaving)
    assert told_sums(session, 0) == []
    assert told_sums(session, 0, [3, 4]) == [{0, 1, 2}]
    session.pass_half_of_reveal()
    for account in staying:
        session.reveal_shares(account)
    session.pass_deadline()
    assert told_sums(session, 0) == [], "what was lent is too little"
    session.to(Stage.FINISHED)
    side = [*leaving, session.owner] if owner_too else leaving
    name = f"two of five leave with the others' sum (T = 4){', the owner behind them' if owner_too else ''}"
    told = wealth.tell(name, *side, honest=[honest[a] for a in side])
    assert told.loses
    assert told.honest_loss == 0
