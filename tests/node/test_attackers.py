"""Attacks on a real node's pool and blocks, with what they bring in wei; honest members lose nothing but gas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from omnilytics.chain.abi import interface
from omnilytics.protocol.steps import Acted, Lost, Role, Step, Waiting
from omnilytics.protocol.watch import Watch
from omnilytics.types import Address, Assignment
from tests.attacks import tally
from tests.e2e.plays import check
from tests.node.attackers import Copier, always, taken_out
from tests.node.chains import CHAINS, IMPATIENT, RICH_ADDRESS, AnvilChain, GethChain
from tests.node.conftest import Start
from tests.node.launch import Anvil, Geth
from tests.node.test_roles import ABORT
from tests.node.test_roles_reorgs import LONG, TERMS, Turned, check_end, settled

pytestmark = pytest.mark.node

THREES = replace(ABORT, group_size=3, rounds=2, min_rounds=1, **LONG)


@pytest.fixture(scope="module", autouse=True)
def told() -> Iterator[None]:
    """Prints the scenarios' outcomes at the end."""
    yield
    print("\n".join(tally.lines()))


def honest_loss(cast: Turned, *attackers: Address) -> int:
    """The largest of another member beyond its gas, wei: bond and pay less what it has taken out."""
    params, got = cast.session.params(), taken_out(cast.fair.world.chain, cast.session)
    pay = cast.ending().credits
    return max(params.bond_wei + pay[a] - got[a] for a in cast.fair.members if a not in attackers)


@pytest.mark.parametrize("policy", TERMS)
def test_every_call_is_copied_from_the_pool(start: Start, policy: str) -> None:
    """Blocks are made by hand, so that each copy is in the block of what it copies, and before it."""
    node: Anvil = start(Anvil)
    chain = AnvilChain(node)
    cast = settled(chain, TERMS[policy])
    copier = Copier(chain, cast.session)
    node.ask("evm_setAutomine", False)

    def work() -> None:
        if copier.look():
            node.ask("evm_mine")

    with always(work):
        cast.run()
    assert all(copier.fate(one).first for one in copier.copies)
    check_copies(cast, copier, f"every call of a session copied, {policy}")


@pytest.mark.nightly
def test_calls_are_copied_from_the_pool_of_a_node_that_makes_blocks_by_itself(start: Start) -> None:
    chain = GethChain(start(Geth))
    cast = settled(chain, TERMS["abort"])
    chain.tick()
    copier = Copier(chain, cast.session)
    with always(copier.look):
        cast.run()
    assert any(copier.fate(one).first for one in copier.copies)
    check_copies(cast, copier, "calls of a session copied on geth")


def check_copies(cast: Turned, copier: Copier, name: str) -> None:
    """Of a call and its copy one at most succeeds; no copy is paid for, and it has cost its gas."""
    check_end(cast)
    fates = [copier.fate(one) for one in copier.copies]
    assert not any(fate.succeeded and fate.copied_succeeded for fate in fates), "a call was made twice"
    assert any(fate.succeeded for fate in fates), "no step that anybody may make was taken from whose turn it was"
    told = tally.tell(name, copier.profit(), None, honest_loss(cast))
    assert told.loses
    assert told.honest_loss <= 0
    assert cast.session.credit_of(copier.address) == 0, "a copy was paid for"


@pytest.mark.parametrize("after", ["registers", "commits"])
def test_one_seat_of_each_group_stalls(start: Start, after: str) -> None:
    """Nobody else loses: what the stalling ones put in is divided among those whose work it has undone."""
    chain = AnvilChain(start(Anvil))
    cast = settled(chain, THREES, members=6)
    stalling = {cast.fair.members[0], cast.fair.members[3]}
    before = sum(map(chain.balance, stalling))

    def here(accounts: Sequence[Address]) -> list[Address]:
        for account, done in cast.told:
            if account in stalling and isinstance(done, Acted) and after in done.words:
                cast.roles.pop(account, None)
        return [account for account in accounts if account in cast.roles]

    cast.run(here)
    check(cast)
    ended, params = cast.ending(), cast.session.params()
    assert ended.failed == (0, 1)
    got, seat = taken_out(chain, cast.session), params.reward_wei // 6
    assert all(got[a] >= params.bond_wei + seat for a in cast.fair.members if a not in stalling)
    profit = sum(chain.balance(a) + cast.session.credit_of(a) for a in stalling) - before
    told = tally.tell(f"one seat of each group {after} and stalls", profit, None, honest_loss(cast, *stalling))
    assert told.loses
    assert told.profit < -2 * (params.bond_wei - params.reward_wei // 100)
    assert told.honest_loss <= 0


@dataclass
class Ground(Turned):
    """Whoever makes blocks makes that of the draw again, once at least, until an accomplice sits beside a victim."""

    tries: int = 0

    def step(self, account: Address, role: Role | None = None) -> Step:
        done = super().step(account, role)
        if isinstance(done, Acted) and done.receipt.call == "draw" and not (self.beside() and self.tries):
            self.tries += 1
            self.grind()
        return done

    def beside(self) -> bool:
        watch = Watch(self.fair.world.chain, self.session)
        assert not watch.ledger().committed, "somebody acts by a draw that isn't final"
        victim, accomplice = (watch.seats().seat_of(a) for a in (self.fair.members[0], self.fair.members[-1]))
        return victim is not None and accomplice is not None and victim[0] == accomplice[0]

    def grind(self) -> None:
        chain = self.fair.world.chain
        if isinstance(chain, AnvilChain):
            chain.node.ask("anvil_rollback", chain.block_number() - self.session.draw_block() + 1)
        else:
            chain.node.ask("debug_setHead", hex(self.session.draw_block() - 1))
        chain.send("other content", RICH_ADDRESS, RICH_ADDRESS, b"", self.tries)


@pytest.mark.parametrize("kind", [pytest.param("geth", marks=pytest.mark.nightly), "anvil"])
def test_a_proposer_makes_the_block_of_the_draw_again(start: Start, kind: str) -> None:
    """It gets the seat that it wants, as PROTOCOL.md says, before anybody has acted; and not a wei for it."""
    process, backend = CHAINS[kind]
    chain = backend(start(process))
    cast = settled(chain, replace(THREES, assignment=Assignment.SHUFFLED), kind=Ground, members=6)
    accomplice = cast.fair.members[-1]
    before = chain.balance(accomplice)
    cast.run()
    assert isinstance(cast, Ground)
    assert cast.tries
    check(cast)
    ended = cast.ending()
    assert (ended.accepted, ended.failed, ended.left_wei) == (0b11, (), 0)
    assert len(set(ended.credits.values())) == 1, "one seat is worth more than another"
    profit = chain.balance(accomplice) - before
    fees = Watch(chain, cast.session).ledger().fees[accomplice]
    over = profit - ended.credits[accomplice] - fees
    told = tally.tell(
        f"a proposer that makes the draw's block {cast.tries} times again on {kind}", profit, over, honest_loss(cast)
    )
    assert told.over_honest is not None
    assert told.over_honest < 0, "more than its pay and its fees"
    assert told.honest_loss <= 0


@dataclass
class LeftOut(Turned):
    """Whoever makes blocks puts the calls of one kind of one data owner into none, until it is too late for them."""

    call: str = ""
    said: list[str] = field(default_factory=list)
    until: int = 0

    @property
    def victim(self) -> Address:
        return self.fair.members[0]

    def step(self, account: Address, role: Role | None = None) -> Step:
        done = super().step(account, role)
        if account == self.victim and isinstance(done, Lost):
            self.said.append(done.reason)
            self.until = self.session.deadline() + 1
            return Waiting("its call to be mined", self.until)
        return done

    def block(self) -> None:
        """Makes one of what is in the pool, but for that."""
        chain = self.fair.world.chain
        pending = chain.node.ask("txpool_content")["pending"]
        senders = {sender.lower() for sender in pending}
        if self.victim in senders and self._unwanted(pending):
            chain.node.ask("anvil_removePoolTransactions", self.victim)
            senders.discard(self.victim)
        if senders:
            chain.node.ask("evm_mine")

    def _unwanted(self, pending: dict[str, dict[str, Any]]) -> bool:
        selector = f"0x{interface('SecModelUpdate')._function(self.call).selector.hex()}"
        inputs = [
            tx["input"] for sender, txs in pending.items() if sender.lower() == self.victim for tx in txs.values()
        ]
        in_time = not self.until or self.fair.world.chain.timestamp() < self.until
        return in_time and any(one.startswith(selector) for one in inputs)


@pytest.mark.parametrize(("policy", "call"), [("abort", "commit"), ("abort", "upload"), ("recover", "upload")])
def test_a_proposer_leaves_a_data_owner_out_for_a_window(start: Start, policy: str, call: str) -> None:
    """It says that its call is in no block, and loses its bond as whoever is away; what it sent is refused later."""
    node: Anvil = start(Anvil)
    chain = AnvilChain(node, settings=replace(IMPATIENT, receipt_secs=3, stuck_secs=1))
    cast = settled(chain, TERMS[policy], kind=LeftOut)
    assert isinstance(cast, LeftOut)
    cast.call = call
    before, params = chain.balance(cast.victim), cast.session.params()
    node.ask("evm_setAutomine", False)
    with always(cast.block):
        cast.run()
        assert chain.resume(cast.victim) == []
    check(cast)
    assert all(f"{call}: nonce" in one and "is in no block after" in one for one in cast.said)
    assert cast.said
    fees = Watch(chain, cast.session).ledger().fees[cast.victim]
    assert (cast.ending().credits[cast.victim], taken_out(chain, cast.session)[cast.victim]) == (0, fees)
    assert cast.ending().accepted == (policy == "recover")
    loss = before - chain.balance(cast.victim)
    told = tally.tell(f"left out of blocks: {call}, {policy}", -loss, None, honest_loss(cast, cast.victim))
    assert params.bond_wei < loss < params.bond_wei + params.reward_wei // 100
    assert told.honest_loss <= 0
