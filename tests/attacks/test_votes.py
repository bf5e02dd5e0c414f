"""Rule `norm+vote`: steps in a wrong direction, voters who refuse whom they like, copied, closed and late votes."""

from __future__ import annotations

import pytest

from tests.attacks.steps import honest_step, inner_product, sign_flip
from tests.attacks.wealth import GAS_NOISE_WEI, Wealth, honest_profits
from tests.contracts.harness import SessionDriver, Stage, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import Factory

GROUPS, MEMBERS = 4, 3
VOTERS = GROUPS * MEMBERS


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    """Four groups of three, seated; their steps have a direction in common."""
    session = new_session(rule=2, rounds=GROUPS, parameter_count=126)
    session.vectors = {a: honest_step(session.params, a) for a in session.listed}
    return session.to(Stage.COMMIT)


def honest_bits(session: SessionDriver, account: str) -> int:
    """Against every group whose sum doesn't go the way of the member's own step (section 7.1)."""
    p, own, bits = session.params, session.vector(account), 0
    for group in range(session.group_count()):
        total = ref.unpack(session.sum_of(group), p.lane_bits, p.parameter_count)
        mine = ref.dot(own, own) if account in session.members_of(group) else 0
        bits |= (ref.dot(total, own) - mine <= 0) << group
    return bits


def to_the_vote(base: SessionDriver) -> SessionDriver:
    """All sums are there, and everybody knows what it would say honestly."""
    session = base.copy().to(Stage.VOTE)
    session.votes = {a: honest_bits(session, a) for a in session.listed}
    return session


@pytest.mark.parametrize("step", [sign_flip, inner_product])
@pytest.mark.parametrize("liars", [0, 3])
def test_a_group_in_a_wrong_direction_is_voted_out(base: SessionDriver, step: object, liars: int) -> None:
    """As long as an honest sum, and so accepted by `norm`; its members vote for it, and against all others."""
    assert callable(step)
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    attackers = session.members_of(0)
    for account in attackers:
        session.vectors[account] = step(session.params, session.vector(account))
    if step is inner_product:
        session.vectors |= dict.fromkeys(attackers[1:], [0] * session.params.parameter_count)
    session = to_the_vote(session)
    assert ref.norm_accepts(session.group(0).squared_norm, MEMBERS, 126, session.params.bound)
    session.votes |= dict.fromkeys(attackers[:liars], 0b1110)
    session.to(Stage.FINISHED)
    assert session.accepted() == 0b1110
    told = wealth.tell(
        f"norm+vote: a group of {step.__name__}, {liars} of its members lie", *attackers,
        honest=[honest[a] for a in attackers],
    )  # fmt: skip
    share = session.params.reward_wei // VOTERS
    assert abs(told.over_honest + MEMBERS * share) <= MEMBERS * GAS_NOISE_WEI
    assert told.honest_loss == 0
    assert session.money().locked == MEMBERS * share


@pytest.mark.parametrize("colluders", [3, VOTERS // 2, VOTERS // 2 + 1])
def test_voters_who_refuse_others_gain_nothing(base: SessionDriver, colluders: int) -> None:
    """When all vote it takes more than half of them; what they burn is nobody's."""
    wealth, honest = Wealth(base), honest_profits(base)
    session = to_the_vote(base)
    those = [a for g in (1, 2, 3) for a in session.members_of(g)][:colluders]
    session.votes |= dict.fromkeys(those, 0b0001)
    session.to(Stage.FINISHED)
    refused = colluders > VOTERS // 2
    assert session.accepted() == (0b1110 if refused else 0b1111)
    told = wealth.tell(
        f"norm+vote: {colluders} of {VOTERS} vote an honest group out", *those, honest=[honest[a] for a in those]
    )
    assert abs(told.over_honest) <= colluders * GAS_NOISE_WEI, "no seat is paid more"
    assert told.honest_loss == 0
    assert session.money().locked == (MEMBERS * session.params.reward_wei // VOTERS if refused else 0)


@pytest.mark.parametrize(
    ("colluders", "others", "refused"), [(3, 3, False), (4, 2, True), (4, 1, False), (5, 0, False)]
)
def test_the_quorum(base: SessionDriver, colluders: int, others: int, refused: bool) -> None:
    """Where half of the voters are silent a third of them decides; with fewer votes `norm` is alone."""
    session = to_the_vote(base)
    those = [a for g in (1, 2, 3) for a in session.members_of(g)][:colluders]
    honest = [a for a in session.listed if a not in those]
    session.votes |= dict.fromkeys(those, 0b0001)
    session.finish_vote(silent=honest[others:])
    session.to(Stage.PAYMENT)
    assert ref.voted_out(colluders, colluders + others, VOTERS) == refused
    assert session.accepted() == (0b1110 if refused else 0b1111)


def test_a_copied_commitment_can_not_be_opened(base: SessionDriver) -> None:
    session = to_the_vote(base)
    victim, thief = session.listed[:2]
    session.contract.vote(session.commitment(victim, session.bits(victim)), sender=thief)
    for account in session.listed:
        if account != thief:
            session.vote(account)
    opened = session.open_vote(victim).only("VoteOpened")
    with reverts("vote: not the commitment"):
        session.contract.open_vote(opened.bits, opened.salt, sender=thief)


def test_who_sees_the_others_votes_can_only_keep_its_own_back(base: SessionDriver) -> None:
    """No vote can be made or changed once the first one is open, nor opened late; all else is as without that vote."""
    session = to_the_vote(base)
    last, *rest = session.listed
    session.votes[last] = 0b0001
    for account in session.listed:
        session.vote(account)
    for account in rest:
        session.open_vote(account)
    for bits in range(16):
        if bits != session.bits(last):
            with reverts("vote: not the commitment"):
                session.contract.open_vote(bits, session.salt(last), sender=last)
    with reverts("vote: voting is closed"):
        session.vote(last)
    session.chain.next_at(session.deadline() + 1)
    with reverts("session: the window is over"):
        session.open_vote(last)
    session.contract.advance(sender=session.stranger)
    session.to(Stage.FINISHED)
    assert (session.votes_cast(), session.accepted()) == (VOTERS - 1, 0b1111)


def test_nobody_votes(base: SessionDriver) -> None:
    """It takes one deadline, then `norm` decides; nobody has lost anything, and nobody has it on its record."""
    session, wealth = base.copy().to(Stage.VOTE), Wealth(base)
    session.pass_deadline()
    session.to(Stage.FINISHED)
    assert session.accepted() == 0b1111
    assert all(wealth.of(a) > 0 for a in session.listed)
    assert {session.market.suspicion(session.owner, a)[1] for a in session.listed} == {(1 << 14) * 3 // 4}
