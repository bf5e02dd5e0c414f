"""Dropouts in blobs: what comes of a session is what calldata gives, and who lifts masks wrongly is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from omnilytics.blobs.blob import Blob
from omnilytics.codec import Codec
from omnilytics.errors import VerificationError
from omnilytics.protocol import events
from omnilytics.protocol.blob_sums import BlobSums
from omnilytics.protocol.company import Step
from omnilytics.protocol.ledger import Ledger
from omnilytics.protocol.verify import verify_session
from omnilytics.types import Mode, Rule, Stage
from tests.e2e.market import Fair
from tests.e2e.test_recover import TERMS as IN_CALLDATA
from tests.e2e.test_recover import credits, gone

TERMS = replace(IN_CALLDATA, fee_cap_wei=0)
DROPOUTS = gone(m1=Step.UPLOAD, m5=Step.REVEAL, m10=Step.SHARE)


@pytest.mark.parametrize("rule", [Rule.NORM, Rule.NORM_VOTE, Rule.KRUM])
def test_what_comes_of_it_is_what_calldata_gives(rule: Rule) -> None:
    """With one gone before it shares, one before it uploads, one before it reveals."""
    fairs = [Fair(12), Fair(12)]
    krum = {"krum_mu_bps": 0} if rule is Rule.KRUM else {}
    terms = [replace(TERMS, mode=mode, rule=rule, **krum) for mode in (Mode.CALLDATA, Mode.BLOB)]
    expected, found = (fair.run(one, dropouts=DROPOUTS) for fair, one in zip(fairs, terms, strict=True))
    assert found.accepted == expected.accepted != ()
    assert (found.groups, found.counts, found.failed) == (expected.groups, (3, 4, 3), ())
    assert np.array_equal(*(outcome.update for outcome in (expected, found)))  # type: ignore[arg-type]
    assert (found.paid_wei, found.burnt_wei) == (expected.paid_wei, expected.burnt_wei)
    assert credits(fairs[1]) == credits(fairs[0])
    calldata, blobs = fairs
    calldata.verify()
    assert blobs.verify().taken["sums in blobs"] == 3
    chain = blobs.world.chain
    checks = verify_session(blobs.records[0], chain=chain, blobs=chain.blobs)
    assert "sums in blobs" not in checks.taken
    assert checks.checks["corrections equal to what the seeds give"] == 3
    stages = [e.stage for e in blobs.of(events.StageChanged)]  # type: ignore[attr-defined]
    assert stages.index("reveal") < stages.index("correct") < stages.index("accuse") < stages.index("select")


def wrong_correction(index: int) -> Callable[[BlobSums, Ledger, int], list[Blob]]:
    """What makes corrections, but of group 1 one with another element; what compares them isn't fooled."""
    right = BlobSums.correction

    def wrong(sums: BlobSums, ledger: Ledger, group: int) -> list[Blob]:
        found = right(sums, ledger, group)
        if group != 1 or ledger.correction(group, 1) is not None:
            return found
        data = bytearray(found[0].data)
        data[32 * index + 31] ^= 1
        return [Blob.of(bytes(data))]

    return wrong


class Wrong(Fair):
    """One element of the correction of group 1 is one more or less."""

    def run(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BlobSums, "correction", wrong_correction(index=7))
            return super().run(*args, **kwargs)


def test_a_wrong_correction_costs_who_has_posted_it_its_bond() -> None:
    """Though the sum stays in range: whoever has the seeds sees it. The others of the group keep theirs."""
    fair = Wrong(12)
    outcome = fair.run(replace(TERMS, mode=Mode.BLOB), dropouts=DROPOUTS)
    assert (outcome.accepted, outcome.failed) == ((0, 2), (1,))
    assert fair.sessions[0].refuted_count() == 1
    bond, share = fair.sessions[0].params().bond_wei, TERMS.reward_wei // 12
    got, members = credits(fair), [fair.members.index(m) for m in outcome.groups[1]]
    assert sorted(got.get(m, 0) for m in members) == [0, 0, 2 * bond, 2 * bond]
    assert outcome.burnt_wei == 4 * share
    assert outcome.paid_wei == 6 * share
    chain = fair.world.chain
    found = verify_session(fair.records[0], chain=chain, blobs=chain.blobs)
    assert found.checks["wrong elements of corrections"] == 1
    fair.verify()


def test_one_that_nobody_refutes_is_told_by_who_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BlobSums, "wrong", lambda *_: None)
    fair = Wrong(12)
    outcome = fair.run(replace(TERMS, mode=Mode.BLOB), dropouts=DROPOUTS)
    assert outcome.failed == ()
    monkeypatch.undo()
    chain = fair.world.chain
    with pytest.raises(VerificationError, match="corrections equal to what the seeds give"):
        verify_session(fair.records[0], chain=chain, blobs=chain.blobs)


def test_a_group_that_nobody_corrects_fails_like_one_whose_secrets_are_missing() -> None:
    fair = Fair(12)
    outcome = fair.run(
        replace(TERMS, mode=Mode.BLOB), dropouts=gone(m4=Step.LEND, m5=Step.LEND, m6=Step.LEND, m7=Step.LEND)
    )
    assert (outcome.failed, outcome.accepted) == ((1,), (0, 2))
    assert fair.sessions[0].group(1).opened == 0b1111
    assert Stage.CORRECT.name.lower() in [e.stage for e in fair.of(events.StageChanged)]  # type: ignore[attr-defined]
    fair.verify()


def test_the_sums_are_those_of_who_has_delivered() -> None:
    fair = Fair(12)
    outcome = fair.run(replace(TERMS, mode=Mode.BLOB, fee_cap_wei=2 * 10**9), dropouts=DROPOUTS)
    chain, session = fair.world.chain, fair.sessions[0]
    ledger = fair.ledger()
    params = session.params()
    BlobSums(params, Codec(params), chain.chain_id, session.address, chain.blobs).fill(ledger)
    assert outcome.fees_wei > 0
    for group, members in enumerate(outcome.groups):
        counted = [member for member in members if fair.members.index(member) not in (1, 10)]
        assert ledger.aggregates[group, 0] == fair.plain_sum(counted)
