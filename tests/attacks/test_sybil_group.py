"""Many accounts of one owner sit in a group with policy `recover`.

Defence: t + 2 <= T, so that t accounts have too few shares for anybody's secrets, and see only sums with two honest
members in them; shuffled seats; a client may ask for so many members that it knows (`min_known_peers`), and declines
other groups before it shares anything; sessions marked `unsafe_small` are refused.

What remains: T accounts in one group read everybody else's model in it, and T - 1 read it where all but one of the
others drop out. Nothing on chain tells a sybil from a member; a whitelist is as good as who keeps it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import pytest

from omnilytics.errors import ProtocolError
from omnilytics.protocol.member import DataOwner, Policy
from omnilytics.types import Stage as ClientStage
from tests.attacks import tally
from tests.attacks.dealers import reveal_but, upload_but
from tests.attacks.learning import open_secrets, read, told_sums
from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import RecoverDriver, Stage, reverts
from tests.contracts.harness.fixtures import RecoverFactory
from tests.e2e.market import Fair
from tests.e2e.test_recover import TERMS


@pytest.fixture(scope="module")
def six(new_recover: RecoverFactory) -> RecoverDriver:
    """One group of six, t = 2, T = 4; nobody has uploaded."""
    return new_recover(rounds=1, members=6, colluders=2).to(Stage.UPLOAD)


def test_t_colluders_see_sums_of_two_at_least(six: RecoverDriver) -> None:
    """Whoever of the others drops out, as long as the group comes through: no set of one is told."""
    session = six.copy()
    sybils = [4, 5]
    for gone in ([], [0], [0, 1]):
        with session.chain.anchor():
            run = session.copy()
            upload_but(run, *(run.members_of(0)[i] for i in gone))
            reveal_but(run)
            assert run.stage() == Stage.AGGREGATE
            assert told_sums(run, 0, sybils) == [set(range(4)) - set(gone)]
    upload_but(session)
    assert read(session, sybils, 0) != list(session.vector(session.members_of(0)[0]))


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_one_more_sees_a_single_one_if_the_others_drop_out(six: RecoverDriver, gone: int) -> None:
    """What remains: T - 1 accounts and one honest member that has delivered are a group of T."""
    session = six.copy()
    upload_but(session, *session.members_of(0)[:gone])
    reveal_but(session)
    assert told_sums(session, 0, [3, 4, 5]) == [{0, 1, 2} - set(range(gone))]


def test_a_threshold_of_sybils_reads_everybody(six: RecoverDriver) -> None:
    """What remains: T of them rebuild both secrets of each honest member by themselves, and earn like honest ones."""
    session, wealth, honest = six.copy(), Wealth(six), honest_profits(six)
    sybils = [2, 3, 4, 5]
    upload_but(session)
    for victim in (0, 1):
        assert read(session, sybils, victim) == list(session.vector(session.members_of(0)[victim]))
    assert open_secrets(session, 0, sybils) == ({0, 1, *sybils}, {0, 1, *sybils}), "before anybody has revealed"
    assert told_sums(session, 0, sybils) == [{0}, {1}]
    session.to(Stage.FINISHED)
    accounts = [session.members_of(0)[j] for j in sybils]
    told = wealth.tell("T sybils of six read two models", *accounts, honest=[honest[a] for a in accounts])
    assert told.over_honest == 0
    assert told.honest_loss == 0


def test_such_terms_are_refused(new_recover: RecoverFactory) -> None:
    """By the contract, unless the session is marked; then by clients."""
    session = new_recover(members=5, colluders=2, threshold=3, unsafe_small=0)
    session.whitelist()
    session.publish()
    with reverts("start: threshold below colluders + 2"):
        session.start()
    marked = replace(TERMS, group_size=5, colluders=2, threshold=3, unsafe_small=True)
    with pytest.raises(ProtocolError, match="unsafe_small"):
        Policy().check(marked.params(100, 0.5), simulated=True)
    Policy().check(replace(marked, threshold=4, unsafe_small=False).params(100, 0.5), simulated=True)


def test_a_client_that_knows_too_few_declines_before_it_shares() -> None:
    """It asks for two known peers; its group is three strangers. It declines, and has dealt nobody a share."""
    fair = Fair(12)
    known = frozenset(fair.members[4:])
    careful = Policy(known_accounts=known, min_known_peers=2, accept_near_repeats=True)
    fair.roles[0] = DataOwner(fair.world.chain, fair.members[0], policy=careful)
    outcome = fair.run(TERMS)
    assert outcome.failed[0] == 0
    ledger = fair.ledger()
    assert 0 not in ledger.sharing or 0 not in ledger.sharing[0].dealings, "greedy: it sits at place 0 of group 0"
    assert fair.sessions[0].member(fair.members[0]).declined
    assert fair.sessions[0].stage() is ClientStage.FINISHED


def chances(accounts: int, sybils: int, seats: int, at_least: int) -> float:
    """That so many of the sybils sit beside a victim, in a uniform draw."""

    def ways(inside: int) -> int:
        return math.comb(sybils, inside) * math.comb(accounts - 1 - sybils, seats - 1 - inside)

    inside: Iterable[int] = range(at_least, min(sybils, seats - 1) + 1)
    return sum(map(ways, inside)) / math.comb(accounts - 1, seats - 1)


def test_how_often_a_draw_gathers_a_threshold() -> None:
    """With `abort` a victim is read by N - 1 around it, with `recover` by T: what the dropouts cost in privacy."""
    accounts, sybils = 64, 16
    abort, recover = (chances(accounts, sybils, 8, least) for least in (7, 6))
    tally.note(
        f"a victim among 16 sybils of 64 accounts, groups of 8: {abort:.2e} that 7 sit beside it (abort), "
        f"{recover:.2e} that 6 do (recover, T = 6)"
    )
    assert abort < recover < 1e-3
    assert math.isclose(sum(chances(accounts, sybils, 8, k) - chances(accounts, sybils, 8, k + 1) for k in range(8)), 1)
