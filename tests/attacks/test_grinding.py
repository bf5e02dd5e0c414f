"""Somebody wants another draw: by its order of registration, the block of closing, a second look, or who fails."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
from eth_abi import encode
from eth_utils import keccak

from tests.attacks import tally
from tests.attacks.till import GWEI, Till
from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import Accounts, SessionDriver, Stage, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import Factory

DELAY = 4
SIGMAS = 4.5


def seeds(count: int) -> list[bytes]:
    return [keccak(text=f"draw {i}") for i in range(count)]


def groups_of(seats: ref.Seats, size: int) -> list[set[str]]:
    found: dict[int, set[str]] = {}
    for account, (group, _) in seats.items():
        found.setdefault(group, set()).add(account)
    return [found[g] for g in sorted(found) if len(found[g]) == size]


def test_the_order_of_registration_puts_nobody_beside_anybody() -> None:
    """Every pair of ranks shares a group as often as any other: (N-1)/(n-1), within the noise of 2,000 draws."""
    ranks, draws = [str(r) for r in range(12)], 2_000
    together: Counter[tuple[str, str]] = Counter()
    for seed in seeds(draws):
        drawn = ref.Draw([ref.Joined(r) for r in ranks], 4, 3).seats(seed)
        for group in groups_of(drawn, 3):
            together.update(itertools.combinations(sorted(group, key=int), 2))
    p = 2 / 11
    noise = SIGMAS * math.sqrt(draws * p * (1 - p))
    assert len(together) == 66
    assert all(abs(n - draws * p) < noise for n in together.values())


@pytest.mark.parametrize("waits", [0, 1, 7])
def test_who_closes_registration_doesnt_know_the_hash(new_session: Factory, waits: int) -> None:
    """The last one to register chooses the block of closing; the draw's is four later, and nothing is drawn before."""
    session = new_session(assignment=1).to(Stage.REGISTER)
    wealth, honest = Wealth(session), honest_profits(session)
    *early, last = session.listed
    session.register_all(early)
    session.chain.mine(waits)
    session.register(last)
    block = session.draw_block()
    assert block == session.chain.height + DELAY
    for _ in range(DELAY):
        with reverts("session: nothing to advance"):
            session.contract.draw(sender=last)
    session.to(Stage.COMMIT)
    assert session.seed() == ref.draw_seed(session.chain.block_hash(block), session.contract.address)
    session.to(Stage.FINISHED)
    told = wealth.tell(f"the last one registers {waits} blocks later", last, honest=[honest[last]])
    assert told.over_honest < 0, "it has paid for four refused calls"
    assert told.honest_loss == 0


def test_who_looks_at_a_draw_and_takes_it_back_changes_nothing(
    new_session: Factory, accounts: Accounts, till: Till
) -> None:
    """A contract draws, looks where its owner sits, and reverts if that isn't its wish. The next draw is the same."""
    session = new_session(assignment=1).to(Stage.DRAW)
    looker, attacker = till.new_puppet(accounts.other_owner), session.listed[0]
    wealth, honest = Wealth(session, looker.address), honest_profits(session)
    session.chain.mine(session.draw_block() - session.chain.height)
    seed = ref.draw_seed(session.chain.block_hash(session.draw_block()), session.contract.address)
    mine = ref.Draw([ref.Joined(a) for a in session.listed], 2, 3).seats(seed)[attacker]
    wish = encode(["bool", "uint256", "uint256", "uint256"], [False, 1 - mine[0], mine[1], 3])
    abi = session.contract.abi
    for _ in range(5):
        with reverts("puppet: not what I wanted"):
            looker.act_if(
                session.address, abi.calldata("draw", ()), wish, abi.calldata("alumnus", (attacker,)), sender=attacker
            )
    session.draw()
    assert session.seed() == seed
    assert (session.member(attacker).group, session.member(attacker).place) == mine
    session.to(Stage.FINISHED)
    told = wealth.tell("five looks at a draw, taken back", attacker, honest=[honest[attacker]])
    assert told.over_honest < 0
    assert told.honest_loss == 0


def test_a_postponed_draw_is_as_blind_as_the_first(new_session: Factory) -> None:
    """It takes 257 blocks in which nobody draws. Anybody can, is paid for it, and the new block isn't mined yet."""
    session = new_session(assignment=1).to(Stage.DRAW)
    first = session.draw_block()
    session.chain.mine(first + 255 - session.chain.height)
    with session.chain.anchor():
        session.contract.draw(sender=session.listed[3])
        assert session.stage() == Stage.COMMIT, "the 256th block is soon enough"
    session.chain.mine(1)
    session.contract.draw(sender=session.stranger)
    assert session.draw_block() == session.chain.height + DELAY
    with reverts("session: nothing to advance"):
        session.contract.draw(sender=session.stranger)


def test_a_proposer_that_tries_hashes(new_session: Factory) -> None:
    """What remains: who makes block `draw_block` knows its hash before anybody, and can make another block instead.

    Each try is a draw; as many as it can hash in its slot. An accomplice beside a victim takes (n-1)/(N-1) on average.
    """
    session = new_session(rounds=4, assignment=1).to(Stage.DRAW)
    victim, accomplice, *_ = session.listed
    joined = [ref.Joined(a) for a in session.listed]
    tries = []
    for proposer in range(40):
        for k in itertools.count(1):
            seed = ref.draw_seed(keccak(text=f"block {proposer} {k}"), session.contract.address)
            seats = ref.Draw(joined, 4, 3).seats(seed)
            if seats[victim][0] == seats[accomplice][0]:
                tries.append(k)
                break
    mean = sum(tries) / len(tries)
    print(
        f"\na proposer needs {mean:.1f} hashes on average to sit beside a victim (11/2 expected), {max(tries)} at most"
    )
    assert 2 < mean < 12


@pytest.fixture(scope="module")
def again(new_session: Factory) -> SessionDriver:
    """Four groups, drawn."""
    return new_session(rounds=4, assignment=1).to(Stage.COMMIT)


@pytest.mark.parametrize("failing", [(0,), (0, 1), (0, 1, 2), (0, 1, 2, 3)])
def test_who_fails_cant_know_the_second_draw(again: SessionDriver, failing: tuple[int, ...]) -> None:
    """Whoever is last to commit or to fail chooses who survives, and when. The seed comes from a block after that."""
    session, wealth, honest = again.copy(), Wealth(again), honest_profits(again)
    attackers = [session.members_of(group)[0] for group in failing]
    for account in session.seated():
        if account not in attackers:
            session.commit(account)
    session.pass_deadline()
    if 2 * len(failing) < 3:
        assert session.stage() == Stage.UPLOAD
    else:
        block = session.draw_block()
        assert block == session.chain.height + DELAY
        with reverts("session: nothing to advance"):
            session.contract.draw(sender=attackers[0], gas_price=GWEI)
        session.draw()
        assert session.second_seed() == ref.draw_seed(session.chain.block_hash(block), session.contract.address)
        assert session.second_seed() != session.seed()
    session.to(Stage.FINISHED)
    name = f"{len(failing)} of 4 groups failed to have another draw"
    told = wealth.tell(name, *attackers, honest=[honest[a] for a in attackers])
    assert told.loses
    assert told.honest_loss == 0


def isolated(survivors: int, sybils: int, size: int) -> float:
    """The chance that one of the survivors of failed groups is drawn into a group of sybils otherwise."""
    seats = survivors // size * size
    if not seats or survivors - 1 < size - 1:
        return 0.0
    return seats / survivors * math.comb(sybils, size - 1) / math.comb(survivors - 1, size - 1)


def best(groups: list[set[str]], victim: str, sybils: set[str], size: int) -> tuple[float, int]:
    """The best that declining in some of the groups makes of that chance, and how many must decline for it."""
    mine = next(g for g in groups if victim in g)
    found = (float(len(mine & sybils) == size - 1), 0)
    others = [g for g in groups if g is not mine and g & sybils]
    if not mine & sybils:
        return found
    for count in range(len(others) + 1):
        for chosen in itertools.combinations(others, count):
            failed = [mine, *chosen]
            left = sum(len(g) - 1 for g in failed)
            own = sum(len(g & sybils) - 1 for g in failed)
            found = max(found, (isolated(left, own, size), len(failed)), key=lambda f: (f[0], -f[1]))
    return found


def test_choosing_who_fails_gathers_sybils_around_a_victim() -> None:
    """What remains: the seats of the first draw are public, and an attacker can choose by them who is drawn again.

    By failing the groups in which it has the most seats, at F or a bond each, it makes a group of its own around the
    victim likelier. Members who know whom to sit with should decline a second group as they would a first.
    """
    accounts, rounds, size, draws = [str(i) for i in range(24)], 8, 3, 200
    victim, sybils = "0", set(accounts[1:9])
    plain = steered = declined = 0.0
    for seed in seeds(draws):
        groups = groups_of(ref.Draw([ref.Joined(a) for a in accounts], rounds, size).seats(seed), size)
        plain += victim_alone(groups, victim, sybils)
        chance, price = best(groups, victim, sybils, size)
        steered += chance
        declined += price
    exact = math.comb(8, 2) / math.comb(23, 2)
    tally.note(
        f"a victim alone among sybils, 8 of 24 accounts, groups of 3: {plain / draws:.3f} by the first draw"
        f" ({exact:.3f} exactly), {steered / draws:.3f} by choosing who fails, {declined / draws:.1f} of them declining"
    )
    assert abs(plain / draws - exact) < SIGMAS * math.sqrt(exact * (1 - exact) / draws)
    assert plain <= steered < 2 * plain


def victim_alone(groups: list[set[str]], victim: str, sybils: set[str]) -> bool:
    mine = next(g for g in groups if victim in g)
    return mine - {victim} <= sybils
