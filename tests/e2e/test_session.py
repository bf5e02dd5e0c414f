"""Whole sessions on the embedded chain: what was trained, who was paid, what stays."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from omnilytics.chain.embedded import GAS_PRICE_WEI
from omnilytics.codec import MaskedInput
from omnilytics.errors import ProtocolError
from omnilytics.experiments.arena.attacks import Lanes, Scale
from omnilytics.experiments.arena.ring import Lone
from omnilytics.protocol import events
from omnilytics.protocol.ledger import Ledger
from omnilytics.protocol.member import Behaviour, Policy, Upload
from omnilytics.types import Address, Assignment, Encoding, Suite
from tests.e2e.conftest import PLAN, TERMS, World, krum_plan


class Absent(Behaviour):
    """Registers and is never heard of again."""

    def masked_input(self, upload: Upload) -> MaskedInput | None:
        return None


def test_every_group_is_accepted_and_paid(finished: World) -> None:
    run = finished.improvement
    assert run is not None
    for outcome in run.outcomes:
        assert outcome.accepted == (0, 1, 2, 3)
        assert outcome.rejected == outcome.failed == ()
        share = TERMS.reward_wei // 12
        assert outcome.paid_wei == 12 * share
        assert outcome.deposited_wei == TERMS.reward_wei + outcome.reserve_wei
        assert outcome.refunded_wei == outcome.bonds_wei + outcome.deposited_wei - 12 * share - outcome.fees_wei
        assert 0 < outcome.fees_wei < outcome.reserve_wei
        assert outcome.left_wei == 0


def test_the_model_moves_by_the_mean_of_all_members(finished: World) -> None:
    """What comes out of masked lanes is the members' mean, up to the rounding of one unit each."""
    run = finished.improvement
    assert run is not None
    assert run.outcomes[0].update is not None
    assert float(np.abs(run.outcomes[0].update).max()) > 0
    assert run.public != run.start


def test_money_is_conserved_to_the_wei(finished: World) -> None:
    world, run = finished.simulation, finished.improvement
    assert world is not None
    assert run is not None
    from omnilytics.experiments.simulate import MEMBER_WEI, OWNER_WEI

    spent: Counter[Address] = Counter()
    for transaction in world.chain.transactions():
        spent[transaction.sender] += transaction.gas * GAS_PRICE_WEI
    earned = sum(world.chain.balance(m) + spent[m] - MEMBER_WEI for m in world.members)
    assert earned == sum(o.paid_wei + o.fees_wei for o in run.outcomes)
    assert world.chain.balance(world.owner) == OWNER_WEI - earned - spent[world.owner]
    for session in finished.sessions:
        assert world.chain.balance(session.address) == 0


def test_most_of_the_gas_is_paid_back_and_never_more(finished: World) -> None:
    """Every call but those that section 9 doesn't pay: `start` and before, and `withdraw`."""
    paid: Counter[str] = Counter()
    used: Counter[str] = Counter()
    last = None
    for event in finished.events:
        if isinstance(event, events.GasUsed):
            last = event
            used[event.phase] += event.gas * GAS_PRICE_WEI
        elif isinstance(event, events.FeesCredited):
            assert last is not None
            assert 0 < event.amount_wei <= last.gas * GAS_PRICE_WEI
            paid[last.phase] += event.amount_wei
    calls = {"register", "draw", "commit", "upload", "aggregate", "select", "settle"}
    assert set(paid) == calls
    assert all(paid[call] > 0.75 * used[call] for call in calls)


def test_records_of_those_who_were_accepted_fall(finished: World) -> None:
    changes = [event for event in finished.events if isinstance(event, events.RecordChanged)]
    first = [e.suspicion for e in changes if e.session == 1]
    assert first == [12_288] * 12
    assert {e.suspicion for e in changes if e.session == 2} == {12_288 - 245, (12_288 - 245) * 3 // 4}
    assert not any(e.suspect for e in changes)


def test_the_same_seed_gives_the_same_run(finished: World) -> None:
    again = World()
    again.run()
    assert again.events == finished.events
    assert again.sessions == finished.sessions


def test_another_seed_gives_another_run(finished: World) -> None:
    other = World(seed=4)
    other.run()
    assert other.sessions != finished.sessions


@pytest.mark.parametrize("attacker", [Lone(Lanes(), np.random.default_rng(1)), Lone(Scale(), np.random.default_rng(1))])
def test_an_attacked_group_is_refused_and_unpaid(attacker: Lone) -> None:
    world = World(behaviours={5: attacker})
    run = world.run()
    for outcome in run.outcomes:
        (group,) = [g for g, members in enumerate(outcome.groups) if world.simulation.members[5] in members]  # type: ignore[union-attr]
        assert outcome.rejected == (group,)
        assert outcome.burnt_wei == 3 * (TERMS.reward_wei // 12)
        assert outcome.paid_wei == 9 * (TERMS.reward_wei // 12)
        assert outcome.left_wei == 0


def test_a_member_that_stays_away_loses_its_bond_to_its_group() -> None:
    world = World(behaviours={2: Absent()}, plan=replace(PLAN, sessions=1))
    run = world.run()
    assert world.simulation is not None
    (outcome,) = run.outcomes
    assert len(outcome.failed) == 1
    assert len(outcome.accepted) == 3
    from omnilytics.experiments.simulate import MEMBER_WEI

    bond = outcome.bonds_wei // 12
    ledger = Ledger.read(log for _, log in world.sessions[0].logs)
    gas: Counter[Address] = Counter()
    for transaction in world.simulation.chain.transactions():
        gas[transaction.sender] += transaction.gas * GAS_PRICE_WEI
    earned = {
        m: world.simulation.chain.balance(m) + gas[m] - ledger.fees[m] - MEMBER_WEI
        for m in outcome.groups[outcome.failed[0]]
    }
    assert earned[world.simulation.members[2]] == -bond
    assert sorted(earned.values())[1:] == [bond // 2, bond - bond // 2]
    assert outcome.left_wei == 0
    records = {e.member: e.suspicion for e in world.of(events.RecordChanged)}
    assert records[world.simulation.members[2]] == 28_672
    assert set(records) == set(world.simulation.members) - set(earned) | {world.simulation.members[2]}


def test_a_session_in_which_nobody_commits_returns_everything() -> None:
    plan = replace(PLAN, sessions=1, terms=replace(TERMS, min_rounds=4))
    world = World(members=12, plan=plan, behaviours={i: Absent() for i in range(12)})
    (outcome,) = world.run().outcomes
    assert outcome.failed == (0, 1, 2, 3)
    assert outcome.paid_wei == 0
    assert outcome.left_wei == 0
    assert outcome.update is None


@pytest.mark.parametrize(
    "plan",
    [
        replace(PLAN, terms=replace(TERMS, assignment=Assignment.GREEDY)),
        replace(PLAN, terms=replace(TERMS, suite=Suite.KECCAK)),
        replace(PLAN, terms=replace(TERMS, bound=127)),
        replace(PLAN, terms=replace(TERMS, bound=31)),
        replace(PLAN, terms=replace(TERMS, chunk_words=8)),
        krum_plan(),
        krum_plan(encoding=Encoding.WEIGHTS),
        krum_plan(chunk_words=8),
    ],
    ids=["greedy", "keccak", "10 bits", "8 bits", "chunks", "krum", "krum weights", "krum chunks"],
)
def test_every_way_of_running_a_session(plan: object) -> None:
    world = World(plan=replace(plan, sessions=1))  # type: ignore[type-var]
    (outcome,) = world.run().outcomes
    assert outcome.failed == ()
    assert outcome.left_wei == 0
    assert outcome.update is not None
    scored = world.of(events.GroupScored)
    assert len(scored) == 4
    assert len(world.of(events.DistancesMeasured)) == 1


def test_members_refuse_what_their_policy_excludes() -> None:
    world = World(plan=replace(PLAN, terms=replace(TERMS, unsafe_small=True)), policy=Policy())
    with pytest.raises(ProtocolError, match="unsafe_small"):
        world.run()


def test_policy_numbers() -> None:
    params = TERMS.params(650, 0.5)
    Policy().check(params, simulated=True)
    for policy, message in (
        (Policy(largest_bond_wei=1), "bond: expected at most 1 wei"),
        (Policy(largest_clip=0.25), r"clip: expected at most 0\.25, got 0\.5"),
        (Policy(shortest_window_secs=7_200), "window: expected at least 7200 s, got 3600"),
        (Policy(least_fee_cap_wei=3 * 10**9), "fee cap: expected at least 3000000000 wei a gas, got 2000000000"),
        (Policy(min_known_peers=3), "members: expected groups with room for 3 known accounts, got 3 members"),
        (Policy(honest_block_hashes=False), "assignment: expected greedy .*, got shuffled"),
    ):
        with pytest.raises(ProtocolError, match=message):
            policy.check(params, simulated=True)


@pytest.mark.parametrize("window", ["commit_secs", "upload_secs", "aggregate_secs", "select_secs"])
def test_every_window_that_costs_a_member_counts(window: str) -> None:
    policy = Policy(shortest_window_secs=600)
    policy.check(replace(TERMS, register_secs=1).params(650, 0.5), simulated=True)
    with pytest.raises(ProtocolError, match="window: expected at least 600 s, got 599"):
        policy.check(replace(TERMS, **{window: 599}).params(650, 0.5), simulated=True)


def test_a_draw_needs_block_hashes_that_nobody_chooses() -> None:
    shuffled, greedy = TERMS.params(650, 0.5), replace(TERMS, assignment=Assignment.GREEDY).params(650, 0.5)
    Policy().check(greedy, simulated=False)
    Policy(honest_block_hashes=True).check(shuffled, simulated=False)
    with pytest.raises(ProtocolError, match="block hashes"):
        Policy().check(shuffled, simulated=False)


def test_seeds_are_refused_on_a_real_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    from omnilytics.chain.embedded import EmbeddedChain

    monkeypatch.setattr(EmbeddedChain, "simulated", False)
    with pytest.raises(ProtocolError, match="expected the operating system's randomness"):
        World().run()


def test_the_systems_randomness_is_taken_on_a_real_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    from omnilytics.chain.embedded import EmbeddedChain
    from omnilytics.protocol import venue
    from omnilytics.protocol.randomness import SystemRandomness

    monkeypatch.setattr(EmbeddedChain, "simulated", False)
    monkeypatch.setattr(venue, "SeededRandomness", lambda *_: SystemRandomness())
    plan = replace(PLAN, sessions=1)
    keys = []
    for _ in range(2):
        world = World(plan=plan, policy=Policy(honest_block_hashes=True))
        (outcome,) = world.run().outcomes
        assert outcome.accepted == (0, 1, 2, 3)
        keys.append(set(Ledger.read(log for _, log in world.sessions[0].logs).keys.values()))
    assert keys[0].isdisjoint(keys[1])
