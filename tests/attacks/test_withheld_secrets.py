"""Members that have delivered don't reveal their self masks, or don't lend their shares of others' self masks.
Strangers and hasty members try to have somebody else lose its bond.

Defence: T others open the self mask of whoever stays away, which loses its bond to those who did reveal; in a group
that fails all the same, to those who lent shares too. Only who has a secret can open it in the first half of stage
Reveal, so that nobody is cut off; each step has a quarter of its own, so that nobody's last second undoes another's.

What remains: N - T + 1 absent ones fail a group, at a bond each. Who has delivered is paid for its words if the group
comes through, revealed or not: staying away costs the bond less the price of a seat.
"""

from __future__ import annotations

import itertools

import pytest

from tests.attacks import tally
from tests.attacks.dealers import reveal_but, share_steeply, upload_but
from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import RecoverDriver, Stage, Status, economy, reverts
from tests.contracts.harness.fixtures import RecoverFactory

N, T = 5, 3


@pytest.fixture(scope="module")
def base(new_recover: RecoverFactory) -> RecoverDriver:
    """Two groups of five, T = 3; everybody has delivered."""
    return new_recover(members=N).to(Stage.REVEAL)


def seat_wei(session: RecoverDriver) -> int:
    return session.params.reward_wei // (session.params.rounds * session.params.members)


def gains(session: RecoverDriver, did: int) -> list[int]:
    """What the bonds of group 0 bring or cost its members."""
    bond = session.params.bond_wei
    return [wei - bond for wei in economy.bonds_back(bond, session.params.members, did)]


@pytest.mark.parametrize("away", [1, 2])
def test_others_open_what_is_withheld(base: RecoverDriver, away: int) -> None:
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    members = session.members_of(0)
    absent = members[N - away :]
    reveal_but(session, *absent)
    session.pass_half_of_reveal()
    for account in members[:T]:
        session.reveal_shares(account)
    for account in absent:
        session.rebuild(account)
    assert session.stage() == Stage.AGGREGATE
    session.to(Stage.FINISHED)
    did, seat = (1 << N - away) - 1, seat_wei(session)
    assert [wealth.of(a) for a in members] == [wei + seat for wei in gains(session, did)]
    told = wealth.tell(f"{away} of {N} don't reveal", *absent, honest=[honest[a] for a in absent])
    assert told.loses
    assert told.profit < -away * (session.params.bond_wei - seat - session.fees)
    assert told.honest_loss == 0


@pytest.mark.parametrize("idle", [1, 2])
def test_who_doesnt_lend_loses_its_bond_with_the_group(base: RecoverDriver, idle: int) -> None:
    """One is absent, others have revealed and don't lend. With T lenders that costs nobody anything; with fewer the
    group fails, and the idle ones lose what the absent one loses."""
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    members = session.members_of(0)
    absent, idlers, lenders = members[4], members[4 - idle : 4], members[: 4 - idle]
    reveal_but(session, absent)
    session.pass_half_of_reveal()
    for account in lenders:
        session.reveal_shares(account)
    saved = len(lenders) >= T
    if saved:
        session.rebuild(absent)
    else:
        session.pass_deadline()
    assert session.group(0).status == (Status.DELIVERED if saved else Status.FAILED)
    session.to(Stage.FINISHED)
    did = 0b01111 if saved else (1 << len(lenders)) - 1
    seat = seat_wei(session) * saved
    assert [wealth.of(a) for a in members] == [wei + seat for wei in gains(session, did)]
    side = [absent, *idlers]
    told = wealth.tell(f"one doesn't reveal, {idle} don't lend", *side, honest=[honest[a] for a in side])
    assert told.over_honest < 0
    assert told.loses or saved
    assert told.honest_loss == 0


def test_lending_in_vain_keeps_the_bond(base: RecoverDriver, new_recover: RecoverFactory) -> None:
    """The absent one's shares are bad: nothing can be saved. Everybody who has lent has its bond, and shares one."""
    session = new_recover(members=N).to(Stage.SHARE)
    absent = session.members_of(0)[4]
    share_steeply(session, absent, self_mask=True)
    session.to(Stage.REVEAL)
    wealth, members = Wealth(session), session.members_of(0)
    reveal_but(session, absent)
    session.pass_half_of_reveal()
    for account in members[:4]:
        session.reveal_shares(account)
    session.pass_deadline()
    session.to(Stage.FINISHED)
    assert [wealth.of(a) for a in members] == gains(session, 0b01111)


# Who tries to have another one lose its bond.


def test_nobody_is_cut_off_by_an_early_rebuild(base: RecoverDriver) -> None:
    """T colluders have the shares of a slow member's self mask. In its half of the window they can't use them."""
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    members = session.members_of(0)
    slow, colluders = members[4], members[:T]
    reveal_but(session, slow)
    dealing = session.dealing(slow)
    given = [dealing.shares[j][1] for j in range(T)]
    for moment in (session.chain.time + 1, session.deadline() - session.params.reveal_secs // 2 - 1):
        session.chain.next_at(moment)
        with reverts("recover: too early"):
            session.contract.rebuild(slow, dealing.addresses, 0b00111, given, sender=colluders[0])
        assert session.stage() == Stage.REVEAL
    session.reveal(slow)
    assert session.stage() == Stage.AGGREGATE
    session.to(Stage.FINISHED)
    assert wealth.of(slow) == seat_wei(session)
    told = wealth.tell("T members are in a hurry", *colluders, honest=[honest[a] for a in colluders])
    assert told.over_honest <= 0
    assert told.honest_loss == 0


def test_a_stranger_takes_nobodys_bond(base: RecoverDriver) -> None:
    """It calls `rebuild` for everybody, at all times, with whatever it likes: it names nobody."""
    session, wealth = base.copy(), Wealth(base)
    members = session.members_of(0)
    absent = members[4]

    def refused(account: str, given: list[int], reason: str) -> None:
        dealing, place = session.dealing(account), session.seat(account)[1]
        holders = sum(1 << j for j in [j for j in range(N) if j != place][:T])
        with reverts(reason):
            session.contract.rebuild(account, dealing.addresses, holders, given, sender=session.stranger)

    for account in members:
        refused(account, [1, 2, 3], "recover: too early")
    reveal_but(session, absent)
    session.pass_half_of_reveal()
    for account in members[:4]:
        refused(account, [1, 2, 3], "recover: already known")
    for account in members[:T]:
        session.reveal_shares(account)
    public = [session.known[0, 4, j] for j in range(T)]
    for given in ([1, 2, 3], public[::-1], [public[0], public[1], public[2] + 1]):
        refused(absent, given, "recover: not the committed share")
    assert session.group(0).blamed == 0
    session.rebuild(absent)
    session.to(Stage.FINISHED)
    assert all(wealth.loss(a) == 0 for a in members[:4])
    told = wealth.tell("a stranger rebuilds what it can", session.stranger, absent, honest=[0, 0])
    assert told.loses
    assert told.honest_loss == 0


def test_shares_that_were_lent_twice_or_out_of_step(base: RecoverDriver) -> None:
    """While one lends, somebody absent is rebuilt in front of it: its openings are too many, and it lends the rest."""
    session = base.copy()
    members = session.members_of(0)
    reveal_but(session, members[3], members[4])
    session.pass_half_of_reveal()
    member = members[0]
    stale = session.openings(member, 0b11000, True)
    with session.chain.anchor():
        dealing = session.dealing(members[3])
        given = [dealing.shares[j][1] for j in (0, 1, 2)]
        session.contract.rebuild(members[3], dealing.addresses, 0b00111, given, sender=session.stranger)
        with reverts("recover: number of openings"):
            session.contract.reveal_shares(stale, sender=member)
        session.contract.reveal_shares(session.openings(member, 0b10000, True), sender=member)
    session.contract.reveal_shares(stale, sender=member)
    with reverts("recover: already revealed"):
        session.contract.reveal_shares(stale, sender=member)


@pytest.mark.parametrize("missing", itertools.combinations(range(2, 5), 2))
def test_the_last_of_t_gains_nothing_by_waiting(base: RecoverDriver, missing: tuple[int, int]) -> None:
    """T are left of which one is the attacker's, and it does everything in its last second: the group comes through."""
    session, wealth = base.copy(), Wealth(base)
    members = session.members_of(0)
    absent = [members[j] for j in missing]
    attacker, *peers = [a for a in members if a not in absent]
    reveal_but(session, attacker, *absent)
    session.chain.next_at(session.deadline() - session.params.reveal_secs // 2)
    session.reveal(attacker)
    session.pass_half_of_reveal()
    for account in peers:
        session.reveal_shares(account)
    session.chain.next_at(session.deadline() - session.params.reveal_secs // 4)
    session.reveal_shares(attacker)
    for account in absent:
        session.rebuild(account)
    assert session.stage() == Stage.AGGREGATE
    session.to(Stage.FINISHED)
    assert all(wealth.loss(a) == 0 for a in peers)


def test_an_owner_that_withholds_pays_more_than_it_saves(base: RecoverDriver) -> None:
    """T accounts of the owner deliver and stay away: its price comes back, their bonds are worth twice as much."""
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    members = session.members_of(0)
    absent = members[2:]
    reveal_but(session, *absent)
    session.pass_half_of_reveal()
    for account in members[:2]:
        session.reveal_shares(account)
    session.pass_deadline()
    session.to(Stage.FINISHED)
    assert wealth.of(session.owner) == -N * seat_wei(session)
    assert all(wealth.of(a) >= seat_wei(session) for a in members[:2])
    side = [session.owner, *absent]
    told = wealth.tell("the owner's three of five don't reveal", *side, honest=[honest[a] for a in side])
    assert told.loses
    assert told.honest_loss == 0


def test_a_rebuild_is_copied_from_the_pool(base: RecoverDriver) -> None:
    """What remains: it is anybody's turn at once: a copy with a higher tip is paid, and who has made it isn't."""
    session = base.copy()
    members = session.members_of(0)
    absent, maker, copier = members[4], members[0], session.members_of(1)[0]
    reveal_but(session, absent)
    session.pass_half_of_reveal()
    for account in members[:T]:
        session.reveal_shares(account)
    wealth = Wealth(session)
    fees, lost = [wealth.fees(a) for a in (copier, maker)], wealth.gas(maker)
    session.caller = copier
    session.rebuild(absent)
    session.caller = maker
    with reverts("session: wrong stage"):
        session.rebuild(absent)
    assert wealth.fees(copier) > fees[0]
    assert wealth.fees(maker) == fees[1]
    tally.note(f"a rebuild, copied from the pool: {wealth.gas(maker) - lost:,} wei of gas at least lost by who made it")


def test_a_group_of_two_where_one_stays_away(new_recover: RecoverFactory) -> None:
    """With T = N = 2 nobody else has shares enough: the other one has both bonds."""
    session = new_recover(members=2, colluders=1).to(Stage.UPLOAD)
    upload_but(session)
    wealth, honest = Wealth(session), honest_profits(session)
    stays, absent = session.members_of(0)
    reveal_but(session, absent)
    session.pass_half_of_reveal()
    session.reveal_shares(stays)
    session.pass_deadline()
    session.to(Stage.FINISHED)
    assert [wealth.of(stays), wealth.of(absent)] == [session.params.bond_wei, -session.params.bond_wei]
    told = wealth.tell("one of two doesn't reveal", absent, honest=[honest[absent]])
    assert told.loses
    assert told.honest_loss == 0
