"""Somebody spoils the record of another, or cleans its own: by sham sessions, false sessions, its group, by and by."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.attacks import tally
from tests.attacks.conftest import paying
from tests.attacks.till import Till
from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import Accounts, Contract, Stage, economy, reverts, session_type
from tests.contracts.harness.fixtures import Factory, deploy_market, factory

NEWCOMER, THRESHOLD, WORST = 1 << 14, 1 << 15, 1 << 16
ONCE = (NEWCOMER * 3 + WORST) // 4
CLONE = "3d602d80600a3d3981f3363d3d373d3d3d363d73{}5af43d82803e903d91602b57fd5bf3"


def suspicion(market: Contract, owner: str, account: str) -> int:
    """Of a newcomer where there is no record."""
    known, value = market.suspicion(owner, account)
    return int(value) if known else NEWCOMER


def rejected(new_session: Factory, listed: list[str], spoiler: str | None, owner: str | None = None) -> Wealth:
    """A session in which the spoiler's group is refused, the others accepted; None: all accepted."""
    session = new_session(listed, owner=owner, parameter_count=126)
    wealth = Wealth(session)
    if spoiler is not None:
        draw = random.Random(spoiler)
        session.payloads[spoiler] = [draw.getrandbits(256) for _ in range(session.word_count)]
    session.to(Stage.FINISHED)
    return wealth


def test_a_sham_owner_spoils_its_own_records_alone(new_session: Factory, accounts: Accounts, market: Contract) -> None:
    """Records are of a pair. The victim has to come to the sham session, too, with a bond."""
    victim, framer = accounts[0], accounts.other_owner
    wealth = rejected(new_session, list(accounts[:6]), accounts[1], owner=framer)
    assert suspicion(market, framer, victim) == ONCE
    assert suspicion(market, accounts.owner, victim) == NEWCOMER
    told = wealth.tell("a sham owner frames a member", framer, accounts[1])
    assert told.loses
    assert told.honest_loss == 0


def test_a_sham_session_of_the_owner_touches_nobody_who_stays_away(
    new_session: Factory, accounts: Accounts, market: Contract
) -> None:
    """The owner lists a victim and plays a session with accounts of its own."""
    own, victim = list(accounts[10:16]), accounts[0]
    session = new_session([*own, victim], parameter_count=126)
    wealth = Wealth(session)
    session.to(Stage.REGISTER)
    session.register_all(own)
    session.to(Stage.FINISHED)
    assert not market.suspicion(session.owner, victim)[0]
    told = wealth.tell("a sham session of the owner around a victim", session.owner, *own)
    assert told.loses
    assert told.honest_loss == 0


def callers(till: Till, accounts: Accounts, market: Contract) -> dict[str, Callable[[], str]]:
    """Who isn't a session of the market."""

    def false_clone() -> str:
        init_code = bytes.fromhex(CLONE.format(market.IMPLEMENTATION()[2:]))
        made = till.deploy("false clone", accounts.stranger, init_code).created
        assert made is not None
        return made

    return {
        "account": lambda: accounts.stranger,
        "owner": lambda: accounts.owner,
        "contract": lambda: till.new_puppet(accounts.stranger).address,
        "implementation": lambda: str(market.IMPLEMENTATION()),
        "false clone": false_clone,
    }


@pytest.mark.parametrize("kind", ["account", "owner", "contract"])
def test_who_is_no_session_writes_no_record(accounts: Accounts, market: Contract, till: Till, kind: str) -> None:
    caller = callers(till, accounts, market)[kind]()
    constants = economy.record_constants()
    with reverts("market: only a session"):
        market.record([accounts[0]], 1, constants, sender=caller)
    with reverts("market: only a session"):
        market.decay(accounts[0], constants, sender=caller)


@pytest.mark.parametrize("kind", ["implementation", "false clone"])
def test_a_session_that_the_market_didnt_make_isnt_one(
    accounts: Accounts, market: Contract, till: Till, kind: str
) -> None:
    """The implementation is locked; a clone of one's own has its maker for a market, not the one with the records."""
    false = session_type().on(till).at(callers(till, accounts, market)[kind]())
    assert int(market.owner_of(false.address), 16) == 0
    if kind == "implementation":
        with reverts("session: already initialised"):
            false.initialize(accounts.owner, sender=accounts.stranger)
    else:
        false.initialize(accounts.owner, sender=accounts.stranger)
        assert false.market().lower() == accounts.stranger
        assert false.owner().lower() == accounts.owner


def test_a_session_of_another_market_writes_there(chain: Any, accounts: Accounts, market: Contract, till: Till) -> None:
    """The same owner, the same members, another market: this one remembers nothing of it."""
    other = deploy_market(accounts, 0, till)
    make = paying(factory(chain, other, accounts))
    wealth = rejected(make, list(accounts[:6]), accounts[1])
    assert suspicion(other, accounts.owner, accounts[0]) == ONCE
    assert not market.suspicion(accounts.owner, accounts[0])[0]
    assert wealth.honest_loss(accounts[1]) == 0


def test_sham_sessions_of_another_owner_wash_nobody(new_session: Factory, accounts: Accounts, market: Contract) -> None:
    """A suspect is accepted in five sessions of its own making; with the owner that counts it is what it was."""
    washer, listed = accounts[0], list(accounts[:6])
    for _ in range(2):
        rejected(new_session, listed, washer)
    before = suspicion(market, accounts.owner, washer)
    assert before >= THRESHOLD
    profit = 0
    for _ in range(5):
        wealth = rejected(new_session, listed, None, owner=accounts.other_owner)
        profit += wealth.profit(accounts.other_owner, *listed)
    assert suspicion(market, accounts.owner, washer) == before
    assert suspicion(market, accounts.other_owner, washer) < NEWCOMER
    assert tally.tell("five sham sessions to wash a record", profit, profit, 0).loses


def test_registering_again_and_again_fades_a_record(new_session: Factory, accounts: Accounts, market: Contract) -> None:
    """What remains: a fiftieth goes with every registration, even where no seat comes of it."""
    washer, listed = accounts[0], list(accounts[:6])
    for _ in range(2):
        rejected(new_session, listed, washer)
    sessions, before = 0, suspicion(market, accounts.owner, washer)
    gas = 0
    while suspicion(market, accounts.owner, washer) >= THRESHOLD:
        session = new_session(listed).to(Stage.REGISTER)
        session.register(washer)
        session.exit(sender=session.owner)
        wealth = Wealth(session)
        gas += wealth.gas(washer) - wealth.fees(washer)
        sessions += 1
    tally.note(
        f"a record of {before} fades below {THRESHOLD} in {sessions} registrations without a seat, {gas:,} wei of gas"
    )
    assert sessions == 7


def test_a_member_framed_by_its_group(new_session: Factory, accounts: Accounts, market: Contract) -> None:
    """What remains: a refused group blames all N. Two refusals make a suspect, one accepted group makes up for one."""
    victim, framer, listed = accounts[0], accounts[1], list(accounts[:6])
    honest = honest_profits(new_session(listed, parameter_count=126))[framer]
    course, profit = [NEWCOMER], 0
    for spoiler in (framer, framer, None, None):
        wealth = rejected(new_session, listed, spoiler)
        course.append(suspicion(market, accounts.owner, victim))
        if spoiler:
            profit += wealth.profit(framer)
            assert wealth.honest_loss(framer) == 0
    assert course[1] == ONCE < THRESHOLD
    assert course[2] == economy.recorded(economy.decayed(ONCE, 50), 4, True) >= THRESHOLD
    assert course[3] < THRESHOLD
    assert suspicion(market, accounts.owner, framer) == course[-1], "the framer's record is the same"
    tally.note(f"suspicion of a member framed twice, then accepted twice: {course}, suspect from {THRESHOLD}")
    told = tally.tell("a member framed by its group, twice", profit, profit - 2 * honest, 0)
    assert told.loses


def test_a_suspect_is_seated_where_there_is_room(new_session: Factory, accounts: Accounts, market: Contract) -> None:
    """A preference, never a ban: whoever registered takes part as long as seats are left."""
    suspects = list(accounts[:6])
    for _ in range(2):
        session = new_session(suspects, parameter_count=126)
        for account in (suspects[0], suspects[3]):
            draw = random.Random(account)
            session.payloads[account] = [draw.getrandbits(256) for _ in range(session.word_count)]
        session.to(Stage.UPLOAD)
        for account in (suspects[1], suspects[2], suspects[4], suspects[5]):
            session.upload_all(account)
        session.pass_deadline()
        session.to(Stage.FINISHED)
    bad = [a for a in suspects if suspicion(market, accounts.owner, a) >= THRESHOLD]
    assert bad == [suspects[0], suspects[3]]
    session = new_session([*bad, *accounts[6:10]], assignment=1).to(Stage.COMMIT)
    assert all(session.member(a).pool == 1 for a in bad)
    assert all(session.member(a).seated for a in bad)


def test_clear_ones_go_first_where_there_is_none(new_session: Factory, accounts: Accounts, market: Contract) -> None:
    """Six suspects and eight others for six seats: none of the suspects gets one, and all have their bonds."""
    suspects = list(accounts[:6])
    for _ in range(2):
        session = new_session(suspects, parameter_count=126).to(Stage.COMMIT)
        session.pass_deadline()
        session.to(Stage.FINISHED)
    assert all(suspicion(market, accounts.owner, a) >= THRESHOLD for a in suspects)
    session = new_session([*suspects, *accounts[6:14]], assignment=1)
    wealth = Wealth(session)
    session.to(Stage.COMMIT)
    assert not any(session.member(a).seated for a in suspects)
    with session.chain.anchor():
        fresh = new_session([*accounts[14:20], *accounts[6:14]], assignment=1).to(Stage.COMMIT)
        assert any(fresh.member(a).seated for a in accounts[14:20]), "what remains: a new account is clear"
    session.to(Stage.FINISHED)
    told = wealth.tell("six suspects where eight clear ones want six seats", *suspects)
    assert told.profit < 0
    assert told.honest_loss == 0
