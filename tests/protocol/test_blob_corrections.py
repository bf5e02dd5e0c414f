"""Corrections in blobs are those of the plain-Python protocol; of a wrong one the wrong element is found (B11, B12)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omnilytics.blobs.blob import Blob, element
from omnilytics.codec import keccak256
from omnilytics.protocol import events
from omnilytics.protocol.blob_corrections import correction, element_at, wrong_element
from omnilytics.protocol.seating import Seating
from omnilytics.protocol.teller import Teller
from omnilytics.protocol.terms import Terms
from omnilytics.types import Address, DropoutPolicy, Mode, Rule, SessionParams
from tests.golden import cases, unhex

TERMS = Terms(reward_wei=10**18, rule=Rule.NORM, mode=Mode.BLOB, policy=DropoutPolicy.RECOVER, fee_cap_wei=0)

Case = dict[str, Any]
CASES = pytest.mark.parametrize("case", cases("blobs", "corrections"))


def session(case: Case) -> SessionParams:
    fields = {name: case[name] for name in ("members", "bound", "lane_bits")}
    return replace(TERMS.params(case["parameters"], 0.1), **fields)


def group(case: Case) -> tuple[SessionParams, int, list[bytes], list[bytes]]:
    """The first arguments of both functions."""
    minus, plus = ([unhex(seed) for seed in case[name]] for name in ("minus", "plus"))
    return session(case), case["delivered"].bit_count(), minus, plus


def posted(blobs: list[Blob]) -> Case:
    """As the vectors have what is posted of them."""
    folded = bytes(32)
    for blob in blobs:
        folded = keccak256(folded + blob.versioned_hash)
    return {
        "commitments": ["0x" + blob.commitment.hex() for blob in blobs],
        "versioned_hashes": ["0x" + blob.versioned_hash.hex() for blob in blobs],
        "upload_hash": "0x" + folded.hex(),
    }


@CASES
def test_it_is_the_vectors(case: Case) -> None:
    blobs = correction(*group(case))
    assert ["0x" + keccak256(blob.data).hex() for blob in blobs] == case["blob_hashes"]
    assert case | posted(blobs) == case
    for opened in case["elements"]:
        chunk, place = divmod(opened["index"], 4096)
        assert element(blobs[chunk].data, place) == int(opened["element"], 16)
        assert element_at(*group(case), opened["index"]) == int(opened["element"], 16)
    assert wrong_element(*group(case), blobs) is None


@CASES
def test_the_wrong_element_is_found(case: Case) -> None:
    wrong, blobs = case["wrong"], correction(*group(case))
    chunk, place = divmod(wrong["index"], 4096)
    data = bytearray(blobs[chunk].data)
    data[32 * place : 32 * place + 32] = unhex(wrong["element"])
    blobs[chunk] = Blob.of(bytes(data))
    assert wrong | posted(blobs) == wrong
    found = wrong_element(*group(case), blobs)
    assert found is not None
    assert (found.index, found.element, found.witness) == (
        wrong["index"],
        int(wrong["element"], 16),
        unhex(wrong["proof"]),
    )
    assert (found.commitment, list(found.hashes)) == (
        unhex(wrong["commitments"][chunk]),
        [unhex(versioned) for versioned in wrong["versioned_hashes"]],
    )


@CASES
def test_other_numbers_give_another_one(case: Case) -> None:
    """One delivered less, a seed less, seeds exchanged: no blob is the right one."""
    params, delivered, minus, plus = group(case)
    right = {blob.commitment for blob in correction(params, delivered, minus, plus)}
    for other in ((delivered - 1, minus, plus), (delivered, minus[1:], plus), (delivered, plus, minus)):
        assert right.isdisjoint(blob.commitment for blob in correction(params, *other))


def test_what_is_told_of_one_in_several_transactions() -> None:
    """It is whole with the last of its eight blobs; who refutes it names whose it was."""
    told: list[events.Event] = []
    members = tuple(Address(f"0x{place:040x}") for place in range(4))
    teller = Teller(params=TERMS.params(8 * 4096, 0.1), sink=told.append, number=1, reserve_wei=0)
    teller.seats = Seating((members,), (), 1)
    for place, chunk, blobs in ((1, 0, 6), (2, 0, 6), (2, 6, 2)):
        seat = {"member": members[place], "group": 0, "place": place}
        teller.logged("Corrected", seat | {"chunk": chunk, "hashes": [bytes(32)] * blobs})
    teller.logged("CorrectionRefuted", {"account": members[3], "group": 0, "index": 7, "element": 1})
    assert told == [
        events.Corrected(1, members[1], 0, 1, 6, False),
        events.Corrected(1, members[2], 0, 2, 6, False),
        events.Corrected(1, members[2], 0, 2, 2, True),
        events.GroupChanged(1, 0, "corrected", list(members)),
        events.CorrectionRefuted(1, members[3], members[2], 0, 7),
    ]
