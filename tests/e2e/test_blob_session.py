"""Sessions whose vectors travel in blobs: what comes of them is what calldata gives, and nobody spoils them unseen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from omnilytics.blobs import scheme
from omnilytics.blobs.blob import Blob, BlobsInMemory
from omnilytics.chain.abi import decode_log
from omnilytics.errors import VerificationError
from omnilytics.protocol import blob_proofs
from omnilytics.protocol.blob_uploads import BlobInput
from omnilytics.protocol.member import Behaviour, Masked, Upload
from omnilytics.protocol.session import Outcome
from omnilytics.protocol.terms import FEE_CAP_WEI, Terms
from omnilytics.protocol.verify import verify_session
from omnilytics.types import Assignment, Mode, Rule, Suite

from .market import Fair

ROUNDS, MEMBERS = 3, 3
TERMS = Terms(
    reward_wei=9 * 10**18,
    rounds=ROUNDS,
    group_size=MEMBERS,
    fee_cap_wei=0,
    assignment=Assignment.GREEDY,
    suite=Suite.KECCAK,
    krum_mu_bps=0,
)


class Beyond(Behaviour):
    """An honest upload but for one element, which is far out of range."""

    def __init__(self, index: int) -> None:
        self.index = index

    def masked_input(self, upload: Upload) -> Masked:
        found = upload.encode()
        assert isinstance(found, BlobInput)
        chunk, place = divmod(self.index, scheme.ELEMENTS)
        data = bytearray(found.blobs[chunk].data)
        part = slice(32 * place, 32 * place + 32)
        data[part] = ((int.from_bytes(data[part], "big") + 2**200) % scheme.ORDER).to_bytes(32, "big")
        return BlobInput.of([*found.blobs[:chunk], Blob.of(bytes(data)), *found.blobs[chunk + 1 :]])


def played(terms: Terms, size: int = 100) -> tuple[Fair, Outcome]:
    fair = Fair(ROUNDS * MEMBERS, size=size)
    return fair, fair.run(terms)


@pytest.mark.parametrize("rule", list(Rule))
def test_what_comes_of_it_is_what_calldata_gives(rule: Rule) -> None:
    calldata, expected = played(replace(TERMS, rule=rule))
    blobs, found = played(replace(TERMS, mode=Mode.BLOB, rule=rule))
    assert found.accepted == expected.accepted != ()
    assert (found.groups, found.rejected, found.unselected) == (expected.groups, expected.rejected, False)
    assert found.update is not None
    assert expected.update is not None
    assert np.array_equal(found.update, expected.update)
    assert (found.paid_wei, found.burnt_wei, found.left_wei) == (expected.paid_wei, expected.burnt_wei, 0)
    assert blobs.verify().taken["sums in blobs"] == ROUNDS
    calldata.verify()


def test_who_has_the_blobs_recomputes_all() -> None:
    fair, _ = played(replace(TERMS, mode=Mode.BLOB, rule=Rule.KRUM), 5_000)
    record, chain = fair.records[0], fair.world.chain
    found = verify_session(record, chain=chain, blobs=chain.blobs)
    assert "sums in blobs" not in found.taken
    assert found.checks["proven norms"] == found.checks["proven products of two sums"] == 1
    with pytest.raises(VerificationError, match="expected it in the archive"):
        verify_session(record, blobs=BlobsInMemory())


@pytest.mark.parametrize(("rule", "room", "count"), [(Rule.NORM, 1_900, 2), (Rule.KRUM, 1_300, 3)])
def test_a_proof_in_several_calls(monkeypatch: pytest.MonkeyPatch, rule: Rule, room: int, count: int) -> None:
    """What comes of it is the same; its last call is paid for all of them, and `verify` sees that they fit."""
    terms = replace(TERMS, mode=Mode.BLOB, rule=rule, fee_cap_wei=FEE_CAP_WEI)
    whole, expected = played(terms, 9_000)
    monkeypatch.setattr(blob_proofs, "MAX_CALL_BYTES", room)
    fair, found = played(terms, 9_000)
    calls = [name for name, _ in logged(fair) if name in ("ProofContinued", "SumsProven")]
    assert calls == ["ProofContinued"] * (count - 1) + ["SumsProven"]
    assert (found.accepted, found.groups, found.paid_wei) == (expected.accepted, expected.groups, expected.paid_wei)
    assert np.array_equal(found.update, expected.update)
    checks = verify_session(fair.records[0], chain=fair.world.chain, blobs=fair.world.chain.blobs).checks
    assert checks["sums of a proof that isn't finished"] == count - 1
    assert found.fees_wei > expected.fees_wei
    assert paid_for_proofs(fair) > paid_for_proofs(whole)


def logged(fair: Fair) -> list[tuple[str, dict[str, Any]]]:
    """The events of its session."""
    return [found for _, log in fair.records[0].logs if (found := decode_log(log)) is not None]


def paid_for_proofs(fair: Fair) -> int:
    """The fee that follows the event of the proof, wei."""
    names = iter(logged(fair))
    next(name for name, _ in names if name == "SumsProven")
    return next(int(values["amount_wei"]) for name, values in names if name == "FeeCredited")


@pytest.mark.parametrize("index", [17, 4_090], ids=["value", "padding"])
def test_an_element_out_of_range_costs_its_group_the_reward(index: int) -> None:
    fair = Fair(ROUNDS * MEMBERS, behaviours={4: Beyond(index)})
    outcome = fair.run(replace(TERMS, mode=Mode.BLOB, rule=Rule.NORM))
    assert (outcome.accepted, outcome.failed) == ((0, 2), (1,))
    assert outcome.paid_wei == 6 * 10**18
    assert (outcome.burnt_wei, outcome.left_wei) == (3 * 10**18, 0)
    assert fair.sessions[0].refuted_count() == 1
    found = verify_session(fair.records[0], chain=fair.world.chain, blobs=fair.world.chain.blobs)
    assert found.checks["refuted elements of sums"] == 1
