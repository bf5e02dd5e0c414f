"""Sessions whose blobs are packed: what comes of them is what calldata gives, with fewer blobs and one longer proof."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omnilytics.errors import VerificationError
from omnilytics.protocol import blob_proofs
from omnilytics.protocol.member import Behaviour, Masked, Upload
from omnilytics.protocol.terms import FEE_CAP_WEI
from omnilytics.protocol.verify import verify_session
from omnilytics.types import Mode, Rule
from tests.e2e.market import Fair
from tests.e2e.test_blob_recover import DROPOUTS
from tests.e2e.test_blob_recover import TERMS as RECOVER
from tests.e2e.test_blob_session import MEMBERS, ROUNDS, TERMS, Beyond, logged, paid_for_proofs, played
from tests.e2e.test_recover import credits

PACKED = replace(TERMS, mode=Mode.BLOB, packed=True)
TWO_BLOBS = 22 * 4_096 + 100
"""Values of 23 lanes: the second blob has two, the last of which isn't full."""


@pytest.mark.parametrize(
    ("rule", "size", "blobs"),
    [
        (Rule.NORM, 100, 1),
        (Rule.NORM_VOTE, 4_097, 1),
        (Rule.KRUM, 9_000, 1),
        pytest.param(Rule.NORM, TWO_BLOBS, 2, marks=pytest.mark.slow),
        pytest.param(Rule.KRUM, TWO_BLOBS, 2, marks=pytest.mark.slow),
    ],
)
def test_what_comes_of_it_is_what_calldata_gives(rule: Rule, size: int, blobs: int) -> None:
    calldata, expected = played(replace(TERMS, rule=rule), size)
    packed, found = played(replace(PACKED, rule=rule), size)
    assert packed.sessions[0].params().chunks == blobs
    assert found.accepted == expected.accepted != ()
    assert (found.groups, found.rejected, found.unselected) == (expected.groups, expected.rejected, False)
    assert found.update is not None
    assert expected.update is not None
    assert np.array_equal(found.update, expected.update)
    assert (found.paid_wei, found.burnt_wei, found.left_wei) == (expected.paid_wei, expected.burnt_wei, 0)
    assert packed.verify().taken["sums in blobs"] == ROUNDS
    chain = packed.world.chain
    checked = verify_session(packed.records[0], chain=chain, blobs=chain.blobs)
    assert "sums in blobs" not in checked.taken
    assert checked.checks["proven norms"] == 1
    calldata.verify()


@pytest.mark.parametrize(
    ("rule", "room", "count"), [(Rule.NORM, 5_700, 2), (Rule.NORM, 5_000, 4), (Rule.KRUM, 5_700, 3)]
)
def test_a_proof_in_several_calls(monkeypatch: pytest.MonkeyPatch, rule: Rule, room: int, count: int) -> None:
    """21 lanes, of which an odd number are in the last call, or none: the same comes of it, and all calls are paid."""
    terms = replace(PACKED, rule=rule, fee_cap_wei=FEE_CAP_WEI)
    whole, expected = played(terms, 7 * 4_096)
    monkeypatch.setattr(blob_proofs, "MAX_CALL_BYTES", room)
    packed, found = played(terms, 7 * 4_096)
    calls = [name for name, _ in logged(packed) if name in ("PackedContinued", "SumsProven")]
    assert calls == ["PackedContinued"] * (count - 1) + ["SumsProven"]
    assert (found.accepted, found.groups, found.paid_wei) == (expected.accepted, expected.groups, expected.paid_wei)
    assert np.array_equal(found.update, expected.update)
    chain = packed.world.chain
    checks = verify_session(packed.records[0], chain=chain, blobs=chain.blobs).checks
    assert checks["sums of a proof that isn't finished"] == count - 1
    assert found.fees_wei > expected.fees_wei
    assert paid_for_proofs(packed) > paid_for_proofs(whole)


@pytest.mark.parametrize("size", [40, pytest.param(TWO_BLOBS, marks=pytest.mark.slow)])
def test_dropouts(size: int) -> None:
    """With one gone before it shares, one before it uploads, one before it reveals."""
    fairs = [Fair(12, size=size), Fair(12, size=size)]
    terms = [replace(RECOVER, rule=Rule.NORM), replace(RECOVER, rule=Rule.NORM, mode=Mode.BLOB, packed=True)]
    expected, found = (fair.run(one, dropouts=DROPOUTS) for fair, one in zip(fairs, terms, strict=True))
    assert found.accepted == expected.accepted != ()
    assert (found.groups, found.counts, found.failed) == (expected.groups, (3, 4, 3), ())
    assert np.array_equal(*(outcome.update for outcome in (expected, found)))  # type: ignore[arg-type]
    assert (found.paid_wei, found.burnt_wei) == (expected.paid_wei, expected.burnt_wei)
    assert credits(fairs[1]) == credits(fairs[0])
    chain = fairs[1].world.chain
    checks = verify_session(fairs[1].records[0], chain=chain, blobs=chain.blobs).checks
    assert checks["corrections equal to what the seeds give"] == 3


class Large(Behaviour):
    """Zeros but for one value, which is one above Q."""

    def __init__(self, index: int) -> None:
        self.index = index

    def masked_input(self, upload: Upload) -> Masked:
        values = np.zeros(upload.params.parameter_count, np.int32)
        values[self.index] = upload.params.bound + 1
        return upload.mask(upload.codec.pack(values))


@pytest.mark.parametrize("index", [17, 4_090, 4_099], ids=["above the digits", "padding", "the last value"])
def test_an_element_out_of_range_costs_its_group_the_reward(index: int) -> None:
    """2^200 is nowhere in the two lanes that there are."""
    size = 4_100
    fair = Fair(ROUNDS * MEMBERS, behaviours={4: Beyond(index % 4_096)}, size=size)
    outcome = fair.run(replace(PACKED, rule=Rule.NORM))
    assert (outcome.accepted, outcome.failed) == ((0, 2), (1,))
    assert outcome.paid_wei == 6 * 10**18
    assert (outcome.burnt_wei, outcome.left_wei) == (3 * 10**18, 0)
    assert fair.sessions[0].refuted_count() == 1
    chain = fair.world.chain
    found = verify_session(fair.records[0], chain=chain, blobs=chain.blobs)
    assert found.checks["refuted elements of sums"] == 1


def test_a_sum_of_large_values_is_seen_by_its_digit() -> None:
    """Each of a group is one above Q in the second lane: 2 N Q + 3 in one digit, and no carry hides it."""
    group = {index: Large(4_097) for index in range(MEMBERS)}
    fair = Fair(ROUNDS * MEMBERS, behaviours=group, size=4_100)
    outcome = fair.run(replace(PACKED, rule=Rule.NORM))
    assert (outcome.failed, fair.sessions[0].refuted_count()) == ((0,), 1)
    refuted = next(values for name, values in logged(fair) if name == "Refuted")
    bound = PACKED.bound
    assert refuted["index"] == 1
    assert refuted["element"] >> 12 == 2 * MEMBERS * bound + MEMBERS


def test_a_proof_is_paid_back() -> None:
    terms = replace(PACKED, rule=Rule.NORM, fee_cap_wei=FEE_CAP_WEI)
    fair, outcome = played(terms, 4_100)
    assert outcome.fees_wei > 0
    assert paid_for_proofs(fair) > 0
    fair.verify()


def test_blobs_that_are_not_there() -> None:
    fair, _ = played(replace(PACKED, rule=Rule.NORM), 40)
    with pytest.raises(VerificationError, match="expected it in the archive"):
        verify_session(fair.records[0], blobs=type(fair.world.chain.blobs)())
