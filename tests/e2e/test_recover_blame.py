"""Bad shares to which nobody objects: the contract names their dealer, or other shares save the group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest

from omnilytics.chain.abi import decode_log
from omnilytics.errors import VerificationError
from omnilytics.protocol import member
from omnilytics.protocol.company import Dropouts, Step
from omnilytics.protocol.randomness import SeededRandomness
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.session import Outcome, SessionDriver
from omnilytics.protocol.verify import Findings, verify_session
from tests.e2e import careless
from tests.e2e.market import CLIP, SEEDS, D, Fair, check_money, steps
from tests.e2e.test_recover import TERMS, credits, gone, statuses

FIVE = replace(TERMS, rounds=1, group_size=5, threshold=3)
BOND = FIVE.params(D, CLIP).bond_wei


@dataclass
class Run:
    """A session of one careless group of five, and what it left behind."""

    fair: Fair
    outcome: Outcome
    record: SessionRecord

    @property
    def findings(self) -> Findings:
        return verify_session(self.record)

    def logs(self, name: str) -> list[dict[str, int]]:
        decoded = (decode_log(log) for _, log in self.record.logs)
        return [one[1] for one in decoded if one is not None and one[0] == name]


Wrong = Mapping[int, Mapping[int, tuple[int, int]]]
"""Dealer -> holder -> what its shares of mask key and self mask are off by."""

BAD = {0: (1, 1), 2: (3, 3), 3: (7, 7), 4: (2, 2), 1: (4, 4)}


def all_wrong(dealer: int) -> Wrong:
    return {dealer: {holder: off for holder, off in BAD.items() if holder != dealer}}


def run(patch: pytest.MonkeyPatch, wrong: Wrong, dropouts: Dropouts) -> Run:
    patch.setattr(member, "Recovery", careless.Recovery)
    fair = Fair(5)
    session = fair.open(FIVE)
    driver = SessionDriver(fair.world.chain, session, fair.owner, fair.roles, fair.events.append, 1, dropouts=dropouts)
    outcome = driver.run(
        np.zeros(D, dtype=np.float32),
        steps,
        lambda i: careless.Careless(SeededRandomness(SEEDS, i, 1), wrong.get(i, {})),  # type: ignore[arg-type,return-value]
    )
    check_money(outcome)
    logs = tuple(fair.world.chain.logs(session.address))
    fair.records.append(SessionRecord(1, fair.world.chain.chain_id, session.address, fair.world.owner, logs))
    return Run(fair, outcome, fair.records[0])


def test_careless_clients_do_the_same_as_careful_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, {}, gone(m1=Step.UPLOAD, m3=Step.REVEAL))
    assert (done.outcome.accepted, done.outcome.counts) == ((0,), (4,))
    assert done.fair.ledger().aggregate(0, 1) == done.fair.plain_sum([done.fair.members[i] for i in (0, 2, 3, 4)])
    assert done.findings.checks["secrets equal to what T shares give"] == 2


def test_a_dealer_whose_shares_give_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, all_wrong(1), gone(m1=Step.UPLOAD))
    assert (done.outcome.failed, done.outcome.update) == ((0,), None)
    assert done.logs("DealerBlamed") == [{"group": 0, "place": 1, "holders": 0b01101}]
    assert statuses(done.fair, "blamed") == [1]
    got = credits(done.fair)
    assert sum(got.values()) == 5 * BOND
    assert set(got) == {0, 2, 3, 4}
    checks = done.findings.checks
    assert checks["bad shares"] == checks["dealers blamed once"] == 1


def test_who_is_named_and_who_stays_away_both_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, all_wrong(1), gone(m1=Step.UPLOAD, m3=Step.REVEAL))
    assert done.outcome.failed == (0,)
    assert len(done.logs("DealerBlamed")) == 1
    assert statuses(done.fair, "lent") == [0, 2, 4]
    assert {i: wei > BOND for i, wei in credits(done.fair).items()} == {0: True, 2: True, 4: True}
    assert done.findings.checks["secrets equal to what T shares give"] == 1


def test_a_self_mask_may_be_shared_badly_too(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, all_wrong(3), gone(m3=Step.REVEAL))
    assert done.outcome.failed == (0,)
    assert done.logs("DealerBlamed") == [{"group": 0, "place": 3, "holders": 0b00111}]
    assert set(credits(done.fair)) == {0, 1, 2, 4}
    assert done.findings.checks["bad shares"] == 1


def test_other_shares_save_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of four shares is bad: three others give the secret."""
    done = run(monkeypatch, {1: {0: (1, 0)}}, gone(m1=Step.UPLOAD))
    assert (done.outcome.accepted, done.outcome.counts) == ((0,), (4,))
    assert done.logs("DealerBlamed") == []
    assert done.fair.ledger().aggregate(0, 1) == done.fair.plain_sum([done.fair.members[i] for i in (0, 2, 3, 4)])
    assert done.findings.checks["secrets equal to what T shares give"] == 1


@pytest.mark.parametrize("change", [{"place": 2}, {"holders": 0b00101}, {"holders": 0b00111}, {"group": 1}])
def test_a_changed_blame_is_found(monkeypatch: pytest.MonkeyPatch, change: dict[str, int]) -> None:
    named = run(monkeypatch, all_wrong(1), gone(m1=Step.UPLOAD)).record
    verify_session(named)
    at = next(i for i, (_, log) in enumerate(named.logs) if (decode_log(log) or ("", {}))[0] == "DealerBlamed")
    block, log = named.logs[at]
    if "group" in change:
        other = replace(log, topics=(log.topics[0], change["group"].to_bytes(32, "big")))
    else:
        fields = {"place": 1, "holders": 0b01101} | change
        other = replace(log, data=b"".join(fields[name].to_bytes(32, "big") for name in ("place", "holders")))
    logs = (*named.logs[:at], (block, other), *named.logs[at + 1 :])
    with pytest.raises(VerificationError):
        verify_session(replace(named, logs=logs))
