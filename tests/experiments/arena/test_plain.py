"""Sessions without a chain come to what the contract's come to, seat for seat, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from omnilytics.errors import InputError
from omnilytics.experiments.arena import run
from omnilytics.experiments.arena.plain import Plain
from omnilytics.experiments.arena.rules import GroupRule, Judged
from omnilytics.experiments.arena.run import pipeline_at, pipeline_of, prepare, run_plain
from omnilytics.experiments.results import GasMeter
from omnilytics.experiments.simulate import Simulation
from omnilytics.experiments.trial import Trial
from omnilytics.protocol.events import Sink
from omnilytics.protocol.ledger import Ledger
from omnilytics.protocol.member import Policy
from omnilytics.protocol.owner_model import OwnerModel
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.venue import OnChain
from omnilytics.seeds import Seeds

SMALL = Trial(
    dataset="digits", members=20, rounds=4, group_size=3, sessions=4, epochs=2, owner_epochs=2, on_chain=False, seed=5
)


@pytest.mark.parametrize(
    "trial",
    [
        replace(SMALL, attack="lanes", attackers=0.2),
        replace(SMALL, attack="inner-product", attack_options={"epsilon": 30.0}, attackers=0.2),
        replace(SMALL, rule="krum", rule_options={"m": 2}, encoding="weights", attack="lanes", attackers=0.2),
        replace(SMALL, records=False, attack="scaled", attackers=0.1),
        replace(SMALL, rule="norm+vote", attack="sign-flip", attackers=0.2),
        replace(SMALL, rule="norm+vote", attack="norm-matched", attackers=0.5, seed=6),
    ],
    ids=["lanes", "inner-product", "krum", "scaled", "norm+vote", "half"],
)
def test_it_decides_as_the_contract_does(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """The draw's seeds are the chain's; seats, words, sums, verdicts, records, pay and model come out by themselves."""
    records: list[SessionRecord] = []
    venues: list[OnChain] = []

    class Recorded(Simulation):
        def venue(self, seeds: Seeds, sink: Sink, **options: Any) -> OnChain:
            policy = Policy(accept_near_repeats=True)
            venues.append(super().venue(seeds, sink, **{**options, "policy": policy, "record": records.append}))
            return venues[0]

    monkeypatch.setattr(run, "Simulation", Recorded)
    chained = pipeline_of(prepare(replace(trial, on_chain=True)), GasMeter()).run()

    setting = prepare(trial)
    seeds = {r.number: Ledger.read(log for _, log in r.logs).seed for r in records}
    venue = Plain(
        members=venues[0].members,
        seeds=setting.seeds,
        rule=setting.rule,
        owner_steps=setting.owner_steps,
        ring=setting.ring(),
        draw_seed=lambda number: seeds[number] or b"",
    )
    plain = pipeline_at(setting, venue, lambda event: None).run()
    for ours, theirs in zip(plain.outcomes, chained.outcomes, strict=True):
        assert ours.groups == theirs.groups
        assert ours.accepted == theirs.accepted
        assert (ours.unselected, ours.counts) == (theirs.unselected, theirs.counts)
        assert (ours.paid_wei, ours.burnt_wei) == (theirs.paid_wei, theirs.burnt_wei)
        np.testing.assert_array_equal(ours.update, theirs.update)
    assert any(outcome.rejected for outcome in plain.outcomes)
    np.testing.assert_array_equal(plain.model.public_vector(), chained.model.public_vector())
    assert plain.final == chained.final


def test_equal_trials_give_equal_results() -> None:
    trial = replace(SMALL, attack="random", attackers=0.2, rule="norm+vote")
    first, second = (replace(run_plain(trial), seconds={}) for _ in range(2))
    assert first == second
    assert first != replace(run_plain(replace(trial, seed=6)), seconds={})


def test_whoever_uploads_noise_sits_with_suspects_and_earns_nothing() -> None:
    fared = run_plain(replace(SMALL, attack="random", attackers=0.2, sessions=6))
    assert fared.groups_all.dirty > 0
    assert fared.groups_all.dirty_paid == 0
    assert fared.attacker_share == 0
    everybody = run_plain(replace(SMALL, attack="random", attackers=0.2, rule="mean"))
    assert everybody.groups_all.dirty_paid == everybody.groups_all.dirty
    assert 0 < everybody.attacker_share < 0.5


def test_an_owner_that_is_outvoted_pays_for_what_it_does_not_take_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the seats are attackers': what goes against its own steps is accepted, and stays out of its model."""
    trial = replace(SMALL, rule="norm+vote", attack="norm-matched", attackers=0.6)
    kept = pipeline_of(prepare(trial), GasMeter()).run()
    bad = {f"0x{index + 1:040x}" for index in prepare(trial).attackers}
    for outcome in kept.outcomes:
        dirty = {g for g in outcome.accepted if bad.intersection(outcome.groups[g])}
        assert (outcome.update is None) == (dirty == set(outcome.accepted))
    assert any(outcome.accepted and outcome.update is None for outcome in kept.outcomes)
    monkeypatch.setattr(OwnerModel, "fits", lambda *_: None)
    taken = pipeline_of(prepare(trial), GasMeter()).run()
    assert all((outcome.update is None) == (not outcome.accepted) for outcome in taken.outcomes)
    assert taken.outcomes[0].accepted == kept.outcomes[0].accepted


class Nobody(GroupRule):
    """Chooses no group."""

    def accept(self, judged: Judged) -> Sequence[bool] | None:
        return None


def test_where_no_group_is_chosen_all_are_paid_and_that_is_counted() -> None:
    trial = replace(SMALL, attack="random", attackers=0.2)
    groups = run_plain(replace(trial, rule=f"{__name__}:{Nobody.__name__}")).groups_all
    assert 0 < groups.dirty == groups.dirty_paid == groups.dirty_unselected
    chosen = run_plain(replace(trial, rule="mean")).groups_all
    assert (chosen.dirty_paid, chosen.dirty_unselected) == (chosen.dirty, 0)


def test_what_has_diverged_is_a_result() -> None:
    """Words at random are weights of up to 2^31; from there nobody trains on."""
    trial = replace(SMALL, split="layers", encoding="weights", attack="lanes", attackers=0.4, curve=True, sessions=6)
    fared = run_plain(replace(trial, rule="krum", rule_options={"m": 2}, records=False))
    assert fared.diverged
    assert len(fared.by_session) <= 6
    assert fared.final < 30
    assert not run_plain(SMALL).diverged


def test_a_trial_is_standardised_if_it_says_so() -> None:
    raw, told = prepare(SMALL).data, prepare(replace(SMALL, standardised=True)).data
    np.testing.assert_array_equal(told.test.x, raw.standardised().test.x)
    assert raw.test.x.min() == 0 > told.test.x.min()


def test_tuning_looks_at_samples_that_nobody_else_has() -> None:
    final, tuning = prepare(SMALL), prepare(replace(SMALL, final_test=False))
    held = {row.tobytes() for row in tuning.data.test.x}
    dealt = {row.tobytes() for part in (tuning.data.owner, *tuning.data.members) for row in part.x}
    assert held.isdisjoint(dealt)
    assert held.isdisjoint({row.tobytes() for row in final.data.test.x})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rule": "mean"}, "rule: expected one of norm, norm.vote, krum on a chain, got 'mean'"),
        ({"rule": "norm+vote", "rule_options": {"flip": 0.1}}, "rule_options: expected none of norm.vote on a chain"),
    ],
)
def test_a_chain_has_the_contracts_rules_alone(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        prepare(replace(SMALL, on_chain=True, **change))
